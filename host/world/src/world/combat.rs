//! Whether a blow lands, how hard, and what becomes of who is struck.

use super::{World, monster::Mood};
use crate::{EntityId, Event, PlayerSlot, Zone, content::EffectRow, dice::Dice, geometry::Point, items::Property};

/// No blow is certain to land or to miss: the chance stays within these, in a hundred.
const CHANCE_MIN: i64 = 5;
const CHANCE_MAX: i64 = 95;

/// What is done to whoever is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    /// Who strikes: a player, a monster or a companion.
    pub(super) source: EntityId,
    /// On the players' side.
    pub(super) by_player: bool,
    pub(super) level: u32,
    /// Attack rating; `None` never misses.
    pub(super) rating: Option<i32>,
    /// At least and at most.
    pub(super) damage: (i32, i32),
    pub(super) effect: Option<EffectRow>,
}

/// Whom monsters hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prey {
    /// By slot.
    Player(usize),
    /// By place.
    Companion(usize),
}

impl Strike {
    /// The life that the blow takes if there is so much; `None` for a miss.
    ///
    /// The chance to hit grows with the striker's share of the sum of attack rating and defence, and with its share of the sum of levels.
    fn land(&self, defence: i32, level: u32, dice: &mut Dice) -> Option<i32> {
        // Damage is thrown even for a miss, so that every blow takes the same number of throws.
        let hits = self.rating.is_none_or(|rating| dice.percent(chance_percent(rating, self.level, defence, level)));
        let damage = dice.between(self.damage.0, self.damage.1);
        hits.then_some(damage.max(0))
    }
}

fn chance_percent(attack_rating: i32, striker_level: u32, defence: i32, struck_level: u32) -> i32 {
    let (rating, level) = (i64::from(attack_rating.max(1)), i64::from(striker_level.max(1)));
    let (ratings, levels) = (rating + i64::from(defence.max(0)), level + i64::from(struck_level.max(1)));
    let chance = 200 * rating * level / (ratings * levels);
    i32::try_from(chance.clamp(CHANCE_MIN, CHANCE_MAX)).unwrap_or_default()
}

impl World {
    /// A blow at a monster. It notices who struck even when it was missed.
    pub(super) fn strike_monster(&mut self, index: usize, strike: &Strike, events: &mut Vec<Event>) {
        self.notice(index, strike.source);
        let kind = &self.kinds[usize::from(self.monsters[index].row)];
        let Some(amount) = strike.land(kind.melee.defence, kind.level, &mut self.dice) else { return };
        // What never misses is no work of a weapon.
        if strike.rating.is_some()
            && let Some(player) = self.players.iter_mut().flatten().find(|player| player.entity == strike.source)
        {
            player.strain.dealt = player.strain.dealt.saturating_add(1);
        }
        if let Some(effect) = &strike.effect {
            self.monsters[index].effects.add(effect, strike.source);
        }
        self.hurt_monster(index, strike.source, amount, events);
    }

    /// A monster loses life. Who kills it, or called who did, is rewarded.
    fn hurt_monster(&mut self, index: usize, source: EntityId, amount: i32, events: &mut Vec<Event>) {
        let monster = &mut self.monsters[index];
        let amount = amount.min(monster.life);
        if amount <= 0 {
            return;
        }
        monster.life -= amount;
        events.push(Event::Damage { source, target: monster.entity, amount: amount.unsigned_abs() });
        if monster.life > 0 {
            return;
        }
        monster.die();
        let (at, entity, row) = (monster.at, monster.entity, usize::from(monster.row));
        let (experience, level) = (self.kinds[row].experience, self.kinds[row].level);
        events.push(Event::Died { entity, killer: source });
        if let Some(slot) = self.slot_behind(source) {
            self.reward(slot, at, experience, events);
            if let Some(player) = self.player_mut(slot).filter(|player| !player.is_dead()) {
                player.relish();
            }
        }
        if let Some(potion) = self.leave_potion(Zone::Dungeon, at, level) {
            events.push(Event::Dropped { killer: source, potion });
        }
        self.leave_treasure(u8::try_from(row).unwrap_or(u8::MAX), source, at, events);
    }

    /// A blow at somebody whom monsters hunt.
    pub(super) fn strike_prey(&mut self, prey: Prey, strike: &Strike, events: &mut Vec<Event>) {
        let (defence, level) = match prey {
            Prey::Player(place) => {
                let Some(player) = &self.players[place] else { return };
                (player.melee().defence, player.sheet.level)
            }
            // A companion is as hard to hit as its player's level makes it.
            Prey::Companion(place) => (
                i32::try_from(self.companions[place].level).unwrap_or(i32::MAX).saturating_mul(10),
                self.companions[place].level,
            ),
        };
        let Some(mut amount) = strike.land(defence, level, &mut self.dice) else { return };
        if let Prey::Player(place) = prey
            && let Some(player) = &mut self.players[place]
        {
            player.strain.suffered = player.strain.suffered.saturating_add(1);
            let block = player.bonus(Property::Block);
            // Who blocks nothing costs the dice no throw.
            if block > 0 && self.dice.percent(block) {
                return;
            }
            amount = (amount - player.bonus(Property::DamageReduced)).max(0);
        }
        if let Some(effect) = &strike.effect {
            match prey {
                Prey::Player(place) => {
                    if let Some(player) = &mut self.players[place] {
                        player.suffer(effect, strike.source);
                    }
                }
                Prey::Companion(place) => self.companions[place].effects.add(effect, strike.source),
            }
        }
        self.hurt_prey(prey, strike.source, amount, events);
    }

    /// A player or companion loses life.
    fn hurt_prey(&mut self, prey: Prey, source: EntityId, amount: i32, events: &mut Vec<Event>) {
        let (target, life, effects) = match prey {
            Prey::Player(place) => {
                let Some(player) = &mut self.players[place] else { return };
                (player.entity, &mut player.life, &player.effects)
            }
            Prey::Companion(place) => {
                let companion = &mut self.companions[place];
                (companion.entity, &mut companion.life, &companion.effects)
            }
        };
        let amount = effects.warded(amount).min(*life);
        if amount <= 0 {
            return;
        }
        *life -= amount;
        let dead = *life == 0;
        events.push(Event::Damage { source, target, amount: amount.unsigned_abs() });
        if dead {
            events.push(Event::Died { entity: target, killer: source });
            if let Prey::Player(place) = prey {
                self.bury(place, events);
            }
        }
    }

    /// What lasts on somebody takes and gives life, each at its pulse.
    pub(super) fn pulse_effects(&mut self, events: &mut Vec<Event>) {
        for place in 0..self.players.len() {
            let Some(player) = &self.players[place] else { continue };
            if player.is_dead() || player.effects.bits() == 0 {
                continue;
            }
            for (amount, source) in player.effects.pulses() {
                if amount < 0 {
                    self.hurt_prey(Prey::Player(place), source, -amount, events);
                } else if let Some(player) = self.players[place].as_mut().filter(|player| !player.is_dead()) {
                    player.life = player.life.saturating_add(amount).min(player.life_max);
                }
            }
        }
        for place in 0..self.companions.len() {
            for (amount, source) in self.companions[place].effects.pulses() {
                self.hurt_prey(Prey::Companion(place), source, amount.saturating_neg(), events);
            }
        }
        for index in 0..self.monsters.len() {
            if self.monsters[index].effects.bits() == 0 {
                continue;
            }
            for (amount, source) in self.monsters[index].effects.pulses() {
                self.hurt_monster(index, source, amount.saturating_neg(), events);
            }
        }
    }

    /// The player who is, or called, this entity.
    #[must_use]
    pub fn slot_behind(&self, entity: EntityId) -> Option<PlayerSlot> {
        let owner = || self.companions.iter().find(|companion| companion.entity == entity).map(|one| one.owner);
        self.slot_of(entity).or_else(owner)
    }

    /// The nearest living monster at most so far away; of two equally near the one with the lower place.
    pub(super) fn nearest_monster(&self, zone: Zone, at: Point, distance: i32) -> Option<usize> {
        if zone != Zone::Dungeon {
            return None;
        }
        let near = self.monsters.iter().enumerate().filter(|(_, monster)| !matches!(monster.mood, Mood::Dead(_)));
        let near = near.filter(|(_, monster)| at.within(monster.at, distance));
        near.min_by_key(|(_, monster)| at.distance_squared(monster.at)).map(|(index, _)| index)
    }

    /// Whom a monster can hunt, with the place: players first, by slot, then companions.
    fn preys(&self, zone: Zone) -> impl Iterator<Item = (Prey, EntityId, Point)> {
        let players = self.players.iter().enumerate().filter_map(move |(place, player)| {
            let player = player.as_ref().filter(|player| player.zone == zone && !player.is_dead())?;
            Some((Prey::Player(place), player.entity, player.at))
        });
        let companions = self.companions.iter().enumerate();
        let companions = companions.filter(move |(_, companion)| companion.zone == zone && companion.life > 0);
        players.chain(companions.map(|(place, companion)| (Prey::Companion(place), companion.entity, companion.at)))
    }

    /// The nearest of them at most so far away; of two equally near the first.
    pub(super) fn nearest_prey(&self, zone: Zone, at: Point, distance: i32) -> Option<Prey> {
        let near = self.preys(zone).filter(|(_, _, there)| at.within(*there, distance));
        near.min_by_key(|(_, _, there)| at.distance_squared(*there)).map(|(prey, _, _)| prey)
    }

    /// The nearest of them that a monster here can see and that is not at the entrance.
    pub(super) fn prey_in_sight(&self, at: Point, sight: i32) -> Option<EntityId> {
        let map = self.map(Zone::Dungeon);
        let near = self.preys(Zone::Dungeon).filter(|(_, _, there)| at.within(*there, sight));
        let seen = near.filter(|(_, _, there)| !map.in_entrance(*there) && map.sees(at, *there));
        seen.min_by_key(|(_, _, there)| at.distance_squared(*there)).map(|(_, entity, _)| entity)
    }

    /// Where somebody who is hunted is; `None` when they are dead, gone or elsewhere.
    pub(super) fn prey(&self, entity: EntityId) -> Option<(Prey, Point)> {
        self.preys(Zone::Dungeon).find(|(_, other, _)| *other == entity).map(|(prey, _, at)| (prey, at))
    }
}

#[cfg(test)]
mod tests {
    use super::chance_percent;

    #[test]
    fn chances_grow_with_rating_and_level_and_are_never_certain() {
        assert_eq!(chance_percent(100, 1, 100, 1), 50);
        assert_eq!(chance_percent(100, 3, 100, 1), 75);
        assert_eq!(chance_percent(1, 1, i32::MAX, 99), 5);
        assert_eq!(chance_percent(i32::MAX, 99, 0, 1), 95);
        assert_eq!(chance_percent(i32::MIN, 0, i32::MIN, 0), 95);
    }
}
