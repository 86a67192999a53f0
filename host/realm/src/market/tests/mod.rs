//! The market over both databases: of all who buy one gets it, and nothing is made or lost but the fees.

mod dealing;
mod model;
mod rolling_back;
mod searching;

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
        testing::{change, endow, give, inventory, items, plain, verified},
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
        Self::over(storage, clock, config)
    }

    fn over(storage: Storage, clock: Arc<FakeClock>, config: Config) -> Self {
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
