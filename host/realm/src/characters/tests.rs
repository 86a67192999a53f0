//! What needs no rule: limits, leases, deletion, restarts. The rest is in the end-to-end tests.

use std::{sync::Arc, time::Duration};

use realm_world::{Class, Sheet};

use realm_protocol::{ServerMessage, proto};

use super::{
    Character, Characters, CharactersError, Config, Lease, Place, ROWS_PER_CHARACTER, Versions,
    creation::insert_if_room,
    details::{for_change, store_change},
    holder::{Holders, Terms},
    store, unknown_or_busy,
    upkeep::{self, RESTORABLE_MS, Upkeep},
};
use crate::{
    hooks::Hooks,
    storage::{
        Storage, StorageError,
        testing::{
            FakeClock, Fault, Home, QUEUE_MAX, account, each_database, hold, open, queued, queued_urgently, unreliable,
        },
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

async fn holders(storage: &Storage) -> Holders {
    Holders::start(storage.clone(), Terms::of(&Config::default(), true)).await.unwrap()
}

async fn take(
    holders: &Holders,
    storage: &Storage,
    owner: AccountId,
    id: CharacterId,
) -> Result<Lease, CharactersError> {
    Lease::take_as(holders.current(), storage, &realm(), owner, id).await.map(|(_, lease)| lease)
}

async fn a_restart_keeps_characters_and_frees_what_a_crash_left_leased(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let mut lost = take(&holders(&storage).await, &storage, owner, id).await.unwrap();
    storage.close().await;

    let storage = open(&home, &clock).await;
    let refused = Lease::take(&storage, &realm(), owner, id).await;
    assert!(matches!(refused, Err(CharactersError::Busy)), "nobody has been told that its holder is dead");
    let again = holders(&storage).await;
    let kept = store::get(storage.reader(), "main", owner, id).await.unwrap().unwrap();
    assert_eq!(kept.name.as_str(), "Lantern");
    let late = lost.save(&storage, &kept.sheet, 0).await;
    assert!(matches!(late, Err(CharactersError::Fenced)));
    take(&again, &storage, owner, id).await.unwrap();
    storage.close().await;
}

async fn a_dropped_lease_is_given_back_and_a_stop_gives_everything_back(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let first = holders(&storage).await;
    drop(take(&first, &storage, owner, id).await.unwrap());
    assert!(matches!(take(&first, &storage, owner, id).await, Err(CharactersError::Busy)));
    assert!(first.renew().await);
    let mut kept = take(&first, &storage, owner, id).await.expect("it was given back");
    first.stop().await;
    let sheet = Sheet::newborn(Class::Amazon, false);
    assert!(matches!(kept.save(&storage, &sheet, 0).await, Err(CharactersError::Lapsed)));
    first.renew().await;
    let listed = sqlx::query("SELECT id FROM lease_holders").fetch_all(storage.reader()).await.unwrap();
    assert!(listed.is_empty(), "who has stopped is not listed anew");
    take(&holders(&storage).await, &storage, owner, id).await.expect("all was given back");
    storage.close().await;
}

/// Sets the end of a node's leases to this moment of the server.
async fn let_lapse(storage: &Storage, holders: &Holders) {
    let (now, holder) = (storage.clone(), holders.current().id);
    let lapsing = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            let now_ms = now.shared_now_ms(connection).await?;
            store::holders::renew(connection, holder, now_ms).await
        })
    });
    assert!(lapsing.await.unwrap(), "it is listed");
}

/// Two nodes over one server.
struct Nodes {
    _homes: [Home; 2],
    clocks: [Arc<FakeClock>; 2],
    storages: [Storage; 2],
    holders: [Holders; 2],
    owner: AccountId,
    id: CharacterId,
}

async fn two_nodes() -> Nodes {
    let homes = [Home::postgresql(), Home::sqlite()];
    let clocks = [FakeClock::new(), FakeClock::new()];
    let one = open(&homes[0], &clocks[0]).await;
    let two = Storage::open(&homes[0].config(), homes[1].path(), 1, clocks[1].clone()).await.unwrap();
    let owner = account(&one).await;
    let id = create(&one, owner, "Lantern").await.unwrap().id;
    let holders = [holders(&one).await, holders(&two).await];
    Nodes { _homes: homes, clocks, storages: [one, two], holders, owner, id }
}

#[tokio::test]
async fn another_node_takes_over_when_the_time_is_over_by_the_servers_clock_and_the_stale_holder_is_refused() {
    let Nodes { clocks, storages: [one, two], holders: [first, second], owner, id, .. } = &two_nodes().await;
    let mut stale = take(first, one, *owner, *id).await.unwrap();
    let sheet = Sheet { level: 2, experience: 600, ..Sheet::newborn(Class::Amazon, false) };
    stale.save(one, &sheet, 1_000).await.unwrap();
    // Whatever the second node's own clock says.
    clocks[1].put_forward_ms(3_600_000);
    assert!(matches!(take(second, two, *owner, *id).await, Err(CharactersError::Busy)));
    assert!(second.renew().await, "a renewal frees nobody who is alive");
    assert!(matches!(take(second, two, *owner, *id).await, Err(CharactersError::Busy)));

    let_lapse(one, first).await;
    let mut next = take(second, two, *owner, *id).await.expect("its time is over");
    let newer = Sheet { level: 3, ..sheet };
    let saved = next.save(two, &newer, 1_000).await.unwrap();
    // The first one's own clock stood still: it does not know.
    let late = stale.save(one, &sheet, 0).await;
    assert!(matches!(late, Err(CharactersError::Fenced)), "{late:?}");
    assert!(matches!(stale.release(one).await, Err(CharactersError::Fenced)));
    let kept = store::get(two.reader(), "main", *owner, *id).await.unwrap().unwrap();
    assert_eq!((kept.sheet, kept.version, kept.play_time_ms), (newer, saved.version, 2_000));

    let ends = first.ends();
    assert!(first.renew().await && ends.has_changed().unwrap() && stale.has_ended(), "now it knows");
    assert!(matches!(take(first, one, *owner, *id).await, Err(CharactersError::Lapsed)));
    assert!(first.renew().await, "it is listed anew");
    next.release(two).await.unwrap();
    take(first, one, *owner, *id).await.expect("and takes leases again");
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn a_node_that_cannot_renew_stops_itself_before_anybody_may_take_over() {
    let Nodes { clocks, storages: [one, two], holders: [first, second], owner, id, .. } = &two_nodes().await;
    let mut lease = take(first, one, *owner, *id).await.unwrap();
    let sheet = Sheet::newborn(Class::Amazon, false);
    clocks[0].put_forward_ms(-3_600_000);
    clocks[0].advance_ms(9_000);
    assert!(first.renew().await);
    clocks[0].advance_ms(9_999);
    lease.save(one, &sheet, 0).await.expect("not ten seconds since the renewal");
    clocks[0].advance_ms(1);
    assert!(matches!(lease.save(one, &sheet, 0).await, Err(CharactersError::Lapsed)));
    assert!(matches!(take(first, one, *owner, *id).await, Err(CharactersError::Lapsed)));
    assert!(matches!(take(second, two, *owner, *id).await, Err(CharactersError::Busy)), "five seconds are left of it");
    let refusal = Refusal::from(CharactersError::Lapsed);
    assert_eq!((refusal.code, refusal.retry_after_ms), (Code::StorageUnavailable, Some(5_000)));
    // As soon as the database answers, it says that it holds nothing any more.
    assert!(first.renew().await && lease.has_ended());
    take(second, two, *owner, *id).await.expect("nobody has to wait for the rest");
    one.close().await;
    two.close().await;
}

#[tokio::test]
async fn a_holder_that_came_with_a_moved_database_keeps_nothing_locked() {
    let home = Home::postgresql();
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let listed = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move { store::holders::register(connection, 7, 0, "a file's folder", i64::MAX).await })
    });
    listed.await.unwrap();
    let take_as = Arc::new(super::holder::Holder::endless(7));
    let (_, lease) = Lease::take_as(take_as, &storage, &realm(), owner, id).await.unwrap();
    take(&holders(&storage).await, &storage, owner, id).await.expect("no lease lasts for ever");
    drop(lease);
    storage.close().await;
}

#[tokio::test]
async fn a_node_that_serves_its_realm_alone_goes_on_however_long_its_database_is_away_until_somebody_has_come() {
    let nodes = two_nodes().await;
    let ([one, two], [clock, _], owner, id) = (&nodes.storages, &nodes.clocks, nodes.owner, nodes.id);
    let alone = Holders::start(one.clone(), Terms::of(&Config::default(), false)).await.unwrap();
    let mut lease = take(&alone, one, owner, id).await.unwrap();
    let_lapse(one, &alone).await;
    clock.advance_ms(3_600_000);
    let sheet = Sheet { level: 2, ..Sheet::newborn(Class::Amazon, false) };
    lease.save(one, &sheet, 0).await.expect("nobody has come meanwhile");
    assert!(alone.renew().await && !lease.has_ended());
    assert!(matches!(take(&nodes.holders[1], two, owner, id).await, Err(CharactersError::Busy)), "it is renewed");
    let_lapse(one, &alone).await;
    take(&nodes.holders[1], two, owner, id).await.expect("its time is over, and somebody has come");
    assert!(matches!(lease.save(one, &sheet, 0).await, Err(CharactersError::Fenced)));
    assert!(alone.renew().await && lease.has_ended());
    one.close().await;
    two.close().await;
}

/// Level, strength and place as they are stored.
async fn row(storage: &Storage, id: CharacterId) -> [i64; 5] {
    use sqlx::Row as _;
    let row = sqlx::query("SELECT level, strength, zone, x, y FROM characters WHERE id = $1").bind(id.to_sql());
    let row = row.fetch_one(storage.reader()).await.unwrap();
    [0, 1, 2, 3, 4].map(|column| row.try_get(column).unwrap())
}

async fn a_save_writes_what_has_changed_and_leaves_the_rest_as_it_is_stored(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let (shaky, faults) = unreliable(&storage);
    let (character, mut lease) = Lease::take(&shaky, &realm(), owner, id).await.unwrap();
    // A sign in a column that no save has a reason to touch.
    let signed = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            let sign = sqlx::query("UPDATE characters SET strength = 77 WHERE id = $1").bind(id.to_sql());
            sign.execute(connection).await?;
            Ok(())
        })
    });
    signed.await.unwrap();
    let place = |x| Some(Place { zone: 1, x, y: 9 });
    let mut sheet = Sheet { level: 2, experience: 600, ..character.sheet };
    lease.save_at(&shaky, &sheet, place(5), 40).await.unwrap();
    assert_eq!(row(&storage, id).await, [2, 77, 1, 5, 9]);
    lease.save_at(&shaky, &sheet, None, 40).await.unwrap();
    let saved = lease.save_at(&shaky, &sheet, place(6), 40).await.unwrap();
    assert_eq!((row(&storage, id).await, saved.version, saved.play_time_ms), ([2, 77, 1, 6, 9], 4, 120));
    // When nobody knows what is stored, everything is written.
    faults.set(Fault::AllLost);
    sheet.level = 3;
    assert!(lease.save_at(&shaky, &sheet, place(7), 40).await.is_err());
    faults.set(Fault::None);
    lease.save_at(&shaky, &sheet, place(7), 40).await.unwrap();
    assert_eq!(row(&storage, id).await, [3, 20, 1, 7, 9]);
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

async fn saves_that_wait_together_are_each_answered_for_themselves(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    // More than one statement takes, and the last statements small.
    let mut leases = Vec::new();
    // Letters of which no two look alike.
    let letters = ['a', 'b', 'd', 'e', 'f'];
    for number in 0..22 {
        let new = newborn(&storage, owner, &format!("Hero-{}{}", letters[number / 5], letters[number % 5]));
        let id = insert_within_limit(&storage, &realm(), 50, new).await.unwrap().id;
        leases.push(Lease::take(&storage, &realm(), owner, id).await.unwrap().1);
    }
    let stale = Lease::new(leases[3].character, leases[3].epoch - 1, leases[3].version, 0);
    let over_old_version = Lease::new(leases[4].character, leases[4].epoch, leases[4].version - 1, 0);
    let again = Lease::new(leases[5].character, leases[5].epoch, leases[5].version + 1, 0);
    leases.splice(6..6, [stale, over_old_version, again]);
    let gate = hold(&storage).await;
    let mut saving = Vec::new();
    for (number, mut lease) in leases.into_iter().enumerate() {
        let storage = storage.clone();
        saving.push(tokio::spawn({
            let storage = storage.clone();
            async move {
                let experience = 100 + u64::try_from(number).unwrap();
                let sheet = Sheet { experience, ..Sheet::newborn(Class::Amazon, false) };
                let place = Some(Place { zone: 1, x: -5, y: i32::try_from(number).unwrap() });
                (lease.character, lease.save_at(&storage, &sheet, place, 40).await)
            }
        }));
        while queued(&storage) <= number {
            tokio::task::yield_now().await;
        }
    }
    gate.send(()).unwrap();
    for (number, saved) in saving.into_iter().enumerate() {
        let (id, saved) = saved.await.unwrap();
        match (number, saved) {
            (6 | 7, Err(CharactersError::Fenced)) => {}
            (6 | 7, other) => panic!("{number}: {other:?}"),
            (_, saved) => {
                let saved = saved.unwrap();
                let version = if number == 8 { 3 } else { 2 };
                assert_eq!((saved.id, saved.version, saved.play_time_ms), (id, version, 40), "{number}");
                assert_eq!(saved.sheet.experience, 100 + u64::try_from(number).unwrap());
                assert_eq!((saved.account, saved.sheet.level), (owner, 1));
            }
        }
    }
    let list = store::list(storage.reader(), "main", owner).await.unwrap();
    let experience: Vec<u64> = list.iter().map(|character| character.sheet.experience).collect();
    let expected: Vec<u64> = (0..25).filter(|number| ![5, 6, 7].contains(number)).map(|number| 100 + number).collect();
    assert_eq!(list.len(), 22);
    let mut sorted = experience.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "the second save of one character came after the first");
    storage.close().await;
}

async fn a_renewal_passes_a_queue_that_is_full_of_other_writes(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let holders = Arc::new(holders(&storage).await);
    // Over a file there is nothing to renew but what was dropped.
    drop(take(&holders, &storage, owner, id).await.unwrap());
    let gate = hold(&storage).await;
    let others: Vec<_> = (0..QUEUE_MAX)
        .map(|_| {
            let storage = storage.clone();
            let nothing = async move { storage.write::<_, StorageError, _>(|_| Box::pin(async { Ok(()) })).await };
            tokio::spawn(nothing)
        })
        .collect();
    while queued(&storage) < QUEUE_MAX {
        tokio::task::yield_now().await;
    }
    let renewal = tokio::spawn({
        let holders = Arc::clone(&holders);
        async move { holders.renew().await }
    });
    // The full queue does not hold it up.
    while queued_urgently(&storage) == 0 {
        tokio::task::yield_now().await;
    }
    gate.send(()).unwrap();
    assert!(renewal.await.unwrap());
    take(&holders, &storage, owner, id).await.expect("what was dropped is free");
    for other in others {
        other.await.unwrap().unwrap();
    }
    storage.close().await;
}

async fn what_is_loaded_is_what_was_judged_when_it_was_changed_meanwhile(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    // Without what a realm does in the background: nothing else is written here.
    let characters = Characters {
        storage: storage.clone(),
        hooks: Hooks::without_plugins(),
        realm: realm(),
        characters_max: 18,
        holders: Arc::new(holders(&storage).await),
        _upkeep: Arc::new(Upkeep::new(storage.clone(), realm())),
    };
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let gate = hold(&storage).await;
    let change = tokio::spawn({
        let storage = storage.clone();
        async move {
            let changing = storage.write::<_, CharactersError, _>(move |connection| {
                Box::pin(async move {
                    let mut details = for_change(connection, "main", Some(owner), id, &Versions::Any).await?;
                    details.skills = [("Bramble".to_owned(), 3)].into();
                    details.character.sheet.attributes.energy = 44;
                    store_change(connection, &mut details).await
                })
            });
            changing.await
        }
    });
    while queued(&storage) == 0 {
        tokio::task::yield_now().await;
    }
    // What it reads first is from before the change, and what it loads from after it.
    let taking = tokio::spawn({
        let characters = characters.clone();
        async move { characters.take(owner, id).await }
    });
    while queued(&storage) == 1 {
        tokio::task::yield_now().await;
    }
    gate.send(()).unwrap();
    change.await.unwrap().unwrap();
    let (loaded, lease) = taking.await.unwrap().unwrap();
    assert_eq!((loaded.version, loaded.sheet.attributes.energy), (2, 44));
    assert_eq!(lease.skill_levels, 3, "the rule was told of the points that are spent by now");

    let other = create(&storage, owner, "Wick").await.unwrap().id;
    let gate = hold(&storage).await;
    let dying = tokio::spawn({
        let storage = storage.clone();
        async move {
            let dying = storage.write::<_, StorageError, _>(move |connection| {
                Box::pin(async move {
                    let die = "UPDATE characters SET hardcore = 1, dead = 1, version = version + 1 WHERE id = $1";
                    sqlx::query(die).bind(other.to_sql()).execute(connection).await?;
                    Ok(())
                })
            });
            dying.await
        }
    });
    while queued(&storage) == 0 {
        tokio::task::yield_now().await;
    }
    let taking = tokio::spawn({
        let characters = characters.clone();
        async move { characters.take(owner, other).await.map(drop) }
    });
    while queued(&storage) == 1 {
        tokio::task::yield_now().await;
    }
    gate.send(()).unwrap();
    dying.await.unwrap().unwrap();
    assert!(matches!(taking.await.unwrap(), Err(CharactersError::Dead)), "what was judged first was alive");
    Lease::take(&storage, &realm(), owner, other).await.expect("whoever is refused gives the lease back");
    characters.stop().await;
    storage.close().await;
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
    a_dropped_lease_is_given_back_and_a_stop_gives_everything_back,
    a_save_writes_what_has_changed_and_leaves_the_rest_as_it_is_stored,
    a_deleted_character_is_gone_for_its_owner_and_its_name_free_after_thirty_days,
    a_start_removes_what_was_deleted_long_ago_and_the_realm_goes_on_doing_so,
    making_and_deleting_characters_squats_no_more_names_than_twice_what_one_may_have,
    a_save_that_was_not_confirmed_is_repeated_and_loses_nothing_whether_it_was_stored_or_not,
    a_release_or_a_take_that_was_not_confirmed_locks_nobody_out,
    saves_that_wait_together_are_each_answered_for_themselves,
    a_renewal_passes_a_queue_that_is_full_of_other_writes,
    what_is_loaded_is_what_was_judged_when_it_was_changed_meanwhile,
    characters_under_another_key_are_taken_over_when_it_is_clear_which_are_meant_and_the_database_is_not_shared,
}
