//! What a tick has its game's keeper do: what died leaves something, what was taken or laid down is to be stored.

use realm_world::{
    Event, Input, PlayerSlot, World,
    items::{ItemHandle, LYING_MAX},
};
use tokio::sync::mpsc;

use crate::types::{Code, ItemId};

use super::{
    events,
    judge::Origin,
    keeper::{Errand, Finder},
    player::Player,
};

/// Places of a keeper's queue that no player's wish takes from the treasure of monsters.
const RESERVED: usize = 128;
/// Wishes of one player to take something that may wait for the keeper.
const TAKING_MAX: u8 = 4;
/// After a wish that was refused, a player takes and lays down nothing for so long: what cannot be had is not asked for again and again.
const REFUSED_TICKS: u32 = 10;

/// What a player wishes of the keeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To take something from the ground.
    Take,
    /// To lay something down.
    Lay,
    /// To deal with a vendor, or to use something.
    Deal,
}

/// What one player has under way with the keeper.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnderWay {
    taking: u8,
    /// One at a time: so what a player has on the ground is known when it wishes to lay down more.
    laying: bool,
    /// One at a time.
    dealing: bool,
    /// Until which tick nothing more is asked for.
    waits_until: u32,
}

impl UnderWay {
    /// Begins a wish, if there may be another.
    fn begin(&mut self, wish: Wish, tick: u32) -> Result<(), Code> {
        if tick < self.waits_until {
            return Err(Code::ActTooSoon);
        }
        let is_busy = match wish {
            Wish::Take => self.taking >= TAKING_MAX,
            Wish::Lay => self.laying,
            Wish::Deal => self.dealing,
        };
        if is_busy {
            return Err(Code::RateLimited);
        }
        match wish {
            Wish::Take => self.taking += 1,
            Wish::Lay => self.laying = true,
            Wish::Deal => self.dealing = true,
        }
        Ok(())
    }

    /// A wish has its answer.
    pub(super) fn end(&mut self, wish: Wish, is_refused: bool, tick: u32) {
        match wish {
            Wish::Take => self.taking = self.taking.saturating_sub(1),
            Wish::Lay => self.laying = false,
            Wish::Deal => self.dealing = false,
        }
        if is_refused {
            self.waits_until = tick.saturating_add(REFUSED_TICKS);
        }
    }
}

/// The way to a game's keeper. Nothing here waits: what finds no place there is undone, or tried again.
pub(super) struct Errands {
    /// `None`: nobody keeps anything.
    keeper: Option<mpsc::Sender<Errand>>,
    /// What the world is told in the coming tick, of what could not be handed over; kept for its memory, as the next.
    undone: Vec<Input>,
    /// What lies there no more, of which the keeper has not heard; at most as much as a keeper knows of.
    vanished: Vec<ItemHandle>,
}

impl Errands {
    pub(super) fn new(keeper: Option<mpsc::Sender<Errand>>) -> Self {
        Self { keeper, undone: Vec::with_capacity(LYING_MAX), vanished: Vec::with_capacity(LYING_MAX) }
    }

    /// Hands over what follows from the events of a step; `origins` are the wishers of all inputs of the tick.
    pub(super) fn run(&mut self, world: &World, players: &mut [Player], events: &[Event], origins: &[Origin]) {
        let mut death = 0;
        for event in events {
            match *event {
                Event::Treasure { killer, hoard, x, y } => {
                    let killer = killer.and_then(|slot| of_slot(players, slot)).map(|player| player.account);
                    let errand = Errand::Open { tick: world.tick(), death, hoard, killer, x, y };
                    death += 1;
                    if !self.hand_over(errand) && self.keeper.is_some() {
                        metrics::counter!("realm_treasure_lost_total").increment(1);
                    }
                }
                Event::Taken { slot, input_index, handle } => {
                    let input = number(origins, input_index);
                    let errand = |finder| Errand::Take { finder, input, handle };
                    if !self.wish(world, players, (slot, input, Wish::Take), errand) {
                        self.undone.push(Input::GiveBack { handle });
                    }
                }
                Event::Laying { slot, input_index, item, zone, x, y } => {
                    let (input, entity) = (number(origins, input_index), world.entity_of(slot).unwrap_or_default());
                    let errand = |finder| Errand::Lay { finder, input, item, entity, zone, x, y };
                    self.wish(world, players, (slot, input, Wish::Lay), errand);
                }
                Event::Dealing { slot, input_index, vendor, deal } => {
                    let input = number(origins, input_index);
                    let errand = |finder| Errand::Deal { finder, input, vendor, deal };
                    self.wish(world, players, (slot, input, Wish::Deal), errand);
                }
                Event::Using { slot, input_index, item, on } => {
                    let input = number(origins, input_index);
                    let errand = |finder| Errand::Use { finder, input, item, on };
                    self.wish(world, players, (slot, input, Wish::Deal), errand);
                }
                Event::Vanished { handle } if self.keeper.is_some() => self.vanished.push(handle),
                _ => {}
            }
        }
    }

    /// Hands over what a player has worn down. What finds no place is not worn: nobody loses more than is said.
    pub(super) fn wear(&self, player: &Player, worn: Vec<(ItemId, u32)>) {
        if worn.is_empty() || self.keeper.is_none() {
            return;
        }
        let (account, character) = (player.account, player.character);
        if !self.hand_over(Errand::Wear { account, character, worn }) {
            metrics::counter!("realm_wear_lost_total").increment(1);
        }
    }

    /// Hands over what found no place before.
    pub(super) fn hand_over_rest(&mut self) {
        while let Some(handle) = self.vanished.last().copied() {
            if !self.hand_over(Errand::Forget { handle }) {
                return;
            }
            self.vanished.pop();
        }
    }

    /// What the world is to be told, one after the other.
    pub(super) fn undone(&mut self) -> Option<Input> {
        self.undone.pop()
    }

    /// Hands a player's wish over, or refuses it.
    fn wish(
        &self,
        world: &World,
        players: &mut [Player],
        (slot, input, wish): (PlayerSlot, u32, Wish),
        errand: impl FnOnce(Finder) -> Errand,
    ) -> bool {
        let Some(player) = players.iter_mut().find(|player| player.slot == slot) else { return false };
        let begun = match &self.keeper {
            // Where nobody keeps anything, nobody carries anything.
            None => Err(Code::ItemNotCarried),
            Some(keeper) if keeper.capacity() <= RESERVED => Err(Code::RateLimited),
            Some(_) => player.under_way.begin(wish, world.tick()),
        };
        let finder = Finder {
            account: player.account,
            character: player.character,
            epoch: player.brought.epoch,
            sheet: world.sheet(slot),
            line: player.lines,
            wish,
        };
        let code = match begun {
            Ok(()) if self.hand_over(errand(finder)) => return true,
            Ok(()) => {
                player.under_way.end(wish, false, world.tick());
                Code::RateLimited
            }
            Err(code) => code,
        };
        if let Some(line) = &mut player.line {
            line.news.push(events::refused(input, code));
        }
        false
    }

    fn hand_over(&self, errand: Errand) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| keeper.try_send(errand).is_ok())
    }
}

fn of_slot(players: &[Player], slot: PlayerSlot) -> Option<&Player> {
    players.iter().find(|player| player.slot == slot)
}

/// The client's number of an input of this tick.
fn number(origins: &[Origin], input_index: usize) -> u32 {
    origins.get(input_index).copied().flatten().map_or(0, |(_, input)| input)
}
