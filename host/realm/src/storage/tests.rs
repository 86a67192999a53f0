use std::sync::Arc;

use sqlx::Row as _;
use tokio::sync::oneshot;

use super::{
    Config, FolderLock, RealmClaim, Storage, StorageError,
    testing::{FakeClock, Home, each_database, hold, open, queued},
    writer::{self, Lane, Message},
};
use crate::types::{AccountId, Clock};

async fn count(storage: &Storage) -> i64 {
    let row =
        sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) FROM owner_tokens").fetch_one(storage.reader()).await.unwrap();
    row.try_get(0).unwrap()
}

async fn insert(connection: &mut sqlx::AnyConnection, hash: String) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO owner_tokens (hash, created_ms) VALUES ($1, 0)").bind(hash).execute(connection).await?;
    Ok(())
}

async fn write(storage: &Storage, hash: impl Into<String>) -> Result<(), StorageError> {
    let hash = hash.into();
    storage.write(move |connection| Box::pin(insert(connection, hash))).await
}

async fn concurrent_writes_are_committed_and_a_failing_one_is_rolled_back_alone(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let gate = hold(&storage).await;
    let writes: Vec<_> = (0..200)
        .map(|number| {
            let storage = storage.clone();
            tokio::spawn(async move {
                storage
                    .write(move |connection| {
                        Box::pin(async move {
                            insert(connection, format!("row {number}")).await?;
                            if number % 10 == 0 {
                                return insert(connection, format!("row {number}")).await;
                            }
                            Ok(())
                        })
                    })
                    .await
            })
        })
        .collect();
    gate.send(()).unwrap();
    for (number, write) in writes.into_iter().enumerate() {
        match write.await.unwrap() {
            Ok(()) => assert_ne!(number % 10, 0),
            Err(error) => assert!(number % 10 == 0 && matches!(error, StorageError::Conflict), "{error}"),
        }
    }
    assert_eq!(count(&storage).await, 180);
    storage.close().await;
}

async fn a_caller_is_answered_only_after_the_commit_of_its_group(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let first_gate = hold(&storage).await;
    // Both are queued while the writer is held, and so come into one group: the first is done when the second begins.
    let early = tokio::spawn({
        let storage = storage.clone();
        async move { write(&storage, "early").await }
    });
    while queued(&storage) == 0 {
        tokio::task::yield_now().await;
    }
    let (late_open, late_opened) = oneshot::channel::<()>();
    let (late_held, late_holding) = oneshot::channel();
    let late = tokio::spawn({
        let storage = storage.clone();
        async move {
            storage
                .write::<_, StorageError, _>(move |_| {
                    Box::pin(async move {
                        late_held.send(()).unwrap();
                        late_opened.await.unwrap();
                        Ok(())
                    })
                })
                .await
        }
    });
    while queued(&storage) == 1 {
        tokio::task::yield_now().await;
    }
    first_gate.send(()).unwrap();
    late_holding.await.unwrap();
    assert!(!early.is_finished(), "answered before the commit");
    assert_eq!(count(&storage).await, 0, "readers see what is committed");
    late_open.send(()).unwrap();
    early.await.unwrap().unwrap();
    late.await.unwrap().unwrap();
    assert_eq!(count(&storage).await, 1);
    storage.close().await;
}

async fn stored(storage: &Storage, hash: &str) -> bool {
    let found = sqlx::query("SELECT 1 FROM owner_tokens WHERE hash = $1").bind(hash).fetch_optional(storage.reader());
    found.await.unwrap().is_some()
}

async fn who_is_told_yes_finds_it_stored_when_the_last_of_a_group_ignores_a_conflict(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    write(&storage, "first").await.unwrap();
    let gate = hold(&storage).await;
    let beside = tokio::spawn({
        let storage = storage.clone();
        async move { write(&storage, "beside").await }
    });
    while queued(&storage) == 0 {
        tokio::task::yield_now().await;
    }
    let ignoring = tokio::spawn({
        let storage = storage.clone();
        async move {
            storage
                .write::<_, StorageError, _>(|connection| {
                    Box::pin(async move {
                        insert(connection, "ignoring".to_owned()).await?;
                        insert(connection, "first".to_owned()).await.expect_err("it is there");
                        Ok(())
                    })
                })
                .await
        }
    });
    while queued(&storage) == 1 {
        tokio::task::yield_now().await;
    }
    gate.send(()).unwrap();
    let (beside, ignoring) = (beside.await.unwrap(), ignoring.await.unwrap());
    // With it readers come back, too.
    write(&storage, "later").await.expect("on a new connection");
    assert!(stored(&storage, "later").await);
    assert_eq!(stored(&storage, "beside").await, beside.is_ok(), "{beside:?}");
    assert_eq!(stored(&storage, "ignoring").await, ignoring.is_ok(), "{ignoring:?}");
    // SQLite undoes the statement alone, PostgreSQL gives the transaction up.
    assert_eq!(ignoring.is_err(), home.is_server(), "{ignoring:?}");
    storage.close().await;
}

async fn a_panicking_operation_fails_alone(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let result = storage
        .write::<(), StorageError, _>(|connection| {
            Box::pin(async move {
                insert(connection, "lost".to_owned()).await?;
                panic!("on purpose")
            })
        })
        .await;
    assert!(matches!(result, Err(StorageError::Statement(text)) if text.contains("on purpose")));
    write(&storage, "kept").await.unwrap();
    assert_eq!(count(&storage).await, 1);
    storage.close().await;
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_writer_goes_on() {
    let home = Home::sqlite();
    let storage = open(&home, &FakeClock::new()).await;
    write(&storage, "before").await.unwrap();
    let limit = |pages: &'static str| {
        storage.write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(pages).execute(connection).await?;
                Ok(())
            })
        })
    };
    limit("PRAGMA max_page_count = 1").await.unwrap();
    let full = write(&storage, "x".repeat(1_000_000)).await;
    assert!(matches!(full, Err(StorageError::Full)), "{full:?}");
    limit("PRAGMA max_page_count = 1000000").await.unwrap();
    write(&storage, "after").await.unwrap();
    assert_eq!(count(&storage).await, 2);
    storage.close().await;
}

async fn readers_cannot_write(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let refused = sqlx::query("DELETE FROM owner_tokens").execute(storage.reader()).await;
    assert!(refused.is_err());
    storage.close().await;
}

async fn what_is_queued_at_the_end_is_committed_and_later_writes_are_refused(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let gate = hold(&storage).await;
    let waiting = tokio::spawn({
        let storage = storage.clone();
        async move { write(&storage, "queued").await }
    });
    while queued(&storage) == 0 {
        tokio::task::yield_now().await;
    }
    gate.send(()).unwrap();
    storage.close().await;
    waiting.await.unwrap().unwrap();
    assert!(matches!(write(&storage, "late").await, Err(StorageError::Unavailable(_))));
    assert!(!home.path().join("realm.sqlite-wal").exists(), "a clean end leaves one file, or none");
    let again = open(&home, &clock).await;
    assert_eq!(count(&again).await, 1);
    again.close().await;
}

async fn migrations_run_from_empty_once_and_refuse_a_newer_schema(home: Home) {
    let clock = FakeClock::new();
    let config = home.config();
    let known = Storage::schema_version_known();
    assert_eq!(Storage::schema_version(&config, home.path()).await.unwrap(), 0);
    assert!(!home.path().join("realm.sqlite").exists(), "looking makes no file");
    assert_eq!(Storage::migrate(&config, home.path(), &*clock).await.unwrap(), 0);
    assert_eq!(Storage::migrate(&config, home.path(), &*clock).await.unwrap(), known);

    let storage = open(&home, &clock).await;
    assert_eq!(Storage::schema_version(&config, home.path()).await.unwrap(), known, "also while a realm runs");
    let plan = "INSERT INTO schema_migrations (version, name, checksum, applied_ms) VALUES (9999, 'later', '', 0)";
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                sqlx::query(plan).execute(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    storage.close().await;
    let refused = Storage::open(&config, home.path(), 0, clock).await.err().unwrap();
    assert!(matches!(refused, StorageError::SchemaTooNew { found: 9999, .. }), "{refused}");
}

async fn a_changed_migration_is_refused(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    storage
        .write::<_, StorageError, _>(|connection| {
            Box::pin(async move {
                sqlx::query("UPDATE schema_migrations SET checksum = 'x' WHERE version = 1")
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    storage.close().await;
    let refused = Storage::open(&home.config(), home.path(), 0, clock).await.err().unwrap();
    assert!(matches!(refused, StorageError::SchemaChanged(1)), "{refused}");
}

async fn keys_are_never_used_again_after_a_restart_with_the_clock_set_back(home: Home) {
    let clock = FakeClock::new();
    let mut highest: Option<AccountId> = None;
    for round in 0..4 {
        let storage = open(&home, &clock).await;
        for _ in 0..10_000 {
            let key: AccountId = storage.ids().next(storage.now_ms());
            assert!(highest.is_none_or(|highest| key > highest), "round {round}");
            highest = Some(key);
        }
        if home.is_server() {
            // A crash, as the server sees it: the session is cut, and what comes is a new process.
            if round % 2 == 1 {
                break_off(&storage, &home).await;
            }
            storage.close().await;
        } else if round % 2 == 0 {
            storage.close().await;
        } else {
            // A crash: nothing is closed; only the lock is given back, as by the death of the process.
            let copy = tempfile::tempdir().unwrap();
            for file in ["realm.sqlite", "realm.sqlite-wal"] {
                std::fs::copy(home.path().join(file), copy.path().join(file)).unwrap();
            }
            storage.close().await;
            std::fs::remove_file(home.path().join("realm.sqlite")).unwrap();
            for file in ["realm.sqlite", "realm.sqlite-wal"] {
                std::fs::copy(copy.path().join(file), home.path().join(file)).unwrap();
            }
        }
        clock.advance_ms(-3_600_000);
    }
}

async fn a_committed_write_stores_a_ceiling_above_every_key_made_before(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    clock.advance_ms(86_400_000);
    let key: AccountId = storage.ids().next(storage.now_ms());
    write(&storage, "row").await.unwrap();
    let row = sqlx::query("SELECT key_ceiling FROM nodes WHERE node = 0").fetch_one(storage.reader()).await.unwrap();
    assert!(row.try_get::<i64, _>(0).unwrap() > key.to_sql());
    storage.close().await;
}

async fn shared_now_ms(storage: &Storage) -> i64 {
    let clock = storage.clone();
    let asked = storage
        .write::<_, StorageError, _>(move |connection| Box::pin(async move { clock.shared_now_ms(connection).await }));
    asked.await.unwrap()
}

async fn nodes_agree_on_the_time_of_the_server(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let before = shared_now_ms(&storage).await;
    clock.advance_ms(-3_600_000);
    let after = shared_now_ms(&storage).await;
    if home.is_server() {
        assert!(after >= before, "the clock of this process does not matter");
    } else {
        assert_eq!(after, before - 3_600_000);
    }
    storage.close().await;
}

async fn a_folder_in_use_is_refused_and_its_holder_named(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let other = Arc::clone(&clock) as Arc<dyn Clock>;
    let refused = Storage::open(&home.config(), home.path(), 0, other).await.err().unwrap();
    assert!(
        matches!(&refused, StorageError::FolderLocked { holder, .. } if *holder == std::process::id().to_string()),
        "{refused}"
    );
    assert!(FolderLock::take(home.path()).is_err());
    storage.close().await;
    FolderLock::take(home.path()).unwrap();
}

#[tokio::test]
async fn addresses_of_other_databases_are_refused_with_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    for url in ["mysql://localhost/realm", "sqlite::memory:", "realm.sqlite"] {
        let config = Config { url: url.to_owned() };
        let refused = Storage::schema_version(&config, folder.path()).await.err().unwrap();
        assert!(refused.to_string().contains("sqlite:///path"), "{refused}");
    }
    let text = "this is no database, and long enough that SQLite looks at its first page";
    std::fs::write(folder.path().join("realm.sqlite"), text).unwrap();
    let config = Config::default();
    let refused = Storage::migrate(&config, folder.path(), &*FakeClock::new()).await.err().unwrap();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused:?}");
}

#[tokio::test]
async fn a_folder_with_odd_characters_in_its_name_works() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("realm data 100% #1?");
    let storage = Storage::open(&Config::default(), &odd, 0, FakeClock::new()).await.unwrap();
    write(&storage, "row").await.unwrap();
    assert!(odd.join("realm.sqlite").exists());
    storage.close().await;
}

/// Takes the writer's transaction from under its feet, as a device or a server does that fails.
async fn break_off(storage: &Storage, home: &Home) {
    let statement = if home.is_server() { "SELECT pg_terminate_backend(pg_backend_pid())" } else { "COMMIT" };
    let broken = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            sqlx::raw_sql(statement).execute(connection).await?;
            Ok(())
        })
    });
    assert!(broken.await.is_err(), "a group without its transaction cannot be committed");
}

async fn a_lost_database_is_told_and_the_writer_takes_it_up_again(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    assert_eq!(storage.ready(), Ok(()));
    let health = storage.health.clone();
    break_off(&storage, &home).await;
    assert!(health.has_changed().unwrap());
    write(&storage, "row").await.expect("on a new connection");
    assert_eq!(storage.ready(), Ok(()));
    storage.close().await;
    assert!(storage.ready().is_err());
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_start_is_unconfirmed_and_before_it_means_that_nothing_was_done() {
    let (queue, mut intake) = writer::lanes();
    for started in [false, true] {
        let asking = tokio::spawn({
            let queue = queue.clone();
            async move {
                let lane = Lane::Ordinary;
                writer::submit::<(), StorageError, _>(&queue, lane, |_| Box::pin(async { Ok(()) })).await
            }
        });
        let Some((_, Message::Write(mut job))) = intake.next().await else { panic!("an operation was queued") };
        assert!(!started || job.claim());
        drop(job);
        let error = asking.await.unwrap().unwrap_err();
        assert_eq!(matches!(error, StorageError::Unconfirmed), started, "{error}");
        assert_eq!(matches!(error, StorageError::Unavailable(_)), !started, "{error}");
    }
}

#[tokio::test]
async fn a_realm_has_its_key_alone_and_keeps_it_when_the_server_was_away() {
    let alone = || RealmClaim { realm: "main".into(), shared: false };
    let (home, clock, elsewhere) = (Home::postgresql(), FakeClock::new(), Home::sqlite());
    let first = open(&home, &clock).await;
    first.claim_realm("main", false).await.unwrap();
    first.claim_realm("main", false).await.expect("it is claimed already");
    let second = Storage::open(&home.config(), elsewhere.path(), 1, clock.clone()).await.unwrap();
    let refused = writer::try_claim_realm(&second, alone()).await.unwrap_err();
    assert!(refused.to_string().starts_with("another realm runs under key main "), "{refused}");
    break_off(&first, &home).await;
    write(&first, "row").await.expect("on a new connection");
    let refused = writer::try_claim_realm(&second, alone()).await.unwrap_err();
    assert!(matches!(refused, StorageError::RealmInUse(_)), "{refused}");
    second.claim_realm("other", false).await.unwrap();
    first.close().await;
    // Its session may take a moment to end.
    let third = open(&home, &clock).await;
    third.claim_realm("main", false).await.unwrap();
    third.close().await;
    second.close().await;
}

#[tokio::test]
async fn nodes_that_share_a_realm_run_side_by_side_and_nobody_has_it_alone_meanwhile() {
    let claim = |shared| RealmClaim { realm: "main".into(), shared };
    let (home, clock) = (Home::postgresql(), FakeClock::new());
    let first = open(&home, &clock).await;
    first.claim_realm("main", true).await.unwrap();
    assert!(first.shares_realm());
    let elsewhere = Home::sqlite();
    let second = Storage::open(&home.config(), elsewhere.path(), 1, clock.clone()).await.unwrap();
    let refused = writer::try_claim_realm(&second, claim(false)).await.unwrap_err();
    assert!(matches!(refused, StorageError::RealmInUse(_)), "{refused}");
    writer::try_claim_realm(&second, claim(true)).await.unwrap();
    assert_ne!(first.folder_key(), second.folder_key());
    break_off(&first, &home).await;
    write(&first, "row").await.expect("on a new connection, with the same claim");
    first.close().await;
    second.close().await;
}

each_database! {
    nodes_agree_on_the_time_of_the_server,
    concurrent_writes_are_committed_and_a_failing_one_is_rolled_back_alone,
    a_caller_is_answered_only_after_the_commit_of_its_group,
    who_is_told_yes_finds_it_stored_when_the_last_of_a_group_ignores_a_conflict,
    a_panicking_operation_fails_alone,
    readers_cannot_write,
    what_is_queued_at_the_end_is_committed_and_later_writes_are_refused,
    migrations_run_from_empty_once_and_refuse_a_newer_schema,
    a_changed_migration_is_refused,
    keys_are_never_used_again_after_a_restart_with_the_clock_set_back,
    a_committed_write_stores_a_ceiling_above_every_key_made_before,
    a_folder_in_use_is_refused_and_its_holder_named,
    a_lost_database_is_told_and_the_writer_takes_it_up_again,
}
