//! Moving, wearing, splitting, using, offering and selling.

use super::*;

each_database!(
    an_item_goes_where_it_fits_and_nowhere_else,
    what_is_worn_asks_for_what_it_needs,
    stacks_are_split_and_merged,
    gems_scrolls_and_recipes_use_things_up,
    only_who_holds_a_character_moves_its_items,
    what_is_offered_stays,
    what_is_sold_and_repaired_is_paid_for,
    one_key_moves_once,
    a_rule_judges_what_is_made,
);

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
