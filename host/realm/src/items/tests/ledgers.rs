//! Gold, and whether the ledger is whole and says what is so.

use super::*;

each_database!(
    gold_is_neither_made_nor_lost,
    one_changed_byte_of_the_ledger_is_found,
    rows_that_the_ledger_does_not_know_are_found,
    what_was_altered_past_the_verbs_is_named,
    what_belonged_to_a_character_that_is_gone_ends,
    a_character_takes_what_it_has_into_another_realm,
);

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

/// Writes another item into a row, past every verb.
async fn alter(storage: &Storage, key: ItemId, item: &Item) {
    let (body, key) = (serde_json::to_string(item).unwrap(), key.to_sql());
    let altered = storage.write::<_, crate::storage::StorageError, _>(move |connection| {
        Box::pin(async move {
            sqlx::query("UPDATE items SET body = $1 WHERE id = $2").bind(body).bind(key).execute(connection).await?;
            Ok(())
        })
    });
    altered.await.unwrap();
}

async fn what_was_altered_past_the_verbs_is_named(home: Home) {
    let stage = Stage::new(home).await;
    let ring = stage.give("ring", 1, inventory(0, 0)).await;
    let salt = stage.give("ash-salt", 9, inventory(1, 0)).await;
    let other = stage.give("ash-salt", 3, inventory(2, 0)).await;
    // What verbs do is no alteration: pieces that come and go, and stacks that are as good as the least of them.
    stage.act(Act::Split { item: salt, count: 2, to: None }).await.unwrap();
    stage.act(Act::Merge { item: other, onto: salt }).await.unwrap();
    stage.act(Act::Destroy { item: salt, count: Some(1) }).await.unwrap();
    stage.act(Act::Move { item: ring, to: inventory(5, 0) }).await.unwrap();
    verified(&stage.storage).await.unwrap();
    let born = stage.items.trace(ring, None, 10).await.unwrap().last().unwrap().number;
    let of = |key: ItemId| {
        let items = stage.items.clone();
        async move { items.of(stage.holder.character).await.unwrap().get(key).unwrap().item.clone() }
    };
    let mut stronger = of(ring).await;
    stronger.rolls.push(realm_world::items::Roll::Own { property: realm_world::items::Property::Life, value: 40 });
    let better = Item { quality: Quality::Rare, ..of(ring).await };
    for changed in [stronger, better] {
        let before = of(ring).await;
        alter(&stage.storage, ring, &changed).await;
        let found = verified(&stage.storage).await.unwrap_err();
        assert_eq!(found, LedgerBroken::Altered { item: ring.to_sql(), line: born });
        assert!(found.to_string().contains(&ring.to_string()), "{found}");
        alter(&stage.storage, ring, &before).await;
    }
    let worse = Item { level: of(salt).await.level + 1, ..of(salt).await };
    let before = of(salt).await;
    alter(&stage.storage, salt, &worse).await;
    assert!(matches!(verified(&stage.storage).await, Err(LedgerBroken::Altered { item, .. }) if item == salt.to_sql()));
    alter(&stage.storage, salt, &before).await;
    for (statement, is_birth) in [
        ("UPDATE items SET level = level + $1 WHERE id = $2", false),
        ("UPDATE items SET birth_tick = birth_tick + $1 WHERE id = $2", true),
    ] {
        change(&stage.storage, statement, 1, ring.to_sql()).await;
        let found = verified(&stage.storage).await.unwrap_err();
        assert_eq!(matches!(found, LedgerBroken::Birth { .. }), is_birth, "{found}");
        assert!(is_birth || matches!(found, LedgerBroken::Altered { .. }), "{found}");
        change(&stage.storage, statement, -1, ring.to_sql()).await;
    }
    stage.end().await;
}
