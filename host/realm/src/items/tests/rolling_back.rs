//! What staff undo of what was taken or given for nothing; deals of the market are in its own tests.

use super::*;

each_database!(staff_undo_what_has_not_moved_on,);

async fn staff_undo_what_has_not_moved_on(home: Home) {
    let stage = Stage::new(home).await;
    let (thief, friend) = (stage.another("Thief").await, stage.another("Friend").await);
    let hero = stage.holder;
    let game = GameId::from_raw(4_242);
    let [ring, second, third] = [0, 1, 2].map(|x| inventory(x, 0));
    let [ring, second, third] =
        [stage.give("ring", 1, ring).await, stage.give("ring", 1, second).await, stage.give("ring", 1, third).await];
    endow(&stage.items, hero.character, 100).await.unwrap();
    // Robbed by way of the ground, of three rings and of gold; one ring goes on to a friend, another is destroyed.
    for (number, item) in [(1, ring), (2, second), (3, third)] {
        stage.items.drop_to_ground(hero, item, game, number).await.unwrap();
        stage.items.take_from_ground(thief, game, item).await.unwrap();
    }
    let purse = |holder: Holder| Purse::Character(holder.character);
    pay(&stage.items, purse(hero), purse(thief), 70).await.unwrap();
    pay(&stage.items, purse(hero), purse(thief), 20).await.unwrap();
    pay(&stage.items, purse(thief), Purse::Mint, 25).await.unwrap();
    stage.items.drop_to_ground(thief, second, game, 4).await.unwrap();
    stage.items.take_from_ground(friend, game, second).await.unwrap();
    act_of(&stage.items, thief, Act::Destroy { item: third, count: None }).await.unwrap();
    let by = || crate::audit::Audit::new("main", stage.storage.clone()).by(crate::audit::Who::Operator, "robbed");
    lease(&stage.storage, thief.character, 5).await;
    let busy = rolled(stage.items.roll_back(by(), hero.account, 0, None).await);
    assert!(busy.items.is_empty() && busy.stays.iter().any(|stays| stays.contains("is in a game")), "{busy:?}");
    lease(&stage.storage, thief.character, 0).await;
    let back = rolled(stage.items.roll_back(by(), hero.account, 0, None).await);
    assert_eq!(back.items, [(ring, hero.character)], "{back:?}");
    let moved_on = |item: ItemId| back.stays.iter().any(|stays| stays.contains(&item.to_string()));
    assert!(moved_on(second) && moved_on(third) && !moved_on(ring), "{back:?}");
    // 20 went back while the thief was in a game; of the 70 there are 45 left.
    assert_eq!((busy.gold, back.gold), (vec![(thief.character, hero.character, 20)], Vec::new()));
    assert!(back.stays.iter().any(|stays| stays.starts_with("70 gold")), "{:?}", back.stays);
    let kept = stage.items.of(hero.character).await.unwrap();
    assert!(kept.get(ring).is_some() && kept.get(second).is_none());
    let later = rolled(stage.items.roll_back(by(), hero.account, i64::MAX, None).await);
    assert_eq!(later, crate::items::RolledBack::default());
    let again = rolled(stage.items.roll_back(by(), hero.account, 0, None).await);
    assert_eq!((again.items, again.gold), (Vec::new(), Vec::new()), "what is undone is not undone again");
    // A thief who drops what he took and picks it up again, or hands it to another of his own, has it from whom he had it.
    stage.items.drop_to_ground(hero, ring, game, 5).await.unwrap();
    stage.items.take_from_ground(thief, game, ring).await.unwrap();
    stage.items.drop_to_ground(thief, ring, game, 6).await.unwrap();
    stage.items.take_from_ground(thief, game, ring).await.unwrap();
    let mule = Holder::resting(thief.account, character(&stage.storage, thief.account, "Mule", "Amazon").await);
    stage.items.drop_to_ground(thief, ring, game, 7).await.unwrap();
    stage.items.take_from_ground(mule, game, ring).await.unwrap();
    let back = rolled(stage.items.roll_back(by(), thief.account, 0, None).await);
    assert_eq!(back.items, [(ring, hero.character)], "{back:?}");
    // What a purse has no room for stays where it is, all of it.
    pay(&stage.items, purse(hero), purse(thief), 10).await.unwrap();
    let room = GOLD_MAX - stage.items.of(hero.character).await.unwrap().gold;
    endow(&stage.items, hero.character, room).await.unwrap();
    let full = rolled(stage.items.roll_back(by(), hero.account, 0, None).await);
    assert!(full.gold.is_empty() && full.stays.iter().any(|stays| stays.contains("is full")), "{full:?}");
    // What was given for something goes back with what was given for it.
    let bought = stage.give("ring", 1, inventory(9, 3)).await;
    let (own, seller, buyer) = (stage.items.clone(), hero, friend);
    endow(&stage.items, friend.character, 5).await.unwrap();
    pay(&stage.items, purse(hero), Purse::Mint, 1_000).await.unwrap();
    let deal = stage.storage.write::<_, ItemsError, _>(move |connection| {
        Box::pin(async move {
            let mut operation = own.begin("trade", crate::items::Doer::Realm);
            let from = operation.enter(connection, &seller).await?;
            let to = operation.enter(connection, &buyer).await?;
            let owned = from.get(bought)?.clone();
            let place = to.at(to.room_for(owned.size).unwrap());
            operation.relocate(connection, &owned, place).await?;
            operation.pay(connection, Purse::Character(buyer.character), Purse::Character(seller.character), 5).await?;
            operation.finish(connection).await
        })
    });
    deal.await.unwrap();
    let undone = rolled(stage.items.roll_back(by(), hero.account, 0, None).await);
    assert_eq!((undone.items, undone.deals.len()), (vec![(bought, hero.character)], 1));
    // What there was no room for before has some now.
    assert_eq!(undone.gold, [(hero.character, friend.character, 5), (thief.character, hero.character, 10)]);
    let again = rolled(stage.items.roll_back(by(), friend.account, 0, None).await);
    assert_eq!((again.gold, again.deals), (Vec::new(), Vec::new()));
    assert!(again.items.iter().all(|(item, _)| *item != bought), "{:?}", again.items);
    stage.end().await;
}

fn rolled(answer: Result<Answered<crate::items::RolledBack>, ItemsError>) -> crate::items::RolledBack {
    match answer.unwrap() {
        Answered::Now(done) => done,
        Answered::Before(_) => unreachable!("without a key nothing was done before"),
    }
}
