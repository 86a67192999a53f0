//! The verbs, over both databases, by what they are about. Random sequences of them are in `model_tests.rs`.

mod grounds;
mod ledgers;
mod rolling_back;
mod scanning;
mod verbs;

use realm_world::items::{Cell, Item, ItemProblem, Kind, Quality, Slot};

use super::{
    Act, Bag, Belongings, GOLD_MAX, Holder, Items, ItemsError, LedgerBroken, Purse, Spot,
    testing::{birth, change, endow, give, inventory, items, lease, pay, plain, verified},
};
use crate::{
    audit::Broken,
    hooks::{
        self,
        components::{Fixture, empty_list, one_finding},
    },
    once::{Answered, Kept, Once},
    storage::{
        Storage,
        testing::{FakeClock, Home, account, character, each_database, open},
    },
    types::{GameId, ItemId},
};

struct Stage {
    storage: Storage,
    items: Items,
    holder: Holder,
    _home: Home,
}

impl Stage {
    async fn new(home: Home) -> Self {
        let storage = open(&home, &FakeClock::new()).await;
        let account = account(&storage).await;
        let hero = character(&storage, account, "Hero", "Amazon").await;
        let items = items(&storage);
        Self { storage, items, holder: Holder::resting(account, hero), _home: home }
    }

    async fn another(&self, name: &str) -> Holder {
        let account = account(&self.storage).await;
        Holder::resting(account, character(&self.storage, account, name, "Amazon").await)
    }

    async fn give(&self, base: &str, count: u32, spot: Spot) -> ItemId {
        give(&self.items, self.holder.character, plain(&self.items, base, count), spot).await.unwrap()
    }

    async fn act(&self, act: Act) -> Result<Belongings, ItemsError> {
        act_of(&self.items, self.holder, act).await
    }

    async fn problem(&self, act: Act) -> ItemProblem {
        let before = self.items.of(self.holder.character).await.unwrap();
        let problem = self.act(act).await.unwrap_err();
        assert_eq!(self.items.of(self.holder.character).await.unwrap(), before, "what is refused changes nothing");
        match problem {
            ItemsError::Problem(problem) => problem,
            other => panic!("{other}"),
        }
    }

    /// The key of a base that is as wished.
    fn base(&self, fits: impl Fn(&realm_world::items::Base) -> bool) -> String {
        self.items.catalogue().bases().iter().find(|base| fits(base)).unwrap().key.clone()
    }

    async fn end(self) {
        verified(&self.storage).await.unwrap();
        self.storage.close().await;
    }
}

async fn act_of(items: &Items, holder: Holder, act: Act) -> Result<Belongings, ItemsError> {
    match items.act(holder, act, None).await? {
        Answered::Now(belongings) => Ok(belongings),
        Answered::Before(_) => unreachable!("without a key nothing was done before"),
    }
}

fn at(belongings: &Belongings, item: ItemId) -> Spot {
    belongings.get(item).unwrap().at.spot().unwrap()
}

fn cube(x: u8, y: u8) -> Spot {
    Spot::In(Bag::Cube, Cell { x, y })
}
