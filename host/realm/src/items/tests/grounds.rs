//! What lies on the ground of a game, is found there, and goes back when the game ends.

use super::*;

each_database!(
    what_lies_on_the_ground_goes_to_one,
    what_is_found_is_born_once,
    what_lies_in_a_game_that_ends_goes_back,
);

async fn what_lies_on_the_ground_goes_to_one(home: Home) {
    let stage = Stage::new(home).await;
    let (first, second) = (stage.another("First").await, stage.another("Second").await);
    let ring = stage.give("ring", 1, inventory(0, 0)).await;
    let game = GameId::from_raw(4_242);
    let left = stage.items.drop_to_ground(stage.holder, ring, game, 1).await.unwrap();
    assert!(left.items.is_empty());
    // Asked again, as after an answer that was lost.
    stage.items.drop_to_ground(stage.holder, ring, game, 1).await.unwrap();
    assert!(matches!(stage.act(Act::Move { item: ring, to: inventory(1, 0) }).await, Err(ItemsError::NotCarried)));
    let elsewhere = stage.items.take_from_ground(first, GameId::from_raw(1), ring).await;
    assert!(matches!(elsewhere, Err(ItemsError::NotCarried)), "it lies in another game");
    let (one, two) =
        tokio::join!(stage.items.take_from_ground(first, game, ring), stage.items.take_from_ground(second, game, ring));
    let takers = [one.is_ok(), two.is_ok()];
    assert_eq!(takers.iter().filter(|took| **took).count(), 1);
    assert!(matches!([one, two].into_iter().find(Result::is_err), Some(Err(ItemsError::NotCarried))));
    let taker = if takers[0] { first } else { second };
    assert_eq!(stage.items.take_from_ground(taker, game, ring).await.unwrap().item, ring, "asked again");
    assert_eq!(stage.items.end_of_game(game).await.unwrap(), 0);
    // A stack goes onto a stack, and the rest beside it.
    let stack_max = stage.items.catalogue().base("ash-salt").unwrap().stack;
    let salt = stage.give("ash-salt", 5, inventory(0, 0)).await;
    let own = give(&stage.items, first.character, plain(&stage.items, "ash-salt", stack_max - 2), inventory(3, 3))
        .await
        .unwrap();
    stage.items.drop_to_ground(stage.holder, salt, game, 2).await.unwrap();
    let taken = stage.items.take_from_ground(first, game, salt).await.unwrap();
    let count = |item| taken.belongings.get(item).unwrap().item.count;
    assert_eq!((taken.item, count(salt), count(own)), (salt, 3, stack_max));
    // What went onto a stack as a whole is that stack, also when it is asked again.
    let last = stage.give("ash-salt", 1, inventory(0, 0)).await;
    stage.items.drop_to_ground(stage.holder, last, game, 3).await.unwrap();
    for _ in 0..2 {
        assert_eq!(stage.items.take_from_ground(first, game, last).await.unwrap().item, salt);
    }
    assert!(matches!(stage.items.take_from_ground(second, game, last).await, Err(ItemsError::NotCarried)));
    stage.end().await;
}

async fn what_is_found_is_born_once(home: Home) {
    let stage = Stage::new(home).await;
    let other = stage.another("Other").await;
    let ring = plain(&stage.items, "ring", 1);
    let found = stage.items.born_on_pick_up(stage.holder, ring.clone(), birth(77, 0)).await.unwrap();
    let again = stage.items.born_on_pick_up(stage.holder, ring.clone(), birth(77, 0)).await.unwrap();
    assert_eq!((found.item, again.belongings.items.len()), (again.item, 1));
    let foreign = stage.items.born_on_pick_up(other, ring.clone(), birth(77, 0)).await;
    assert!(matches!(foreign, Err(ItemsError::NotCarried)));
    // Also when it is gone long since.
    stage.act(Act::Destroy { item: found.item, count: None }).await.unwrap();
    let again = stage.items.born_on_pick_up(stage.holder, ring.clone(), birth(77, 0)).await.unwrap();
    assert!(again.belongings.items.is_empty());
    let salt =
        stage.items.born_on_pick_up(stage.holder, plain(&stage.items, "ash-salt", 2), birth(77, 1)).await.unwrap();
    let onto =
        stage.items.born_on_pick_up(stage.holder, plain(&stage.items, "ash-salt", 3), birth(77, 2)).await.unwrap();
    assert_eq!((onto.item, onto.belongings.get(salt.item).unwrap().item.count), (salt.item, 5));
    let again =
        stage.items.born_on_pick_up(stage.holder, plain(&stage.items, "ash-salt", 3), birth(77, 2)).await.unwrap();
    assert_eq!((again.item, again.belongings.get(salt.item).unwrap().item.count), (salt.item, 5));
    // What cannot be is not born, nor what there is no room for.
    let impossible = Item { count: 2, ..ring.clone() };
    let refused = stage.items.born_on_pick_up(stage.holder, impossible, birth(77, 3)).await;
    assert!(matches!(refused, Err(ItemsError::Problem(ItemProblem::Impossible { .. }))));
    for ordinal in 10..49 {
        stage.items.born_on_pick_up(stage.holder, ring.clone(), birth(77, ordinal)).await.unwrap();
    }
    let full = stage.items.born_on_pick_up(stage.holder, ring, birth(77, 60)).await;
    assert!(matches!(full, Err(ItemsError::Problem(ItemProblem::NoRoom))));
    stage.end().await;
}

async fn what_lies_in_a_game_that_ends_goes_back(home: Home) {
    let stage = Stage::new(home).await;
    let game = GameId::from_raw(4_242);
    let before = stage.give("ring", 1, inventory(0, 0)).await;
    stage.items.drop_to_ground(stage.holder, before, game, 1).await.unwrap();
    assert_eq!(stage.items.end_of_game(GameId::from_raw(1)).await.unwrap(), 0);
    assert_eq!(stage.items.end_of_game(game).await.unwrap(), 1);
    assert_eq!(stage.items.end_of_game(game).await.unwrap(), 0);
    let back = stage.items.of(stage.holder.character).await.unwrap();
    assert_eq!(at(&back, before), inventory(0, 0));
    // Whoever plays meanwhile, and however full it is.
    stage.items.drop_to_ground(stage.holder, before, game, 1).await.unwrap();
    let body = stage.base(|base| base.size.width == 2 && base.size.height == 3);
    let large = |count: u8, bag: Bag| {
        (0..count).map(move |number| Spot::In(bag, Cell { x: 2 * (number % 5), y: 3 * (number / 5) }))
    };
    for spot in large(5, Bag::Inventory).chain(Bag::stash().flat_map(|bag| large(15, bag))) {
        stage.give(&body, 1, spot).await;
    }
    for x in 0..10 {
        stage.give("ring", 1, inventory(x, 3)).await;
        for page in 0..4 {
            stage.give("ring", 1, Spot::In(Bag::Stash { page }, Cell { x, y: 9 })).await;
        }
    }
    lease(&stage.storage, stage.holder.character, 3).await;
    // At the next start of this process: the game's key is older than any that it gives out.
    let started: GameId = stage.storage.ids().next(stage.storage.now_ms());
    stage.items.tidy_up(started, true).await.unwrap();
    lease(&stage.storage, stage.holder.character, 0).await;
    let back = stage.items.of(stage.holder.character).await.unwrap();
    assert_eq!(at(&back, before), Spot::Returned(0));
    assert_eq!(stage.problem(Act::Move { item: before, to: inventory(0, 3) }).await, ItemProblem::PlaceTaken);
    let ring = back.items.iter().find(|owned| owned.at.spot() == Some(inventory(0, 3))).unwrap().key;
    stage.act(Act::Destroy { item: ring, count: None }).await.unwrap();
    stage.act(Act::Move { item: before, to: inventory(0, 3) }).await.unwrap();
    stage.end().await;
}
