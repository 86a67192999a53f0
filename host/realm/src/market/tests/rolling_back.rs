//! What staff undo of deals: trades and purchases as a whole, or nothing of them.

use super::*;
use crate::{
    audit::{Audit, Who},
    items::{Act, Doer, ItemsError, Purse, RolledBack, scan, testing::lease},
    types::CharacterId,
};

each_database!(
    a_purchase_is_undone_with_its_gold_and_its_fee,
    a_purchase_whose_gold_or_goods_have_gone_on_stays_as_a_whole,
    what_was_bought_and_sent_is_bought,
    what_was_bought_before_the_moment_or_for_nothing_but_the_fee_stays,
    a_gift_that_has_grown_stays,
    a_trade_is_undone_as_a_whole_or_stays,
    random_deals_are_undone_without_making_or_losing_anything,
);

impl Fair {
    async fn roll_back(&self, of: Holder) -> RolledBack {
        self.roll_back_since(of, 0).await
    }

    async fn roll_back_since(&self, of: Holder, since_ms: i64) -> RolledBack {
        let by = Audit::new("main", self.storage.clone()).by(Who::Operator, "robbed");
        now(self.items.roll_back(by, of.account, since_ms, None).await.unwrap())
    }

    async fn has(&self, who: Holder, item: ItemId) -> bool {
        self.items.of(who.character).await.unwrap().get(item).is_some()
    }

    async fn take_all(&self, who: Holder) {
        for letter in self.letters(who).await {
            let _ = self.mail.take(who, letter.id, Versions::Any, None).await;
        }
    }

    /// An item for gold, or for nothing, in one act.
    async fn trade(&self, from: Holder, to: Holder, item: ItemId, price: i64) -> Result<(), ItemsError> {
        let own = self.items.clone();
        let deal = self.storage.write::<_, ItemsError, _>(move |connection| {
            Box::pin(async move {
                let mut operation = own.begin("trade", Doer::Realm);
                let giver = operation.enter(connection, &from).await?;
                let taker = operation.enter(connection, &to).await?;
                let owned = giver.get(item)?.clone();
                let room = taker.room_for(owned.size).ok_or(ItemsError::Moved)?;
                operation.relocate(connection, &owned, taker.at(room)).await?;
                if price > 0 {
                    let (payer, payee) = (Purse::Character(to.character), Purse::Character(from.character));
                    operation.pay(connection, payer, payee, price).await?;
                }
                operation.finish(connection).await
            })
        });
        deal.await
    }

    async fn is_clean(&self) {
        let content = Arc::clone(self.items.content());
        let scanned = self.storage.write::<_, crate::items::ScanError, _>(move |connection| {
            Box::pin(async move { scan(connection, &content, 10_000).await })
        });
        let found = scanned.await.unwrap();
        assert!(found.is_clean(), "{found:?}");
    }
}

/// A seller with two hundred gold and a ring, a buyer with two hundred.
async fn two(fair: &Fair) -> (Holder, Holder, ItemId) {
    let (seller, buyer) = (fair.trader("Seller", 200).await, fair.trader("Buyer", 200).await);
    let ring = fair.give(seller, plain(&fair.items, "ring", 1), (0, 0)).await;
    (seller, buyer, ring)
}

async fn a_purchase_is_undone_with_its_gold_and_its_fee(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (seller, buyer, ring) = two(&fair).await;
    // Once while the gold lies in its letter, then when it was taken; asked of the one and of the other.
    for (round, asked) in [seller, buyer, buyer, seller].into_iter().enumerate() {
        let (had, bought_with) = (fair.gold(seller).await, fair.gold(buyer).await);
        let offer = fair.list(seller, ring, 100).await.unwrap();
        let listing = had - fair.gold(seller).await;
        fair.buy(buyer, offer.id).await.unwrap();
        if round % 2 == 1 {
            fair.take_all(seller).await;
        }
        let undone = fair.roll_back(asked).await;
        assert_eq!(
            (undone.deals.len(), undone.items.as_slice()),
            (1, [(ring, seller.character)].as_slice()),
            "{undone:?}"
        );
        let fee = fair.market.config().sales_fee(100);
        assert_eq!(undone.gold, [(seller.character, buyer.character, 100 - fee)], "{undone:?}");
        assert_eq!(undone.fees, [(buyer.character, fee)]);
        assert!(fair.has(seller, ring).await && undone.stays.is_empty(), "{undone:?}");
        assert_eq!(fair.gold(buyer).await, bought_with);
        fair.take_all(seller).await;
        assert_eq!(fair.gold(seller).await, had - listing, "what it cost to offer it stays burned");
        for again in [seller, buyer] {
            let again = fair.roll_back(again).await;
            assert_eq!((again.deals.len(), again.items.len(), again.gold.len()), (0, 0, 0), "{again:?}");
        }
    }
    fair.is_clean().await;
    fair.end().await;
}

async fn a_purchase_whose_gold_or_goods_have_gone_on_stays_as_a_whole(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (seller, buyer, ring) = two(&fair).await;
    let friend = fair.trader("Friend", 0).await;
    let offer = fair.list(seller, ring, 100).await.unwrap();
    fair.buy(buyer, offer.id).await.unwrap();
    fair.take_all(seller).await;
    let before = (fair.gold(seller).await, fair.gold(buyer).await);
    let stays = |undone: RolledBack, why: &str| {
        assert_eq!(
            (undone.deals.len(), undone.items.len(), undone.gold.len(), undone.fees.len()),
            (0, 0, 0, 0),
            "{undone:?}"
        );
        assert!(undone.stays.iter().any(|stays| stays.contains(why)), "{why}: {undone:?}");
    };
    // Who has it, and who sold it, is in a game.
    for player in [seller, buyer] {
        lease(&fair.storage, player.character, 5).await;
        stays(fair.roll_back(seller).await, "is in a game");
        lease(&fair.storage, player.character, 0).await;
    }
    // It is offered in a trade.
    let lock = fair.items.lock(&[ring]).unwrap();
    stays(fair.roll_back(seller).await, "is offered in a trade");
    drop(lock);
    // The gold is gone.
    let gone = fair.gold(seller).await - 10;
    crate::items::testing::pay(&fair.items, Purse::Character(seller.character), Purse::Mint, gone).await.unwrap();
    stays(fair.roll_back(buyer).await, "has 10 of");
    endow(&fair.items, seller.character, gone).await.unwrap();
    // The goods are gone.
    fair.trade(buyer, friend, ring, 0).await.unwrap();
    stays(fair.roll_back(seller).await, "has moved on");
    fair.trade(friend, buyer, ring, 0).await.unwrap();
    assert_eq!((fair.gold(seller).await, fair.gold(buyer).await), before);
    fair.items.act(buyer, Act::Destroy { item: ring, count: None }, None).await.unwrap();
    stays(fair.roll_back(seller).await, "is no more");
    fair.end().await;
}

/// Who has no room gets what he bought by mail: it was paid for, whether or not he has taken it out.
async fn what_was_bought_and_sent_is_bought(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (seller, buyer, ring) = two(&fair).await;
    for number in 0..40 {
        fair.give(buyer, plain(&fair.items, "ring", 1), (number % 10, number / 10)).await;
    }
    for taken in [false, true] {
        let offer = fair.list(seller, ring, 50).await.unwrap();
        let bought = fair.buy(buyer, offer.id).await.unwrap();
        assert!(bought.letter.is_some());
        if taken {
            let full = fair.items.of(buyer.character).await.unwrap().items[0].key;
            fair.items.act(buyer, Act::Destroy { item: full, count: None }, None).await.unwrap();
            fair.take_all(buyer).await;
            assert!(fair.has(buyer, ring).await);
        }
        let undone = fair.roll_back(buyer).await;
        assert_eq!((undone.deals.len(), undone.items.len(), undone.fees.len()), (1, 1, 1), "{undone:?}");
        assert!(fair.has(seller, ring).await);
        assert_eq!(fair.gold(buyer).await, 200);
        fair.take_all(seller).await;
    }
    fair.is_clean().await;
    fair.end().await;
}

/// It was paid for, whatever the moment from which on staff look, and whatever came to the seller.
async fn what_was_bought_before_the_moment_or_for_nothing_but_the_fee_stays(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (seller, buyer, ring) = two(&fair).await;
    for number in 0..40 {
        fair.give(buyer, plain(&fair.items, "ring", 1), (number % 10, number / 10)).await;
    }
    let make_room = async || {
        let items = fair.items.of(buyer.character).await.unwrap().items;
        let full = items.iter().find(|owned| owned.key != ring).unwrap().key;
        fair.items.act(buyer, Act::Destroy { item: full, count: None }, None).await.unwrap();
    };
    let nothing = |undone: &RolledBack| {
        assert!(undone.deals.is_empty() && undone.items.is_empty() && undone.gold.is_empty(), "{undone:?}");
        assert!(undone.fees.is_empty() && !undone.stays.is_empty(), "{undone:?}");
    };
    let offer = fair.list(seller, ring, 50).await.unwrap();
    assert!(fair.buy(buyer, offer.id).await.unwrap().letter.is_some());
    fair.clock.advance_ms(60_000);
    let since_ms = fair.items.now_ms();
    make_room().await;
    fair.take_all(buyer).await;
    fair.take_all(seller).await;
    // Only the letters were emptied since then.
    nothing(&fair.roll_back_since(buyer, since_ms).await);
    nothing(&fair.roll_back_since(seller, since_ms).await);
    assert!(fair.has(buyer, ring).await);
    assert_eq!(fair.roll_back(buyer).await.deals.len(), 1);
    fair.take_all(seller).await;
    // All that is paid is the fee.
    fair.give(buyer, plain(&fair.items, "ring", 1), (0, 0)).await;
    let offer = fair.list(seller, ring, 1).await.unwrap();
    assert_eq!(fair.market.config().sales_fee(1), 1);
    assert!(fair.buy(buyer, offer.id).await.unwrap().letter.is_some());
    make_room().await;
    fair.take_all(buyer).await;
    let undone = fair.roll_back(buyer).await;
    assert!(undone.items.is_empty() && undone.gold.is_empty(), "{undone:?}");
    assert!(undone.stays.iter().any(|stays| stays.contains("it was paid for")), "{undone:?}");
    assert!(fair.has(buyer, ring).await);
    fair.is_clean().await;
    fair.end().await;
}

/// A piece that was given does not take with it what its taker has laid onto it.
async fn a_gift_that_has_grown_stays(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (giver, taker) = (fair.trader("Giver", 0).await, fair.trader("Taker", 0).await);
    let salt = |count| Item { count, ..plain(&fair.items, "ash-salt", 1) };
    let piece = fair.give(giver, salt(1), (0, 0)).await;
    fair.trade(giver, taker, piece, 0).await.unwrap();
    let more = fair.give(taker, salt(5), (5, 0)).await;
    fair.items.act(taker, Act::Merge { item: more, onto: piece }, None).await.unwrap();
    let undone = fair.roll_back(giver).await;
    assert!(undone.items.is_empty(), "{undone:?}");
    assert!(undone.stays.iter().any(|stays| stays.contains("1 were given, and there are 6")), "{undone:?}");
    // What was taken off again leaves the piece as it was given.
    fair.items.act(taker, Act::Split { item: piece, count: 5, to: None }, None).await.unwrap();
    assert_eq!(fair.roll_back(giver).await.items, [(piece, giver.character)]);
    fair.is_clean().await;
    fair.end().await;
}

async fn a_trade_is_undone_as_a_whole_or_stays(home: Home) {
    let fair = Fair::new(&home, Config::default()).await;
    let (thief, victim, ring) = two(&fair).await;
    let buyer = fair.trader("Third", 100).await;
    // Given for nothing to the thief, and sold on by him: undone from its end.
    fair.trade(thief, victim, ring, 0).await.unwrap();
    fair.trade(victim, thief, ring, 0).await.unwrap();
    fair.trade(thief, buyer, ring, 60).await.unwrap();
    let undone = fair.roll_back(thief).await;
    assert_eq!(undone.deals.len(), 1, "{undone:?}");
    assert_eq!(undone.gold, [(thief.character, buyer.character, 60)]);
    assert_eq!((fair.gold(thief).await, fair.gold(buyer).await), (200, 100));
    assert!(!fair.has(buyer, ring).await);
    // Two swaps of which the first cannot be undone while the second stands.
    let owner = if fair.has(thief, ring).await { thief } else { victim };
    fair.trade(owner, buyer, ring, 40).await.unwrap();
    crate::items::testing::pay(&fair.items, Purse::Character(owner.character), Purse::Mint, 240).await.unwrap();
    let kept = fair.roll_back(buyer).await;
    assert!(kept.deals.is_empty() && kept.stays.iter().any(|stays| stays.contains("has 0 of 40 gold")), "{kept:?}");
    assert!(fair.has(buyer, ring).await);
    fair.is_clean().await;
    fair.end().await;
}

/// A step of random deals.
#[derive(Debug, Clone, Copy)]
enum Dealt {
    List { who: usize, price: i64 },
    Buy { who: usize, which: usize },
    Take { who: usize },
    Trade { from: usize, to: usize, price: i64 },
    Pay { from: usize, to: usize, gold: i64 },
    RollBack { who: usize },
}

fn any_deal() -> impl Strategy<Value = Dealt> {
    let who = || 0..3_usize;
    prop_oneof![
        3 => (who(), 1..60_i64).prop_map(|(who, price)| Dealt::List { who, price }),
        4 => (who(), 0..5_usize).prop_map(|(who, which)| Dealt::Buy { who, which }),
        2 => who().prop_map(|who| Dealt::Take { who }),
        4 => (who(), who(), 0..60_i64).prop_map(|(from, to, price)| Dealt::Trade { from, to, price }),
        2 => (who(), who(), 1..60_i64).prop_map(|(from, to, gold)| Dealt::Pay { from, to, gold }),
        1 => who().prop_map(|who| Dealt::RollBack { who }),
    ]
}

async fn random_deals_are_undone_without_making_or_losing_anything(home: Home) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..if home.is_server() { 6 } else { 12 } {
        let another = home.another();
        let fair = Fair::new(&another, Config::default()).await;
        let steps = prop::collection::vec(any_deal(), 30..60).new_tree(&mut runner).unwrap().current();
        random_deals(&fair, &steps).await;
        fair.end().await;
    }
}

async fn random_deals(fair: &Fair, steps: &[Dealt]) {
    let mut people = Vec::new();
    for name in ["Ann", "Bob", "Cid"] {
        let one = fair.trader(name, 150).await;
        for x in 0..2 {
            fair.give(one, plain(&fair.items, "ring", 1), (x, 0)).await;
        }
        people.push(one);
    }
    let mut offers: Vec<OfferId> = Vec::new();
    for step in steps {
        match *step {
            Dealt::List { who, price } => {
                let item = fair.items.of(people[who].character).await.unwrap().items.first().map(|owned| owned.key);
                if let Some(item) = item
                    && let Ok(offer) = fair.list(people[who], item, price).await
                {
                    offers.push(offer.id);
                }
            }
            Dealt::Buy { who, which } => {
                if let Some(offer) = offers.get(which).copied() {
                    let _ = fair.buy(people[who], offer).await;
                    offers.rotate_left(1);
                }
            }
            Dealt::Take { who } => fair.take_all(people[who]).await,
            Dealt::Trade { from, to, price } if from != to => {
                let item = fair.items.of(people[from].character).await.unwrap().items.first().map(|owned| owned.key);
                if let Some(item) = item {
                    let _ = fair.trade(people[from], people[to], item, price).await;
                }
            }
            Dealt::Pay { from, to, gold } if from != to => {
                let [from, to] = [from, to].map(|who| Purse::Character(people[who].character));
                let _ = crate::items::testing::pay(&fair.items, from, to, gold).await;
            }
            Dealt::RollBack { who } => {
                fair.roll_back(people[who]).await;
            }
            Dealt::Trade { .. } | Dealt::Pay { .. } => {}
        }
    }
    for who in &people {
        let done = fair.roll_back(*who).await;
        let again = fair.roll_back(*who).await;
        assert_eq!((again.deals.len(), again.fees.len()), (0, 0), "{done:?}\n{again:?}\n{steps:?}");
        let givers: Vec<CharacterId> = again.items.iter().map(|(_, to)| *to).collect();
        assert!(givers.is_empty() || !done.stays.is_empty(), "{done:?}\n{again:?}\n{steps:?}");
    }
    verified(&fair.storage).await.unwrap_or_else(|broken| panic!("{broken}\n{steps:?}"));
    fair.is_clean().await;
    // Each ring is in one place still: with somebody, in a letter, or offered.
    let mut rings = 0;
    for who in &people {
        rings += fair.items.of(who.character).await.unwrap().items.len();
        rings += fair.letters(*who).await.iter().map(|letter| letter.items.len()).sum::<usize>();
        rings += fair.market.of_account(who.account, None, 100).await.unwrap().len();
    }
    assert_eq!(rings, 6, "{steps:?}");
}
