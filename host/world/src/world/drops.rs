//! Potions: on the ground, in the belt, drunk.

use super::{World, acts::Act, acts::acting};
use crate::{
    EntityId, Event, PlayerSlot, RefusedReason, Zone, content::PotionRow, geometry::Point, items::Property,
    world::player::Player,
};

/// Most things on the ground; when one more falls, the oldest is gone.
pub(crate) const DROPS_MAX: usize = 64;
/// From how far away something is picked up, in sub-tiles.
pub(super) const PICK_UP_REACH: i32 = 64;

/// A potion on the ground. Items proper lie beside it, with a key and one owner, and become somebody's only once that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drop {
    pub(super) entity: EntityId,
    pub(super) zone: Zone,
    pub(super) at: Point,
    /// Which potion, by its place in the content pack.
    pub(super) potion: u8,
    pub(super) ticks_left: u32,
}

impl World {
    /// A monster of this level has died here: perhaps it leaves a potion, given by its place in the content pack.
    pub(super) fn leave_potion(&mut self, zone: Zone, at: Point, level: u32) -> Option<u8> {
        let rules = &self.content.rules;
        let ticks_left = rules.drop_ticks;
        if !self.dice.percent(rules.drop_chance_percent) {
            return None;
        }
        let frequency = |potion: &PotionRow| if potion.level <= level { potion.frequency } else { 0 };
        let mut thrown = self.dice.below(self.content.potions.iter().map(|potion| frequency(&potion.row)).sum());
        let mut chosen = 0;
        for (row, potion) in (0u8..).zip(&self.content.potions) {
            let frequency = frequency(&potion.row);
            if thrown < frequency {
                chosen = row;
                break;
            }
            thrown -= frequency;
        }
        if self.drops.len() >= DROPS_MAX {
            self.drops.remove(0);
        }
        let entity = self.next_entity();
        self.drops.push(Drop { entity, zone, at, potion: chosen, ticks_left });
        Some(chosen)
    }

    /// Name of a potion in the content pack; `None` when there are fewer.
    #[must_use]
    pub fn potion_name(&self, potion: u8) -> Option<&str> {
        self.content.potions.get(usize::from(potion)).map(|potion| potion.name.as_str())
    }

    /// Takes a potion from the ground: into the belt, or drinks it at once. Whatever else lies there is only taken up.
    pub(super) fn pick_up(
        &mut self,
        (slot, input_index): (PlayerSlot, usize),
        target: EntityId,
        drink: bool,
        events: &mut Vec<Event>,
    ) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        let here = |drop: &Drop| drop.entity == target && drop.zone == player.zone;
        let Some(index) = self.drops.iter().position(here) else {
            return self
                .take_from_ground((slot, input_index), target, events)
                .unwrap_or(Err(RefusedReason::TargetUnknown));
        };
        let Drop { at, potion, .. } = self.drops[index];
        if !player.at.within(at, PICK_UP_REACH) || !self.maps[player.zone as usize].is_line_clear(player.at, at) {
            return Err(RefusedReason::TargetTooFar);
        }
        if drink {
            quaff(player, &self.content.potions[usize::from(potion)].row, events);
        } else {
            player.carry(potion, self.content.rules.belt_slots)?;
        }
        player.turn_to(at);
        self.drops.remove(index);
        Ok(())
    }

    /// Drinks a potion of the belt.
    pub(super) fn drink(&mut self, slot: PlayerSlot, place: u8, events: &mut Vec<Event>) -> Act {
        let Some(player) = acting(&mut self.players, slot)? else { return Ok(()) };
        let carried = player.belt.get_mut(usize::from(place)).ok_or(RefusedReason::PotionUnknown)?;
        let row = std::mem::take(carried).checked_sub(1).ok_or(RefusedReason::PotionUnknown)?;
        quaff(player, &self.content.potions[usize::from(row)].row, events);
        Ok(())
    }
}

/// Life and mana come back at once.
fn quaff(player: &mut Player, potion: &PotionRow, events: &mut Vec<Event>) {
    let share = |of: i32, percent: i32| i32::try_from(i64::from(of) * i64::from(percent) / 100).unwrap_or(i32::MAX);
    let before = player.life;
    let life = potion.life.saturating_add(share(player.life_max, potion.life_percent));
    let life = player.raised(life, Property::PotionLife);
    let mana = potion.mana.saturating_add(share(player.mana_max, potion.mana_percent));
    player.life = player.life.saturating_add(life).min(player.life_max);
    player.mana = player.mana.saturating_add(mana).min(player.mana_max);
    events.push(Event::Healed { entity: player.entity, amount: (player.life - before).unsigned_abs() });
}
