//! The verbs, over both databases. Random sequences of them are in `model_tests.rs`.

use realm_world::items::{Cell, Item, ItemProblem, Kind, Quality, Slot};

use super::{
    Act, Bag, Belongings, GOLD_MAX, Holder, Items, ItemsError, LedgerBroken, Purse, Spot,
    testing::{birth, change, endow, give, inventory, items, lease, pay, plain, verified},
};
use crate::{
    audit::Broken,
    hooks::{
        self,
        components::{Fixture, empty_list, one_finding},
    },
    once::{Answered, Kept, Once},
    storage::{
        Storage,
        testing::{FakeClock, Home, account, character, each_database, open},
    },
    types::{GameId, ItemId},
};

each_database!(
    an_item_goes_where_it_fits_and_nowhere_else,
    what_is_worn_asks_for_what_it_needs,
    stacks_are_split_and_merged,
    gems_scrolls_and_recipes_use_things_up,
    only_who_holds_a_character_moves_its_items,
    what_is_offered_stays,
    what_lies_on_the_ground_goes_to_one,
    what_is_found_is_born_once,
    what_lies_in_a_game_that_ends_goes_back,
    gold_is_neither_made_nor_lost,
    what_is_sold_and_repaired_is_paid_for,
    one_key_moves_once,
    one_changed_byte_of_the_ledger_is_found,
    rows_that_the_ledger_does_not_know_are_found,
    what_belonged_to_a_character_that_is_gone_ends,
    staff_undo_what_has_not_moved_on,
    a_character_takes_what_it_has_into_another_realm,
    the_scanner_finds_what_verbs_cannot_do,
    a_rule_judges_what_is_made,
);

struct Stage {
    storage: Storage,
    items: Items,
    holder: Holder,
    _home: Home,
}

impl Stage {
    async fn new(home: Home) -> Self {
        let storage = open(&home, &FakeClock::new()).await;
        let account = account(&storage).await;
        let hero = character(&storage, account, "Hero", "Amazon").await;
        let items = items(&storage);
        Self { storage, items, holder: Holder::resting(account, hero), _home: home }
    }

    async fn another(&self, name: &str) -> Holder {
        let account = account(&self.storage).await;
        Holder::resting(account, character(&self.storage, account, name, "Amazon").await)
    }

    async fn give(&self, base: &str, count: u32, spot: Spot) -> ItemId {
        give(&self.items, self.holder.character, plain(&self.items, base, count), spot).await.unwrap()
    }

    async fn act(&self, act: Act) -> Result<Belongings, ItemsError> {
        act_of(&self.items, self.holder, act).await
    }

    async fn problem(&self, act: Act) -> ItemProblem {
        let before = self.items.of(self.holder.character).await.unwrap();
        let problem = self.act(act).await.unwrap_err();
        assert_eq!(self.items.of(self.holder.character).await.unwrap(), before, "what is refused changes nothing");
        match problem {
            ItemsError::Problem(problem) => problem,
            other => panic!("{other}"),
        }
    }

    /// The key of a base that is as wished.
    fn base(&self, fits: impl Fn(&realm_world::items::Base) -> bool) -> String {
        self.items.catalogue().bases().iter().find(|base| fits(base)).unwrap().key.clone()
    }

    async fn end(self) {
        verified(&self.storage).await.unwrap();
        self.storage.close().await;
    }
}

async fn act_of(items: &Items, holder: Holder, act: Act) -> Result<Belongings, ItemsError> {
    match items.act(holder, act, None).await? {
        Answered::Now(belongings) => Ok(belongings),
        Answered::Before(_) => unreachable!("without a key nothing was done before"),
    }
}

fn at(belongings: &Belongings, item: ItemId) -> Spot {
    belongings.get(item).unwrap().at.spot().unwrap()
}

fn cube(x: u8, y: u8) -> Spot {
    Spot::In(Bag::Cube, Cell { x, y })
}

async fn an_item_goes_where_it_fits_and_nowhere_else(home: Home) {
    let stage = Stage::new(home).await;
    let helm = stage.base(|base| base.kind == Kind::Helm);
    let size = stage.items.catalogue().base(&helm).unwrap().size;
    assert_eq!((size.width, size.height), (2, 2), "a helm is a good example");
    let (one, two) = (stage.give(&helm, 1, inventory(0, 0)).await, stage.give(&helm, 1, inventory(2, 0)).await);
    let moved = stage.act(Act::Move { item: one, to: inventory(8, 2) }).await.unwrap();
    assert_eq!((at(&moved, one), moved.version), (inventory(8, 2), 3));
    // Over itself it may be moved, over others not, and not over the edge.
    stage.act(Act::Move { item: one, to: inventory(7, 1) }).await.unwrap();
    assert_eq!(stage.problem(Act::Move { item: one, to: inventory(1, 1) }).await, ItemProblem::PlaceTaken);
    for outside in
        [inventory(9, 0), inventory(0, 3), inventory(255, 255), Spot::In(Bag::Stash { page: 4 }, Cell { x: 0, y: 0 })]
    {
        assert_eq!(stage.problem(Act::Move { item: one, to: outside }).await, ItemProblem::OutsideGrid);
    }
    assert_eq!(stage.problem(Act::Move { item: one, to: Spot::Returned(0) }).await, ItemProblem::OutsideGrid);
    let stash = Spot::In(Bag::Stash { page: 3 }, Cell { x: 8, y: 8 });
    let moved = stage.act(Act::Move { item: two, to: stash }).await.unwrap();
    assert_eq!(at(&moved, two), stash);
    assert_eq!(moved.touched, [two]);
    let stored = stage.items.of(stage.holder.character).await.unwrap();
    assert_eq!(Belongings { touched: Vec::new(), ..moved }, stored);
    let nobodys = Act::Move { item: ItemId::from_raw(5), to: inventory(0, 0) };
    assert!(matches!(stage.act(nobodys).await, Err(ItemsError::NotCarried)));
    // A place of one cell has one item, whatever a verb says: the database holds that, too.
    let twice = give(&stage.items, stage.holder.character, plain(&stage.items, &helm, 1), stash).await;
    assert!(matches!(twice, Err(ItemsError::Storage(crate::storage::StorageError::Conflict))));
    stage.end().await;
}

async fn what_is_worn_asks_for_what_it_needs(home: Home) {
    let stage = Stage::new(home).await;
    let easy = stage.base(|base| base.kind == Kind::Ring);
    let hard = stage.base(|base| base.kind == Kind::Body && base.needs.level > 1 && base.class.is_none());
    let (ring, other) = (stage.give(&easy, 1, inventory(0, 0)).await, stage.give(&easy, 1, inventory(1, 0)).await);
    let third = stage.give(&easy, 1, inventory(9, 0)).await;
    let body = stage.give(&hard, 1, inventory(2, 0)).await;
    let worn = stage.act(Act::Equip { item: ring, slot: None }).await.unwrap();
    assert_eq!(at(&worn, ring), Spot::Worn(Slot::RightFinger));
    let worn = stage.act(Act::Equip { item: other, slot: None }).await.unwrap();
    assert_eq!(at(&worn, other), Spot::Worn(Slot::LeftFinger));
    assert_eq!(worn.worn().iter().count(), 2);
    let taken = ItemProblem::SlotTaken { slot: Slot::RightFinger };
    assert_eq!(stage.problem(Act::Equip { item: third, slot: None }).await, taken);
    let wrong = stage.problem(Act::Equip { item: third, slot: Some(Slot::Head) }).await;
    assert_eq!(wrong.code(), "ITEM_WRONG_SLOT");
    assert_eq!(stage.problem(Act::Equip { item: body, slot: None }).await.code(), "ITEM_NEEDS_MORE");
    // What a game knows of the character is newer than what is stored.
    let mut sheet = realm_world::Sheet::newborn(realm_world::Class::Amazon, false);
    (sheet.level, sheet.attributes.strength, sheet.attributes.dexterity) = (99, 500, 500);
    lease(&stage.storage, stage.holder.character, 7).await;
    let playing = Holder::playing(stage.holder.account, stage.holder.character, 7, Some(sheet));
    let worn = act_of(&stage.items, playing, Act::Equip { item: body, slot: Some(Slot::Body) }).await.unwrap();
    assert_eq!(at(&worn, body), Spot::Worn(Slot::Body));
    lease(&stage.storage, stage.holder.character, 0).await;
    let off = stage.act(Act::Unequip { item: ring, to: None }).await.unwrap();
    assert_eq!(at(&off, ring), inventory(0, 0));
    let off = stage.act(Act::Unequip { item: other, to: Some((Bag::Cube, Cell { x: 3, y: 3 })) }).await.unwrap();
    assert_eq!(at(&off, other), cube(3, 3));
    assert!(matches!(stage.act(Act::Unequip { item: ring, to: None }).await, Err(ItemsError::Moved)));
    let hidden = stage.items.catalogue().make("ring", Quality::Magic, 1, &mut realm_world::Dice::new(1, 1)).unwrap();
    let hidden = give(&stage.items, stage.holder.character, hidden, inventory(5, 3)).await.unwrap();
    assert_eq!(stage.problem(Act::Equip { item: hidden, slot: None }).await, ItemProblem::NotIdentified);
    stage.end().await;
}

async fn stacks_are_split_and_merged(home: Home) {
    let stage = Stage::new(home).await;
    let stack_max = stage.items.catalogue().base("ash-salt").unwrap().stack;
    let salt = stage.give("ash-salt", stack_max, inventory(0, 0)).await;
    let wrong = |count| Act::Split { item: salt, count, to: None };
    for count in [0, stack_max, u32::MAX] {
        assert_eq!(stage.problem(wrong(count)).await.code(), "ITEM_WRONG_COUNT");
    }
    let split = stage.act(wrong(3)).await.unwrap();
    let part = split.items.iter().find(|owned| owned.key != salt).unwrap().clone();
    assert_eq!((part.item.count, part.at.spot()), (3, Some(inventory(1, 0))));
    let taken = Act::Split { item: salt, count: 1, to: Some((Bag::Inventory, Cell { x: 1, y: 0 })) };
    assert_eq!(stage.problem(taken).await, ItemProblem::PlaceTaken);
    let second =
        stage.act(Act::Split { item: salt, count: 2, to: Some((Bag::Cube, Cell { x: 0, y: 0 })) }).await.unwrap();
    assert_eq!(second.items.iter().map(|owned| owned.item.count).sum::<u32>(), stack_max);
    let merged = stage.act(Act::Merge { item: part.key, onto: salt }).await.unwrap();
    assert!(merged.get(part.key).is_none(), "all of it went over");
    assert_eq!(merged.get(salt).unwrap().item.count, stack_max - 2);
    let more = stage.give("ash-salt", 5, inventory(5, 0)).await;
    let merged = stage.act(Act::Merge { item: more, onto: salt }).await.unwrap();
    assert_eq!((merged.get(salt).unwrap().item.count, merged.get(more).unwrap().item.count), (stack_max, 3));
    assert_eq!(stage.problem(Act::Merge { item: more, onto: salt }).await, ItemProblem::StackFull { stack_max });
    assert_eq!(stage.problem(Act::Merge { item: more, onto: more }).await, ItemProblem::NotAlike);
    let destroyed = stage.act(Act::Destroy { item: more, count: Some(1) }).await.unwrap();
    assert_eq!(destroyed.get(more).unwrap().item.count, 2);
    assert_eq!(stage.problem(Act::Destroy { item: more, count: Some(3) }).await.code(), "ITEM_WRONG_COUNT");
    assert_eq!(stage.problem(Act::Destroy { item: more, count: Some(0) }).await.code(), "ITEM_WRONG_COUNT");
    let destroyed = stage.act(Act::Destroy { item: more, count: None }).await.unwrap();
    assert!(destroyed.get(more).is_none());
    stage.end().await;
}

async fn gems_scrolls_and_recipes_use_things_up(home: Home) {
    let stage = Stage::new(home).await;
    let catalogue = stage.items.catalogue();
    let gem_base = stage.base(|base| base.kind == Kind::Gem);
    let helm_base = stage.base(|base| base.kind == Kind::Helm && base.sockets > 0 && base.class.is_none());
    let helm = Item { sockets: 1, ..plain(&stage.items, &helm_base, 1) };
    let helm = give(&stage.items, stage.holder.character, helm, inventory(0, 0)).await.unwrap();
    let (gem, spare) =
        (stage.give(&gem_base, 1, inventory(5, 0)).await, stage.give(&gem_base, 1, inventory(6, 0)).await);
    assert_eq!(stage.problem(Act::Socket { gem: helm, into: gem }).await, ItemProblem::NotAGem);
    let set = stage.act(Act::Socket { gem, into: helm }).await.unwrap();
    assert!(set.get(gem).is_none() && set.get(helm).unwrap().item.gems == [gem_base.as_str()]);
    assert_eq!(stage.problem(Act::Socket { gem: spare, into: helm }).await, ItemProblem::NoSocket);

    let hidden = catalogue.make("ring", Quality::Rare, 80, &mut realm_world::Dice::new(1, 1)).unwrap();
    let hidden = give(&stage.items, stage.holder.character, hidden, inventory(7, 0)).await.unwrap();
    let scroll = stage.give("naming-scroll", 2, inventory(8, 0)).await;
    assert_eq!(stage.problem(Act::Identify { scroll: spare, item: hidden }).await, ItemProblem::WrongScroll);
    let known = stage.act(Act::Identify { scroll, item: hidden }).await.unwrap();
    assert!(known.get(hidden).unwrap().item.identified && known.get(scroll).unwrap().item.count == 1);
    assert_eq!(stage.problem(Act::Identify { scroll, item: hidden }).await, ItemProblem::NothingToIdentify);

    assert_eq!(stage.problem(Act::Combine).await, ItemProblem::NoRecipe);
    // A recipe that makes something of plain bases.
    let recipe = catalogue.recipes().iter().find(|recipe| {
        recipe.makes.is_some()
            && recipe
                .inputs
                .iter()
                .all(|input| input.base.is_some() && input.quality.is_none_or(|quality| quality == Quality::Normal))
    });
    let recipe = recipe.expect("the built-in pack has such a recipe");
    let mut x = 0;
    for input in &recipe.inputs {
        let base = &catalogue.bases()[input.base.unwrap()];
        for _ in 0..input.count {
            stage.give(&base.key, 1, cube(x % 4, x / 4)).await;
            x += 1;
        }
    }
    let before = stage.items.of(stage.holder.character).await.unwrap();
    let made = stage.act(Act::Combine).await.unwrap();
    let new: Vec<_> = made.items.iter().filter(|owned| before.get(owned.key).is_none()).collect();
    assert!(matches!(&new[..], [one] if matches!(one.at.spot(), Some(Spot::In(Bag::Cube, _)))), "{new:?}");
    assert_eq!(made.items.len(), before.items.len() - usize::from(x) + 1);
    let lines = stage.items.trace(new[0].key, None, 10).await.unwrap();
    assert_eq!((lines.len(), lines[0].act.as_str(), lines[0].from.place.as_str()), (1, "combine", "nothing"));
    assert!(lines[0].birth.is_some() && lines[0].operation > 0);
    stage.end().await;
}

async fn only_who_holds_a_character_moves_its_items(home: Home) {
    let stage = Stage::new(home).await;
    let ring = stage.give("ring", 1, inventory(0, 0)).await;
    let Holder { account: owner, character, .. } = stage.holder;
    let to = |x| Act::Move { item: ring, to: inventory(x, 0) };
    let stranger = account(&stage.storage).await;
    let refused = act_of(&stage.items, Holder::resting(stranger, character), to(1)).await;
    assert!(matches!(refused, Err(ItemsError::CharacterUnknown)));
    let curious = act_of(&stage.items, Holder::resting(stranger, character), Act::Combine).await;
    assert!(matches!(curious, Err(ItemsError::CharacterUnknown)));
    let early = act_of(&stage.items, Holder::playing(owner, character, 0, None), to(1)).await;
    assert!(matches!(early, Err(ItemsError::Fenced)), "nobody plays it");
    lease(&stage.storage, character, 7).await;
    assert!(matches!(stage.act(to(1)).await, Err(ItemsError::Busy)));
    let stale = act_of(&stage.items, Holder::playing(owner, character, 6, None), to(1)).await;
    assert!(matches!(stale, Err(ItemsError::Fenced)));
    act_of(&stage.items, Holder::playing(owner, character, 7, None), to(1)).await.unwrap();
    lease(&stage.storage, character, 0).await;
    // Another's items are not within reach, whatever their key.
    let other = stage.another("Other").await;
    assert!(matches!(act_of(&stage.items, other, to(2)).await, Err(ItemsError::NotCarried)));
    change(&stage.storage, "UPDATE characters SET hardcore = $1, dead = 1 WHERE id = $2", 1, character.to_sql()).await;
    assert!(matches!(stage.act(to(2)).await, Err(ItemsError::Dead)));
    stage.end().await;
}

async fn what_is_offered_stays(home: Home) {
    let stage = Stage::new(home).await;
    let (ring, salt) = (stage.give("ring", 1, inventory(0, 0)).await, stage.give("ash-salt", 9, inventory(1, 0)).await);
    let other = stage.give("ash-salt", 1, inventory(2, 0)).await;
    let lock = stage.items.lock(&[ring, salt]).unwrap();
    let acts = [
        Act::Move { item: ring, to: inventory(5, 0) },
        Act::Equip { item: ring, slot: None },
        Act::Destroy { item: ring, count: None },
        Act::Split { item: salt, count: 1, to: None },
        Act::Merge { item: salt, onto: other },
        Act::Merge { item: other, onto: salt },
        Act::Sell { item: salt, count: Some(1) },
    ];
    for act in acts {
        assert!(matches!(stage.act(act.clone()).await, Err(ItemsError::InTrade)), "{act:?}");
    }
    let game = GameId::from_raw(4_242);
    let dropped = stage.items.drop_to_ground(stage.holder, ring, game, 1).await;
    assert!(matches!(dropped, Err(ItemsError::InTrade)));
    // What is found does not go onto a stack that is offered.
    let found =
        stage.items.born_on_pick_up(stage.holder, plain(&stage.items, "ash-salt", 2), birth(1, 1)).await.unwrap();
    assert_eq!(found.item, other);
    drop(lock);
    stage.act(Act::Move { item: ring, to: inventory(5, 0) }).await.unwrap();
    stage.end().await;
}

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

async fn gold_is_neither_made_nor_lost(home: Home) {
    let stage = Stage::new(home).await;
    let (one, other) = (stage.holder, stage.another("Other").await);
    let purse = |holder: Holder| Purse::Character(holder.character);
    let found = stage.items.gold_found(one, 100, birth(5, 0)).await.unwrap();
    assert_eq!((found.gold, found.version), (100, 1));
    assert_eq!(stage.items.gold_found(one, 100, birth(5, 0)).await.unwrap().gold, 100, "it is found once");
    assert!(matches!(stage.items.gold_found(other, 100, birth(5, 0)).await, Err(ItemsError::NotCarried)));
    pay(&stage.items, purse(one), purse(other), 60).await.unwrap();
    let short = pay(&stage.items, purse(one), purse(other), 41).await;
    assert!(matches!(short, Err(ItemsError::NotEnoughGold { needed: 41, has: 40 })));
    for amount in [0, -5, GOLD_MAX + 1, i64::MAX, i64::MIN] {
        let refused = pay(&stage.items, purse(one), purse(other), amount).await;
        assert!(matches!(refused, Err(ItemsError::PurseFull)), "{amount}");
    }
    assert!(matches!(pay(&stage.items, purse(one), purse(one), 1).await, Err(ItemsError::PurseFull)));
    endow(&stage.items, one.character, GOLD_MAX - 40).await.unwrap();
    assert!(matches!(pay(&stage.items, purse(other), purse(one), 1).await, Err(ItemsError::PurseFull)));
    assert_eq!(stage.items.of(one.character).await.unwrap().gold, GOLD_MAX);
    assert_eq!(stage.items.of(other.character).await.unwrap().gold, 60);
    stage.end().await;
}

async fn what_is_sold_and_repaired_is_paid_for(home: Home) {
    let stage = Stage::new(home).await;
    let base = stage.base(|base| base.durability > 1 && base.price > 50);
    let worn = Item { durability: 1, ..plain(&stage.items, &base, 1) };
    let price = stage.items.catalogue().repair_price(&worn).unwrap();
    let item = give(&stage.items, stage.holder.character, worn, inventory(0, 0)).await.unwrap();
    let poor = stage.act(Act::Repair { item }).await;
    assert!(matches!(poor, Err(ItemsError::NotEnoughGold { has: 0, .. })));
    endow(&stage.items, stage.holder.character, price + 1).await.unwrap();
    let repaired = stage.act(Act::Repair { item }).await.unwrap();
    assert_eq!(repaired.gold, 1);
    assert_eq!(stage.problem(Act::Repair { item }).await, ItemProblem::NoRepair);
    let gives = stage.items.catalogue().give(&repaired.get(item).unwrap().item).unwrap();
    let sold = stage.act(Act::Sell { item, count: None }).await.unwrap();
    assert_eq!((sold.gold, sold.items.len()), (1 + gives, 0));
    let stored = stage.items.of(stage.holder.character).await.unwrap();
    assert_eq!(Belongings { touched: Vec::new(), ..sold }, stored);
    stage.end().await;
}

async fn one_key_moves_once(home: Home) {
    let stage = Stage::new(home).await;
    let salt = stage.give("ash-salt", 9, inventory(0, 0)).await;
    let kept = |belongings: &Belongings| Kept { body: belongings.items.len().to_string(), tag: String::new() };
    let once = |request: &[u8]| Some(Once::new("main", "account:1".to_owned(), "key", &[request], kept).unwrap());
    let split = Act::Split { item: salt, count: 2, to: None };
    let first = stage.items.act(stage.holder, split.clone(), once(b"split")).await.unwrap();
    assert!(matches!(first, Answered::Now(belongings) if belongings.items.len() == 2));
    for _ in 0..3 {
        let again = stage.items.act(stage.holder, split.clone(), once(b"split")).await.unwrap();
        assert!(matches!(again, Answered::Before(kept) if kept.body == "2"));
    }
    let other = stage.items.act(stage.holder, Act::Combine, once(b"other")).await;
    assert!(matches!(other, Err(ItemsError::KeyRefused(_))));
    assert_eq!(stage.items.of(stage.holder.character).await.unwrap().items.len(), 2);
    stage.end().await;
}

async fn one_changed_byte_of_the_ledger_is_found(home: Home) {
    let stage = Stage::new(home).await;
    let salt = stage.give("ash-salt", 9, inventory(0, 0)).await;
    stage.act(Act::Split { item: salt, count: 2, to: None }).await.unwrap();
    stage.items.gold_found(stage.holder, 5, birth(6, 1)).await.unwrap();
    let sound = verified(&stage.storage).await.unwrap();
    assert_eq!(sound.lines, 4);
    // The sign says whether a change adds or takes back: each is found, and its opposite mends it.
    let numbers = [
        "UPDATE ledger SET at_ms = at_ms + $1 WHERE number = $2",
        "UPDATE ledger SET operation = operation + $1 WHERE number = $2",
        "UPDATE ledger SET item = item + $1 WHERE number = $2",
        "UPDATE ledger SET amount = amount + $1 WHERE number = $2",
        "UPDATE ledger SET from_holder = from_holder + $1 WHERE number = $2",
        "UPDATE ledger SET to_holder = to_holder + $1 WHERE number = $2",
    ];
    for statement in numbers {
        for line in 1..=sound.lines {
            change(&stage.storage, statement, 1, line).await;
            let broken = verified(&stage.storage).await.unwrap_err();
            assert_eq!(broken, LedgerBroken::Chain(Broken::Changed(line)), "{statement}");
            change(&stage.storage, statement, -1, line).await;
        }
    }
    let words = [
        ("UPDATE ledger SET act = act || CAST($1 AS TEXT) WHERE number = $2", 3),
        ("UPDATE ledger SET actor = actor || CAST($1 AS TEXT) WHERE number = $2", 3),
    ];
    for (statement, line) in words {
        change(&stage.storage, statement, 1, line).await;
        assert_eq!(verified(&stage.storage).await.unwrap_err(), LedgerBroken::Chain(Broken::Changed(line)));
    }
    let restored = "UPDATE ledger SET act = 'split', actor = 'account:' || CAST($1 AS TEXT) WHERE number = $2";
    change(&stage.storage, restored, stage.holder.account.to_sql(), 3).await;
    verified(&stage.storage).await.unwrap();
    change(&stage.storage, "DELETE FROM ledger WHERE number > $1 AND number = $2", 0, 2).await;
    let missing = LedgerBroken::Chain(Broken::Missing { first: 2, last: 2 });
    assert_eq!(verified(&stage.storage).await.unwrap_err(), missing);
    stage.storage.close().await;
}

async fn rows_that_the_ledger_does_not_know_are_found(home: Home) {
    let stage = Stage::new(home).await;
    let salt = stage.give("ash-salt", 9, inventory(0, 0)).await;
    endow(&stage.items, stage.holder.character, 50).await.unwrap();
    let broken = |storage: Storage| async move { verified(&storage).await.unwrap_err() };
    let more = "UPDATE items SET pieces = pieces + $1 WHERE id = $2";
    change(&stage.storage, more, 1, salt.to_sql()).await;
    let found = broken(stage.storage.clone()).await;
    assert!(matches!(&found, LedgerBroken::Item { item, .. } if *item == salt.to_sql()), "{found}");
    assert!(found.to_string().contains("10 ash-salt in inventory"), "{found}");
    change(&stage.storage, more, -1, salt.to_sql()).await;
    let aside = "UPDATE items SET x = x + $1 WHERE id = $2";
    change(&stage.storage, aside, 1, salt.to_sql()).await;
    assert!(matches!(broken(stage.storage.clone()).await, LedgerBroken::Item { .. }));
    change(&stage.storage, aside, -1, salt.to_sql()).await;
    let richer = "UPDATE purses SET gold = gold + $1 WHERE holder = $2";
    change(&stage.storage, richer, 1, stage.holder.character.to_sql()).await;
    assert!(matches!(broken(stage.storage.clone()).await, LedgerBroken::Purse { row: 51, ledger: 50, .. }));
    change(&stage.storage, richer, -1, stage.holder.character.to_sql()).await;
    verified(&stage.storage).await.unwrap();
    change(&stage.storage, "DELETE FROM items WHERE pieces > $1 AND id = $2", 0, salt.to_sql()).await;
    let gone = broken(stage.storage.clone()).await;
    assert!(matches!(&gone, LedgerBroken::Item { row, .. } if row == "nowhere"), "{gone}");
    stage.storage.close().await;
}

async fn what_belonged_to_a_character_that_is_gone_ends(home: Home) {
    let stage = Stage::new(home).await;
    let ring = stage.give("ring", 1, inventory(0, 0)).await;
    endow(&stage.items, stage.holder.character, 50).await.unwrap();
    let character = stage.holder.character;
    crate::storage::testing::delete_character(&stage.storage, character).await;
    assert_eq!(stage.items.end_of_the_gone().await.unwrap(), 0, "it can be restored still");
    change(&stage.storage, "DELETE FROM characters WHERE deleted_ms = $1 AND id = $2", 1, character.to_sql()).await;
    assert_eq!(stage.items.end_of_the_gone().await.unwrap(), 1);
    assert_eq!(stage.items.end_of_the_gone().await.unwrap(), 0);
    let lines = stage.items.trace(ring, None, 10).await.unwrap();
    assert_eq!((lines.len(), lines[0].to.place.as_str(), lines[0].act.as_str()), (2, "nothing", "end-of-character"));
    stage.end().await;
}

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
    assert_eq!(later, super::RolledBack::default());
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
    // What was given for something is no theft.
    let bought = stage.give("ring", 1, inventory(9, 3)).await;
    let (own, seller, buyer) = (stage.items.clone(), hero, friend);
    endow(&stage.items, friend.character, 5).await.unwrap();
    pay(&stage.items, purse(hero), Purse::Mint, 1_000).await.unwrap();
    let deal = stage.storage.write::<_, ItemsError, _>(move |connection| {
        Box::pin(async move {
            let mut operation = own.begin("trade", super::Doer::Realm);
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
    let kept = rolled(stage.items.roll_back(by(), hero.account, 0, None).await);
    assert!(
        kept.items.is_empty() && kept.stays.iter().filter(|stays| stays.contains("was given for it")).count() == 2,
        "{kept:?}"
    );
    stage.end().await;
}

fn rolled(answer: Result<Answered<super::RolledBack>, ItemsError>) -> super::RolledBack {
    match answer.unwrap() {
        Answered::Now(done) => done,
        Answered::Before(_) => unreachable!("without a key nothing was done before"),
    }
}

async fn a_character_takes_what_it_has_into_another_realm(home: Home) {
    let stage = Stage::new(home).await;
    let hooks = crate::hooks::Hooks::without_plugins();
    let config = crate::characters::Config::default();
    let served = [("main", "Main"), ("other", "Other")];
    let main =
        crate::characters::Characters::start(&config, &served, stage.storage.clone(), hooks.clone()).await.unwrap();
    let other = main.beside("other");
    let ring = stage.give("ring", 1, inventory(0, 0)).await;
    let ground = stage.give("ring", 1, inventory(1, 0)).await;
    let game = GameId::from_raw(4_242);
    stage.items.drop_to_ground(stage.holder, ground, game, 1).await.unwrap();
    endow(&stage.items, stage.holder.character, 30).await.unwrap();
    let by = crate::audit::Audit::new("main", stage.storage.clone()).by(crate::audit::Who::Operator, "asked");
    let to = crate::characters::Destination { account: None, realm: &other };
    main.transfer(by, stage.holder.character, to, None).await.unwrap();
    let there = Items::new("other", stage.storage.clone(), realm_world::Content::builtin(), hooks);
    let has = there.of(stage.holder.character).await.unwrap();
    assert_eq!((has.items.len(), has.gold), (1, 30));
    let left = stage.items.of(stage.holder.character).await.unwrap();
    assert_eq!((left.items.len(), left.gold, left.version), (0, 0, 0));
    act_of(&there, stage.holder, Act::Move { item: ring, to: inventory(5, 0) }).await.unwrap();
    // What it left lying comes after it when that game ends.
    assert_eq!(stage.items.end_of_game(game).await.unwrap(), 1);
    assert!(there.of(stage.holder.character).await.unwrap().get(ground).is_some());
    main.stop().await;
    stage.end().await;
}

async fn the_scanner_finds_what_verbs_cannot_do(home: Home) {
    let stage = Stage::new(home).await;
    let helm = stage.base(|base| base.kind == Kind::Helm);
    let one = stage.give(&helm, 1, inventory(0, 0)).await;
    stage.give(&helm, 1, inventory(2, 0)).await;
    let salt = stage.give("ash-salt", 5, inventory(4, 0)).await;
    let scan = |storage: Storage, items: Items| async move {
        let content = std::sync::Arc::clone(items.content());
        let scanned = storage.write::<_, super::ScanError, _>(move |connection| {
            Box::pin(async move { super::scan(connection, &content, 1_000).await })
        });
        scanned.await.unwrap()
    };
    let clean = scan(stage.storage.clone(), stage.items.clone()).await;
    assert!(clean.is_clean() && clean.report.records == 3, "{clean:?}");
    // Over another, more of it than the ledger knows, and an item that cannot be.
    change(&stage.storage, "UPDATE items SET x = x + $1 WHERE id = $2", 1, one.to_sql()).await;
    change(&stage.storage, "UPDATE items SET pieces = pieces + $1 WHERE id = $2", 1, salt.to_sql()).await;
    let found = scan(stage.storage.clone(), stage.items.clone()).await;
    let words: Vec<String> = found.report.findings.iter().map(|finding| found.words(finding)).collect();
    assert_eq!(words, ["all of \"ash-salt\" together are not the 5 that the ledger says"]);
    let odd: Vec<&str> = found.odd.iter().map(|odd| odd.what.as_str()).collect();
    assert_eq!(odd, ["it lies over something else", "its pieces are told in two ways"], "{found:?}");
    stage.storage.close().await;
}

async fn a_rule_judges_what_is_made(home: Home) {
    let mut stage = Stage::new(home).await;
    let plugins = hooks::tests::Stage::new();
    let hooks = plugins.hooks.clone();
    stage.items = Items::new("main", stage.storage.clone(), realm_world::Content::builtin(), hooks);
    let mild = Fixture::new("mild", "1.2.3").function("anti-cheat", "check-item", &empty_list());
    let number = plugins.install("mild.wasm", &mild.build(), &[]);
    let ring = plain(&stage.items, "ring", 1);
    let found = stage.items.born_on_pick_up(stage.holder, ring.clone(), birth(8, 0)).await.unwrap();
    // Its certificate says who has seen it.
    let key = found.item.to_sql();
    let rules = stage.storage.write::<_, crate::storage::StorageError, _>(move |connection| {
        Box::pin(async move {
            let row =
                sqlx::query("SELECT birth_rules FROM items WHERE id = $1").bind(key).fetch_one(connection).await?;
            Ok(sqlx::Row::get::<String, _>(&row, 0))
        })
    });
    assert!(rules.await.unwrap().contains("mild 1.2.3"));
    let strict = Fixture::new("strict", "1.0.0").function("anti-cheat", "check-item", &one_finding(0, 10));
    plugins.install("strict.wasm", &strict.build(), &[number]);
    let refused = stage.items.born_on_pick_up(stage.holder, ring, birth(8, 1)).await;
    assert!(matches!(&refused, Err(ItemsError::Refused(_))), "{refused:?}");
    assert_eq!(stage.items.of(stage.holder.character).await.unwrap().items.len(), 1);
    stage.end().await;
}
