//! What needs no rule: limits, leases, deletion, restarts. The rest is in the end-to-end tests.

use std::{sync::Arc, time::Duration};

use realm_world::{Class, Sheet};

use realm_protocol::{ServerMessage, proto};

use super::{
    Character, CharactersError, Config, Lease, ROWS_PER_CHARACTER,
    creation::insert_if_room,
    store, unknown_or_busy,
    upkeep::{self, RESTORABLE_MS, Upkeep},
};
use crate::{
    storage::{
        Storage, StorageError,
        testing::{FakeClock, Fault, Home, account, each_database, open, unreliable},
    },
    types::{AccountId, CharacterId, CharacterName, Code, Refusal},
};

/// A test that waits longer has found a fault.
const DEADLINE: Duration = Duration::from_secs(20);

fn realm() -> Arc<str> {
    "main".into()
}

fn newborn(storage: &Storage, account: AccountId, name: &str) -> Character {
    Character {
        id: storage.ids().next(storage.now_ms()),
        account,
        name: CharacterName::new(name).unwrap(),
        sheet: Sheet::newborn(Class::Amazon, false),
        created_ms: storage.now_ms(),
        played_last_ms: None,
        play_time_ms: 0,
        version: 1,
    }
}

async fn insert_within_limit(
    storage: &Storage,
    realm: &Arc<str>,
    characters_max: u32,
    new: Character,
) -> Result<Character, CharactersError> {
    let realm = Arc::clone(realm);
    storage
        .write(move |connection| {
            Box::pin(async move {
                insert_if_room(connection, &realm, characters_max, &new).await?;
                Ok(new)
            })
        })
        .await
}

async fn create(storage: &Storage, account: AccountId, name: &str) -> Result<Character, CharactersError> {
    insert_within_limit(storage, &realm(), 3, newborn(storage, account, name)).await
}

async fn delete(storage: &Storage, account: AccountId, id: CharacterId) -> Result<(), CharactersError> {
    let now_ms = storage.now_ms();
    storage
        .write(move |connection| {
            Box::pin(async move {
                if store::delete(connection, "main", account, id, now_ms).await? {
                    return Ok(());
                }
                Err(unknown_or_busy(connection, "main", account, id).await?)
            })
        })
        .await
}

async fn an_account_gets_no_more_characters_than_it_may_have_however_many_are_asked_for_at_once(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let account = account(&storage).await;
    let asked: Vec<_> = (0..12)
        .map(|number| {
            let storage = storage.clone();
            tokio::spawn(async move { create(&storage, account, &format!("Hero-{number}")).await })
        })
        .collect();
    let mut made = 0;
    for answer in asked {
        match answer.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, CharactersError::Limit(3)), "{error}"),
        }
    }
    assert_eq!(made, 3);
    let list = store::list(storage.reader(), "main", account).await.unwrap();
    assert_eq!(list.len(), 3);
    delete(&storage, account, list[0].id).await.unwrap();
    create(&storage, account, "Successor").await.expect("a deleted one makes room");
    storage.close().await;
}

async fn names_are_unique_in_a_realm_by_what_they_look_like(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let (one, two) = (account(&storage).await, account(&storage).await);
    create(&storage, one, "Lantern").await.unwrap();
    let taken = create(&storage, two, "LANTERN").await.unwrap_err();
    assert_eq!(Refusal::from(taken).code, Code::CharacterNameTaken);
    let other: Arc<str> = "other".into();
    insert_within_limit(&storage, &other, 3, newborn(&storage, two, "Lantern")).await.expect("another realm");
    assert_eq!(store::list(storage.reader(), "main", two).await.unwrap().len(), 0);
    storage.close().await;
}

async fn a_character_is_written_only_under_its_lease_and_over_its_version(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let owner = account(&storage).await;
    let stranger = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let foreign = Lease::take(&storage, &realm(), stranger, id).await;
    assert!(matches!(foreign, Err(CharactersError::Unknown)));

    let (character, mut lease) = Lease::take(&storage, &realm(), owner, id).await.unwrap();
    assert!(matches!(Lease::take(&storage, &realm(), owner, id).await, Err(CharactersError::Busy)));
    assert!(matches!(delete(&storage, owner, id).await, Err(CharactersError::Busy)));
    let mut sheet = character.sheet;
    (sheet.level, sheet.experience, sheet.attributes.strength, sheet.dead) = (2, 600, 25, true);
    clock.advance_ms(5_000);
    let saved = lease.save(&storage, &sheet, 5_000).await.unwrap();
    assert_eq!((saved.sheet, saved.play_time_ms, saved.version), (sheet, 5_000, 2));
    assert_eq!(saved.played_last_ms, Some(storage.now_ms()));
    lease.save(&storage, &sheet, 1_000).await.unwrap();

    let mut stale_version = Lease::new(id, lease.epoch, 1, 0);
    let fenced = stale_version.save(&storage, &sheet, 0).await;
    assert!(matches!(fenced, Err(CharactersError::Fenced)));
    let mut stale = Lease::new(id, lease.epoch, lease.version, 6_000);
    lease.release(&storage).await.unwrap();
    let (_, mut next) = Lease::take(&storage, &realm(), owner, id).await.unwrap();
    assert!(matches!(stale.save(&storage, &sheet, 0).await, Err(CharactersError::Fenced)));
    assert!(matches!(stale.release(&storage).await, Err(CharactersError::Fenced)));
    let saved = next.save(&storage, &sheet, 0).await.unwrap();
    assert_eq!((saved.play_time_ms, saved.version), (6_000, 4));
    storage.close().await;
}

async fn a_restart_keeps_characters_and_frees_what_a_crash_left_leased(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let (_, mut lost) = Lease::take(&storage, &realm(), owner, id).await.unwrap();
    storage.close().await;

    let storage = open(&home, &clock).await;
    let freed = storage
        .write::<_, StorageError, _>(|connection| Box::pin(store::free_leases(connection, "main")))
        .await
        .unwrap();
    assert_eq!(freed, 1);
    let kept = store::get(storage.reader(), "main", owner, id).await.unwrap().unwrap();
    assert_eq!(kept.name.as_str(), "Lantern");
    let late = lost.save(&storage, &kept.sheet, 0).await;
    assert!(matches!(late, Err(CharactersError::Fenced)));
    Lease::take(&storage, &realm(), owner, id).await.unwrap();
    storage.close().await;
}

async fn a_deleted_character_is_gone_for_its_owner_and_its_name_free_after_thirty_days(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    delete(&storage, owner, id).await.unwrap();
    assert!(matches!(delete(&storage, owner, id).await, Err(CharactersError::Unknown)));
    assert!(store::get(storage.reader(), "main", owner, id).await.unwrap().is_none());
    assert!(matches!(create(&storage, owner, "Lantern").await, Err(CharactersError::NameTaken)));
    let upkeep = Upkeep::new(storage.clone(), realm());
    clock.advance_ms(RESTORABLE_MS);
    assert_eq!(upkeep.purge().await.unwrap(), 0, "after thirty days it can still be restored");
    clock.advance_ms(1);
    assert_eq!(upkeep.purge().await.unwrap(), 1);
    create(&storage, owner, "Lantern").await.unwrap();
    storage.close().await;
}

async fn a_start_removes_what_was_deleted_long_ago_and_the_realm_goes_on_doing_so(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    delete(&storage, owner, id).await.unwrap();
    clock.advance_ms(RESTORABLE_MS + 1);
    let upkeep = Arc::new(Upkeep::new(storage.clone(), realm()));
    let purging = tokio::spawn(upkeep::purge_regularly(Arc::downgrade(&upkeep)));
    let freed = async {
        while create(&storage, owner, "Lantern").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, freed).await.expect("the name is free again");
    assert!(!purging.is_finished(), "it looks again tomorrow");
    purging.abort();
    storage.close().await;
}

async fn making_and_deleting_characters_squats_no_more_names_than_twice_what_one_may_have(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let owner = account(&storage).await;
    let mut made = 0;
    let refused = loop {
        match create(&storage, owner, &format!("Squat-{made}")).await {
            Ok(character) => delete(&storage, owner, character.id).await.unwrap(),
            Err(error) => break error,
        }
        made += 1;
        clock.advance_ms(1);
        assert!(made < 100, "nothing stops it");
    };
    assert_eq!(made, 3 * ROWS_PER_CHARACTER);
    assert!(matches!(refused, CharactersError::LimitDeleted), "{refused}");
    let refusal = Refusal::from(refused);
    assert_eq!(refusal.code, Code::CharacterLimit);
    assert!(refusal.message.contains("30 days") && refusal.message.ends_with('.'), "{}", refusal.message);
    clock.advance_ms(RESTORABLE_MS - i64::from(made) + 1);
    assert_eq!(Upkeep::new(storage.clone(), realm()).purge().await.unwrap(), 1, "the oldest");
    create(&storage, owner, "Successor").await.expect("there is room again");
    storage.close().await;
}

async fn a_save_that_was_not_confirmed_is_repeated_and_loses_nothing_whether_it_was_stored_or_not(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let (shaky, faults) = unreliable(&storage);
    let (character, mut lease) = Lease::take(&shaky, &realm(), owner, id).await.unwrap();
    let mut sheet = character.sheet;
    let mut played_ms = 0;
    for lost in [
        vec![Fault::AnswerLost],
        vec![Fault::AllLost],
        vec![Fault::AnswerLost, Fault::AllLost, Fault::AnswerLost],
        vec![Fault::AllLost, Fault::AnswerLost],
    ] {
        // What the saver does: the newest sheet, with all the time since the last save that was confirmed.
        let mut unsaved_ms = 0;
        for fault in lost {
            (sheet.experience, unsaved_ms) = (sheet.experience + 10, unsaved_ms + 1_000);
            faults.set(fault);
            let late = lease.save(&shaky, &sheet, unsaved_ms).await;
            assert!(matches!(late, Err(CharactersError::Storage(StorageError::Unconfirmed))), "{late:?}");
        }
        (sheet.experience, unsaved_ms) = (sheet.experience + 10, unsaved_ms + 1_000);
        faults.set(Fault::None);
        let saved = lease.save(&shaky, &sheet, unsaved_ms).await.unwrap();
        played_ms += unsaved_ms;
        assert_eq!((saved.sheet, saved.play_time_ms), (sheet, played_ms));
    }
    // After a save that was confirmed, a version that is not this holder's is refused as before.
    let mut stale = Lease::new(id, lease.epoch, lease.version - 1, 0);
    assert!(matches!(stale.save(&storage, &sheet, 0).await, Err(CharactersError::Fenced)));
    storage.close().await;
}

async fn a_release_or_a_take_that_was_not_confirmed_locks_nobody_out(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let (shaky, faults) = unreliable(&storage);
    let (_, lease) = Lease::take(&shaky, &realm(), owner, id).await.unwrap();
    faults.set(Fault::AnswerLost);
    let late = lease.release(&shaky).await;
    assert!(matches!(late, Err(CharactersError::Storage(StorageError::Unconfirmed))), "{late:?}");
    faults.set(Fault::None);
    lease.release(&shaky).await.expect("what was given back may be given back again");

    faults.set(Fault::AnswerLost);
    let late = Lease::take(&shaky, &realm(), owner, id).await;
    assert!(matches!(late, Err(CharactersError::Storage(StorageError::Unconfirmed))), "{late:?}");
    let taken = async {
        loop {
            match Lease::take(&storage, &realm(), owner, id).await {
                Ok((_, lease)) => return lease,
                Err(error) => assert!(matches!(error, CharactersError::Busy), "{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let next = tokio::time::timeout(DEADLINE, taken).await.expect("the lost lease is given back");
    assert!(matches!(lease.release(&storage).await, Err(CharactersError::Fenced)), "the first holder's is long over");
    next.release(&storage).await.unwrap();
    storage.close().await;
}

async fn characters_under_another_key_are_taken_over_when_it_is_clear_which_are_meant_and_the_database_is_not_shared(
    home: Home,
) {
    for (stored, adopted) in [
        (vec!["Emberfall"], Some("Emberfall")),
        (vec!["Old Name"], Some("Old Name")),
        (vec!["Old Name", "Emberfall"], Some("Emberfall")),
        (vec!["Old Name", "Older Name"], None),
        (vec!["Emberfall", "main"], None),
    ] {
        let adopted = adopted.filter(|_| !home.is_server());
        let home = home.another();
        let storage = open(&home, &FakeClock::new()).await;
        let owner = account(&storage).await;
        for realm in &stored {
            let realm: Arc<str> = (*realm).into();
            insert_within_limit(&storage, &realm, 3, newborn(&storage, owner, "Lantern")).await.unwrap();
        }
        let before = store::list(storage.reader(), "main", owner).await.unwrap().len();
        for _ in 0..2 {
            upkeep::adopt(&storage, &realm(), "Emberfall").await.unwrap();
        }
        let list = store::list(storage.reader(), "main", owner).await.unwrap();
        assert_eq!(list.len(), before + usize::from(adopted.is_some()), "{stored:?}");
        for other in stored {
            let left = store::list(storage.reader(), other, owner).await.unwrap().len();
            assert_eq!(left, usize::from(adopted != Some(other)), "{other}");
        }
        storage.close().await;
    }
}

#[test]
fn as_many_characters_as_an_account_may_have_fit_into_one_list() {
    let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
    let characters_max = schema["properties"]["characters_max"]["maximum"].as_u64().unwrap();
    let longest = proto::Character {
        id: i64::MAX.unsigned_abs(),
        name: "\u{10330}".repeat(16),
        class: Class::ALL.map(Class::name).into_iter().max_by_key(|name| name.len()).unwrap().to_owned(),
        level: 99,
        experience: i64::MAX.unsigned_abs(),
        hardcore: true,
        dead: true,
        created_ms: 99_999_999_999_999,
        played_last_ms: 99_999_999_999_999,
        play_time_ms: 99_999_999_999_999,
    };
    CharacterName::new(longest.name.clone()).expect("a legal name");
    let list = proto::CharListResponse {
        characters: vec![longest; usize::try_from(characters_max).unwrap()],
        characters_max: u32::try_from(characters_max).unwrap(),
    };
    let message = ServerMessage::from(list);
    // A frame, and the smallest outbox that can be configured.
    let room = realm_protocol::frame::SIZE_MAX_AFTER_LOGIN - 64;
    let (binary, json) = (message.to_payload().len(), message.to_json().to_string().len());
    assert!(binary <= room && json <= room, "{binary} and {json} of {room} bytes");
}

each_database! {
    an_account_gets_no_more_characters_than_it_may_have_however_many_are_asked_for_at_once,
    names_are_unique_in_a_realm_by_what_they_look_like,
    a_character_is_written_only_under_its_lease_and_over_its_version,
    a_restart_keeps_characters_and_frees_what_a_crash_left_leased,
    a_deleted_character_is_gone_for_its_owner_and_its_name_free_after_thirty_days,
    a_start_removes_what_was_deleted_long_ago_and_the_realm_goes_on_doing_so,
    making_and_deleting_characters_squats_no_more_names_than_twice_what_one_may_have,
    a_save_that_was_not_confirmed_is_repeated_and_loses_nothing_whether_it_was_stored_or_not,
    a_release_or_a_take_that_was_not_confirmed_locks_nobody_out,
    characters_under_another_key_are_taken_over_when_it_is_clear_which_are_meant_and_the_database_is_not_shared,
}
