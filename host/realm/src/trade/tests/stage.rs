//! What the tests of exchanges begin with: people with characters, items and gold over a database, and agreements between them.

use std::sync::Arc;

use crate::{
    items::{
        Belongings, Holder, Items, Lock, Spot,
        testing::{endow, give, inventory, items, plain, verified},
    },
    storage::{
        Storage,
        testing::{FakeClock, Home, account, character, open},
    },
    trade::{
        ending::Ending,
        exchange::Exchange,
        terms::{Contract, Offered, Person, Promise},
    },
    types::{AccountId, AccountName, CharacterId, CharacterName, Code, ItemId, TradeId},
};

/// Host and guest of what two agreed on, of whom nobody plays.
pub(super) fn resting(contract: &Contract<Lock>) -> [Holder; 2] {
    contract.sides.each_ref().map(|side| Holder::resting(side.person.account, side.person.character))
}

/// A player.
#[derive(Clone)]
pub(super) struct Player {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) name: String,
}

pub(super) struct Stage {
    pub(super) storage: Storage,
    pub(super) items: Items,
    pub(super) exchange: Exchange,
    _home: Home,
}

impl Stage {
    pub(super) async fn new(home: Home) -> Self {
        let storage = open(&home, &FakeClock::new()).await;
        let items = items(&storage);
        let exchange = Exchange { realm: "main".into(), storage: storage.clone(), items: items.clone() };
        Self { storage, items, exchange, _home: home }
    }

    /// Somebody with a character.
    pub(super) async fn player(&self, name: &str) -> Player {
        let account = account(&self.storage).await;
        let character = character(&self.storage, account, &format!("{name}-hero"), "Amazon").await;
        Player { account, character, name: name.to_owned() }
    }

    /// Something comes into being at the first free place of an inventory.
    pub(super) async fn give(&self, player: &Player, base: &str) -> ItemId {
        let item = plain(&self.items, base, 1);
        let size = self.items.catalogue().base_of(&item).unwrap().size;
        let mut grid = realm_world::items::Grid::new(realm_world::items::Grid::INVENTORY);
        for owned in self.of(player).await.items {
            let Some(Spot::In(crate::items::Bag::Inventory, cell)) = owned.at.spot() else { continue };
            grid.put(cell, owned.size).unwrap();
        }
        let cell = grid.first_free(size).expect("room for a gift");
        give(&self.items, player.character, item, inventory(cell.x, cell.y)).await.unwrap()
    }

    pub(super) async fn endow(&self, player: &Player, gold: i64) {
        endow(&self.items, player.character, gold).await.unwrap();
    }

    pub(super) async fn of(&self, player: &Player) -> Belongings {
        self.items.of(player.character).await.unwrap()
    }

    /// The keys of what somebody carries, in order.
    pub(super) async fn keys(&self, player: &Player) -> Vec<ItemId> {
        let mut keys: Vec<ItemId> = self.of(player).await.items.iter().map(|owned| owned.key).collect();
        keys.sort_unstable();
        keys
    }

    /// What one of them promises, locked, as it is now.
    pub(super) async fn promise(&self, player: &Player, keys: &[ItemId], gold: i64) -> Promise<Lock> {
        let belongings = self.of(player).await;
        let offered = |key: &ItemId| {
            let owned = belongings.get(*key).expect("it is there");
            let guard = Arc::new(self.items.lock(&[*key]).expect("nobody else offers it"));
            Offered { key: *key, version: owned.version, item: owned.item.clone(), guard }
        };
        let person = Person {
            account: player.account,
            account_name: AccountName::new(player.name.clone()).unwrap(),
            character: player.character,
            character_name: CharacterName::new(format!("{}-hero", player.name)).unwrap(),
        };
        Promise { person, items: keys.iter().map(offered).collect(), gold }
    }

    pub(super) async fn agree(
        &self,
        (host, host_keys, host_gold): (&Player, &[ItemId], i64),
        (guest, guest_keys, guest_gold): (&Player, &[ItemId], i64),
    ) -> Contract<Lock> {
        let host = self.promise(host, host_keys, host_gold).await;
        Contract { sides: [host, self.promise(guest, guest_keys, guest_gold).await] }
    }

    pub(super) fn trade(&self) -> TradeId {
        self.storage.ids().next(self.storage.now_ms())
    }

    pub(super) async fn carry_out(&self, contract: &Contract<Lock>) -> Ending {
        self.exchange.carry_out(self.trade(), contract, resting(contract)).await
    }

    /// Ends a test: the ledger is whole and says what is so.
    pub(super) async fn close(self) {
        verified(&self.storage).await.expect("the ledger says what is so");
        self.storage.close().await;
    }
}

/// The code of an ending; fails when it was a good one.
pub(super) fn code(ending: &Ending) -> Code {
    ending.code().unwrap_or_else(|| panic!("it should not have been carried out: {ending:?}"))
}

pub(super) fn assert_done(ending: &Ending) {
    assert!(matches!(ending, Ending::Done(_)), "it should have been carried out: {ending:?}");
}
