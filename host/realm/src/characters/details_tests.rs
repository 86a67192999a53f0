//! Characters with all their details over both databases: read, changed over the version that was read, deleted and restored.

use super::{Details, Profile, Versions, for_change, store_change};
use crate::{
    characters::{CharactersError, store},
    storage::{
        Connection, Storage, StorageError, WriteFuture,
        testing::{FakeClock, Home, account, character, each_database, open},
    },
    types::{AccountId, CharacterId},
};

async fn write<T: Send + 'static>(
    storage: &Storage,
    operation: impl for<'c> FnOnce(&'c mut Connection) -> WriteFuture<'c, Result<T, CharactersError>> + Send + 'static,
) -> Result<T, CharactersError> {
    storage.write(operation).await
}

async fn ready(
    storage: &Storage,
    owner: Option<AccountId>,
    id: CharacterId,
    versions: Versions,
) -> Result<Details, CharactersError> {
    write(storage, move |connection| {
        Box::pin(async move { for_change(connection, "main", owner, id, &versions).await })
    })
    .await
}

async fn changed(storage: &Storage, mut details: Details) -> Result<Details, CharactersError> {
    write(storage, move |connection| {
        Box::pin(async move {
            store_change(connection, &mut details).await?;
            Ok(details)
        })
    })
    .await
}

async fn set(storage: &Storage, statement: &'static str) {
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(statement).execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
}

async fn a_change_is_stored_over_the_version_that_was_read_and_under_no_lease(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let id = character(&storage, owner, "Ash", "Druid").await;
    let mut details = ready(&storage, Some(owner), id, Versions::Of(vec![1])).await.unwrap();
    assert_eq!((details.profile.clone(), details.skills.len(), details.deleted_ms), (Profile::default(), 0, None));
    let key_bindings = [("heal \"quick\"".to_owned(), "F1".to_owned())].into();
    details.profile = Profile { title: "Keeper".to_owned(), order: 7, key_bindings };
    details.skills = [("Bramble".to_owned(), 3)].into();
    details.character.sheet.attributes.energy = 44;
    let stored = changed(&storage, details.clone()).await.unwrap();
    assert_eq!(stored.character.version, 2);
    let read = store::details::look(storage.reader(), "main", id).await.unwrap().unwrap();
    assert_eq!((&read.profile, &read.skills), (&details.profile, &details.skills));
    assert_eq!((read.character.version, read.character.sheet.attributes.energy), (2, 44));
    assert!(matches!(changed(&storage, details).await, Err(CharactersError::Stale)), "it was read before the change");
    assert!(store::details::look(storage.reader(), "other", id).await.unwrap().is_none(), "another realm's");

    let of = |versions: &[i64]| Versions::Of(versions.to_vec());
    assert!(matches!(ready(&storage, Some(owner), id, of(&[1])).await, Err(CharactersError::Stale)));
    assert!(matches!(ready(&storage, Some(owner), id, of(&[])).await, Err(CharactersError::Stale)));
    assert!(ready(&storage, None, id, Versions::Any).await.is_ok());
    let somebody = account(&storage).await;
    assert!(matches!(ready(&storage, Some(somebody), id, Versions::Any).await, Err(CharactersError::Unknown)));
    set(&storage, "UPDATE characters SET leased = 5").await;
    assert!(matches!(ready(&storage, Some(owner), id, Versions::Any).await, Err(CharactersError::Busy)));
    assert!(matches!(changed(&storage, stored.clone()).await, Err(CharactersError::Stale)), "its game holds the lease");
    set(&storage, "UPDATE characters SET leased = 0").await;
    // A name that is its own folded form.
    let other = character(&storage, owner, "tor", "Druid").await;
    let mut renamed = stored;
    renamed.character.name = ready(&storage, None, other, Versions::Any).await.unwrap().character.name;
    assert!(matches!(changed(&storage, renamed).await, Err(CharactersError::NameTaken)));
}

async fn lists_are_in_the_players_order_and_deleted_ones_apart(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let owner = account(&storage).await;
    let mut ids = Vec::new();
    for name in ["Ash", "Birch", "Cedar"] {
        ids.push(character(&storage, owner, name, "Druid").await);
    }
    let mut first = ready(&storage, Some(owner), ids[0], Versions::Any).await.unwrap();
    first.profile.order = 9;
    changed(&storage, first).await.unwrap();
    let listed = async || {
        let found = store::details::list(storage.reader(), "main", owner).await.unwrap();
        found.into_iter().map(|one| one.character.id).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [ids[1], ids[2], ids[0]]);
    let (now_ms, id) = (storage.now_ms(), ids[1]);
    let deleted = write(&storage, move |connection| {
        Box::pin(async move { Ok(store::delete(connection, "main", owner, id, now_ms).await?) })
    });
    assert!(deleted.await.unwrap());
    assert_eq!(listed().await, [ids[2], ids[0]]);
    let restorable = async |since_ms: i64| {
        let found = store::details::restorable(storage.reader(), "main", owner, since_ms).await.unwrap();
        found.into_iter().map(|one| (one.character.id, one.deleted_ms)).collect::<Vec<_>>()
    };
    assert_eq!(restorable(now_ms - 1).await, [(id, Some(now_ms))]);
    assert_eq!(restorable(now_ms).await, []);
    assert!(matches!(ready(&storage, Some(owner), id, Versions::Any).await, Err(CharactersError::Unknown)));
    write(&storage, move |connection| Box::pin(async move { Ok(store::details::restore(connection, id).await?) }))
        .await
        .unwrap();
    assert_eq!(listed().await, [ids[1], ids[2], ids[0]]);
    assert_eq!(ready(&storage, Some(owner), id, Versions::Any).await.unwrap().character.version, 3);
}

each_database!(
    a_change_is_stored_over_the_version_that_was_read_and_under_no_lease,
    lists_are_in_the_players_order_and_deleted_ones_apart,
);
