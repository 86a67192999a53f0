//! The market over both databases: of all who buy one gets it, and nothing is made or lost but the fees.

use std::{collections::BTreeMap, sync::Arc};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use realm_protocol::ServerMessage;
use realm_world::items::{Item, Kind, Property, Quality, Roll};
use tokio::sync::mpsc;

use super::{Bought, Config, Goods, Market, MarketError, Offer, Order, PRICE_MAX, Wanted};
use crate::{
    characters::Versions,
    hooks::Hooks,
    items::{
        Holder, Items, Spot,
        testing::{endow, give, inventory, items, plain, verified},
    },
    mail::{self, Done, Letter, LetterKind, Mail, News, Told},
    moderation::Moderation,
    once::{Answered, Kept, Once},
    storage::{
        Storage,
        testing::{self, FakeClock, Home, each_database, open},
    },
    types::{ItemId, OfferId, Refusal},
};

const HOUR_MS: i64 = 3_600_000;

struct Fair {
    clock: Arc<FakeClock>,
    storage: Storage,
    items: Items,
    mail: Mail,
    market: Market,
    told: mpsc::Receiver<Told>,
}

impl Fair {
    async fn new(home: &Home, config: Config) -> Self {
        let clock = FakeClock::new();
        let storage = open(home, &clock).await;
        let (items, moderation, (news, told)) = (items(&storage), Moderation::new(storage.clone()), News::channel());
        let (own, hooks) = (items.clone(), Hooks::without_plugins());
        let mail = Mail::new(mail::Config::default(), "main", storage.clone(), own, hooks, moderation, news);
        let market = Market::new(config, "main", storage.clone(), items.clone(), mail.clone());
        Self { clock, storage, items, mail, market, told }
    }

    /// Somebody with gold.
    async fn trader(&self, name: &str, gold: i64) -> Holder {
        let account = testing::account(&self.storage).await;
        let character = testing::character(&self.storage, account, name, "Druid").await;
        if gold > 0 {
            endow(&self.items, character, gold).await.unwrap();
        }
        Holder::resting(account, character)
    }

    async fn give(&self, to: Holder, item: Item, (x, y): (u8, u8)) -> ItemId {
        give(&self.items, to.character, item, inventory(x, y)).await.unwrap()
    }

    async fn list(&self, seller: Holder, item: ItemId, price: i64) -> Result<Offer, MarketError> {
        Ok(now(self.market.list(seller, Goods { item, price, hours: 24 }, None).await?).offer)
    }

    async fn buy(&self, buyer: Holder, offer: OfferId) -> Result<Bought, MarketError> {
        Ok(now(self.market.buy(buyer, offer, None).await?).what)
    }

    async fn gold(&self, of: Holder) -> i64 {
        self.items.of(of.character).await.unwrap().gold
    }

    async fn letters(&self, of: Holder) -> Vec<Letter> {
        self.mail.letters(of.account, of.character, None, 200).await.unwrap()
    }

    async fn search(&self, wanted: &Wanted) -> Vec<OfferId> {
        let found = self.market.search(wanted, None, 100).await.unwrap();
        assert_eq!(found.next, None, "there are few of them");
        found.offers.iter().map(|offer| offer.id).collect()
    }

    async fn end(self) {
        verified(&self.storage).await.expect("the ledger says what is so");
        self.storage.close().await;
    }
}

fn now<T>(answered: Answered<T>) -> T {
    match answered {
        Answered::Now(done) => done,
        Answered::Before(kept) => panic!("it was done before: {kept:?}"),
    }
}

fn code<T: std::fmt::Debug>(outcome: Result<T, MarketError>) -> &'static str {
    Refusal::from(outcome.expect_err("it is refused")).code.as_str()
}

fn words(told: &mut mpsc::Receiver<Told>) -> Vec<(String, &'static str)> {
    let mut words = Vec::new();
    while let Ok(Told { account, message }) = told.try_recv() {
        words.push((account.to_string(), message.json_type()));
    }
    words
}

async fn gold_and_goods_change_hands_at_once(home: Home) {
    let mut fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 10).await, fair.trader("bob", 300).await);
    let axe = fair.give(ann, plain(&fair.items, "kindling-axe", 1), (0, 0)).await;
    let offer = fair.list(ann, axe, 200).await.unwrap();
    assert_eq!((fair.gold(ann).await, fair.items.of(ann.character).await.unwrap().items.len()), (8, 0));
    assert_eq!(fair.market.offer(offer.id).await.unwrap(), offer);
    assert_eq!((offer.seller_name.as_str(), offer.price), ("ann", 200));
    let bought = fair.buy(bob, offer.id).await.unwrap();
    assert_eq!((bought.item, bought.letter, bought.belongings.gold), (axe, None, 100));
    assert_eq!(bought.belongings.items[0].at.character(), Some(bob.character));
    assert_eq!(bought.belongings.gold, fair.gold(bob).await);
    // The gold waits in a letter, whether or not the seller is there.
    let letters = fair.letters(ann).await;
    assert_eq!((letters.len(), letters[0].kind, letters[0].gold), (1, LetterKind::Sold, 190));
    assert_eq!(letters[0].about, "kindling-axe");
    now(fair.mail.take(ann, letters[0].id, Versions::Any, None).await.unwrap());
    assert_eq!(fair.gold(ann).await, 198);
    let (anns, bobs) = (ann.account.to_string(), bob.account.to_string());
    let expected = [(anns.clone(), "market:sold"), (anns, "mail:received"), (bobs, "market:bought")];
    assert_eq!(words(&mut fair.told), expected);
    assert_eq!(code(fair.buy(bob, offer.id).await), "OFFER_UNKNOWN");
    assert!(fair.search(&Wanted::default()).await.is_empty());
    fair.end().await;
}

async fn what_cannot_be_offered_or_bought_is_refused_and_nothing_moves(home: Home) {
    let fair = Fair::new(&home, Config { offers_max: 2, ..Config::default() }).await;
    let (ann, bob) = (fair.trader("ann", 3).await, fair.trader("bob", 5).await);
    let mut keys = Vec::new();
    for x in 0..3 {
        keys.push(fair.give(ann, plain(&fair.items, "ring", 1), (x, 0)).await);
    }
    let slot = realm_world::items::Slot::LeftFinger;
    let worn = give(&fair.items, ann.character, plain(&fair.items, "ring", 1), Spot::Worn(slot)).await.unwrap();
    let goods = |item: ItemId, price: i64, hours: u32| Goods { item, price, hours };
    for (holder, wished, expected) in [
        (ann, goods(keys[0], 0, 24), "OFFER_INVALID"),
        (ann, goods(keys[0], -4, 24), "OFFER_INVALID"),
        (ann, goods(keys[0], PRICE_MAX + 1, 24), "OFFER_INVALID"),
        (ann, goods(keys[0], 10, 0), "OFFER_INVALID"),
        (ann, goods(keys[0], 10, 169), "OFFER_INVALID"),
        (ann, goods(keys[0], 1_000, 24), "NOT_ENOUGH_GOLD"),
        (ann, goods(ItemId::from_raw(3), 10, 24), "ITEM_NOT_CARRIED"),
        (ann, goods(worn, 10, 24), "ITEM_WORN"),
        (bob, goods(keys[0], 10, 24), "ITEM_NOT_CARRIED"),
        (Holder { character: ann.character, ..bob }, goods(keys[0], 10, 24), "CHARACTER_UNKNOWN"),
    ] {
        assert_eq!(code(fair.market.list(holder, wished, None).await), expected, "{wished:?}");
    }
    let lock = fair.items.lock(&keys[..1]).unwrap();
    assert_eq!(code(fair.list(ann, keys[0], 10).await), "ITEM_IN_TRADE");
    drop(lock);
    assert_eq!((fair.gold(ann).await, fair.items.of(ann.character).await.unwrap().items.len()), (3, 4));
    let offer = fair.list(ann, keys[0], 6).await.unwrap();
    fair.list(ann, keys[1], 6).await.unwrap();
    assert_eq!(code(fair.list(ann, keys[2], 6).await), "OFFER_LIMIT");
    assert_eq!(code(fair.list(ann, keys[0], 6).await), "ITEM_NOT_CARRIED", "it is offered already");

    assert_eq!(code(fair.buy(ann, offer.id).await), "OFFER_OWN");
    let second = testing::character(&fair.storage, ann.account, "annette", "Druid").await;
    assert_eq!(code(fair.buy(Holder::resting(ann.account, second), offer.id).await), "OFFER_OWN");
    assert_eq!(code(fair.buy(bob, offer.id).await), "NOT_ENOUGH_GOLD");
    assert_eq!(code(fair.buy(bob, OfferId::from_raw(9)).await), "OFFER_UNKNOWN");
    assert_eq!(code(fair.market.withdraw(bob.account, offer.id, None).await), "OFFER_UNKNOWN");
    assert_eq!((fair.gold(bob).await, fair.gold(ann).await), (5, 1));
    assert!(fair.letters(ann).await.is_empty());
    fair.end().await;
}

async fn what_is_not_sold_comes_back(home: Home) {
    let mut fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 100).await, fair.trader("bob", 100).await);
    let (one, two) = (
        fair.give(ann, plain(&fair.items, "ring", 1), (0, 0)).await,
        fair.give(ann, plain(&fair.items, "ring", 1), (1, 0)).await,
    );
    let withdrawn = fair.list(ann, one, 10).await.unwrap();
    let over = fair.list(ann, two, 10).await.unwrap();
    now(fair.market.withdraw(ann.account, withdrawn.id, None).await.unwrap());
    assert_eq!(code(fair.market.withdraw(ann.account, withdrawn.id, None).await), "OFFER_UNKNOWN");
    assert_eq!(code(fair.buy(bob, withdrawn.id).await), "OFFER_UNKNOWN");
    fair.clock.advance_ms(24 * HOUR_MS);
    assert_eq!(code(fair.buy(bob, over.id).await), "OFFER_UNKNOWN", "its time is over");
    assert!(fair.search(&Wanted::default()).await.is_empty());
    words(&mut fair.told);
    assert_eq!(fair.market.expire().await.unwrap(), 1);
    assert_eq!(fair.market.expire().await.unwrap(), 0);
    let anns = ann.account.to_string();
    assert_eq!(words(&mut fair.told), [(anns.clone(), "market:ended"), (anns, "mail:received")]);
    let letters = fair.letters(ann).await;
    let kinds: Vec<_> = letters.iter().map(|letter| (letter.kind, letter.items[0].key)).collect();
    assert_eq!(kinds, [(LetterKind::Unsold, two), (LetterKind::Unsold, one)]);
    for letter in letters {
        now(fair.mail.take(ann, letter.id, Versions::Any, None).await.unwrap());
    }
    assert_eq!((fair.gold(ann).await, fair.items.of(ann.character).await.unwrap().items.len()), (98, 2));
    fair.end().await;
}

async fn what_has_no_room_comes_by_mail(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (ann, bob) = (fair.trader("ann", 10).await, fair.trader("bob", 100).await);
    for x in 0..10 {
        for y in 0..4 {
            fair.give(bob, plain(&fair.items, "ring", 1), (x, y)).await;
        }
    }
    let ring = fair.give(ann, plain(&fair.items, "ring", 1), (0, 0)).await;
    let offer = fair.list(ann, ring, 40).await.unwrap();
    let bought = fair.buy(bob, offer.id).await.unwrap();
    let letters = fair.letters(bob).await;
    assert_eq!((bought.letter, bought.item), (Some(letters[0].id), ring));
    assert_eq!((letters[0].kind, letters[0].items[0].key, fair.gold(bob).await), (LetterKind::Bought, ring, 60));
    fair.end().await;
}

async fn of_many_buyers_at_once_one_gets_it(home: Home) {
    let fair = Arc::new(Fair::new(&home, Config::default()).await);
    let ann = fair.trader("ann", 1_000).await;
    let mut buyers = Vec::new();
    for number in 0..10 {
        buyers.push(fair.trader(&format!("buyer-{number}"), 100).await);
    }
    for round in 0..5 {
        let ring = fair.give(ann, plain(&fair.items, "ring", 1), (0, 0)).await;
        let offer = fair.list(ann, ring, 10).await.unwrap();
        let mut asking = tokio::task::JoinSet::new();
        for buyer in buyers.clone() {
            for key in ["first", "first", "second"] {
                let (fair, id) = (Arc::clone(&fair), offer.id);
                asking.spawn(async move {
                    let answer = |done: &Done<Bought>| Kept { body: done.what.item.to_string(), tag: String::new() };
                    let (scope, key) = (buyer.account.to_string(), format!("{round}-{key}"));
                    let once = Once::new("main", scope, &key, &[b"buy"], answer).unwrap();
                    match fair.market.buy(buyer, id, Some(once)).await {
                        Ok(Answered::Now(_)) => 1,
                        Ok(Answered::Before(kept)) => {
                            assert_eq!(kept.body, ring.to_string());
                            0
                        }
                        Err(refused) => {
                            assert!(matches!(refused, MarketError::OfferUnknown), "{refused}");
                            0
                        }
                    }
                });
            }
        }
        let winners: usize = asking.join_all().await.into_iter().sum();
        assert_eq!(winners, 1, "round {round}");
    }
    assert_eq!(fair.letters(ann).await.len(), 5, "each is paid for once");
    let mut left = 0;
    for buyer in &buyers {
        left += fair.gold(*buyer).await;
    }
    assert_eq!(left, 10 * 100 - 5 * 10);
    Arc::into_inner(fair).expect("everybody has asked").end().await;
}

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
                let new = super::store::NewOffer { id, seller, item: &shown, kind, price, listed_ms, ends_ms };
                let properties = super::offer::properties(own.items.catalogue(), &item);
                super::store::insert(connection, "main", &new, &properties).await?;
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

/// One step of the random sequences.
#[derive(Debug, Clone, Copy)]
enum Step {
    List { who: usize, price: i64 },
    Buy { who: usize, which: usize },
    Withdraw { which: usize },
    Send { from: usize, to: usize, gold: i64 },
    Take { who: usize },
    SendBack { who: usize },
    Wait { hours: i64 },
}

const TRADERS: usize = 3;
const GOLD: i64 = 120;

fn any_step() -> impl Strategy<Value = Step> {
    let who = || 0..TRADERS;
    prop_oneof![
        (who(), 1..90_i64).prop_map(|(who, price)| Step::List { who, price }),
        (who(), 0..6_usize).prop_map(|(who, which)| Step::Buy { who, which }),
        (0..6_usize).prop_map(|which| Step::Withdraw { which }),
        (who(), who(), 0..80_i64).prop_map(|(from, to, gold)| Step::Send { from, to, gold }),
        who().prop_map(|who| Step::Take { who }),
        who().prop_map(|who| Step::SendBack { who }),
        (1..900_i64).prop_map(|hours| Step::Wait { hours }),
    ]
}

/// Where the model says everything is: gold by purse and fees, and items by place.
#[derive(Debug, Default)]
struct Model {
    gold: [i64; TRADERS],
    fees: i64,
}

async fn random_sequences_keep_every_item_and_all_gold_but_the_fees(home: Home) {
    let sequences: Vec<Vec<Step>> = {
        let mut runner = TestRunner::deterministic();
        let strategy = prop::collection::vec(any_step(), 30..60);
        let count = if std::env::var_os("REALM_TEST_LONG").is_some() { 60 } else { 4 };
        (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
    };
    let fair = Fair::new(&home, Config::default()).await;
    for (number, sequence) in sequences.iter().enumerate() {
        run(&fair, number, sequence).await;
    }
    fair.end().await;
}

async fn run(fair: &Fair, number: usize, sequence: &[Step]) {
    let mut traders = Vec::new();
    let mut born: Vec<ItemId> = Vec::new();
    for who in 0..TRADERS {
        let trader = fair.trader(&format!("t{number}-{who}"), GOLD).await;
        for x in 0..3 {
            born.push(fair.give(trader, plain(&fair.items, "ring", 1), (x, 0)).await);
        }
        traders.push(trader);
    }
    let mut model = Model { gold: [GOLD; TRADERS], fees: 0 };
    let mut offers: Vec<(OfferId, usize, i64)> = Vec::new();
    for step in sequence {
        match *step {
            Step::List { who, price } => {
                let items = fair.items.of(traders[who].character).await.unwrap().items;
                let Some(item) = items.first() else { continue };
                let fee = fair.market.config().listing_fee(price);
                match fair.list(traders[who], item.key, price).await {
                    Ok(offer) => {
                        assert!(fee <= model.gold[who]);
                        model.gold[who] -= fee;
                        model.fees += fee;
                        offers.push((offer.id, who, price));
                    }
                    Err(refused) => {
                        assert!(fee > model.gold[who], "{refused}");
                    }
                }
            }
            Step::Buy { who, which } => {
                let Some(&(id, seller, price)) = offers.get(which) else { continue };
                match fair.buy(traders[who], id).await {
                    Ok(_) => {
                        assert!(who != seller && model.gold[who] >= price);
                        model.gold[who] -= price;
                        model.fees += fair.market.config().sales_fee(price);
                        offers.remove(which);
                    }
                    Err(MarketError::OwnOffer) => assert_eq!(who, seller),
                    Err(MarketError::OfferUnknown) => drop(offers.remove(which)),
                    Err(_) => assert!(model.gold[who] < price),
                }
            }
            Step::Withdraw { which } => {
                let Some(&(id, seller, _)) = offers.get(which) else { continue };
                // Over already, it is gone or goes now.
                let _ = fair.market.withdraw(traders[seller].account, id, None).await;
                offers.remove(which);
            }
            Step::Send { from, to, gold } => {
                let items = fair.items.of(traders[from].character).await.unwrap().items;
                let draft = mail::Draft {
                    to: format!("t{number}-{to}"),
                    text: String::new(),
                    items: items.last().map(|item| item.key).into_iter().collect(),
                    gold,
                };
                let account_name = crate::types::AccountName::new("Someone").unwrap();
                let writer = mail::Writer { holder: traders[from], account_name };
                let sent = fair.mail.send(&writer, draft, None).await;
                if sent.is_ok() {
                    assert!(from != to && gold <= model.gold[from]);
                    model.gold[from] -= gold;
                }
            }
            Step::Take { who } => {
                let Some(letter) = fair.letters(traders[who]).await.pop() else { continue };
                let taken = now(fair.mail.take(traders[who], letter.id, Versions::Any, None).await.unwrap());
                model.gold[who] += letter.gold;
                assert_eq!(taken.belongings.gold, model.gold[who]);
            }
            Step::SendBack { who } => {
                let Some(letter) = fair.letters(traders[who]).await.pop() else { continue };
                let back = fair.mail.send_back(traders[who].account, letter.id, Versions::Any, None).await;
                assert_eq!(back.is_ok(), letter.kind == LetterKind::Player, "{letter:?}");
            }
            Step::Wait { hours } => {
                fair.clock.advance_ms(hours * HOUR_MS);
                fair.market.expire().await.unwrap();
                fair.mail.expire().await.unwrap();
            }
        }
    }
    // Every item is in one place, and all gold but the fees is somewhere.
    let (mut found, mut gold): (BTreeMap<ItemId, usize>, i64) = (BTreeMap::new(), model.fees);
    for (who, trader) in traders.iter().enumerate() {
        let belongings = fair.items.of(trader.character).await.unwrap();
        assert_eq!(belongings.gold, model.gold[who]);
        gold += belongings.gold;
        belongings.items.iter().for_each(|item| *found.entry(item.key).or_default() += 1);
        for letter in fair.letters(*trader).await {
            gold += letter.gold;
            letter.items.iter().for_each(|item| *found.entry(item.key).or_default() += 1);
        }
        for offer in fair.market.of_account(trader.account, None, 100).await.unwrap() {
            *found.entry(offer.item.key).or_default() += 1;
        }
    }
    assert_eq!(gold, GOLD * TRADERS as i64, "{sequence:?}");
    assert_eq!(found, born.iter().map(|item| (*item, 1)).collect(), "{sequence:?}");
}

#[test]
fn a_message_of_the_market_is_an_event() {
    for message in [
        ServerMessage::from(realm_protocol::proto::MarketSold { event: 3, ..Default::default() }),
        ServerMessage::from(realm_protocol::proto::MailReceived { event: 3, ..Default::default() }),
    ] {
        assert_eq!(message.event(), Some(3));
    }
}

each_database! {
    gold_and_goods_change_hands_at_once,
    what_cannot_be_offered_or_bought_is_refused_and_nothing_moves,
    what_is_not_sold_comes_back,
    what_has_no_room_comes_by_mail,
    everything_that_is_asked_for_has_to_fit,
    pages_find_everything_however_little_of_it_fits,
    random_sequences_keep_every_item_and_all_gold_but_the_fees,
}

each_database! {
    threads: of_many_buyers_at_once_one_gets_it,
}
