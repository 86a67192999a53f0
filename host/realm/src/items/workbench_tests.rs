//! Random sequences of what is done to items themselves: put on, socketed, identified, worn out, repaired, combined; against the plainest model of it.
//!
//! Where items fit beside each other is the business of the other model: here each has a cell of its own at home, and the cube is small.

use std::collections::BTreeMap;

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use realm_world::{
    Dice,
    items::{Cell, Item, Quality, Slot},
};

use super::{
    Act, Bag, Holder, Items, ItemsError, Spot,
    testing::{endow, give, items, plain, verified},
};
use crate::{
    once::Answered,
    storage::testing::{FakeClock, Home, account, character, each_database, open},
    types::ItemId,
};

const SPLINTER: &str = "garnet-splinter";
const PEBBLE: &str = "garnet-pebble";
const SALT: &str = "ash-salt";
const WHETSTONE: &str = "whetstone";
const OIL: &str = "thorn-oil";
const SCROLL: &str = "naming-scroll";
/// A helm that anybody wears, and one that nobody of the first level does.
const HOOD: &str = "hood";
const KETTLE: &str = "kettle-hat";
const BLADE: &str = "ditch-blade";
const RING: &str = "ring";
/// So much gold that not everything can be repaired.
const GOLD: i64 = 40;

/// Things there are at first, and that can be made: so many cells there are at home.
const FIRST: usize = 20;
const MADE_MAX: usize = 2;
const SEQUENCES: usize = 16;
const SEQUENCES_LONG: usize = 300;

/// What is done; numbers mean things, also such as are not there any more or not yet.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Home(usize),
    Cube(usize, (u8, u8)),
    /// Everything out of the cube.
    Tidy,
    Equip(usize, Option<Slot>),
    Unequip(usize),
    Socket {
        gem: usize,
        into: usize,
    },
    Identify {
        scroll: usize,
        item: usize,
    },
    Wear(usize, u32),
    Repair(usize),
    Combine,
}

fn any_verbs() -> impl Strategy<Value = Vec<Verb>> {
    let any = || 0..FIRST + MADE_MAX;
    let (gem, worn) = (|| prop_oneof![8 => 0..9_usize, 1 => 0..FIRST + MADE_MAX], || 14..20_usize);
    let slot = prop::option::of(prop::sample::select(vec![
        Slot::Head,
        Slot::MainHand,
        Slot::OffHand,
        Slot::RightFinger,
        Slot::LeftFinger,
    ]));
    let one = prop_oneof![
        2 => any().prop_map(Verb::Home),
        2 => (any(), (0..5_u8, 0..5_u8)).prop_map(|(thing, cell)| Verb::Cube(thing, cell)),
        5 => (prop_oneof![4 => worn(), 1 => any()], slot).prop_map(|(thing, slot)| Verb::Equip(thing, slot)),
        3 => worn().prop_map(Verb::Unequip),
        4 => (gem(), prop_oneof![4 => worn(), 1 => any()]).prop_map(|(gem, into)| Verb::Socket { gem, into }),
        3 => (prop_oneof![3 => Just(13_usize), 1 => any()], prop_oneof![2 => 17..20_usize, 1 => any()])
            .prop_map(|(scroll, item)| Verb::Identify { scroll, item }),
        3 => (prop_oneof![3 => worn(), 1 => any()], 0..25_u32).prop_map(|(thing, amount)| Verb::Wear(thing, amount)),
        3 => prop_oneof![3 => worn(), 1 => any()].prop_map(Verb::Repair),
        1 => Just(Verb::Combine),
    ];
    // What a recipe takes, now and then with one thing too few or too many.
    let splinters = (0..10_usize, 2..6_u8, 9..11_usize).prop_map(|(first, count, salt)| {
        let splinters = (0..count).map(move |number| Verb::Cube((first + usize::from(number)) % 9, (number % 4, 0)));
        let all = splinters.chain([Verb::Cube(salt, (0, 1)), Verb::Combine]);
        std::iter::once(Verb::Tidy).chain(all).collect()
    });
    let mending = (prop_oneof![4 => worn(), 1 => any()], 11..13_usize)
        .prop_map(|(thing, with)| vec![Verb::Tidy, Verb::Cube(thing, (0, 0)), Verb::Cube(with, (3, 0)), Verb::Combine]);
    prop_oneof![6 => one.prop_map(|verb| vec![verb]), 1 => splinters, 1 => mending]
}

/// One thing: what it should be, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thing {
    item: Item,
    at: Spot,
}

/// What there is, by number.
#[derive(Debug, Clone, Default)]
struct Model {
    things: BTreeMap<usize, Thing>,
    gold: i64,
    made: usize,
}

impl Model {
    fn in_cube(&self) -> impl Iterator<Item = (usize, &Thing)> {
        self.things
            .iter()
            .filter(|(_, thing)| matches!(thing.at, Spot::In(Bag::Cube, _)))
            .map(|(number, thing)| (*number, thing))
    }

    fn wears(&self, slot: Slot, but: usize) -> bool {
        self.things.iter().any(|(number, thing)| *number != but && thing.at == Spot::Worn(slot))
    }

    fn use_up_one(&mut self, number: usize) {
        let Some(thing) = self.things.get_mut(&number) else { return };
        thing.item.count -= 1;
        if thing.item.count == 0 {
            self.things.remove(&number);
        }
    }
}

/// Where something is at home.
fn home_of(number: usize) -> Spot {
    let (x, y) = match number {
        14 => (0, 0),
        15 => (2, 0),
        16 => (4, 0),
        _ => {
            let place = number - if number > 16 { 3 } else { 0 };
            let place = u8::try_from(place).expect("there are few things");
            (5 + place % 5, place / 5)
        }
    };
    Spot::In(Bag::Inventory, Cell { x, y })
}

fn size_of(item: &Item) -> (u8, u8) {
    match item.base.as_str() {
        HOOD | KETTLE => (2, 2),
        BLADE => (1, 3),
        _ => (1, 1),
    }
}

fn slots_of(item: &Item) -> &'static [Slot] {
    match item.base.as_str() {
        HOOD | KETTLE => &[Slot::Head],
        BLADE => &[Slot::MainHand],
        RING => &[Slot::RightFinger, Slot::LeftFinger],
        _ => &[],
    }
}

fn whole(item: &Item) -> u32 {
    match item.base.as_str() {
        HOOD => 20,
        KETTLE => 21,
        BLADE => 36,
        _ => 0,
    }
}

struct Stage {
    items: Items,
    holder: Holder,
    keys: BTreeMap<usize, ItemId>,
    model: Model,
    /// How often each verb went well.
    went_well: BTreeMap<&'static str, u32>,
}

impl Stage {
    fn key(&self, number: usize) -> ItemId {
        self.keys.get(&number).copied().unwrap_or(ItemId::from_raw(1))
    }

    /// What a character of the first level can wear: its gems ask for levels, too.
    fn is_light(&self, item: &Item) -> bool {
        let level = |gem: &String| self.items.catalogue().base(gem).unwrap().needs.level;
        item.base != KETTLE && item.gems.iter().all(|gem| level(gem) <= 1)
    }

    /// What will be; `None` when it must be refused.
    fn foresee(&self, verb: Verb) -> Option<Model> {
        let mut model = self.model.clone();
        let thing = |number: usize| self.model.things.get(&number);
        match verb {
            Verb::Home(number) => {
                thing(number)?;
                model.things.get_mut(&number)?.at = home_of(number);
            }
            Verb::Cube(number, (x, y)) => {
                let (width, height) = size_of(&thing(number)?.item);
                let apart = |from: u8, length: u8, other: u8, other_length: u8| {
                    from + length <= other || other + other_length <= from
                };
                let is_free = self.model.in_cube().filter(|(other, _)| *other != number).all(|(_, other)| {
                    let (Spot::In(_, cell), own) = (other.at, size_of(&other.item)) else { return false };
                    apart(x, width, cell.x, own.0) || apart(y, height, cell.y, own.1)
                });
                if x + width > 4 || y + height > 4 || !is_free {
                    return None;
                }
                model.things.get_mut(&number)?.at = Spot::In(Bag::Cube, Cell { x, y });
            }
            Verb::Tidy => {
                for (number, _) in self.model.in_cube() {
                    model.things.get_mut(&number)?.at = home_of(number);
                }
            }
            Verb::Equip(number, slot) => {
                let one = thing(number)?;
                let slots = slots_of(&one.item);
                let free = slots.iter().find(|slot| !self.model.wears(**slot, number));
                let slot = slot.or(free.or(slots.first()).copied())?;
                let may = slots.contains(&slot) && one.item.identified && self.is_light(&one.item);
                if !may || self.model.wears(slot, number) {
                    return None;
                }
                model.things.get_mut(&number)?.at = Spot::Worn(slot);
            }
            Verb::Unequip(number) => {
                let Spot::Worn(_) = thing(number)?.at else { return None };
                model.things.get_mut(&number)?.at = home_of(number);
            }
            Verb::Socket { gem, into } => {
                let (stone, item) = (thing(gem)?, thing(into)?);
                let is_gem = [SPLINTER, PEBBLE].contains(&stone.item.base.as_str());
                if gem == into || !is_gem || item.item.gems.len() >= item.item.sockets as usize {
                    return None;
                }
                let changed = model.things.get_mut(&into)?;
                changed.item.gems.push(stone.item.base.clone());
                if matches!(changed.at, Spot::Worn(_)) && !self.is_light(&changed.item) {
                    return None;
                }
                model.use_up_one(gem);
            }
            Verb::Identify { scroll, item } => {
                let (paper, item_known) = (thing(scroll)?, thing(item)?.item.identified);
                if scroll == item || paper.item.base != SCROLL || item_known {
                    return None;
                }
                model.things.get_mut(&item)?.item.identified = true;
                model.use_up_one(scroll);
            }
            Verb::Wear(number, amount) => {
                if let Some(thing) = model.things.get_mut(&number) {
                    thing.item.durability = thing.item.durability.saturating_sub(amount);
                }
            }
            Verb::Repair(number) => {
                let one = &thing(number)?.item;
                let price = (one.durability < whole(one)).then(|| self.items.catalogue().repair_price(one).unwrap())?;
                if price > model.gold {
                    return None;
                }
                model.gold -= price;
                let repaired = &mut model.things.get_mut(&number)?.item;
                repaired.durability = whole(repaired);
            }
            Verb::Combine => {
                let inputs: Vec<usize> = self.model.in_cube().map(|(number, _)| number).collect();
                let count = |base: &str| -> u32 {
                    let of_base = self.model.in_cube().filter(|(_, thing)| thing.item.base == base);
                    of_base.map(|(_, thing)| thing.item.count).sum()
                };
                let all: u32 = self.model.in_cube().map(|(_, thing)| thing.item.count).sum();
                let mut worn = self.model.in_cube().filter(|(_, thing)| !slots_of(&thing.item).is_empty());
                match (worn.next(), worn.next()) {
                    (None, _) if all == 5 && count(SPLINTER) == 4 && count(SALT) == 1 => {
                        inputs.iter().for_each(|number| drop(model.things.remove(number)));
                        let item = plain(&self.items, PEBBLE, 1);
                        let at = Spot::In(Bag::Cube, Cell { x: 0, y: 0 });
                        model.things.insert(FIRST + model.made, Thing { item, at });
                        model.made += 1;
                    }
                    (Some((number, one)), None) if all == 3 => {
                        let mends = count(WHETSTONE) == 2 && one.item.durability < whole(&one.item);
                        let empties = count(OIL) == 2 && !one.item.gems.is_empty();
                        if !mends && !empties {
                            return None;
                        }
                        inputs
                            .iter()
                            .filter(|other| **other != number)
                            .for_each(|other| drop(model.things.remove(other)));
                        let changed = &mut model.things.get_mut(&number)?.item;
                        if mends {
                            changed.durability = whole(changed);
                        } else {
                            changed.gems.clear();
                        }
                    }
                    _ => return None,
                }
            }
        }
        Some(model)
    }

    async fn act(&self, act: Act) -> Result<(), ItemsError> {
        match self.items.act(self.holder, act, None).await? {
            Answered::Now(_) => Ok(()),
            Answered::Before(_) => unreachable!("without a key nothing was done before"),
        }
    }

    async fn carry_out(&self, verb: Verb) -> Result<(), ItemsError> {
        let cell = |spot: Spot| if let Spot::In(bag, cell) = spot { (bag, cell) } else { unreachable!() };
        match verb {
            Verb::Home(number) => self.act(Act::Move { item: self.key(number), to: home_of(number) }).await,
            Verb::Cube(number, (x, y)) => {
                self.act(Act::Move { item: self.key(number), to: Spot::In(Bag::Cube, Cell { x, y }) }).await
            }
            Verb::Tidy => {
                for (number, _) in self.model.in_cube() {
                    self.act(Act::Move { item: self.key(number), to: home_of(number) }).await?;
                }
                Ok(())
            }
            Verb::Equip(number, slot) => self.act(Act::Equip { item: self.key(number), slot }).await,
            Verb::Unequip(number) => {
                self.act(Act::Unequip { item: self.key(number), to: Some(cell(home_of(number))) }).await
            }
            Verb::Socket { gem, into } => self.act(Act::Socket { gem: self.key(gem), into: self.key(into) }).await,
            // The same by two verbs.
            Verb::Identify { scroll, item } if item % 2 == 0 => {
                self.act(Act::Identify { scroll: self.key(scroll), item: self.key(item) }).await
            }
            Verb::Identify { scroll, item } => {
                self.act(Act::Use { item: self.key(scroll), on: Some(self.key(item)) }).await
            }
            Verb::Wear(number, amount) => {
                self.items.wear_out(self.holder.character, vec![(self.key(number), amount)]).await.map(drop)
            }
            Verb::Repair(number) => self.act(Act::Repair { item: self.key(number) }).await,
            Verb::Combine => self.act(Act::Combine).await,
        }
    }

    /// Does the verb, and the same in the model if the model lets it be done; the two have to agree, and so has what is stored.
    async fn step(&mut self, verb: Verb) {
        let allowed = self.foresee(verb);
        let done = self.carry_out(verb).await;
        assert_eq!(allowed.is_some(), done.is_ok(), "{verb:?}: {done:?} of {:?}", self.model);
        let stored = self.items.of(self.holder.character).await.unwrap();
        if let Some(model) = allowed {
            self.model = model;
            let word = format!("{verb:?}");
            let word = ["Home", "Cube", "Tidy", "Equip", "Unequip", "Socket", "Identify", "Wear", "Repair", "Combine"]
                .into_iter()
                .find(|name| word.starts_with(name))
                .unwrap();
            *self.went_well.entry(word).or_default() += 1;
        }
        for number in
            (FIRST..FIRST + self.model.made).filter(|number| !self.keys.contains_key(number)).collect::<Vec<_>>()
        {
            let new = stored.items.iter().map(|owned| owned.key).find(|key| !self.keys.values().any(|own| own == key));
            self.keys.insert(number, new.expect("what was made is there"));
        }
        let found: BTreeMap<ItemId, Thing> = stored
            .items
            .iter()
            .map(|owned| (owned.key, Thing { item: owned.item.clone(), at: owned.at.spot().unwrap() }))
            .collect();
        let expected: BTreeMap<ItemId, Thing> =
            self.model.things.iter().map(|(number, thing)| (self.key(*number), thing.clone())).collect();
        assert_eq!((found, stored.gold), (expected, self.model.gold), "after {verb:?}");
    }
}

async fn any_sequence_at_the_workbench_does_what_the_model_does(home: Home) {
    let storage = open(&home, &FakeClock::new()).await;
    let items = items(&storage);
    let (mut runner, mut went_well) = (TestRunner::deterministic(), BTreeMap::new());
    let strategy = prop::collection::vec(any_verbs(), 60..90);
    let long = std::env::var_os("REALM_TEST_LONG").is_some();
    for number in 0..if long { SEQUENCES_LONG } else { SEQUENCES } {
        let account = account(&storage).await;
        let character = character(&storage, account, &format!("smith-{number}"), "Druid").await;
        endow(&items, character, GOLD).await.unwrap();
        let holder = Holder::resting(account, character);
        let (keys, model) = (BTreeMap::new(), Model { gold: GOLD, ..Model::default() });
        let mut stage = Stage { items: items.clone(), holder, keys, model, went_well };
        let hat = |base, sockets| Item { sockets, ..plain(&items, base, 1) };
        let mut first = vec![plain(&items, SPLINTER, 1); 9];
        first.extend([plain(&items, SALT, 1), plain(&items, SALT, 1)]);
        first.extend([plain(&items, WHETSTONE, 2), plain(&items, OIL, 2), plain(&items, SCROLL, 2)]);
        first.extend([hat(HOOD, 1), hat(KETTLE, 1), Item { durability: 10, ..plain(&items, BLADE, 1) }]);
        first.extend([plain(&items, RING, 1), plain(&items, RING, 1)]);
        first.push(items.catalogue().make(RING, Quality::Magic, 1, &mut Dice::new(1, 0)).unwrap());
        assert!(!first[FIRST - 1].identified, "what is magic has to be found out");
        assert_eq!(first.len(), FIRST);
        for (number, item) in first.into_iter().enumerate() {
            let at = home_of(number);
            let key = give(&stage.items, character, item.clone(), at).await.unwrap();
            stage.keys.insert(number, key);
            stage.model.things.insert(number, Thing { item, at });
        }
        let verbs = strategy.new_tree(&mut runner).unwrap().current();
        for verb in verbs.into_iter().flatten() {
            stage.step(verb).await;
        }
        went_well = stage.went_well;
    }
    println!("{went_well:?}");
    assert_eq!(went_well.len(), 10, "every verb went well now and then: {went_well:?}");
    verified(&storage).await.expect("the ledger says what is so");
    storage.close().await;
}

each_database!(any_sequence_at_the_workbench_does_what_the_model_does,);
