//! What lies on the ground of one game, beyond what its world knows of it: which items and how much gold, and the way from there to whoever
//! owns things and back.
//!
//! Each game has a keeper, a task that does one errand after the other. Its tick thread hands errands over and never waits; what comes of them
//! goes back as a word: an input for the world, and news for a player. The keeper ends with its game, and then what players had laid down goes
//! back to them.
//!
//! - `deals` is what players do with what they own: deals with vendors, scrolls, and the wear of a fight.

mod deals;

use std::{collections::BTreeMap, sync::Weak, time::Duration};

use realm_protocol::proto::{self, game_event::Kind};
use realm_world::{
    Deal, Difficulty, EntityId, Hoard, Input, Sheet, Zone,
    items::{Certificate, Item, ItemHandle, LOOT_MAX, Look, Loot},
};
use tokio::sync::mpsc;

use crate::{
    hooks::Happening,
    items::{Act, Holder, Items, ItemsError},
    storage::StorageError,
    types::{
        AccountId, CharacterId, Code, GameId, ItemId, Refusal,
        faults::{self, Bug, Point},
    },
};

use super::{command::Command, ending::Ending, errands::Wish, shared::Shared};

/// Errands of one game that wait for its keeper. Of what finds no place, treasure is lost, and what was taken or is to be laid down stays where
/// it is.
pub(super) const ERRANDS_MAX: usize = 512;
/// Things that a keeper knows of; more than a ground can hold, because some are on their way.
const THINGS_MAX: usize = 1_024;
/// Items that wait to go back; a player's wish waits until there are fewer.
const DOUBTFUL_MAX: usize = 64;
/// How often something is written of which the database does not say whether it is.
const WRITES_MAX: u32 = 4;
/// Between two such tries.
const WRITE_PAUSE: Duration = Duration::from_millis(250);
/// Long enough for the news of what is told too early to get out.
const HASTY_PAUSE: Duration = Duration::from_millis(120);
/// Between two tries to give something back.
const RETURN_PAUSE: Duration = Duration::from_secs(1);

/// A player, as its game knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finder {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    /// Of the lease under which the character plays.
    pub(super) epoch: i64,
    /// The character as it is now.
    pub(super) sheet: Option<Sheet>,
    /// Number of the connection that wished it.
    pub(super) line: u32,
    /// What it wishes.
    pub(super) wish: Wish,
}

impl Finder {
    fn holder(&self) -> Holder {
        Holder::playing(self.account, self.character, self.epoch, self.sheet)
    }
}

/// What a tick thread has its keeper do.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    /// A monster has died: what it leaves is to be thrown and laid down.
    Open {
        tick: u32,
        /// Which of the deaths of that tick, from 0.
        death: u32,
        hoard: Hoard,
        killer: Option<AccountId>,
        x: i32,
        y: i32,
    },
    /// Somebody has taken something.
    Take { finder: Finder, input: u32, handle: ItemHandle },
    /// Somebody lays an item down.
    Lay { finder: Finder, input: u32, item: u64, entity: EntityId, zone: Zone, x: i32, y: i32 },
    /// Something lies there no more, or found no room.
    Forget { handle: ItemHandle },
    /// Somebody deals with a vendor, before which it stands.
    Deal { finder: Finder, input: u32, vendor: u8, deal: Deal },
    /// Somebody uses an item, over another or, with 0, over none.
    Use { finder: Finder, input: u32, item: u64, on: u64 },
    /// What a player wears has lost so much of its durability.
    Wear { account: AccountId, character: CharacterId, worn: Vec<(ItemId, u32)> },
}

/// What came of an errand.
#[derive(Debug)]
pub(super) struct Word {
    /// What the world is told.
    pub(super) input: Option<Input>,
    /// What a player is told.
    pub(super) news: Option<(Finder, proto::GameEvent)>,
}

/// Something on the ground.
#[derive(Debug)]
enum Thing {
    /// It was thrown, and is born when somebody takes it.
    Item(Box<Item>, Certificate),
    /// It was thrown, and is minted when somebody takes it.
    Gold(u32, Certificate),
    /// A player had it: so many on a stack.
    Owned(ItemId, u32),
}

/// Why somebody does not get what was taken.
enum Missed {
    /// It is gone for good.
    Gone(Code),
    /// It lies there again.
    Back(Code),
}

/// The keeper of one game.
pub(super) struct Keeper {
    game: GameId,
    difficulty: Difficulty,
    /// Index of its tick thread.
    thread: usize,
    items: Items,
    shared: Weak<Shared>,
    things: BTreeMap<ItemHandle, Thing>,
    /// Number of the last thing. No number is given twice.
    last: u32,
    /// Number of the last deal.
    deals: u32,
    /// Items of which nobody knows whether they were laid down: they go back, as soon as the database answers.
    doubtful: Vec<ItemId>,
}

impl Keeper {
    pub(super) fn new(game: GameId, difficulty: Difficulty, thread: usize, items: Items, shared: Weak<Shared>) -> Self {
        let (things, doubtful) = (BTreeMap::new(), Vec::new());
        Self { game, difficulty, thread, items, shared, things, last: 0, deals: 0, doubtful }
    }

    /// What is to be done when the game is over.
    pub(super) fn ending(&self) -> Ending {
        Ending::new(self.game, self.items.clone(), self.shared.clone())
    }

    /// Does errands until the game is gone; true when players' items may lie in the database as on its ground.
    pub(super) async fn run(mut self, mut errands: mpsc::Receiver<Errand>) -> bool {
        let mut holds_items = false;
        loop {
            let errand = if self.doubtful.is_empty() {
                errands.recv().await
            } else {
                self.settle_doubts().await;
                match tokio::time::timeout(RETURN_PAUSE, errands.recv()).await {
                    Ok(errand) => errand,
                    Err(_) => continue,
                }
            };
            let Some(errand) = errand else { return holds_items };
            match errand {
                Errand::Open { tick, death, hoard, killer, x, y } => {
                    self.open((tick, death), &hoard, killer, (x, y)).await;
                }
                Errand::Take { finder, input, handle } => self.take(&finder, input, handle).await,
                Errand::Lay { finder, input, item, entity, zone, x, y } => {
                    holds_items = true;
                    self.lay(&finder, input, ItemId::from_raw(item), (entity, zone, x, y)).await;
                }
                Errand::Forget { handle } => self.forget(handle).await,
                Errand::Deal { finder, input, vendor, deal } => match self.act_of(vendor, deal) {
                    Some(act) => self.deal(&finder, input, act).await,
                    None => self.refuse(&finder, input, Code::ItemNotSold, None).await,
                },
                Errand::Use { finder, input, item, on } => {
                    let on = (on != 0).then(|| ItemId::from_raw(on));
                    self.deal(&finder, input, Act::Use { item: ItemId::from_raw(item), on }).await;
                }
                Errand::Wear { account, character, worn } => self.wear(account, character, worn).await,
            }
        }
    }

    /// Gives back what may have been laid down, though nobody confirmed it.
    async fn settle_doubts(&mut self) {
        while let Some(key) = self.doubtful.last().copied() {
            if self.items.return_from_ground(self.game, key).await.is_err() {
                return;
            }
            self.doubtful.pop();
        }
    }

    /// Throws what a monster leaves.
    async fn open(&mut self, (tick, death): (u32, u32), hoard: &Hoard, killer: Option<AccountId>, (x, y): (i32, i32)) {
        let content = self.items.content().clone();
        let loot = hoard.open(&content, self.difficulty);
        if self.things.len() + loot.len() > THINGS_MAX {
            metrics::counter!("realm_treasure_lost_total").increment(1);
            return;
        }
        for (place, loot) in (0u32..).zip(loot) {
            let ordinal = death.saturating_mul(LOOT_MAX).saturating_add(place);
            // The rules that judge an item are asked when it is born.
            let birth = Certificate::new(self.game.raw(), tick, ordinal, content.hash(), Vec::new());
            let (look, thing) = match loot {
                Loot::Gold(amount) => (Look::gold(amount.into()), Thing::Gold(amount, birth)),
                Loot::Item(item) => {
                    let Some(look) = self.look(&item) else { continue };
                    self.tell_of_drop(killer, &item);
                    (look, Thing::Item(Box::new(item), birth))
                }
            };
            let handle = self.number();
            self.things.insert(handle, thing);
            let lay = Input::Lay { handle, look, layer: 0, zone: Zone::Dungeon, x, y };
            self.say(Some(lay), None).await;
        }
    }

    async fn take(&mut self, finder: &Finder, input: u32, handle: ItemHandle) {
        if faults::has(Bug::TakenBeforeStored) {
            self.promise(finder, input, handle).await;
        }
        match self.hand_over(finder, input, handle).await {
            Ok(taken) => {
                faults::point(Point::BeforeTaken);
                self.things.remove(&handle);
                self.say(Some(Input::Confirm { handle }), Some((finder, Kind::ItemTaken(taken)))).await;
            }
            Err(Missed::Gone(code)) => {
                self.things.remove(&handle);
                self.refuse(finder, input, code, Some(Input::Confirm { handle })).await;
            }
            Err(Missed::Back(code)) => {
                self.refuse(finder, input, code, Some(Input::GiveBack { handle })).await;
            }
        }
    }

    /// The mistake that tests make on purpose: its finder is told before it is stored, and there is time for the news to get out.
    async fn promise(&self, finder: &Finder, input: u32, handle: ItemHandle) {
        let taken = match self.things.get(&handle) {
            Some(Thing::Gold(amount, _)) => {
                proto::ItemTaken { input, gold: u64::from(*amount), ..proto::ItemTaken::default() }
            }
            Some(Thing::Item(item, _)) => told(input, ItemId::from_raw(0), item),
            Some(Thing::Owned(key, _)) => proto::ItemTaken { input, item_id: key.raw(), ..proto::ItemTaken::default() },
            None => return,
        };
        self.say(None, Some((finder, Kind::ItemTaken(taken)))).await;
        tokio::time::sleep(HASTY_PAUSE).await;
    }

    /// Makes something its finder's, and stores that.
    async fn hand_over(&self, finder: &Finder, input: u32, handle: ItemHandle) -> Result<proto::ItemTaken, Missed> {
        let thing = self.things.get(&handle).ok_or(Missed::Gone(Code::TargetUnknown))?;
        let holder = finder.holder();
        match thing {
            Thing::Gold(amount, birth) => {
                let found = || self.items.gold_found(holder, i64::from(*amount), birth.clone());
                confirmed(found).await.map_err(missed)?;
                Ok(proto::ItemTaken { input, gold: u64::from(*amount), ..proto::ItemTaken::default() })
            }
            Thing::Item(item, birth) => {
                let born = || self.items.born_on_pick_up(holder, Item::clone(item), birth.clone());
                let taken = confirmed(born).await.map_err(missed)?;
                Ok(told(input, taken.item, item))
            }
            Thing::Owned(key, count) => {
                let taken = confirmed(|| self.items.take_from_ground(holder, self.game, *key)).await.map_err(missed)?;
                let lies = taken.belongings.get(taken.item).map(|owned| Item { count: *count, ..owned.item.clone() });
                let unknown = || proto::ItemTaken { input, item_id: taken.item.raw(), ..proto::ItemTaken::default() };
                Ok(lies.map_or_else(unknown, |item| told(input, taken.item, &item)))
            }
        }
    }

    /// A player lays down an item of its inventory.
    async fn lay(&mut self, finder: &Finder, input: u32, key: ItemId, at: (EntityId, Zone, i32, i32)) {
        let (layer, zone, x, y) = at;
        let handle = self.number();
        match self.put_down(finder, key, handle).await {
            Ok((look, count)) => {
                self.things.insert(handle, Thing::Owned(key, count));
                let laid = proto::ItemLaid { input, item_id: key.raw() };
                let lay = Input::Lay { handle, look, layer, zone, x, y };
                self.say(Some(lay), Some((finder, Kind::ItemLaid(laid)))).await;
            }
            Err(code) => self.refuse(finder, input, code, None).await,
        }
    }

    async fn put_down(&mut self, finder: &Finder, key: ItemId, handle: ItemHandle) -> Result<(Look, u32), Code> {
        if self.things.len() >= THINGS_MAX || self.doubtful.len() >= DOUBTFUL_MAX {
            return Err(Code::GroundFull);
        }
        let belongings = self.items.of(finder.character).await.map_err(code)?;
        let item = belongings.get(key).map(|owned| &owned.item).ok_or(Code::ItemNotCarried)?;
        let look = self.look(item).ok_or(Code::ItemUnknown)?;
        let number = u32::try_from(handle.0).unwrap_or(u32::MAX);
        let mut is_doubtful = false;
        let laid =
            confirmed_or(&mut is_doubtful, || self.items.drop_to_ground(finder.holder(), key, self.game, number));
        match laid.await {
            Ok(_) => Ok((look, item.count)),
            Err(error) => {
                if is_doubtful {
                    self.doubtful.push(key);
                }
                Err(code(error))
            }
        }
    }

    /// What lay there too long, or found no room: a player's goes back, nobody's is gone.
    async fn forget(&mut self, handle: ItemHandle) {
        if let Some(Thing::Owned(key, _)) = self.things.remove(&handle)
            && let Err(error) = confirmed(|| self.items.return_from_ground(self.game, key)).await
        {
            tracing::warn!(game = %self.game, item = %key, %error, "an item on the ground goes back later");
            self.doubtful.push(key);
        }
    }

    fn number(&mut self) -> ItemHandle {
        self.last = self.last.wrapping_add(1);
        ItemHandle(self.last.into())
    }

    /// What everybody sees of an item; `None` when the content pack does not know it.
    fn look(&self, item: &Item) -> Option<Look> {
        let base = self.items.catalogue().base_number(&item.base)?;
        Some(Look::Item { base, quality: item.quality })
    }

    fn tell_of_drop(&self, killer: Option<AccountId>, item: &Item) {
        if let (Some(killer), Some(shared)) = (killer, self.shared.upgrade()) {
            shared.tell(killer, Happening::Drop { base_type: item.base.clone(), quality: item.quality.name() });
        }
    }

    async fn refuse(&self, finder: &Finder, input: u32, code: Code, answer: Option<Input>) {
        let refused = proto::ActRefused { input, code: code.as_str().to_owned() };
        self.say(answer, Some((finder, Kind::Refused(refused)))).await;
    }

    async fn say(&self, input: Option<Input>, news: Option<(&Finder, Kind)>) {
        let news = news.map(|(finder, kind)| (*finder, proto::GameEvent { kind: Some(kind) }));
        if let Some(shared) = self.shared.upgrade() {
            let word = Box::new(Word { input, news });
            shared.command(self.thread, Command::Hear { game: self.game, word }).await;
        }
    }
}

/// Does something again of which the database does not say whether it was done; every verb of the ground may be asked again.
async fn confirmed<T, F>(verb: impl Fn() -> F) -> Result<T, ItemsError>
where
    F: Future<Output = Result<T, ItemsError>>,
{
    confirmed_or(&mut false, verb).await
}

/// The same; `is_doubtful` is true from the first try on of which nobody knows whether it was done.
async fn confirmed_or<T, F>(is_doubtful: &mut bool, verb: impl Fn() -> F) -> Result<T, ItemsError>
where
    F: Future<Output = Result<T, ItemsError>>,
{
    let mut writes = 1;
    loop {
        match verb().await {
            // After a write of which nobody knows, no other trouble of the database says that nothing was done.
            Err(ItemsError::Storage(error)) if *is_doubtful || matches!(error, StorageError::Unconfirmed) => {
                *is_doubtful = true;
                if writes == WRITES_MAX {
                    return Err(StorageError::Unconfirmed.into());
                }
                writes += 1;
            }
            answer => return answer,
        }
        tokio::time::sleep(WRITE_PAUSE).await;
    }
}

fn missed(error: ItemsError) -> Missed {
    match error {
        // Somebody else has it, or nobody ever will.
        ItemsError::NotCarried => Missed::Gone(Code::TargetUnknown),
        error => Missed::Back(code(error)),
    }
}

fn code(error: ItemsError) -> Code {
    Refusal::from(error).code
}

fn told(input: u32, key: ItemId, item: &Item) -> proto::ItemTaken {
    proto::ItemTaken {
        input,
        item_id: key.raw(),
        base: item.base.clone(),
        quality: item.quality.name().to_owned(),
        count: item.count,
        gold: 0,
    }
}

#[cfg(test)]
mod tests;
