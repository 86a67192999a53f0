//! What a tick has its game's keeper do: what died leaves something, what was taken or laid down is to be stored.

use realm_world::{Event, Input, PlayerSlot, World, items::LYING_MAX};
use tokio::sync::mpsc;

use crate::types::Code;

use super::{
    events,
    judge::Origin,
    keeper::{Errand, Finder},
    player::Player,
};

/// The way to a game's keeper. Nothing here waits: what finds no place there is undone.
pub(super) struct Errands {
    /// `None`: nobody keeps anything.
    keeper: Option<mpsc::Sender<Errand>>,
    /// What the world is told in the coming tick, of what could not be handed over; kept for its memory.
    undone: Vec<Input>,
}

impl Errands {
    pub(super) fn new(keeper: Option<mpsc::Sender<Errand>>) -> Self {
        Self { keeper, undone: Vec::with_capacity(LYING_MAX) }
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
                    let finder = finder(world, players, slot);
                    let errand = finder.map(|finder| Errand::Take { finder, input, handle });
                    if !errand.is_some_and(|errand| self.hand_over(errand)) {
                        self.undone.push(Input::GiveBack { handle });
                        refuse(players, slot, input, Code::RateLimited);
                    }
                }
                Event::Laying { slot, input_index, item, zone, x, y } => {
                    let input = number(origins, input_index);
                    let (finder, entity) = (finder(world, players, slot), world.entity_of(slot));
                    let laid = finder.zip(entity);
                    let errand = laid.map(|(finder, entity)| Errand::Lay { finder, input, item, entity, zone, x, y });
                    if !errand.is_some_and(|errand| self.hand_over(errand)) {
                        // Where nobody keeps anything, nobody carries anything.
                        let kept = self.keeper.is_some();
                        refuse(players, slot, input, if kept { Code::RateLimited } else { Code::ItemNotCarried });
                    }
                }
                // A player's item of which the keeper does not hear goes back when the game is over.
                Event::Vanished { handle } => drop(self.hand_over(Errand::Forget { handle })),
                _ => {}
            }
        }
    }

    /// What the world is to be told, one after the other.
    pub(super) fn undone(&mut self) -> Option<Input> {
        self.undone.pop()
    }

    fn hand_over(&self, errand: Errand) -> bool {
        self.keeper.as_ref().is_some_and(|keeper| keeper.try_send(errand).is_ok())
    }
}

fn of_slot(players: &[Player], slot: PlayerSlot) -> Option<&Player> {
    players.iter().find(|player| player.slot == slot)
}

fn finder(world: &World, players: &[Player], slot: PlayerSlot) -> Option<Finder> {
    let player = of_slot(players, slot)?;
    let Player { account, character, .. } = *player;
    Some(Finder { account, character, epoch: player.brought.epoch, sheet: world.sheet(slot) })
}

/// The client's number of an input of this tick.
fn number(origins: &[Origin], input_index: usize) -> u32 {
    origins.get(input_index).copied().flatten().map_or(0, |(_, input)| input)
}

/// Nobody could be asked.
fn refuse(players: &mut [Player], slot: PlayerSlot, input: u32, code: Code) {
    let player = players.iter_mut().find(|player| player.slot == slot);
    if let Some(line) = player.and_then(|player| player.line.as_mut()) {
        line.news.push(events::refused(input, code));
    }
}
