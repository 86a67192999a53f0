use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sqlx::{AnyConnection, Connection as _, Row as _};

use super::{
    Config, Storage, StorageError, TableSum, backup, copy, migrations, move_to,
    place::{self, Place},
    testing::{FakeClock, Home, account, character, each_database, open, restore},
    verify, verify_file,
};

/// Texts and numbers that something on the way may not like.
const ODD: [&str; 6] = ["", "'quoted' \"twice\"; --", "\\x00 $1 %s", "line\r\n\ttab", "日本語 𐍈 é e\u{301}", "ПрИвЕт"];

/// Some rows in many tables.
async fn fill(storage: &Storage) {
    let owner = account(storage).await;
    for name in ["Lantern", "Ember"] {
        character(storage, owner, name, "Druid").await;
    }
    let odd = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            for (number, text) in (0..).zip(ODD) {
                let extreme = if number % 2 == 0 { i64::MAX - number } else { i64::MIN + number };
                sqlx::query(
                    "INSERT INTO sanctions (id, number, account, kind, reason, decided_by, created_ms, until_ms)
                     VALUES ($1, $1, $2, 'ban', $3, $3, $4, $5)",
                )
                .bind(number)
                .bind(owner.to_sql())
                .bind(text)
                .bind(extreme)
                .bind((number % 3 == 0).then_some(extreme))
                .execute(&mut *connection)
                .await?;
            }
            // More than are copied with one statement.
            let row = |number: usize| format!("('main', 'p', '{number:x}', '{}')", "00ff".repeat(number % 50));
            let rows: Vec<String> = (0..3_000).map(row).collect();
            let text =
                format!("INSERT INTO plugin_keys (realm, plugin, key_hex, value_hex) VALUES {}", rows.join(", "));
            sqlx::query(sqlx::AssertSqlSafe(text)).persistent(false).execute(&mut *connection).await?;
            Ok(())
        })
    });
    odd.await.unwrap();
}

fn rows(tables: &[TableSum], name: &str) -> u64 {
    tables.iter().find(|sum| sum.table == name).unwrap().rows
}

async fn everything_arrives_in_the_other_database_and_the_old_one_stays(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    fill(&storage).await;
    let running = move_to(&home.config(), home.path(), "sqlite:///nowhere", &*clock).await.unwrap_err();
    assert!(matches!(running, StorageError::FolderLocked { .. }), "{running}");
    storage.close().await;
    let before = verify(&home.config(), home.path()).await.unwrap();

    let other = if home.is_server() { Home::sqlite() } else { Home::postgresql() };
    let url = match other.config().url {
        empty if empty.is_empty() => format!("sqlite://{}", other.path().join("realm.sqlite").display()),
        url => url,
    };
    let moved = move_to(&home.config(), home.path(), &url, &*clock).await.unwrap();
    assert_eq!(moved, before.tables, "the same rows with the same content");
    assert_eq!((rows(&moved, "characters"), rows(&moved, "plugin_keys")), (2, 3_000));
    assert_eq!(verify(&home.config(), home.path()).await.unwrap(), before, "the old one is as it was");
    assert_eq!(verify(&other.config(), other.path()).await.unwrap(), before);

    let again = move_to(&home.config(), home.path(), &url, &*clock).await.unwrap_err();
    assert!(again.to_string().contains("holds a realm already"), "{again}");
    assert_eq!(verify(&other.config(), other.path()).await.unwrap(), before);
    let storage = open(&other, &clock).await;
    fill_one_more(&storage).await;
    storage.close().await;
    let grown = verify(&other.config(), other.path()).await.unwrap();
    assert_eq!(rows(&grown.tables, "accounts"), rows(&before.tables, "accounts") + 1);
}

async fn fill_one_more(storage: &Storage) {
    account(storage).await;
}

async fn a_backup_shows_one_moment_while_others_write_and_can_be_restored(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    fill(&storage).await;
    // Each operation writes one row into each of two tables.
    let ended = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (storage, ended) = (storage.clone(), Arc::clone(&ended));
        async move {
            for number in 0.. {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let both = storage.write::<_, StorageError, _>(move |connection| {
                    Box::pin(async move {
                        for statement in [
                            "INSERT INTO owner_tokens (hash, created_ms) VALUES ($1, 0)",
                            "INSERT INTO ladder_seasons (realm, number, name, began_ms) VALUES ($1, 1, '', 0)",
                        ] {
                            sqlx::query(statement).bind(format!("row {number}")).execute(&mut *connection).await?;
                        }
                        Ok(())
                    })
                });
                both.await.unwrap();
            }
        }
    });
    let mut last = None;
    for number in 0..3 {
        let file = home.path().join(format!("backup {number}.sqlite"));
        let made = backup(&home.config(), home.path(), &file).await.unwrap();
        assert_eq!(verify_file(&file).await.unwrap(), made);
        assert_eq!(rows(&made.tables, "owner_tokens"), rows(&made.tables, "ladder_seasons"), "one moment");
        assert_eq!(rows(&made.tables, "plugin_keys"), 3_000);
        last = Some((file, made));
    }
    let (file, made) = last.unwrap();
    let exists = backup(&home.config(), home.path(), &file).await.unwrap_err();
    assert!(exists.to_string().contains("exists"), "{exists}");
    let running = restore(&home.config(), home.path(), &file, &*clock).await.unwrap_err();
    assert!(matches!(running, StorageError::FolderLocked { .. }), "{running}");
    ended.store(true, Ordering::SeqCst);
    writing.await.unwrap();
    fill_one_more(&storage).await;
    storage.close().await;

    let later = verify(&home.config(), home.path()).await.unwrap();
    let restored = restore(&home.config(), home.path(), &file, &*clock).await.unwrap();
    assert_eq!(restored.tables, made.tables);
    assert_eq!(verify(&home.config(), home.path()).await.unwrap(), made);
    let before = verify_file(&restored.before.expect("there was something")).await.unwrap();
    assert_eq!(before, later, "what was there before is not lost");
    let storage = open(&home, &clock).await;
    fill_one_more(&storage).await;
    storage.close().await;
}

#[tokio::test]
async fn no_node_runs_while_everything_is_replaced() {
    let (home, clock) = (Home::postgresql(), FakeClock::new());
    let storage = open(&home, &clock).await;
    fill(&storage).await;
    // Another machine, with another data folder.
    let elsewhere = Home::sqlite();
    let file = elsewhere.path().join("backup.sqlite");
    backup(&home.config(), elsewhere.path(), &file).await.unwrap();
    let before = verify(&home.config(), elsewhere.path()).await.unwrap();
    let target = format!("sqlite://{}", elsewhere.path().join("other.sqlite").display());
    for refused in [
        restore(&home.config(), elsewhere.path(), &file, &*clock).await.map(|_| ()).unwrap_err(),
        move_to(&home.config(), elsewhere.path(), &target, &*clock).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(refused.to_string().contains("stop every node"), "{refused}");
    }
    assert_eq!(verify(&home.config(), elsewhere.path()).await.unwrap().tables, before.tables);
    storage.close().await;
    let mut alone = Place::new(&home.config(), home.path()).unwrap().connect_writer().await.unwrap();
    super::postgresql::claim_alone(&mut alone).await.unwrap();
    let refused = Storage::open(&home.config(), home.path(), 0, clock.clone()).await.err().unwrap();
    assert!(refused.to_string().contains("being restored or moved"), "{refused}");
    alone.close().await.unwrap();
}

async fn a_damaged_backup_is_refused_and_nothing_is_changed(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    fill(&storage).await;
    storage.close().await;
    let file = home.path().join("backup.sqlite");
    backup(&home.config(), home.path(), &file).await.unwrap();
    let before = verify(&home.config(), home.path()).await.unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut torn = whole.clone();
    torn.truncate(whole.len() / 2);
    let mut flipped = whole.clone();
    // The type of a page in the middle.
    let page = usize::from(u16::from_be_bytes([whole[16], whole[17]]));
    flipped[whole.len() / page / 2 * page] ^= 0xFF;
    for damaged in [torn, flipped, b"no database at all".to_vec(), Vec::new()] {
        std::fs::write(&file, damaged).unwrap();
        restore(&home.config(), home.path(), &file, &*clock).await.expect_err("it is damaged");
        assert_eq!(verify(&home.config(), home.path()).await.unwrap(), before);
    }
    std::fs::write(&file, whole).unwrap();
    restore(&home.config(), home.path(), &file, &*clock).await.unwrap();
    assert_eq!(verify(&home.config(), home.path()).await.unwrap(), before);
}

/// A database as the version before the newest left it, with a row.
async fn older(home: &Home) -> (AnyConnection, i64) {
    let old = migrations::known_before();
    let mut connection = Place::new(&home.config(), home.path()).unwrap().connect_writer().await.unwrap();
    migrations::run_until(&mut connection, 0, old).await.unwrap();
    let row = "INSERT INTO owner_tokens (hash, created_ms) VALUES ('old', 0)";
    sqlx::query(row).execute(&mut connection).await.unwrap();
    (connection, old)
}

async fn a_migration_is_preceded_by_a_backup(home: Home) {
    let (connection, old) = older(&home).await;
    connection.close().await.unwrap();
    let newest = migrations::known();
    assert_eq!(Storage::migrate(&home.config(), home.path(), &*FakeClock::new()).await.unwrap(), old);
    assert_eq!(Storage::schema_version(&home.config(), home.path()).await.unwrap(), newest);
    let kept = home.path().join(format!("backups/schema-{old}-before-{newest}.sqlite"));
    let kept_is = verify_file(&kept).await.unwrap();
    assert_eq!((kept_is.schema, rows(&kept_is.tables, "owner_tokens")), (old, 1));
    // It can be gone back to, with the newer program, too.
    let restored = restore(&home.config(), home.path(), &kept, &*FakeClock::new()).await.unwrap();
    assert_eq!(rows(&restored.tables, "owner_tokens"), 1);
    assert_eq!(Storage::schema_version(&home.config(), home.path()).await.unwrap(), newest);
}

async fn who_dies_at_the_end_of_a_migration_leaves_the_old_schema(home: Home) {
    let (mut connection, old) = older(&home).await;
    place::begin(&mut connection).await.unwrap();
    migrations::apply(&mut connection, 0, migrations::known()).await.unwrap();
    // All is done but the commit.
    let crashed = home.another();
    let after = if home.is_server() {
        connection.close_hard().await.unwrap();
        &home
    } else {
        for file in ["realm.sqlite", "realm.sqlite-wal"] {
            std::fs::copy(home.path().join(file), crashed.path().join(file)).unwrap();
        }
        &crashed
    };
    let found = verify(&after.config(), after.path()).await.unwrap();
    assert_eq!((found.schema, rows(&found.tables, "owner_tokens")), (old, 1));
    let made = copy::tables(old).await.unwrap().len();
    assert_eq!(found.tables.len(), made);
    let storage = open(after, &FakeClock::new()).await;
    storage.close().await;
    let found = verify(&after.config(), after.path()).await.unwrap();
    assert_eq!((found.schema, rows(&found.tables, "owner_tokens")), (migrations::known(), 1));
}

async fn what_is_not_there_is_said_so(home: Home) {
    let (config, clock) = (home.config(), FakeClock::new());
    let file = home.path().join("backup.sqlite");
    let missing = [
        backup(&config, home.path(), &file).await.unwrap_err(),
        verify(&config, home.path()).await.unwrap_err(),
        restore(&config, home.path(), &file, &*clock).await.unwrap_err(),
    ];
    for error in missing {
        assert!(error.to_string().starts_with("there is no "), "{error}");
    }
    assert!(!file.exists());
    let same = move_to(&config, home.path(), &config.url, &*clock).await.unwrap_err();
    assert!(!same.to_string().contains(":realm@"), "no password is shown: {same}");
    let nowhere = Config { url: "postgres://realm:secret@127.0.0.1:1/realm".to_owned() };
    let error = verify(&nowhere, home.path()).await.unwrap_err().to_string();
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn every_column_has_one_of_the_two_types_and_every_table_is_copied() {
    let tables = copy::tables(migrations::known()).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let texts = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let made = |text: String| text.matches("CREATE TABLE").count() - text.matches("DROP TABLE").count();
    assert_eq!(tables.len(), texts.map(made).sum::<usize>());
}

#[tokio::test]
async fn sums_tell_rows_apart_and_not_their_order() {
    let home = Home::sqlite();
    let storage = open(&home, &FakeClock::new()).await;
    let tables = copy::tables(migrations::known()).await.unwrap();
    let mut connection = Place::new(&home.config(), home.path()).unwrap().connect_writer().await.unwrap();
    let mut seen: Vec<TableSum> = Vec::new();
    for (rows, same_as) in [
        ("('a', 1), ('b', 2)", None),
        ("('b', 2), ('a', 1)", Some(0)),
        ("('a', 2), ('b', 1)", None),
        ("('ab', 1), ('', 2)", None),
        ("('a', 1)", None),
    ] {
        let fill = format!("DELETE FROM owner_tokens; INSERT INTO owner_tokens (hash, created_ms) VALUES {rows}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&mut connection).await.unwrap();
        let sums = copy::sums(&mut connection, &tables).await.unwrap();
        let sum = sums.into_iter().find(|sum| sum.table == "owner_tokens").unwrap();
        assert_eq!(seen.iter().position(|old| *old == sum), same_as, "{rows}");
        seen.push(sum);
    }
    connection.close().await.unwrap();
    storage.close().await;
}

async fn sanctions_of_older_realms_are_numbered_and_keep_what_they_say(home: Home) {
    let mut connection = Place::new(&home.config(), home.path()).unwrap().connect_writer().await.unwrap();
    migrations::run_until(&mut connection, 0, 5).await.unwrap();
    let account = "INSERT INTO accounts (id, name, folded, password, role, created_ms, version) VALUES (7, 'Ann', 'ann', '', 'player', 0, 1)";
    sqlx::query(account).execute(&mut connection).await.unwrap();
    for (id, until_ms) in [(30, "NULL"), (10, "99"), (20, "NULL")] {
        let row = format!(
            "INSERT INTO sanctions (id, account, kind, reason, decided_by, created_ms, until_ms) \
             VALUES ({id}, 7, 'ban', 'r{id}', 'Owner', 5, {until_ms})"
        );
        sqlx::query(sqlx::AssertSqlSafe(row)).execute(&mut connection).await.unwrap();
    }
    migrations::run(&mut connection, 0).await.unwrap();
    let kept = "SELECT number, reason, until_ms, account FROM sanctions ORDER BY number";
    let rows = sqlx::query(kept).fetch_all(&mut connection).await.unwrap();
    let rows: Vec<(i64, String, Option<i64>, Option<i64>)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect();
    let expected = [(1, "r10", Some(99)), (2, "r20", None), (3, "r30", None)];
    assert_eq!(rows, expected.map(|(number, reason, until_ms)| (number, reason.to_owned(), until_ms, Some(7))));
    connection.close().await.unwrap();
}

each_database! {
    sanctions_of_older_realms_are_numbered_and_keep_what_they_say,
    everything_arrives_in_the_other_database_and_the_old_one_stays,
    a_damaged_backup_is_refused_and_nothing_is_changed,
    a_migration_is_preceded_by_a_backup,
    who_dies_at_the_end_of_a_migration_leaves_the_old_schema,
    what_is_not_there_is_said_so,
}

each_database! { threads:
    a_backup_shows_one_moment_while_others_write_and_can_be_restored,
}
