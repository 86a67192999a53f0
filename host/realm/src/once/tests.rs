//! One effect and one answer for each key, over both databases.

use super::{Answered, KEPT_MS, Kept, KeyReused, Once, sweep, write};
use crate::{
    storage::{
        Storage, StorageError,
        testing::{FakeClock, Home, each_database, open},
    },
    types::Code,
};

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    #[error("no")]
    No,
}

fn once(key: &str, request: &str) -> Once<i64> {
    let answer = |count: &i64| Kept { body: format!("the count is {count}"), tag: format!("\"{count}\"") };
    Once::new("main", "someone".to_owned(), key, &[b"POST", request.as_bytes()], answer).unwrap()
}

/// Counts up in a table of its own; `fails` after it has counted.
async fn count(storage: &Storage, once: Option<Once<i64>>, fails: bool) -> Result<Answered<i64>, Failed> {
    write(storage, once, move |connection| {
        Box::pin(async move {
            let counted = sqlx::query(
                "INSERT INTO nodes (node, key_ceiling) VALUES (1000, 1)
                 ON CONFLICT (node) DO UPDATE SET key_ceiling = nodes.key_ceiling + 1 RETURNING key_ceiling",
            );
            let row = counted.fetch_one(connection).await.map_err(StorageError::from)?;
            if fails {
                return Err(Failed::No);
            }
            Ok(sqlx::Row::try_get(&row, 0).map_err(StorageError::from)?)
        })
    })
    .await
}

fn now(answered: Answered<i64>) -> i64 {
    match answered {
        Answered::Now(count) => count,
        Answered::Before(kept) => panic!("it was done before: {kept:?}"),
    }
}

fn before(answered: Answered<i64>) -> String {
    match answered {
        Answered::Now(count) => panic!("it was done now: {count}"),
        Answered::Before(Kept { body, tag }) => format!("{body} {tag}"),
    }
}

async fn of_requests_under_one_key_one_has_an_effect_and_all_its_answer(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    assert_eq!(now(count(&storage, None, false).await.unwrap()), 1);
    assert_eq!(now(count(&storage, Some(once("a", "x")), false).await.unwrap()), 2);
    for _ in 0..3 {
        assert_eq!(before(count(&storage, Some(once("a", "x")), false).await.unwrap()), "the count is 2 \"2\"");
    }
    assert!(matches!(count(&storage, Some(once("a", "y")), false).await, Err(Failed::KeyReused(_))));
    assert!(matches!(once("a", "y").before::<Failed>(&storage).await, Err(Failed::KeyReused(_))));
    assert_eq!(once("a", "x").before::<Failed>(&storage).await.unwrap().unwrap().tag, "\"2\"");
    assert_eq!(once("b", "x").before::<Failed>(&storage).await.unwrap(), None);
    assert_eq!(now(count(&storage, Some(once("b", "x")), false).await.unwrap()), 3);

    clock.advance_ms(KEPT_MS - 1);
    assert_eq!(before(count(&storage, Some(once("a", "x")), false).await.unwrap()), "the count is 2 \"2\"");
    clock.advance_ms(1);
    assert_eq!(now(count(&storage, Some(once("a", "z")), false).await.unwrap()), 4, "a day later the key is new");
    sweep(&storage).await.unwrap();
    assert_eq!(once("b", "x").before::<Failed>(&storage).await.unwrap(), None);
    assert_eq!(before(count(&storage, Some(once("a", "z")), false).await.unwrap()), "the count is 4 \"4\"");
}

async fn what_was_refused_is_not_kept(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    assert!(matches!(count(&storage, Some(once("a", "x")), true).await, Err(Failed::No)));
    assert_eq!(now(count(&storage, Some(once("a", "x")), false).await.unwrap()), 1);
}

async fn of_many_at_once_one_has_an_effect(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let storage = storage.clone();
            tokio::spawn(async move { count(&storage, Some(once("a", "x")), false).await.unwrap() })
        })
        .collect();
    let mut done_now = 0;
    for answer in tries {
        match answer.await.unwrap() {
            Answered::Now(1) => done_now += 1,
            Answered::Now(other) => panic!("it was done {other} times"),
            Answered::Before(kept) => assert_eq!(kept.body, "the count is 1"),
        }
    }
    assert_eq!(done_now, 1);
}

each_database!(
    of_requests_under_one_key_one_has_an_effect_and_all_its_answer,
    what_was_refused_is_not_kept,
    of_many_at_once_one_has_an_effect,
);

#[test]
fn keys_that_nobody_can_mean_are_refused() {
    let answer = |_: &()| Kept { body: String::new(), tag: String::new() };
    let long = "k".repeat(129);
    for key in ["", "two words", "tab\t", "é", long.as_str()] {
        let refused = Once::new("main", String::new(), key, &[], answer).unwrap_err();
        assert_eq!(refused.code, Code::IdempotencyKeyInvalid, "{key:?}");
    }
    assert!(Once::new("main", String::new(), &long[1..], &[], answer).is_ok());
}
