//! The campaign: many trades at once of the same items among twenty characters. Each item goes over exactly as often as trades say that it
//! did, nobody waits for ever, and nothing is lost or doubled.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    items::{Items, Lock},
    storage::testing::{Home, each_database},
    trade::{
        ending::Ending,
        terms::{Contract, Offered, Promise},
    },
    types::{Code, ItemId},
};

use super::stage::{Player, Stage, resting};

each_database!(threads: of_trades_of_the_same_items_exactly_one_wins);

const PEOPLE: usize = 20;
/// Trades that offer one item at the same time.
const RIVALS: usize = 5;
/// All of them together; a trade that waits longer for ever waits.
const DEADLINE: Duration = Duration::from_secs(600);

fn trades() -> usize {
    if std::env::var_os("REALM_TEST_LONG").is_some() { 10_000 } else { 500 }
}

/// The same as promised, under locks of its own or under none: what two processes that share a realm would do, of which each knows its own
/// locks alone.
async fn unlocked(stage: &Stage, player: &Player, keys: &[ItemId], locks: &Items) -> Promise<Lock> {
    let belongings = stage.of(player).await;
    let mut promise = stage.promise(player, &[], 0).await;
    for key in keys {
        let owned = belongings.get(*key).expect("nothing is moved before all have agreed");
        let guard = Arc::new(locks.lock(&[*key]).expect("nobody else has these locks"));
        promise.items.push(Offered { key: *key, version: owned.version, item: owned.item.clone(), guard });
    }
    promise
}

async fn of_trades_of_the_same_items_exactly_one_wins(home: Home) {
    let stage = Arc::new(Stage::new(home).await);
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let player = stage.player(&format!("P{}", (b'a' + u8::try_from(number).unwrap()) as char)).await;
        stage.endow(&player, 1_000).await;
        stage.give(&player, "ring").await;
        people.push(player);
    }
    let processes: Vec<Items> = (0..RIVALS).map(|_| crate::items::testing::items(&stage.storage)).collect();
    let mut owners: BTreeMap<ItemId, usize> = BTreeMap::new();
    for (number, player) in people.iter().enumerate() {
        owners.insert(stage.keys(player).await[0], number);
    }
    let mut gold = [1_000_i64; PEOPLE];
    let (mut won, mut lost, mut number) = (0, 0, 0);
    let (begin, mut waited) = (Instant::now(), Vec::new());
    while number < trades() {
        // In each round every item is offered in five trades at the same time.
        let mut agreed = Vec::new();
        let round: Vec<(ItemId, usize)> = owners.iter().map(|(item, owner)| (*item, *owner)).collect();
        for (item, owner) in &round {
            for (rival, process) in processes.iter().enumerate() {
                let taker = (owner + 1 + (number + rival * 3) % (PEOPLE - 1)) % PEOPLE;
                number += 1;
                // Half of the trades are opened by who buys.
                let price = i64::try_from(rival).unwrap() + 1;
                let sold = unlocked(&stage, &people[*owner], &[*item], process).await;
                let paid = stage.promise(&people[taker], &[], price).await;
                let sides = if rival % 2 == 0 { [sold, paid] } else { [paid, sold] };
                agreed.push((*item, *owner, taker, price, Contract { sides }));
            }
        }
        let mut running = tokio::task::JoinSet::new();
        for (item, owner, taker, price, contract) in agreed {
            let stage = Arc::clone(&stage);
            running.spawn(async move {
                let asked = Instant::now();
                let ending = stage.exchange.carry_out(stage.trade(), &contract, resting(&contract)).await;
                (item, owner, taker, price, ending, asked.elapsed())
            });
        }
        let mut winners: BTreeMap<ItemId, usize> = BTreeMap::new();
        let all = async {
            while let Some(ended) = running.join_next().await {
                let (item, owner, taker, price, ending, took) = ended.expect("no trade breaks off");
                waited.push(took);
                match ending {
                    Ending::Done(_) => {
                        assert!(winners.insert(item, taker).is_none(), "two trades have won {item}");
                        gold[owner] += price;
                        gold[taker] -= price;
                        won += 1;
                    }
                    other => {
                        let code = other.code().expect("it was not carried out");
                        assert_eq!(code, Code::ItemMoved, "the others come too late: {}", other.sentence());
                        lost += 1;
                    }
                }
            }
        };
        tokio::time::timeout(DEADLINE, all).await.expect("nobody waits for ever");
        assert_eq!(winners.len(), round.len(), "exactly one wins each item");
        owners.extend(winners);
    }
    waited.sort_unstable();
    let part = |percent: usize| waited[(waited.len() - 1) * percent / 100];
    println!("{number} trades in {:?}, {} at once: {won} won, {lost} came too late", begin.elapsed(), PEOPLE * RIVALS);
    println!("an answer took {:?} at the median, {:?} at p99, {:?} at most", part(50), part(99), part(100));
    for (number, player) in people.iter().enumerate() {
        let belongings = stage.of(player).await;
        let mut own: Vec<ItemId> = belongings.items.iter().map(|owned| owned.key).collect();
        own.sort_unstable();
        let expected: Vec<ItemId> =
            owners.iter().filter(|(_, owner)| **owner == number).map(|(item, _)| *item).collect();
        assert_eq!((own, belongings.gold), (expected, gold[number]), "{}", player.name);
    }
    assert_eq!(gold.iter().sum::<i64>(), 1_000 * i64::try_from(PEOPLE).unwrap());
    Arc::into_inner(stage).expect("everybody is done").close().await;
}
