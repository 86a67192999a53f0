//! What a search finds.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::types::Clock;

each_database!(
    everything_that_is_asked_for_has_to_fit,
    pages_find_everything_however_little_of_it_fits,
    a_page_that_takes_long_is_given_with_what_was_found,
);
each_database!(threads: what_stays_is_found_once_while_others_come_and_go);

/// A ring with properties of its own.
fn ring(fair: &Fair, quality: Quality, level: u32, rolls: &[(Property, i32)]) -> Item {
    let catalogue = fair.items.catalogue();
    let roll = |(property, value): &(Property, i32)| {
        let affix = catalogue.affixes().iter().find(|affix| affix.line.property == *property);
        Roll::Affix { key: affix.expect("an affix gives it").key.clone(), value: *value }
    };
    let item = Item { quality, ..catalogue.plain("ring", level).unwrap() };
    Item { rolls: rolls.iter().map(roll).collect(), identified: true, ..item }
}

/// Puts an offer with any properties into the tables, past every rule of what items are.
async fn offer_of(fair: &Fair, seller: Holder, item: &Item, price: i64) -> OfferId {
    let plain_key = fair.give(seller, plain(&fair.items, "ring", 1), (0, 0)).await;
    let (own, item) = (fair.market.clone(), item.clone());
    let id: OfferId = fair.storage.ids().next(fair.storage.now_ms());
    fair.storage
        .write::<_, MarketError, _>(move |connection| {
            Box::pin(async move {
                let mut operation = own.items.begin("test", crate::items::Doer::Realm);
                let hands = operation.enter(connection, &seller).await?;
                let owned = hands.get(plain_key)?.clone();
                let shown = crate::items::Owned { item: item.clone(), ..owned.clone() };
                let kind = own.items.catalogue().kind_of(&item).unwrap();
                let now_ms = operation.now_ms();
                let ends_ms = now_ms + HOUR_MS;
                let (listed_ms, seller) = (now_ms, seller.character);
                let new = crate::market::store::NewOffer {
                    id,
                    seller,
                    hardcore: false,
                    item: &shown,
                    kind,
                    price,
                    listed_ms,
                    ends_ms,
                };
                let properties = crate::market::offer::properties(own.items.catalogue(), &item);
                crate::market::store::insert(connection, "main", &new, &properties).await?;
                operation.relocate(connection, &owned, crate::items::Place::Offer(id)).await?;
                operation.finish(connection).await?;
                Ok(())
            })
        })
        .await
        .unwrap();
    id
}

async fn everything_that_is_asked_for_has_to_fit(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 0).await, fair.trader("bob", 0).await);
    let strong = ring(&fair, Quality::Magic, 10, &[(Property::Strength, 5)]);
    let lively = ring(&fair, Quality::Rare, 40, &[(Property::Life, 30), (Property::Strength, 9)]);
    let plain_one = ring(&fair, Quality::Normal, 70, &[]);
    let a = offer_of(&fair, ann, &strong, 100).await;
    let b = offer_of(&fair, ann, &lively, 50).await;
    let c = offer_of(&fair, bob, &plain_one, 50).await;
    let d = offer_of(&fair, bob, &lively, 700).await;
    let any = Wanted::default();
    let with = |properties: &[(Property, i32)]| Wanted { properties: properties.to_vec(), ..Wanted::default() };
    for (wanted, expected) in [
        (any.clone(), vec![b, c, a, d]),
        (Wanted { order: Order::Newest, ..any.clone() }, vec![d, c, b, a]),
        (Wanted { kind: Some(Kind::Ring), ..any.clone() }, vec![b, c, a, d]),
        (Wanted { kind: Some(Kind::Sword), ..any.clone() }, vec![]),
        (Wanted { base: "ring".to_owned(), ..any.clone() }, vec![b, c, a, d]),
        (Wanted { base: "moon".to_owned(), ..any.clone() }, vec![]),
        (Wanted { quality: Some(Quality::Rare), ..any.clone() }, vec![b, d]),
        (
            Wanted { kind: Some(Kind::Ring), quality: Some(Quality::Rare), order: Order::Newest, ..any.clone() },
            vec![d, b],
        ),
        (Wanted { level_min: 40, ..any.clone() }, vec![b, c, d]),
        (Wanted { level_min: 11, level_max: 69, order: Order::Newest, ..any.clone() }, vec![d, b]),
        (Wanted { price_min: 51, ..any.clone() }, vec![a, d]),
        (Wanted { price_min: 50, price_max: 100, ..any.clone() }, vec![b, c, a]),
        (Wanted { price_max: 99, order: Order::Newest, ..any.clone() }, vec![c, b]),
        (Wanted { price_min: i64::MIN, price_max: i64::MAX, ..any.clone() }, vec![b, c, a, d]),
        (Wanted { seller: "BOB".to_owned(), ..any.clone() }, vec![c, d]),
        (Wanted { seller: "Bob".to_owned(), quality: Some(Quality::Normal), ..any.clone() }, vec![c]),
        (Wanted { seller: "nobody".to_owned(), ..any.clone() }, vec![]),
        (with(&[(Property::Strength, 5)]), vec![b, a, d]),
        (with(&[(Property::Strength, 6)]), vec![b, d]),
        (with(&[(Property::Life, 1), (Property::Strength, 9)]), vec![b, d]),
        (with(&[(Property::Life, 31)]), vec![]),
        (Wanted { order: Order::Newest, ..with(&[(Property::Strength, 0)]) }, vec![d, b, a]),
        (Wanted { price_max: 60, ..with(&[(Property::Strength, 5)]) }, vec![b]),
        (Wanted { base: "ring".to_owned(), level_max: 39, ..with(&[(Property::Strength, 1)]) }, vec![a]),
    ] {
        assert_eq!(fair.search(&wanted).await, expected, "{wanted:?}");
    }
    let four = with(&[(Property::Life, 1); 4]);
    assert_eq!(code(fair.market.search(&four, None, 10).await.map(|_| ())), "REQUEST_INVALID");
    let first = fair.market.search(&any, None, 1).await.unwrap().next;
    let other = Wanted { order: Order::Newest, ..any.clone() };
    assert_eq!(code(fair.market.search(&other, first, 10).await.map(|_| ())), "REQUEST_INVALID");
    let own = fair.market.of_account(bob.account, None, 100).await.unwrap();
    assert_eq!(own.iter().map(|offer| offer.id).collect::<Vec<_>>(), [d, c]);
    fair.storage.close().await;
}

/// More offers than a walk looks at, of which few fit: pages go on until all are found, by every way.
async fn pages_find_everything_however_little_of_it_fits(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let ann = fair.trader("ann", 0).await;
    let rare = 17;
    fill(&fair, ann, 2_500, rare).await;
    let expected = 2_500_usize.div_ceil(rare);
    for order in [Order::Price, Order::Newest] {
        let any = || Wanted { level_min: 99, order, ..Wanted::default() };
        for wanted in [
            any(),
            Wanted { kind: Some(Kind::Ring), ..any() },
            Wanted { quality: Some(Quality::Magic), ..any() },
            Wanted { kind: Some(Kind::Ring), quality: Some(Quality::Magic), ..any() },
            Wanted { base: "ring".to_owned(), ..any() },
            Wanted { properties: vec![(Property::Strength, 1)], ..any() },
            Wanted { properties: vec![(Property::Life, 1)], level_min: 1, ..any() },
        ] {
            let (mut seen, mut behind): (Vec<Offer>, _) = (Vec::new(), None);
            for page in 0.. {
                assert!(page < 200, "{wanted:?} comes to an end");
                let found = fair.market.search(&wanted, behind, 20).await.unwrap();
                assert!(found.offers.len() <= 20);
                seen.extend(found.offers);
                behind = found.next;
                if behind.is_none() {
                    break;
                }
            }
            assert_eq!(seen.len(), expected, "{wanted:?}");
            let sorted = seen.is_sorted_by(|one, other| match order {
                Order::Price => (one.price, one.id) < (other.price, other.id),
                Order::Newest => one.id > other.id,
            });
            assert!(sorted, "{wanted:?}");
        }
    }
    fair.storage.close().await;
}

/// Time passes whenever somebody asks for it.
struct Restless(Arc<FakeClock>);

impl Clock for Restless {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }

    fn steady_ms(&self) -> i64 {
        self.0.advance_ms(8);
        self.0.steady_ms()
    }
}

/// Each page ends after one step, and all that fits is found all the same.
async fn a_page_that_takes_long_is_given_with_what_was_found(home: Home) {
    let clock = FakeClock::new();
    let restless = Arc::new(Restless(Arc::clone(&clock)));
    let storage = Storage::open(&home.config(), home.path(), 0, restless).await.unwrap();
    let fair = Fair::over(storage, clock, Config::default());
    let ann = fair.trader("ann", 0).await;
    fill(&fair, ann, 1_000, 17).await;
    let wanted = Wanted { level_min: 99, ..Wanted::default() };
    let (mut sizes, mut behind) = (Vec::new(), None);
    for _ in 0..100 {
        let found = fair.market.search(&wanted, behind, 20).await.unwrap();
        sizes.push(found.offers.len());
        behind = found.next;
        if behind.is_none() {
            break;
        }
    }
    assert_eq!(sizes.iter().sum::<usize>(), 1_000_usize.div_ceil(17), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 12), "a step of two hundred has no more of them: {sizes:?}");
    fair.storage.close().await;
}

/// However many offers are listed and withdrawn among them during a search: those that stay are found, and found once.
async fn what_stays_is_found_once_while_others_come_and_go(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 0).await, fair.trader("bob", 100_000).await);
    let rare = 17;
    fill(&fair, ann, 1_000, rare).await;
    let (market, items, is_over) = (fair.market.clone(), fair.items.clone(), Arc::new(AtomicBool::new(false)));
    let over = Arc::clone(&is_over);
    let coming_and_going = tokio::spawn(async move {
        let mut changes = 0;
        let ring = plain(&items, "ring", 1);
        while !over.load(Ordering::Relaxed) {
            for price in [1, 9, 22, 35, 48, 60, 75, 90] {
                let item = give(&items, bob.character, ring.clone(), inventory(0, 0)).await.unwrap();
                let goods = Goods { item, price, hours: 24 };
                let offer = now(market.list(bob, goods, None).await.unwrap()).offer;
                now(market.withdraw(bob.account, offer.id, None).await.unwrap());
                changes += 1;
            }
        }
        changes
    });
    let stays = |offer: &Offer| offer.seller == ann.character;
    for round in 0..24 {
        let order = if round % 2 == 0 { Order::Price } else { Order::Newest };
        let wanted = Wanted { level_min: 99, order, ..Wanted::default() };
        let (mut seen, mut behind) = (Vec::new(), None);
        for _ in 0..100 {
            let found = fair.market.search(&wanted, behind, 100).await.unwrap();
            seen.extend(found.offers.into_iter().filter(stays).map(|offer| offer.id));
            behind = found.next;
            if behind.is_none() {
                break;
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((count, seen.len()), (1_000_usize.div_ceil(rare), 1_000_usize.div_ceil(rare)), "{order:?}");
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(coming_and_going.await.unwrap() > 0, "the market has changed");
    fair.storage.close().await;
}

/// Rings with strength, every `rare`th of level 99 and with life.
async fn fill(fair: &Fair, seller: Holder, count: i64, rare: usize) {
    let (seller, rare) = (seller.character.to_sql(), i64::try_from(rare).unwrap());
    let ring = serde_json::to_string(&plain(&fair.items, "ring", 1)).unwrap();
    fair.storage
        .write::<_, crate::storage::StorageError, _>(move |connection| {
            Box::pin(async move {
                const NUMBERS: &str = "WITH RECURSIVE numbers (n) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $1)";
                for statement in [
                    "INSERT INTO items (id, realm, place, holder, page, x, y, width, height, last_holder, base, quality, level, pieces, body,
                     version, birth_game, birth_tick, birth_ordinal, birth_content, birth_rules, created_ms)
                     SELECT n + 10, 'main', 'offer', n + 10, 0, 0, 0, 1, 1, $2, 'ring', 'magic', 1, 1, $4, 1, 1, 0, n, '', '', 0 FROM numbers WHERE $3 > 0",
                    "INSERT INTO offers (id, realm, seller, item, base, kind, quality, level, price, listed_ms, ends_ms)
                     SELECT n + 10, 'main', $2, n + 10, 'ring', 'ring', 'magic', CASE WHEN n % $3 = 0 THEN 99 ELSE 50 END,
                     1 + (n * 7919) % 101, 0, 9000000000000000 FROM numbers WHERE $4 <> ''",
                    "INSERT INTO offer_properties (offer, property, value, realm, price)
                     SELECT n + 10, 'strength', 1 + n % 9, 'main', 1 + (n * 7919) % 101 FROM numbers WHERE $2 > 0 AND $3 > 0 AND $4 <> ''",
                    "INSERT INTO offer_properties (offer, property, value, realm, price)
                     SELECT n + 10, 'life', 1 + n % 9, 'main', 1 + (n * 7919) % 101 FROM numbers WHERE n % $3 = 0 AND $2 > 0 AND $4 <> ''",
                ] {
                    let text = sqlx::AssertSqlSafe(format!("{NUMBERS} {statement}"));
                    sqlx::query(text).bind(count).bind(seller).bind(rare).bind(ring.as_str()).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
        .await
        .unwrap();
}
