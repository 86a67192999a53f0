//! One effect and one answer for each key, over both databases.

use super::{Answered, KEPT_MS, KEPT_PER_SCOPE_MAX, Kept, KeyRefused, Once, sweep, write};
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
    KeyRefused(#[from] KeyRefused),
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
    assert!(matches!(count(&storage, Some(once("a", "y")), false).await, Err(Failed::KeyRefused(KeyRefused::Reused))));
    assert!(matches!(once("a", "y").before::<Failed>(&storage).await, Err(Failed::KeyRefused(KeyRefused::Reused))));
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

async fn so_many_answers_are_kept_for_one_and_none_is_forgotten_before_its_time(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    assert_eq!(now(count(&storage, Some(once("first", "x")), false).await.unwrap()), 1);
    clock.advance_ms(1_000);
    let (kept_ms, more) = (storage.now_ms(), KEPT_PER_SCOPE_MAX - 1);
    storage
        .write::<_, StorageError, _>(move |connection| {
            Box::pin(async move {
                sqlx::query(
                    "WITH RECURSIVE numbers (number) AS
                     (SELECT CAST(1 AS BIGINT) UNION ALL SELECT number + 1 FROM numbers WHERE number < $1)
                     INSERT INTO kept_answers (scope, idempotency_key, request, body, tag, kept_ms)
                     SELECT 'someone', 'main/' || CAST(number AS TEXT), '', '', '', $2 FROM numbers",
                )
                .bind(more)
                .bind(kept_ms)
                .execute(connection)
                .await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    let full = count(&storage, Some(once("next", "x")), false).await.unwrap_err();
    let Failed::KeyRefused(refused @ KeyRefused::Full { retry_after_ms }) = full else { panic!("{full}") };
    assert_eq!(i64::try_from(retry_after_ms).unwrap(), KEPT_MS - 1_000, "when the first is forgotten");
    let refusal = crate::types::Refusal::from(refused);
    assert_eq!((refusal.code, refusal.retry_after_ms), (Code::RateLimited, Some(retry_after_ms)));
    assert_eq!(before(count(&storage, Some(once("first", "x")), false).await.unwrap()), "the count is 1 \"1\"");
    assert_eq!(now(count(&storage, None, false).await.unwrap()), 2, "without a key, and nothing was counted before");
    let answer = |count: &i64| Kept { body: count.to_string(), tag: String::new() };
    let other = Once::new("main", "other".to_owned(), "next", &[], answer).unwrap();
    assert_eq!(now(count(&storage, Some(other), false).await.unwrap()), 3, "others are not concerned");
    clock.advance_ms(KEPT_MS - 1_000);
    assert_eq!(now(count(&storage, Some(once("next", "x")), false).await.unwrap()), 4, "the first is forgotten");
    storage.close().await;
}

/// Two nodes over one server are asked the same at the same time: each key has one effect, and everybody its answer.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_that_are_asked_at_once_one_does_it() {
    const KEYS: usize = 40;
    let (home, clock) = (Home::postgresql(), FakeClock::new());
    let here = open(&home, &clock).await;
    let there = home.node(&here, &clock).await;
    let tries: Vec<_> = (0..KEYS * 4)
        .map(|number| {
            let storage = if number % 2 == 0 { here.clone() } else { there.storage.clone() };
            let key = format!("key-{}", number / 4);
            tokio::spawn(async move { (number / 4, count(&storage, Some(once(&key, "x")), false).await.unwrap()) })
        })
        .collect();
    let mut answers = vec![std::collections::BTreeSet::new(); KEYS];
    let mut done_now = Vec::new();
    for one in tries {
        let (key, answered) = one.await.unwrap();
        match answered {
            Answered::Now(count) => {
                done_now.push(count);
                answers[key].insert(format!("the count is {count}"));
            }
            Answered::Before(kept) => drop(answers[key].insert(kept.body)),
        }
    }
    done_now.sort_unstable();
    assert_eq!(done_now, (1..=i64::try_from(KEYS).unwrap()).collect::<Vec<_>>(), "one effect for each key");
    assert!(answers.iter().all(|answers| answers.len() == 1), "one answer for each key: {answers:?}");
    there.storage.close().await;
    here.close().await;
}

each_database!(
    so_many_answers_are_kept_for_one_and_none_is_forgotten_before_its_time,
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
