//! What needs no rule: order, classes, deletion. The score itself is the plugin's, in the end-to-end tests.

use std::sync::Arc;

use realm_world::{Class, Sheet};

use super::{Ladder, store, store_score};
use crate::{
    audit::{By, Who},
    characters::Character,
    hooks::{Hooks, Rank},
    once::Answered,
    storage::{
        Storage,
        testing::{self, FakeClock, Home, each_database, open},
    },
    types::CharacterName,
};

/// Stores an account and a character of it, as far as the ladder looks at them.
async fn character(storage: &Storage, name: &str, class: Class) -> Character {
    let account = testing::account(storage).await;
    Character {
        id: testing::character(storage, account, name, class.name()).await,
        account,
        name: CharacterName::new(name).unwrap(),
        sheet: Sheet::newborn(class, false),
        created_ms: 0,
        played_last_ms: None,
        play_time_ms: 0,
        version: 1,
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as a rule says it")]
fn plain(score: u64) -> Option<Rank> {
    Some(Rank { score, tie_break: 0 })
}

async fn names(storage: &Storage, class: Option<Class>) -> Vec<(u64, String)> {
    let top = store::top(storage.reader(), "main", class, 10).await.unwrap();
    top.into_iter().map(|entry| (entry.rank, entry.name)).collect()
}

async fn the_best_come_first_among_equals_who_was_there_first(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let realm: Arc<str> = "main".into();
    let mut low = character(&storage, "Low", Class::Druid).await;
    let first = character(&storage, "First", Class::Amazon).await;
    let second = character(&storage, "Second", Class::Druid).await;
    for (who, score) in [(&low, 10), (&first, 50), (&second, 50)] {
        store_score(&storage, &realm, who, plain(score)).await.unwrap();
        clock.advance_ms(1);
    }
    // The same score again does not cost the place.
    store_score(&storage, &realm, &first, plain(50)).await.unwrap();
    let place = |rank: u64, name: &str| (rank, name.to_owned());
    assert_eq!(names(&storage, None).await, [place(1, "First"), place(2, "Second"), place(3, "Low")]);
    assert_eq!(names(&storage, Some(Class::Druid)).await, [place(1, "Second"), place(2, "Low")]);
    assert_eq!(names(&storage, Some(Class::Paladin)).await, []);
    let cut = store::top(storage.reader(), "main", None, 1).await.unwrap();
    assert_eq!((cut.len(), cut[0].score, cut[0].class), (1, 50, Class::Amazon));

    low.version = 3;
    store_score(&storage, &realm, &low, plain(u64::MAX)).await.unwrap();
    low.version = 2;
    store_score(&storage, &realm, &low, plain(1)).await.unwrap();
    assert_eq!(names(&storage, None).await[0], place(1, "Low"), "an older version never replaces a newer one");
    store_score(&storage, &realm, &second, None).await.unwrap();
    testing::delete_character(&storage, first.id).await;
    assert_eq!(names(&storage, None).await, [place(1, "Low")], "left out by the rule, and deleted");
    storage.close().await;
}

async fn whoever_asks_finds_those_around_a_character_with_their_places(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let one = character(&storage, "Climber", Class::Druid).await;
    // More than two marks, many of them equal; one in seven is deleted.
    let account = one.account.to_sql();
    let filling = storage.write::<_, crate::storage::StorageError, _>(move |connection| {
        Box::pin(async move {
            for statement in [
                "WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < 800)
                 INSERT INTO characters (id, realm, account, name, folded, class, level, experience, strength, dexterity,
                 vitality, energy, hardcore, dead, created_ms, play_time_ms, version, lease_epoch, leased, deleted_ms)
                 SELECT n, 'main', $1, CAST(n AS TEXT), CAST(n AS TEXT), 'Druid', 1, n, 20, 20, 20, 20, 0, 0, 0, 0, 1, 0, 0,
                 CASE WHEN n % 7 = 0 THEN 1 END FROM numbers",
                "INSERT INTO ladder_scores (character_id, realm, class, score, level, experience, dead, scored_ms,
                 character_version, tie_break)
                 SELECT id, 'main', 'Druid', (id * 37) % 101, 1, id, 0, id % 5, 1, id % 3 FROM characters WHERE account = $1
                 AND experience > 0",
            ] {
                sqlx::query(statement).bind(account).execute(&mut *connection).await?;
            }
            Ok(())
        })
    });
    filling.await.unwrap();
    let ladder = Ladder::new("main", storage.clone(), Hooks::without_plugins());
    assert_eq!(ladder.around(one.id, 3).await.unwrap(), [], "it has no score");
    let all = store::top(storage.reader(), "main", None, 1_000).await.unwrap();
    assert_eq!(all.len(), 686);
    for place in [0, 1, 2, 3, 23, 24, 25, 26, 27, 49, 50, 51, 250, 398, 399, 400, 401, 600, 684, 685] {
        let seen = ladder.around(all[place].character, 2).await.unwrap();
        assert_eq!(seen, all[place.saturating_sub(2)..all.len().min(place + 3)], "around place {}", place + 1);
    }
    // A mark goes: from then on it is counted.
    testing::delete_character(&storage, all[24].character).await;
    let seen = ladder.around(all[30].character, 0).await.unwrap();
    assert_eq!((seen[0].character, seen[0].rank), (all[30].character, 30));
    storage.close().await;
}

async fn scores_follow_their_characters_to_another_key_of_the_realm(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let low = character(&storage, "Low", Class::Druid).await;
    store_score(&storage, &"Emberfall".into(), &low, plain(10)).await.unwrap();
    assert_eq!(names(&storage, None).await, [], "it stands under the old key");
    for _ in 0..2 {
        Ladder::new("main", storage.clone(), Hooks::without_plugins()).follow_characters().await.unwrap();
        assert_eq!(names(&storage, None).await, [(1, "Low".to_owned())]);
    }
    storage.close().await;
}

async fn equal_scores_are_ordered_by_the_tie_break(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    for (name, score, tie_break) in [("Early", 50, 1), ("Better", 50, 9), ("Best", 51, 0)] {
        let who = character(&storage, name, Class::Druid).await;
        store_score(&storage, &"main".into(), &who, Some(Rank { score, tie_break })).await.unwrap();
        clock.advance_ms(1);
    }
    let order: Vec<_> = names(&storage, None).await.into_iter().map(|(_, name)| name).collect();
    assert_eq!(order, ["Best", "Better", "Early"]);
    storage.close().await;
}

async fn pages_go_on_where_the_one_before_ended_whatever_moves(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let ladder = Ladder::new("main", storage.clone(), Hooks::without_plugins());
    let mut all = Vec::new();
    // Two by two they have one score, of these two by two one tie-break, and some one time.
    for number in 0..9_u64 {
        let class = if number.is_multiple_of(3) { Class::Druid } else { Class::Amazon };
        let who = character(&storage, &format!("Nr-{number}"), class).await;
        let rank = Rank { score: 100 - number / 4 * 10, tie_break: 9 - number / 2 % 2 };
        store_score(&storage, &"main".into(), &who, Some(rank)).await.unwrap();
        clock.advance_ms(i64::try_from(number % 2).unwrap());
        all.push(who);
    }
    for class in [None, Some(Class::Druid)] {
        let expected = store::top(storage.reader(), "main", class, 100).await.unwrap();
        for limit in 1..=4 {
            let (mut found, mut behind) = ladder.page(class, None, limit).await.unwrap();
            while behind.is_some() {
                let (page, next) = ladder.page(class, behind, limit).await.unwrap();
                found.extend(page);
                behind = next;
            }
            assert_eq!(found, expected, "{class:?} {limit}");
        }
    }
    // Who rises from behind is not seen, and who was seen is not seen again.
    let (first, behind) = ladder.page(None, None, 4).await.unwrap();
    let mut risen = all.pop().unwrap();
    risen.version = 2;
    store_score(&storage, &"main".into(), &risen, plain(1_000)).await.unwrap();
    testing::delete_character(&storage, first[3].character).await;
    let (rest, _) = ladder.page(None, behind, 100).await.unwrap();
    let names: Vec<_> = rest.iter().map(|entry| (entry.rank, entry.name.clone())).collect();
    let expected: Vec<_> = (4..8).map(|number| (number + 1, format!("Nr-{number}"))).collect();
    assert_eq!(names, expected);
    storage.close().await;
}

fn operator() -> By {
    By { realm: "main".into(), who: Who::Operator, reason: String::new() }
}

async fn a_season_ends_once_and_its_best_are_kept(home: Home) {
    let clock = FakeClock::new();
    let storage = open(&home, &clock).await;
    let ladder = Ladder::new("main", storage.clone(), Hooks::without_plugins());
    for (name, score) in [("Low", 1), ("High", 2)] {
        let who = character(&storage, name, Class::Druid).await;
        store_score(&storage, &"main".into(), &who, plain(score)).await.unwrap();
    }
    let running = ladder.season().await.unwrap();
    assert_eq!((running.number, running.name.as_str()), (1, "Season 1"));
    let Answered::Now((ended, standings)) = ladder.end_season(operator(), "Winter", None).await.unwrap() else {
        panic!("it has not ended before");
    };
    assert_eq!((ended.number, ended.ended_ms), (1, Some(storage.now_ms())));
    assert_eq!(standings.iter().map(|place| place.name.as_str()).collect::<Vec<_>>(), ["High", "Low"]);
    assert_eq!(names(&storage, None).await, [], "everybody begins anew");
    assert_eq!(ladder.season().await.unwrap().name, "Winter");
    assert_eq!(ladder.seasons().await.unwrap(), [ended]);
    assert_eq!(ladder.standings(1).await.unwrap(), standings);

    clock.advance_ms(5);
    ladder.end_season(operator(), "", None).await.unwrap();
    assert_eq!(ladder.season().await.unwrap().name, "Season 3");
    assert_eq!(ladder.seasons().await.unwrap().len(), 2);
    assert!(ladder.end_season(operator(), &"x".repeat(33), None).await.is_err());
    storage.close().await;
}

each_database! {
    pages_go_on_where_the_one_before_ended_whatever_moves,
    whoever_asks_finds_those_around_a_character_with_their_places,
    the_best_come_first_among_equals_who_was_there_first,
    scores_follow_their_characters_to_another_key_of_the_realm,
    equal_scores_are_ordered_by_the_tie_break,
    a_season_ends_once_and_its_best_are_kept,
}
