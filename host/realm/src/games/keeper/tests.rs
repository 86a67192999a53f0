//! A keeper with a real database; its tick thread is a queue that the test reads.

use std::sync::Arc;

use realm_protocol::proto::game_event::Kind;
use realm_world::{
    Content, Hoard, Input, Zone,
    items::{Find, Look},
};

use crate::{
    hooks::Hooks,
    items::testing::{endow, give, inventory, items, lease, plain, verified},
    storage::{
        Storage,
        testing::{FakeClock, Home, account, character, each_database, open},
    },
};

use super::{
    super::{directory::Directory, load::Loads, tickets::Tickets},
    *,
};

each_database!(
    what_a_monster_leaves_is_laid_down_and_becomes_whose_it_is_once,
    who_holds_the_lease_no_more_gets_nothing,
    what_is_laid_down_goes_to_another_or_back,
    what_lies_there_when_the_game_is_over_goes_back,
    a_deal_is_done_and_told,
    who_reads_the_way_home_is_sent_there,
    what_a_fight_cost_is_written_after_all_else,
);

const GAME: u64 = 7;

struct Stage {
    storage: Storage,
    items: Items,
    errands: Option<mpsc::Sender<Errand>>,
    words: mpsc::Receiver<Command>,
    keeper: tokio::task::JoinHandle<bool>,
    _shared: Arc<Shared>,
    _home: Home,
}

impl Stage {
    async fn new(home: Home) -> Self {
        let storage = open(&home, &FakeClock::new()).await;
        let items = items(&storage);
        let (thread, words) = mpsc::channel(256);
        let happenings = Hooks::without_plugins().happenings().clone();
        let directory = Directory::new(1, Tickets::new(1, Duration::from_secs(1)));
        let shared = Arc::new(Shared::new(directory, vec![thread], Arc::new(Loads::new(1)), Vec::new(), happenings));
        let (errands, waiting) = mpsc::channel(ERRANDS_MAX);
        let game = GameId::from_raw(GAME);
        let keeper = Keeper::new(game, Difficulty::Hell, 0, items.clone(), Arc::downgrade(&shared));
        let ending = keeper.ending();
        let keeper = tokio::spawn(async move {
            let holds_items = keeper.run(waiting).await;
            ending.run().await;
            holds_items
        });
        Self { storage, items, errands: Some(errands), words, keeper, _shared: shared, _home: home }
    }

    /// Somebody who plays under a lease of this epoch.
    async fn finder(&self, name: &str, epoch: i64) -> Finder {
        let account = account(&self.storage).await;
        let character = character(&self.storage, account, name, "Druid").await;
        lease(&self.storage, character, epoch).await;
        Finder { account, character, epoch, sheet: None, line: 0, wish: Wish::Take }
    }

    async fn send(&self, errand: Errand) {
        let errands = self.errands.as_ref().expect("the game goes on");
        assert!(errands.send(errand).await.is_ok(), "the keeper serves");
    }

    /// What the tick thread hears next.
    async fn word(&mut self) -> (Option<Input>, Option<Kind>) {
        let word = tokio::time::timeout(Duration::from_secs(20), self.words.recv()).await;
        match word.expect("the keeper answers") {
            Some(Command::Hear { game, word }) => {
                assert_eq!(game.raw(), GAME);
                (word.input, word.news.and_then(|(_, event)| event.kind))
            }
            _ => panic!("a keeper says nothing else"),
        }
    }

    /// A hoard is opened; the numbers of items and heaps of gold that are laid down.
    async fn open(&mut self, death: u32, seed: u64) -> (Vec<ItemHandle>, Vec<ItemHandle>) {
        let hoard = Hoard { appearance: 11, find: Find { magic_find: 200, gold_find: 0 }, seed };
        let count = hoard.open(&Content::builtin(), Difficulty::Hell).len();
        self.send(Errand::Open { tick: 9, death, hoard, killer: None, x: 300, y: 200 }).await;
        let (mut laid, mut gold) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (input, news) = self.word().await;
            assert_eq!(news, None, "nobody is told but by what is seen");
            match input {
                Some(Input::Lay { handle, look: Look::Item { .. }, layer: 0, zone: Zone::Dungeon, x: 300, y: 200 }) => {
                    laid.push(handle);
                }
                Some(Input::Lay { handle, look: Look::Gold { size: 1.. }, layer: 0, .. }) => gold.push(handle),
                other => panic!("{other:?}"),
            }
        }
        (laid, gold)
    }

    /// The first hoard with both an item and gold, or two hoards that have them.
    async fn treasure(&mut self) -> (ItemHandle, ItemHandle) {
        let (mut laid, mut gold) = (Vec::new(), Vec::new());
        for death in 0..200 {
            let (more, more_gold) = self.open(death, u64::from(death)).await;
            laid.extend(more);
            gold.extend(more_gold);
            if let (Some(item), Some(heap)) = (laid.first(), gold.first()) {
                return (*item, *heap);
            }
        }
        panic!("the strongest monster leaves something");
    }

    async fn end(mut self) {
        self.errands = None;
        self.keeper.await.expect("the keeper ends with its game");
        verified(&self.storage).await.unwrap();
        self.storage.close().await;
    }
}

async fn what_a_monster_leaves_is_laid_down_and_becomes_whose_it_is_once(home: Home) {
    let mut stage = Stage::new(home).await;
    let (first, second) = (stage.finder("First", 3).await, stage.finder("Second", 1).await);
    let (item, heap) = stage.treasure().await;
    stage.send(Errand::Take { finder: first, input: 5, handle: item }).await;
    let (input, news) = stage.word().await;
    assert_eq!(input, Some(Input::Confirm { handle: item }));
    let Some(Kind::ItemTaken(taken)) = news else { panic!("{news:?}") };
    let has = stage.items.of(first.character).await.unwrap();
    let owned = has.get(ItemId::from_raw(taken.item_id)).expect("it is its own");
    assert_eq!((taken.input, &taken.base, taken.gold), (5, &owned.item.base, 0));

    stage.send(Errand::Take { finder: first, input: 6, handle: heap }).await;
    let (input, news) = stage.word().await;
    assert_eq!(input, Some(Input::Confirm { handle: heap }));
    let Some(Kind::ItemTaken(taken)) = news else { panic!("{news:?}") };
    assert_eq!(stage.items.of(first.character).await.unwrap().gold, i64::try_from(taken.gold).unwrap());
    assert!(taken.gold > 0 && taken.item_id == 0);

    // A world that lost count gets nobody anything twice.
    for handle in [item, heap, ItemHandle(9_999)] {
        stage.send(Errand::Take { finder: second, input: 7, handle }).await;
        let (input, news) = stage.word().await;
        assert_eq!(input, Some(Input::Confirm { handle }));
        assert!(matches!(news, Some(Kind::Refused(refused)) if refused.code == "TARGET_UNKNOWN"));
    }
    let other = stage.items.of(second.character).await.unwrap();
    assert!(other.items.is_empty() && other.gold == 0);
    stage.end().await;
}

async fn who_holds_the_lease_no_more_gets_nothing(home: Home) {
    let mut stage = Stage::new(home).await;
    let gone = stage.finder("Gone", 3).await;
    lease(&stage.storage, gone.character, 4).await;
    let (item, heap) = stage.treasure().await;
    for handle in [item, heap] {
        stage.send(Errand::Take { finder: gone, input: 1, handle }).await;
        let (input, news) = stage.word().await;
        assert_eq!(input, Some(Input::GiveBack { handle }), "it lies there again");
        assert!(matches!(news, Some(Kind::Refused(refused)) if refused.code == "CHARACTER_BUSY"));
    }
    let there = stage.finder("There", 1).await;
    stage.send(Errand::Take { finder: there, input: 2, handle: item }).await;
    assert_eq!(stage.word().await.0, Some(Input::Confirm { handle: item }));
    stage.end().await;
}

/// Lays an item down; its number.
async fn laid(stage: &mut Stage, finder: Finder, key: ItemId) -> ItemHandle {
    let lay = Errand::Lay { finder, input: 4, item: key.raw(), entity: 50, zone: Zone::Town, x: 10, y: 20 };
    stage.send(lay).await;
    let (input, news) = stage.word().await;
    assert!(matches!(news, Some(Kind::ItemLaid(laid)) if laid.input == 4 && laid.item_id == key.raw()), "{input:?}");
    match input {
        Some(Input::Lay { handle, layer: 50, zone: Zone::Town, x: 10, y: 20, .. }) => handle,
        other => panic!("{other:?}"),
    }
}

async fn what_is_laid_down_goes_to_another_or_back(home: Home) {
    let mut stage = Stage::new(home).await;
    let (first, second) = (stage.finder("First", 1).await, stage.finder("Second", 1).await);
    let ring = plain(&stage.items, "ring", 1);
    let key = give(&stage.items, first.character, ring, inventory(0, 0)).await.unwrap();
    let has = async |stage: &Stage, finder: &Finder| stage.items.of(finder.character).await.unwrap().get(key).is_some();
    let handle = laid(&mut stage, first, key).await;
    assert!(!has(&stage, &first).await);
    // It is not there to be laid down again, by nobody.
    for finder in [first, second] {
        let lay = Errand::Lay { finder, input: 4, item: key.raw(), entity: 50, zone: Zone::Town, x: 10, y: 20 };
        stage.send(lay).await;
        let (input, news) = stage.word().await;
        assert!(matches!(news, Some(Kind::Refused(refused)) if refused.code == "ITEM_NOT_CARRIED"));
        assert_eq!(input, None);
    }
    stage.send(Errand::Take { finder: second, input: 8, handle }).await;
    let (input, news) = stage.word().await;
    assert_eq!(input, Some(Input::Confirm { handle }));
    assert!(matches!(news, Some(Kind::ItemTaken(taken)) if taken.item_id == key.raw() && taken.base == "ring"));
    assert!(has(&stage, &second).await && !has(&stage, &first).await);

    // What lies there too long goes back to who had it last, who is told nothing.
    let handle = laid(&mut stage, second, key).await;
    stage.send(Errand::Forget { handle }).await;
    stage.send(Errand::Take { finder: first, input: 9, handle }).await;
    assert_eq!(stage.word().await.0, Some(Input::Confirm { handle }));
    assert!(has(&stage, &second).await && !has(&stage, &first).await);
    stage.end().await;
}

async fn what_lies_there_when_the_game_is_over_goes_back(home: Home) {
    let mut stage = Stage::new(home).await;
    let first = stage.finder("First", 1).await;
    let ring = plain(&stage.items, "ring", 1);
    let key = give(&stage.items, first.character, ring, inventory(0, 0)).await.unwrap();
    laid(&mut stage, first, key).await;
    let items = stage.items.clone();
    stage.errands = None;
    assert!((&mut stage.keeper).await.expect("the keeper ends with its game"), "an item was laid down");
    assert!(items.of(first.character).await.unwrap().get(key).is_some());
    verified(&stage.storage).await.unwrap();
    stage.storage.close().await;
}

/// Deals, and hears what came of it.
async fn dealt(stage: &mut Stage, finder: Finder, input: u32, deal: Deal) -> Result<proto::ItemDealt, String> {
    stage.send(Errand::Deal { finder, input, vendor: 1, deal }).await;
    answered(stage).await
}

async fn answered(stage: &mut Stage) -> Result<proto::ItemDealt, String> {
    match stage.word().await {
        (None, Some(Kind::ItemDealt(dealt))) => Ok(dealt),
        (None, Some(Kind::Refused(refused))) => Err(refused.code),
        other => panic!("{other:?}"),
    }
}

async fn a_deal_is_done_and_told(home: Home) {
    let mut stage = Stage::new(home).await;
    let buyer = Finder { wish: Wish::Deal, ..stage.finder("Buyer", 3).await };
    let base = |key: &str| stage.items.catalogue().base_number(key).unwrap();
    let (hood, star) = (base("hood"), base("garnet-star"));
    let poor = dealt(&mut stage, buyer, 1, Deal::Buy { base: hood, count: 1 }).await;
    assert_eq!(poor, Err("NOT_ENOUGH_GOLD".to_owned()));
    endow(&stage.items, buyer.character, 100).await.unwrap();
    let bought = dealt(&mut stage, buyer, 2, Deal::Buy { base: hood, count: 1 }).await.unwrap();
    let has = stage.items.of(buyer.character).await.unwrap();
    let [owned] = &has.items[..] else { panic!("{has:?}") };
    assert_eq!((bought.input, bought.act.as_str(), bought.item_id, bought.count), (2, "buy", owned.key.raw(), 1));
    assert_eq!(i64::try_from(bought.gold).unwrap(), has.gold);
    for (deal, code) in [
        (Deal::Buy { base: star, count: 1 }, "ITEM_NOT_SOLD"),
        (Deal::Buy { base: u16::MAX, count: 1 }, "ITEM_NOT_SOLD"),
        (Deal::Buy { base: hood, count: u32::MAX }, "ITEM_WRONG_COUNT"),
        (Deal::Repair { item: owned.key.raw() }, "ITEM_NO_REPAIR"),
        (Deal::Sell { item: owned.key.raw(), count: 2 }, "ITEM_WRONG_COUNT"),
        (Deal::Sell { item: u64::MAX, count: 0 }, "ITEM_NOT_CARRIED"),
    ] {
        assert_eq!(dealt(&mut stage, buyer, 3, deal).await, Err(code.to_owned()), "{deal:?}");
    }
    let key = owned.key;
    let sold = dealt(&mut stage, buyer, 4, Deal::Sell { item: key.raw(), count: 0 }).await.unwrap();
    assert_eq!((sold.act.as_str(), sold.item_id, sold.count), ("sell", key.raw(), 0));
    assert!(sold.gold > bought.gold && stage.items.of(buyer.character).await.unwrap().items.is_empty());
    // Who holds the lease no more deals no more.
    lease(&stage.storage, buyer.character, 4).await;
    let late = dealt(&mut stage, buyer, 5, Deal::Buy { base: hood, count: 1 }).await;
    assert_eq!(late, Err("CHARACTER_BUSY".to_owned()));
    stage.end().await;
}

async fn who_reads_the_way_home_is_sent_there(home: Home) {
    let mut stage = Stage::new(home).await;
    let reader = Finder { wish: Wish::Deal, ..stage.finder("Reader", 3).await };
    let road = plain(&stage.items, "road-scroll", 1);
    let key = give(&stage.items, reader.character, road, inventory(0, 0)).await.unwrap();
    stage.send(Errand::Use { finder: reader, input: 1, item: key.raw(), on: 0 }).await;
    match tokio::time::timeout(Duration::from_secs(20), stage.words.recv()).await.expect("a word") {
        Some(Command::Recall { game, character, epoch }) => {
            assert_eq!((game.raw(), character, epoch), (GAME, reader.character, 3));
        }
        _ => panic!("it goes home"),
    }
    let used = answered(&mut stage).await.unwrap();
    assert_eq!((used.act.as_str(), used.item_id, used.count), ("use", key.raw(), 0));
    // There is no other, and nobody is sent.
    stage.send(Errand::Use { finder: reader, input: 2, item: key.raw(), on: 0 }).await;
    assert_eq!(answered(&mut stage).await, Err("ITEM_NOT_CARRIED".to_owned()));
    stage.send(Errand::Use { finder: reader, input: 2, item: key.raw(), on: 9 }).await;
    assert_eq!(answered(&mut stage).await, Err("ITEM_NOT_CARRIED".to_owned()));
    stage.end().await;
}

async fn what_a_fight_cost_is_written_after_all_else(home: Home) {
    let stage = Stage::new(home).await;
    let fighter = stage.finder("Fighter", 3).await;
    let sword = plain(&stage.items, "ditch-blade", 1);
    let full = sword.durability;
    let key = give(&stage.items, fighter.character, sword, inventory(0, 0)).await.unwrap();
    // It has left by then, and the lease is given back.
    lease(&stage.storage, fighter.character, 0).await;
    let Finder { account, character, .. } = fighter;
    stage.send(Errand::Wear { account, character, worn: vec![(key, 5)] }).await;
    let (items, storage) = (stage.items.clone(), stage.storage.clone());
    drop(stage.errands);
    assert!(!stage.keeper.await.expect("the keeper ends with its game"), "nothing was laid down");
    assert_eq!(items.of(character).await.unwrap().get(key).unwrap().item.durability, full - 5);
    verified(&storage).await.unwrap();
    storage.close().await;
}
