use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use sqlx::Connection as _;

use super::{
    Config, Storage, StorageError, Verified, backup, migrations,
    place::Place,
    postgresql,
    testing::{FakeClock, Home, account, each_database, open, restore},
    verify, verify_file,
};

/// A backup of a realm with an account, made elsewhere.
async fn a_backup(folder: &Path) -> (std::path::PathBuf, Verified) {
    let home = Home::sqlite();
    let storage = open(&home, &FakeClock::new()).await;
    account(&storage).await;
    storage.close().await;
    let file = folder.join("backup.sqlite");
    let made = backup(&home.config(), home.path(), &file).await.unwrap();
    (file, made)
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_damaged_database_is_put_aside_with_its_logs_and_replaced() {
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, made) = a_backup(elsewhere.path()).await;
    // A sound database, and the log of a process that was killed.
    let crashed = Home::sqlite();
    let storage = open(&crashed, &FakeClock::new()).await;
    for _ in 0..3 {
        account(&storage).await;
    }
    let log = fs::read(crashed.path().join("realm.sqlite-wal")).unwrap();
    storage.close().await;
    assert!(!log.is_empty());
    let whole = fs::read(crashed.path().join("realm.sqlite")).unwrap();
    let mut torn = whole.clone();
    torn.truncate(whole.len() / 2 + 100);
    for damaged in [b"no database, and long enough that SQLite looks at its first page".repeat(99), torn] {
        let (home, clock) = (Home::sqlite(), FakeClock::new());
        let database = home.path().join("realm.sqlite");
        fs::write(&database, &damaged).unwrap();
        fs::write(home.path().join("realm.sqlite-wal"), b"what was left").unwrap();
        let restored = restore(&home.config(), home.path(), &file, &*clock).await.unwrap();
        assert_eq!(verify(&home.config(), home.path()).await.unwrap(), made);
        assert!(restored.damage.is_some());
        let aside = restored.before.unwrap();
        assert_eq!(aside, home.path().join(format!("backups/damaged-{}.sqlite", FakeClock::START_MS)));
        assert_eq!(fs::read(&aside).unwrap(), damaged);
        assert!(!names(home.path()).iter().any(|name| name.contains("part")), "{:?}", names(home.path()));
        let storage = open(&home, &clock).await;
        account(&storage).await;
        storage.close().await;
    }
    // A log without its database.
    let (home, clock) = (Home::sqlite(), FakeClock::new());
    fs::write(home.path().join("realm.sqlite-wal"), &log).unwrap();
    let restored = restore(&home.config(), home.path(), &file, &*clock).await.unwrap();
    assert!(restored.before.is_none() && restored.damage.is_none());
    assert_eq!(verify(&home.config(), home.path()).await.unwrap(), made);
    assert_eq!(names(home.path()), ["realm.lock", "realm.sqlite"]);
}

async fn what_is_noted_of_a_restore_is_there_with_it_or_nothing_is(home: Home) {
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, _) = a_backup(elsewhere.path()).await;
    let (clock, nodes) = (FakeClock::new(), "SELECT CAST(COUNT(*) AS BIGINT) FROM nodes WHERE node = 777");
    let config = home.config();
    open(&home, &clock).await.close().await;
    let before = verify(&config, home.path()).await.unwrap();
    let refused = super::restore(&config, home.path(), &file, &*clock, |connection| {
        Box::pin(async move {
            sqlx::query("INSERT INTO nodes (node, key_ceiling) VALUES (777, 1)").execute(connection).await?;
            Err(StorageError::Full)
        })
    });
    assert!(matches!(refused.await, Err(StorageError::Full)));
    assert_eq!(verify(&config, home.path()).await.unwrap(), before, "nothing was replaced");
    let noted = super::restore(&config, home.path(), &file, &*clock, |connection| {
        Box::pin(async move {
            sqlx::query("INSERT INTO nodes (node, key_ceiling) VALUES (777, 1)").execute(connection).await?;
            Ok(())
        })
    });
    noted.await.unwrap();
    let found = super::read_alone(&config, home.path(), |connection| {
        Box::pin(async move {
            let row = sqlx::query(nodes).fetch_one(connection).await?;
            Ok(sqlx::Row::try_get::<i64, _>(&row, 0)?)
        })
    });
    assert_eq!(found.await.unwrap(), 1);
}

#[tokio::test]
async fn a_database_in_another_folder_is_replaced_there() {
    let (elsewhere, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, made) = a_backup(elsewhere.path()).await;
    let home = Home::sqlite();
    let config = Config { url: format!("sqlite://{}", far.path().join("far.sqlite").display()) };
    restore(&config, home.path(), &file, &*FakeClock::new()).await.unwrap();
    assert_eq!(verify(&config, home.path()).await.unwrap(), made);
    assert_eq!(names(far.path()), ["far.sqlite", "realm.lock"]);
    assert_eq!(names(home.path()), ["realm.lock"]);
    let mode = fs::metadata(far.path().join("far.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

async fn a_backup_is_its_owners_alone_and_leaves_other_files_as_they_are(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    account(&storage).await;
    storage.close().await;
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("nightly.part");
    fs::write(&other, "of somebody else").unwrap();
    let file = folder.path().join("nightly.sqlite");
    let made = backup(&home.config(), home.path(), &file).await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(verify_file(&file).await.unwrap(), made);
    assert_eq!(names(folder.path()), ["nightly.part", "nightly.sqlite"]);
    assert_eq!(fs::read_to_string(other).unwrap(), "of somebody else");
}

async fn a_backup_that_fails_leaves_nothing(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let newer = storage.write::<_, StorageError, _>(|connection| {
        Box::pin(async move {
            let row =
                "INSERT INTO schema_migrations (version, name, checksum, applied_ms) VALUES (9999, 'later', '', 0)";
            sqlx::query(row).execute(connection).await?;
            Ok(())
        })
    });
    newer.await.unwrap();
    storage.close().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nightly.sqlite");
    let refused = backup(&home.config(), home.path(), &file).await.unwrap_err();
    assert!(matches!(refused, StorageError::SchemaTooNew { found: 9999, .. }), "{refused}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

/// A session of a node that runs an older version.
async fn older_node(home: &Home, node: u16) -> sqlx::AnyConnection {
    let mut older = Place::new(&home.config(), home.path()).unwrap().connect_writer().await.unwrap();
    postgresql::claim(&mut older, node, None).await.unwrap();
    older
}

#[tokio::test]
async fn the_schema_of_a_shared_database_is_changed_when_no_node_runs() {
    let (home, clock, elsewhere) = (Home::postgresql(), FakeClock::new(), Home::sqlite());
    let old = migrations::known_before();
    let mut older = older_node(&home, 7).await;
    migrations::run_until(&mut older, 0, old).await.unwrap();
    let refused = Storage::migrate(&home.config(), elsewhere.path(), &*clock).await.unwrap_err();
    assert!(refused.to_string().contains("stop every node"), "{refused}");
    assert_eq!(Storage::schema_version(&home.config(), home.path()).await.unwrap(), old);
    assert!(!elsewhere.path().join("backups").exists());
    older.close().await.unwrap();
    // Two nodes of the newer version start at once.
    let config = home.config();
    let (one, two) = tokio::join!(
        Storage::open(&config, home.path(), 0, clock.clone()),
        Storage::open(&config, elsewhere.path(), 1, clock.clone())
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(Storage::schema_version(&home.config(), home.path()).await.unwrap(), migrations::known());
    // Nothing keeps another one out, and there is nothing to do for the verb.
    older_node(&home, 7).await.close().await.unwrap();
    let third = Home::sqlite();
    assert_eq!(Storage::migrate(&home.config(), third.path(), &*clock).await.unwrap(), migrations::known());
    one.close().await;
    two.close().await;
}

each_database! {
    what_is_noted_of_a_restore_is_there_with_it_or_nothing_is,
    a_backup_is_its_owners_alone_and_leaves_other_files_as_they_are,
    a_backup_that_fails_leaves_nothing,
}
