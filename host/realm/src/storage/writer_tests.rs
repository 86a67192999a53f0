//! What passes the queue, and what comes to the database together.

use std::sync::{Arc, Mutex};

use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    Change, Changed, Connection, Storage, StorageError, WriteFuture,
    testing::{FakeClock, Home, each_database, hold, open, queued, queued_urgently},
    writer,
};

type Log = Arc<Mutex<Vec<Vec<i64>>>>;

async fn insert(connection: &mut Connection, hash: &str) -> Result<(), StorageError> {
    sqlx::query("INSERT INTO owner_tokens (hash, created_ms) VALUES ($1, 0)").bind(hash).execute(connection).await?;
    Ok(())
}

async fn stored(storage: &Storage) -> Vec<String> {
    let rows = sqlx::query_scalar("SELECT hash FROM owner_tokens").fetch_all(storage.reader()).await;
    let mut hashes: Vec<String> = rows.unwrap();
    hashes.sort();
    hashes
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

/// A row that is put into the database; notes with which others.
struct Row {
    key: i64,
    hash: String,
    log: Log,
}

impl Change for Row {
    type Answer = i64;
    type Error = StorageError;

    fn key(&self) -> i64 {
        self.key
    }

    fn carry_out<'c>(
        connection: &'c mut Connection,
        changes: &'c [&'c Self],
    ) -> WriteFuture<'c, Result<Changed<Self>, StorageError>> {
        Box::pin(async move {
            changes[0].log.lock().unwrap().push(changes.iter().map(|row| row.key).collect());
            let mut outcomes = Vec::new();
            for row in changes {
                assert_ne!(row.hash, "panic", "on purpose");
                if row.hash == "locked" {
                    // As of a row that somebody else holds.
                    return Err(StorageError::Unavailable("locked".to_owned()));
                }
                if row.hash == "refused" {
                    outcomes.push(Err(StorageError::Unavailable("refused".to_owned())));
                    continue;
                }
                insert(connection, &row.hash).await?;
                outcomes.push(Ok(row.key));
            }
            Ok(outcomes)
        })
    }
}

/// Queues changes one behind the other while the writer is held, and then lets it go.
async fn together(
    storage: &Storage,
    rows: &[(i64, &str)],
) -> (Vec<JoinHandle<Result<i64, StorageError>>>, Vec<Vec<i64>>) {
    let (log, gate) = (Log::default(), hold(storage).await);
    let mut asked = Vec::new();
    for (number, (key, hash)) in rows.iter().enumerate() {
        let row = Row { key: *key, hash: (*hash).to_owned(), log: Arc::clone(&log) };
        let storage = storage.clone();
        asked.push(tokio::spawn({
            let storage = storage.clone();
            async move { storage.write_change(row).await }
        }));
        until(|| queued(&storage) > number).await;
    }
    gate.send(()).unwrap();
    until(|| asked.iter().all(JoinHandle::is_finished)).await;
    let log = log.lock().unwrap().clone();
    (asked, log)
}

async fn changes_that_wait_together_are_carried_out_together_and_none_fails_for_another(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let rows = [(1, "one"), (2, "two"), (3, "refused"), (4, "four")];
    let (asked, log) = together(&storage, &rows).await;
    assert_eq!(log, [[1, 2, 3, 4]], "in one piece");
    for ((key, hash), answer) in rows.into_iter().zip(asked) {
        assert_eq!(answer.await.unwrap().ok(), (hash != "refused").then_some(key), "{hash}");
    }
    assert_eq!(stored(&storage).await, ["four", "one", "two"]);

    for bad in ["one", "panic", "locked"] {
        let rows = [(5, "five"), (6, bad), (7, "seven")].map(|(key, hash)| (key, hash, format!("{hash} {bad}")));
        let rows = rows.each_ref().map(|(key, hash, own)| (*key, if *key == 6 { *hash } else { own.as_str() }));
        let (asked, log) = together(&storage, &rows).await;
        assert_eq!(log, [vec![5, 6, 7], vec![5], vec![6], vec![7]], "the statement of all is undone, then each alone");
        for ((key, _), answer) in rows.into_iter().zip(asked) {
            match answer.await.unwrap() {
                Ok(told) => assert!(told == key && key != 6),
                Err(StorageError::Conflict) => assert!(key == 6 && bad == "one"),
                Err(StorageError::Unavailable(text)) => assert!(key == 6 && text == bad, "{text}"),
                Err(StorageError::Statement(text)) => assert!(key == 6 && text.contains("on purpose"), "{text}"),
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!(stored(&storage).await.len(), 3 + 3 * 2);
    storage.close().await;
}

async fn two_changes_of_one_thing_and_what_stands_between_others_keep_their_order(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let (asked, log) = together(&storage, &[(1, "a"), (2, "b"), (1, "c"), (3, "d")]).await;
    assert_eq!(log, [[1, 2], [1, 3]]);
    for answer in asked {
        answer.await.unwrap().unwrap();
    }
    let many: Vec<(i64, String)> = (10..200).map(|key| (key, format!("row {key}"))).collect();
    let many: Vec<(i64, &str)> = many.iter().map(|(key, hash)| (*key, hash.as_str())).collect();
    let (asked, log) = together(&storage, &many).await;
    assert_eq!(log.concat(), (10..200).collect::<Vec<_>>(), "first come, first served");
    assert!(log.len() < 10 && log.iter().all(|piece| piece.len() <= 64), "in pieces with a limit: {log:?}");
    for answer in asked {
        answer.await.unwrap().unwrap();
    }

    let (log, gate) = (Log::default(), hold(&storage).await);
    let mut asked = Vec::new();
    for (number, key) in [300_i64, 301, 302].into_iter().enumerate() {
        let (storage, log) = (storage.clone(), Arc::clone(&log));
        asked.push(tokio::spawn({
            let storage = storage.clone();
            async move {
                if key != 301 {
                    return storage.write_change(Row { key, hash: format!("row {key}"), log }).await.map(drop);
                }
                let noting = storage.write::<_, StorageError, _>(move |_| {
                    log.lock().unwrap().push(vec![301]);
                    Box::pin(async { Ok(()) })
                });
                noting.await
            }
        }));
        until(|| queued(&storage) > number).await;
    }
    gate.send(()).unwrap();
    for answer in asked {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(*log.lock().unwrap(), [[300], [301], [302]], "an operation between two changes stays between them");
    storage.close().await;
}

async fn an_urgent_write_passes_a_full_queue_and_is_committed_without_it(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let gate = hold(&storage).await;
    // More than fit: some wait before the queue.
    let found: Arc<Mutex<Vec<bool>>> = Arc::default();
    let ordinary: Vec<_> = (0..writer::QUEUE_MAX + 10)
        .map(|_| {
            let (storage, found) = (storage.clone(), Arc::clone(&found));
            tokio::spawn(async move {
                let own = storage.clone();
                let looking = storage.write::<_, StorageError, _>(move |_| {
                    Box::pin(async move {
                        if found.lock().unwrap().is_empty() {
                            let committed = stored(&own).await.contains(&"urgent".to_owned());
                            found.lock().unwrap().push(committed);
                        }
                        Ok(())
                    })
                });
                looking.await
            })
        })
        .collect();
    until(|| queued(&storage) == writer::QUEUE_MAX).await;
    let urgent = tokio::spawn({
        let storage = storage.clone();
        async move {
            let writing = storage.write_urgently::<_, StorageError, _>(|connection| {
                Box::pin(async move { insert(connection, "urgent").await })
            });
            writing.await
        }
    });
    until(|| queued_urgently(&storage) == 1).await;
    gate.send(()).unwrap();
    urgent.await.unwrap().unwrap();
    for answer in ordinary {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(*found.lock().unwrap(), [true], "it was committed before the first of the others began");
    storage.close().await;
}

/// An urgent operation that says when it runs, waits, and then takes its transaction away, as a device or a server does that fails.
fn breaking(
    storage: &Storage,
    is_server: bool,
) -> (JoinHandle<Result<(), StorageError>>, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let ((runs, running), (go, gone)) = (oneshot::channel(), oneshot::channel::<()>());
    let statement = if is_server { "SELECT pg_terminate_backend(pg_backend_pid())" } else { "COMMIT" };
    let storage = storage.clone();
    let task = tokio::spawn(async move {
        let breaking = storage.write_urgently::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                runs.send(()).unwrap();
                gone.await.unwrap();
                sqlx::raw_sql(statement).execute(connection).await?;
                Ok(())
            })
        });
        breaking.await
    });
    (task, running, go)
}

async fn urgent_writes_to_a_database_that_fails_keep_nobody_waiting(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let (first, running, go) = breaking(&storage, home.is_server());
    running.await.unwrap();
    let (second, running, go_on) = breaking(&storage, home.is_server());
    until(|| queued_urgently(&storage) == 1).await;
    go.send(()).unwrap();
    assert!(first.await.unwrap().is_err());
    // The next try of the database that has failed is the second urgent write; another write waits meanwhile.
    running.await.unwrap();
    let other = tokio::spawn({
        let storage = storage.clone();
        async move {
            storage
                .write::<_, StorageError, _>(|connection| Box::pin(async { insert(connection, "other").await }))
                .await
        }
    });
    until(|| queued(&storage) == 1).await;
    go_on.send(()).unwrap();
    assert!(second.await.unwrap().is_err());
    other.await.unwrap().expect_err("it is told at once that the database fails, and does not wait for its turn");
    assert_eq!(stored_after_recovery(&storage).await, Vec::<String>::new());
    storage.close().await;
}

/// What is stored once the database takes writes again.
async fn stored_after_recovery(storage: &Storage) -> Vec<String> {
    let nothing = storage.write::<_, StorageError, _>(|_| Box::pin(async { Ok(()) }));
    nothing.await.expect("the database is back");
    stored(storage).await
}

each_database! {
    urgent_writes_to_a_database_that_fails_keep_nobody_waiting,
    changes_that_wait_together_are_carried_out_together_and_none_fails_for_another,
    two_changes_of_one_thing_and_what_stands_between_others_keep_their_order,
    an_urgent_write_passes_a_full_queue_and_is_committed_without_it,
}
