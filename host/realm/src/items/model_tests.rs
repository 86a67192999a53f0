//! Random sequences of verbs, against the plainest model of what two characters, a game's ground and two purses hold.
//!
//! The model knows lists alone: which item of which kind lies where, and how many are on its stack. After each verb the database says the same, or the
//! verb was refused and nothing changed; in the end the ledger is whole and says what is so.

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::TestCaseError};
use realm_world::items::{Cell, Size};

use super::{
    Act, Bag, Belongings, Hold, Holder, Items, ItemsError, Place, Purse, Spot,
    testing::{birth, give, items, lease, pay, plain, verified},
};
use crate::{
    once::Answered,
    storage::testing::{FakeClock, Home, account, character, open},
    types::{GameId, ItemId},
};

/// What stacks: it is for sale, and can be used in a game.
const SCROLL: &str = "road-scroll";
/// The lease under which the second character plays.
const EPOCH: i64 = 7;
/// Sequences, and the longest of them.
const CASES: u32 = 24;
const CASES_LONG: u32 = 2_000;
const VERBS_MAX: usize = 60;

/// What is done; numbers choose among what there is, and may mean what is not there.
#[derive(Debug, Clone)]
enum Verb {
    Move { who: usize, item: usize, to: Spot },
    Split { who: usize, item: usize, count: u32 },
    Merge { who: usize, item: usize, onto: usize },
    Destroy { who: usize, item: usize, count: Option<u32> },
    Use { who: usize, item: usize },
    Buy { who: usize, salt: bool, count: u32, to: Option<(u8, u8)> },
    Sell { who: usize, item: usize, count: Option<u32> },
    Drop { who: usize, item: usize },
    Take { who: usize, item: usize },
    Find { who: usize, salt: bool, count: u32 },
    Pay { from: usize, amount: i64 },
    Gold { who: usize, amount: i64 },
    EndOfGame,
}

fn any_spot() -> impl Strategy<Value = Spot> {
    let bag = prop_oneof![
        4 => Just(Bag::Inventory),
        2 => (0..5u8).prop_map(|page| Bag::Stash { page }),
        1 => Just(Bag::Cube)
    ];
    (bag, 0..11u8, 0..11u8).prop_map(|(bag, x, y)| Spot::In(bag, Cell { x, y }))
}

fn any_verb() -> impl Strategy<Value = Verb> {
    let (who, item) = (|| 0..2usize, || 0..14usize);
    prop_oneof![
        6 => (who(), item(), any_spot()).prop_map(|(who, item, to)| Verb::Move { who, item, to }),
        3 => (who(), item(), 0..30u32).prop_map(|(who, item, count)| Verb::Split { who, item, count }),
        3 => (who(), item(), item()).prop_map(|(who, item, onto)| Verb::Merge { who, item, onto }),
        1 => (who(), item(), prop::option::of(0..9u32)).prop_map(|(who, item, count)| Verb::Destroy { who, item, count }),
        2 => (who(), item()).prop_map(|(who, item)| Verb::Use { who, item }),
        4 => (who(), any::<bool>(), 0..23u32, prop::option::of((0..11u8, 0..5u8)))
            .prop_map(|(who, salt, count, to)| Verb::Buy { who, salt, count, to }),
        2 => (who(), item(), prop::option::of(0..9u32)).prop_map(|(who, item, count)| Verb::Sell { who, item, count }),
        4 => (who(), item()).prop_map(|(who, item)| Verb::Drop { who, item }),
        4 => (who(), item()).prop_map(|(who, item)| Verb::Take { who, item }),
        4 => (who(), any::<bool>(), 1..25u32).prop_map(|(who, salt, count)| Verb::Find { who, salt, count }),
        2 => (who(), -2..60i64).prop_map(|(from, amount)| Verb::Pay { from, amount }),
        3 => (who(), 0..200i64).prop_map(|(who, amount)| Verb::Gold { who, amount }),
        1 => Just(Verb::EndOfGame),
    ]
}

/// One item of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    salt: bool,
    count: u32,
    at: Place,
}

/// What there is.
#[derive(Debug, Clone, Default)]
struct Model {
    things: BTreeMap<ItemId, Thing>,
    gold: [i64; 2],
}

struct Stage {
    items: Items,
    holders: [Holder; 2],
    game: GameId,
    helm: String,
    stack_max: u32,
    /// What the two are bought and sold for: the helm, the scroll.
    prices: [(i64, i64); 2],
    deals: u32,
    drops: u32,
    births: u32,
    model: Model,
}

impl Stage {
    fn size(&self, salt: bool) -> Size {
        if salt { Size { width: 1, height: 1 } } else { Size { width: 2, height: 2 } }
    }

    /// The keys of what a character has, in their order.
    fn keys(&self, who: usize) -> Vec<ItemId> {
        let of = |thing: &Thing| thing.at.character() == Some(self.holders[who].character);
        self.model.things.iter().filter(|(_, thing)| of(thing)).map(|(key, _)| *key).collect()
    }

    fn nth(&self, who: usize, item: usize) -> ItemId {
        self.keys(who).get(item).copied().unwrap_or(ItemId::from_raw(1))
    }

    /// Does this lie free in a box, with one item away?
    fn is_free(&self, who: usize, spot: Spot, size: Size, without: Option<ItemId>) -> bool {
        let Spot::In(bag, cell) = spot else { return false };
        let (width, height) = match bag {
            Bag::Inventory => (10, 4),
            Bag::Stash { page } if page < 4 => (10, 10),
            Bag::Stash { .. } => return false,
            Bag::Cube => (4, 4),
        };
        if cell.x + size.width > width || cell.y + size.height > height {
            return false;
        }
        self.keys(who).iter().filter(|key| Some(**key) != without).all(|key| {
            let thing = &self.model.things[key];
            let Some(Spot::In(other_bag, other)) = thing.at.spot() else { return true };
            let own = self.size(thing.salt);
            let apart = |from: u8, length: u8, other: u8, other_length: u8| {
                from + length <= other || other + other_length <= from
            };
            other_bag != bag
                || apart(cell.x, size.width, other.x, own.width)
                || apart(cell.y, size.height, other.y, own.height)
        })
    }

    fn first_free(&self, who: usize, size: Size) -> Option<Spot> {
        let cells = (0..4).flat_map(|y| (0..10).map(move |x| Spot::In(Bag::Inventory, Cell { x, y })));
        cells.into_iter().find(|spot| self.is_free(who, *spot, size, None))
    }

    /// The one who plays deals in its game.
    async fn deal(&mut self, who: usize, act: Act) -> Result<Belongings, ItemsError> {
        if self.holders[who].hold == Hold::Free {
            return self.act(who, act).await;
        }
        let outside = self.items.act(self.holders[who], act.clone(), None).await;
        assert!(matches!(outside, Err(ItemsError::VendorNotHere)), "{outside:?}");
        self.deals += 1;
        let done = self.items.deal(self.holders[who], act.clone(), self.game, self.deals).await?.belongings;
        // Asked again it has one effect.
        let again = self.items.deal(self.holders[who], act, self.game, self.deals).await?.belongings;
        assert_eq!(Belongings { touched: Vec::new(), ..done.clone() }, again);
        Ok(done)
    }

    async fn act(&mut self, who: usize, act: Act) -> Result<Belongings, ItemsError> {
        match self.items.act(self.holders[who], act, None).await? {
            Answered::Now(belongings) => Ok(belongings),
            Answered::Before(_) => unreachable!("without a key nothing was done before"),
        }
    }

    /// Does the verb, and the same in the model if the model lets it be done; the two have to agree.
    async fn step(&mut self, verb: &Verb) -> Result<(), TestCaseError> {
        let allowed = self.foresee(verb);
        let done = self.carry_out(verb).await;
        let agree = matches!((&allowed, &done), (Some(_), Ok(_)) | (None, Err(_)));
        prop_assert!(agree, "{verb:?}: the model says {allowed:?}, the realm {done:?}");
        if let (Some(mut model), Ok(made)) = (allowed, done) {
            // A new key is the realm's to choose.
            if let (Some(thing), Some(key)) = (model.1.take(), made) {
                model.0.things.insert(key, thing);
            }
            self.model = model.0;
        }
        self.compare().await
    }

    /// What will be, with what is made anew; `None` when it must be refused.
    fn foresee(&self, verb: &Verb) -> Option<(Model, Option<Thing>)> {
        let mut model = self.model.clone();
        let mut made = None;
        let own = |who: usize, item: usize| {
            let key = self.nth(who, item);
            self.model.things.get(&key).map(|thing| (key, thing.clone()))
        };
        match verb {
            Verb::Move { who, item, to } => {
                let (key, thing) = own(*who, *item)?;
                if !self.is_free(*who, *to, self.size(thing.salt), Some(key)) {
                    return None;
                }
                model.things.get_mut(&key)?.at = Place::Character(self.holders[*who].character, *to);
            }
            Verb::Split { who, item, count } => {
                let (key, thing) = own(*who, *item)?;
                if *count == 0 || *count >= thing.count {
                    return None;
                }
                let spot = self.first_free(*who, self.size(thing.salt))?;
                model.things.get_mut(&key)?.count -= count;
                let at = Place::Character(self.holders[*who].character, spot);
                made = Some(Thing { count: *count, at, ..thing });
            }
            Verb::Merge { who, item, onto } => {
                let ((key, from), (onto_key, onto)) = (own(*who, *item)?, own(*who, *onto)?);
                let moved = from.count.min(self.stack_max.saturating_sub(onto.count));
                if key == onto_key || !from.salt || !onto.salt || moved == 0 {
                    return None;
                }
                pour(&mut model, key, onto_key, moved);
            }
            Verb::Destroy { who, item, count } => {
                let (key, thing) = own(*who, *item)?;
                let count = count.unwrap_or(thing.count);
                if count == 0 || count > thing.count {
                    return None;
                }
                take_off(&mut model, key, count);
            }
            Verb::Use { who, item } => {
                let (key, thing) = own(*who, *item)?;
                if !thing.salt || self.holders[*who].hold == Hold::Free {
                    return None;
                }
                take_off(&mut model, key, 1);
            }
            Verb::Buy { who, salt, count, to } => {
                let price = self.prices[usize::from(*salt)].0 * i64::from(*count);
                let most = if *salt { self.stack_max } else { 1 };
                if *count == 0 || *count > most || model.gold[*who] < price {
                    return None;
                }
                model.gold[*who] -= price;
                let key = ItemId::from_raw(u64::MAX >> 1);
                let bought = Thing { salt: *salt, count: *count, at: Place::Ground(self.game, u32::MAX) };
                model.things.insert(key, bought);
                match to.map(|(x, y)| Spot::In(Bag::Inventory, Cell { x, y })) {
                    Some(spot) if self.is_free(*who, spot, self.size(*salt), None) => {
                        model.things.get_mut(&key)?.at = Place::Character(self.holders[*who].character, spot);
                    }
                    Some(_) => return None,
                    None if self.receive(&mut model, *who, key) => {}
                    None => return None,
                }
                made = model.things.remove(&key);
            }
            Verb::Sell { who, item, count } => {
                let (key, thing) = own(*who, *item)?;
                let count = count.unwrap_or(thing.count);
                if count == 0 || count > thing.count {
                    return None;
                }
                take_off(&mut model, key, count);
                model.gold[*who] += self.prices[usize::from(thing.salt)].1 * i64::from(count);
            }
            Verb::Drop { who, item } => {
                let (key, thing) = own(*who, *item)?;
                // What is dropped is at hand: not worn, not put away.
                let Place::Character(_, Spot::In(Bag::Inventory, _)) = thing.at else { return None };
                model.things.get_mut(&key)?.at = Place::Ground(self.game, self.drops);
            }
            Verb::Take { who, item } => {
                let lying: Vec<ItemId> = self.lying();
                let key = *lying.get(*item)?;
                if !self.receive(&mut model, *who, key) {
                    return None;
                }
            }
            Verb::Find { who, salt, count } => {
                let count = if *salt { (*count).min(self.stack_max) } else { 1 };
                let character = self.holders[*who].character;
                // Born beside everything, and then taken in as from the ground.
                let key = ItemId::from_raw(u64::MAX >> 1);
                model.things.insert(key, Thing { salt: *salt, count, at: Place::Ground(self.game, u32::MAX) });
                if !self.receive(&mut model, *who, key) {
                    return None;
                }
                made = model.things.remove(&key).map(|thing| Thing { at: thing.at, ..thing });
                debug_assert!(made.as_ref().is_none_or(|thing| thing.at.character() == Some(character)));
            }
            Verb::Pay { from, amount } => {
                if *amount < 1 || model.gold[*from] < *amount {
                    return None;
                }
                model.gold[*from] -= amount;
                model.gold[1 - *from] += amount;
            }
            Verb::Gold { who, amount } => {
                if *amount < 1 {
                    return None;
                }
                model.gold[*who] += amount;
            }
            // Where things go back to is looked up, and compared with what is possible.
            Verb::EndOfGame => {}
        }
        Some((model, made))
    }

    fn lying(&self) -> Vec<ItemId> {
        let on_ground = |thing: &Thing| matches!(thing.at, Place::Ground(..));
        self.model.things.iter().filter(|(_, thing)| on_ground(thing)).map(|(key, _)| *key).collect()
    }

    /// Something goes onto the stacks of a character's inventory, and the rest to the first free place there.
    fn receive(&self, model: &mut Model, who: usize, key: ItemId) -> bool {
        let thing = model.things[&key].clone();
        let character = self.holders[who].character;
        if thing.salt {
            for onto in self.stacks(who) {
                let room = self.stack_max - model.things[&onto].count;
                let Some(left) = model.things.get(&key).map(|thing| thing.count) else { return true };
                pour(model, key, onto, room.min(left));
            }
        }
        let Some(rest) = model.things.get_mut(&key) else { return true };
        match self.first_free(who, self.size(thing.salt)) {
            Some(spot) => {
                rest.at = Place::Character(character, spot);
                true
            }
            None => false,
        }
    }

    /// The stacks of a character's inventory, as the realm reads them: by place.
    fn stacks(&self, who: usize) -> Vec<ItemId> {
        let in_inventory = |key: &ItemId| {
            let thing = &self.model.things[key];
            thing.salt && matches!(thing.at.spot(), Some(Spot::In(Bag::Inventory, _)))
        };
        let mut stacks: Vec<ItemId> = self.keys(who).into_iter().filter(in_inventory).collect();
        stacks.sort_by_key(|key| self.model.things[key].at);
        stacks
    }

    /// Does it; the key of what was made anew.
    async fn carry_out(&mut self, verb: &Verb) -> Result<Option<ItemId>, ItemsError> {
        let before: Vec<ItemId> = self.model.things.keys().copied().collect();
        let new =
            |belongings: &Belongings| belongings.items.iter().map(|owned| owned.key).find(|key| !before.contains(key));
        Ok(match verb {
            Verb::Move { who, item, to } => {
                let act = Act::Move { item: self.nth(*who, *item), to: *to };
                new(&self.act(*who, act).await?)
            }
            Verb::Split { who, item, count } => {
                let act = Act::Split { item: self.nth(*who, *item), count: *count, to: None };
                new(&self.act(*who, act).await?)
            }
            Verb::Merge { who, item, onto } => {
                let act = Act::Merge { item: self.nth(*who, *item), onto: self.nth(*who, *onto) };
                new(&self.act(*who, act).await?)
            }
            Verb::Destroy { who, item, count } => {
                let act = Act::Destroy { item: self.nth(*who, *item), count: *count };
                new(&self.act(*who, act).await?)
            }
            Verb::Use { who, item } => {
                let act = Act::Use { item: self.nth(*who, *item), on: None };
                new(&self.act(*who, act).await?)
            }
            Verb::Buy { who, salt, count, to } => {
                let base = if *salt { SCROLL.to_owned() } else { self.helm.clone() };
                let to = to.map(|(x, y)| (Bag::Inventory, Cell { x, y }));
                new(&self.deal(*who, Act::Buy { base, count: *count, to, vendor: None }).await?)
            }
            Verb::Sell { who, item, count } => {
                let act = Act::Sell { item: self.nth(*who, *item), count: *count };
                new(&self.deal(*who, act).await?)
            }
            Verb::Drop { who, item } => {
                let item = self.nth(*who, *item);
                new(&self.items.drop_to_ground(self.holders[*who], item, self.game, self.drops).await?)
            }
            Verb::Take { who, item } => {
                let item = self.lying().get(*item).copied().unwrap_or(ItemId::from_raw(1));
                new(&self.items.take_from_ground(self.holders[*who], self.game, item).await?.belongings)
            }
            Verb::Find { who, salt, count } => {
                let base = if *salt { SCROLL } else { self.helm.as_str() };
                let count = if *salt { (*count).min(self.stack_max) } else { 1 };
                let found = plain(&self.items, base, count);
                let taken = self.items.born_on_pick_up(self.holders[*who], found, birth(9, self.births)).await?;
                new(&taken.belongings)
            }
            Verb::Pay { from, amount } => {
                let purse = |who: usize| Purse::Character(self.holders[who].character);
                pay(&self.items, purse(*from), purse(1 - *from), *amount).await?;
                None
            }
            Verb::Gold { who, amount } => {
                self.items.gold_found(self.holders[*who], *amount, birth(9, self.births)).await?;
                None
            }
            Verb::EndOfGame => {
                self.items.end_of_game(self.game).await?;
                None
            }
        })
    }

    /// The database says what the model says.
    async fn compare(&mut self) -> Result<(), TestCaseError> {
        self.drops += 1;
        self.births += 1;
        let mut found: BTreeMap<ItemId, Thing> = BTreeMap::new();
        for (who, holder) in self.holders.iter().enumerate() {
            let belongings = self.items.of(holder.character).await.unwrap();
            prop_assert_eq!(belongings.gold, self.model.gold[who]);
            for owned in belongings.items {
                let salt = owned.item.base == SCROLL;
                prop_assert!(!matches!(owned.at.spot(), Some(Spot::Returned(_))) || self.lying().contains(&owned.key));
                found.insert(owned.key, Thing { salt, count: owned.item.count, at: owned.at });
            }
        }
        for (key, thing) in self.model.things.clone() {
            if matches!(thing.at, Place::Ground(..)) && found.contains_key(&key) {
                // It came back with the end of the game: to a free place of whoever laid it down.
                let back = found[&key].clone();
                prop_assert_eq!((back.salt, back.count), (thing.salt, thing.count));
                self.model.things.insert(key, back);
            }
        }
        let lying = |thing: &Thing| matches!(thing.at, Place::Ground(..));
        let held: BTreeMap<ItemId, Thing> = self
            .model
            .things
            .iter()
            .filter(|(_, thing)| !lying(thing))
            .map(|(key, thing)| (*key, thing.clone()))
            .collect();
        prop_assert_eq!(&found, &held);
        Ok(())
    }
}

fn take_off(model: &mut Model, key: ItemId, count: u32) {
    if let Some(thing) = model.things.get_mut(&key) {
        thing.count -= count;
        if thing.count == 0 {
            model.things.remove(&key);
        }
    }
}

fn pour(model: &mut Model, from: ItemId, onto: ItemId, count: u32) {
    if let Some(thing) = model.things.get_mut(&onto) {
        thing.count += count;
    }
    take_off(model, from, count);
}

async fn play(home: &Home, verbs: Vec<Verb>) -> Result<(), TestCaseError> {
    let storage = open(home, &FakeClock::new()).await;
    let items = items(&storage);
    let mut holders = Vec::new();
    for name in ["Ann", "Bob"] {
        let account = account(&storage).await;
        holders.push(Holder::resting(account, character(&storage, account, name, "Druid").await));
    }
    lease(&storage, holders[1].character, EPOCH).await;
    holders[1].hold = Hold::Leased(EPOCH);
    let vendor = items.content().vendors().next().expect("the built-in pack has a vendor");
    let helm = vendor.wares.iter().find(|base| (base.size.width, base.size.height) == (2, 2)).unwrap();
    let price = |base: &str| {
        let one = plain(&items, base, 1);
        (items.catalogue().ask(&one).unwrap(), items.catalogue().give(&one).unwrap())
    };
    let prices = [price(&helm.key), price(SCROLL)];
    let mut stage = Stage {
        helm: helm.key.clone(),
        stack_max: items.catalogue().base(SCROLL).unwrap().stack,
        holders: holders.try_into().expect("two"),
        game: GameId::from_raw(4_242),
        prices,
        deals: 0,
        drops: 0,
        births: 0,
        model: Model::default(),
        items,
    };
    for (who, count) in [(0, 9), (1, 12)] {
        let spot = Spot::In(Bag::Inventory, Cell { x: 0, y: 0 });
        let at = Place::Character(stage.holders[who].character, spot);
        let salt = plain(&stage.items, SCROLL, count);
        let key = give(&stage.items, stage.holders[who].character, salt, spot).await.unwrap();
        stage.model.things.insert(key, Thing { salt: true, count, at });
    }
    for verb in &verbs {
        stage.step(verb).await?;
    }
    let verdict = verified(&storage).await;
    prop_assert!(verdict.is_ok(), "{:?}", verdict);
    storage.close().await;
    Ok(())
}

/// Each sequence over a database of its own.
fn any_sequence_does_what_the_model_does(home: impl Fn() -> Home) {
    let cases = if std::env::var_os("REALM_TEST_LONG").is_some() { CASES_LONG } else { CASES };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases, max_shrink_iters: 400, ..ProptestConfig::default() };
    proptest!(config, |(verbs in prop::collection::vec(any_verb(), 1..VERBS_MAX))| {
        runtime.block_on(play(&home(), verbs))?;
    });
}

#[test]
fn any_sequence_of_verbs_does_what_the_model_does_over_sqlite() {
    any_sequence_does_what_the_model_does(Home::sqlite);
}

#[test]
fn any_sequence_of_verbs_does_what_the_model_does_over_postgresql() {
    any_sequence_does_what_the_model_does(Home::postgresql);
}
