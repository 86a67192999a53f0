//! What needs no rule: limits, leases, deletion, restarts. The rest is in the end-to-end tests.

use std::sync::Arc;

use realm_world::{Class, Sheet};

use super::{
    Character, CharactersError, RESTORABLE_MS, insert_within_limit, release_lease, save_under_lease, store, take_lease,
    unknown_or_busy,
};
use crate::{
    storage::{
        Storage, StorageError,
        testing::{FakeClock, account, open},
    },
    types::{AccountId, CharacterId, CharacterName, Code, Refusal},
};

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

#[tokio::test]
async fn an_account_gets_no_more_characters_than_it_may_have_however_many_are_asked_for_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(folder.path(), &FakeClock::new()).await;
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

#[tokio::test]
async fn names_are_unique_in_a_realm_by_what_they_look_like() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open(folder.path(), &FakeClock::new()).await;
    let (one, two) = (account(&storage).await, account(&storage).await);
    create(&storage, one, "Lantern").await.unwrap();
    let taken = create(&storage, two, "LANTERN").await.unwrap_err();
    assert_eq!(Refusal::from(taken).code, Code::CharacterNameTaken);
    let other: Arc<str> = "other".into();
    insert_within_limit(&storage, &other, 3, newborn(&storage, two, "Lantern")).await.expect("another realm");
    assert_eq!(store::list(storage.reader(), "main", two).await.unwrap().len(), 0);
    storage.close().await;
}

#[tokio::test]
async fn a_character_is_written_only_under_its_lease_and_over_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let clock = FakeClock::new();
    let storage = open(folder.path(), &clock).await;
    let owner = account(&storage).await;
    let stranger = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let foreign = take_lease(&storage, &realm(), stranger, id).await;
    assert!(matches!(foreign, Err(CharactersError::Unknown)));

    let (character, mut lease) = take_lease(&storage, &realm(), owner, id).await.unwrap();
    assert!(matches!(take_lease(&storage, &realm(), owner, id).await, Err(CharactersError::Busy)));
    assert!(matches!(delete(&storage, owner, id).await, Err(CharactersError::Busy)));
    let mut sheet = character.sheet;
    (sheet.level, sheet.experience, sheet.attributes.strength, sheet.dead) = (2, 600, 25, true);
    clock.advance_ms(5_000);
    let saved = save_under_lease(&storage, &mut lease, &sheet, 5_000).await.unwrap();
    assert_eq!((saved.sheet, saved.play_time_ms, saved.version), (sheet, 5_000, 2));
    assert_eq!(saved.played_last_ms, Some(storage.now_ms()));
    save_under_lease(&storage, &mut lease, &sheet, 1_000).await.unwrap();

    let mut stale_version = super::Lease { version: 1, ..lease };
    let fenced = save_under_lease(&storage, &mut stale_version, &sheet, 0).await;
    assert!(matches!(fenced, Err(CharactersError::Fenced)));
    let stale = super::Lease { character: id, epoch: lease.epoch, version: lease.version };
    release_lease(&storage, lease).await.unwrap();
    let (_, mut next) = take_lease(&storage, &realm(), owner, id).await.unwrap();
    let mut stale = stale;
    assert!(matches!(save_under_lease(&storage, &mut stale, &sheet, 0).await, Err(CharactersError::Fenced)));
    assert!(matches!(release_lease(&storage, stale).await, Err(CharactersError::Fenced)));
    let saved = save_under_lease(&storage, &mut next, &sheet, 0).await.unwrap();
    assert_eq!((saved.play_time_ms, saved.version), (6_000, 4));
    storage.close().await;
}

#[tokio::test]
async fn a_restart_keeps_characters_and_frees_what_a_crash_left_leased() {
    let folder = tempfile::tempdir().unwrap();
    let clock = FakeClock::new();
    let storage = open(folder.path(), &clock).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    let (_, mut lost) = take_lease(&storage, &realm(), owner, id).await.unwrap();
    storage.close().await;

    let storage = open(folder.path(), &clock).await;
    let freed = storage
        .write::<_, StorageError, _>(|connection| Box::pin(store::free_leases(connection, "main")))
        .await
        .unwrap();
    assert_eq!(freed, 1);
    let kept = store::get(storage.reader(), "main", owner, id).await.unwrap().unwrap();
    assert_eq!(kept.name.as_str(), "Lantern");
    let late = save_under_lease(&storage, &mut lost, &kept.sheet, 0).await;
    assert!(matches!(late, Err(CharactersError::Fenced)));
    take_lease(&storage, &realm(), owner, id).await.unwrap();
    storage.close().await;
}

#[tokio::test]
async fn a_deleted_character_is_gone_for_its_owner_and_its_name_free_after_thirty_days() {
    let folder = tempfile::tempdir().unwrap();
    let clock = FakeClock::new();
    let storage = open(folder.path(), &clock).await;
    let owner = account(&storage).await;
    let id = create(&storage, owner, "Lantern").await.unwrap().id;
    delete(&storage, owner, id).await.unwrap();
    assert!(matches!(delete(&storage, owner, id).await, Err(CharactersError::Unknown)));
    assert!(store::get(storage.reader(), "main", owner, id).await.unwrap().is_none());
    assert!(matches!(create(&storage, owner, "Lantern").await, Err(CharactersError::NameTaken)));
    for (days, purged) in [(30, 0), (1, 1)] {
        clock.advance_ms(days * 86_400_000);
        let before_ms = storage.now_ms() - RESTORABLE_MS;
        let gone = storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(store::purge_deleted(connection, "main", before_ms))
            })
            .await
            .unwrap();
        assert_eq!(gone, purged, "after {days} more days");
    }
    create(&storage, owner, "Lantern").await.unwrap();
    storage.close().await;
}
