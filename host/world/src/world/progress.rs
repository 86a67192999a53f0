//! Experience, levels and what death costs.

use super::{World, player::Player};
use crate::{
    Event, LEVEL_MAX, PLAYERS_MAX, PlayerSlot, Zone,
    content::{Content, Levels},
    geometry::Point,
    items::Property,
};

impl World {
    /// Shares the experience of a kill between the killer and the living players near it: a bonus for each further player, then equal
    /// parts; what cannot be divided is the killer's.
    pub(super) fn reward(&mut self, killer: PlayerSlot, at: Point, experience: u32, events: &mut Vec<Event>) {
        let rules = &self.content.rules;
        let killer = usize::from(killer.0);
        let mut shares = [false; PLAYERS_MAX];
        for (place, player) in self.players.iter().enumerate() {
            shares[place] = player.as_ref().is_some_and(|player| {
                place == killer
                    || (player.zone == Zone::Dungeon && !player.is_dead() && player.at.within(at, rules.share_distance))
            });
        }
        let sharers = shares.iter().map(|shares| u64::from(*shares)).sum::<u64>().max(1);
        let bonus = u64::from(rules.share_bonus_percent) * (sharers - 1);
        let pool = u64::from(experience) * (100 + bonus) / 100;
        for (place, player) in (0u8..).zip(&mut self.players) {
            let Some(player) = player else { continue };
            if shares[usize::from(place)] {
                let rest = if usize::from(place) == killer { pool % sharers } else { 0 };
                gain(&self.content, PlayerSlot(place), player, pool / sharers + rest, events);
            }
        }
    }

    /// A player died. The hardcore stay dead; from the others the difficulty takes a share of the experience of their level, at once, so
    /// that leaving does not save it.
    pub(super) fn bury(&mut self, place: usize, events: &mut Vec<Event>) {
        let percent = self.percentages().death_loss;
        let Some(player) = self.players.get_mut(place).and_then(Option::as_mut) else { return };
        player.life = 0;
        player.still();
        player.sheet.dead = player.sheet.hardcore;
        let loss = death_loss(&self.content.levels, player.sheet.level, player.sheet.experience, percent);
        if loss > 0 && !player.sheet.hardcore {
            player.sheet.experience -= loss;
            let slot = PlayerSlot(u8::try_from(place).unwrap_or_default());
            events.push(Event::Experience { slot, gained: 0, total: player.sheet.experience });
        }
    }
}

/// Adds experience, up to that of the last level, and raises the level as often as it suffices.
fn gain(content: &Content, slot: PlayerSlot, player: &mut Player, amount: u64, events: &mut Vec<Event>) {
    let levels = &content.levels;
    let percent = u64::try_from(100 + player.bonus(Property::Experience)).unwrap_or_default();
    let more = amount.saturating_mul(percent) / 100;
    let sheet = &mut player.sheet;
    // A character may come with more than the last level asks for; nothing is taken from it.
    let total = sheet.experience.saturating_add(more).min(levels.begin(LEVEL_MAX)).max(sheet.experience);
    let gained = total - sheet.experience;
    if gained == 0 {
        return;
    }
    sheet.experience = total;
    events.push(Event::Experience { slot, gained: u32::try_from(gained).unwrap_or(u32::MAX), total });
    while player.sheet.level < LEVEL_MAX && player.sheet.experience >= levels.begin(player.sheet.level + 1) {
        player.sheet.level += 1;
        player.set_pools(content.class(player.sheet.class));
        player.fill();
        events.push(Event::LevelUp { entity: player.entity, level: player.sheet.level });
    }
}

/// What death takes: so many percent of the experience between this level and the next, and never the level itself.
fn death_loss(levels: &Levels, level: u32, experience: u64, percent: u32) -> u64 {
    let begin = levels.begin(level);
    // The last level has no next one: its span is that of the level before.
    let span = if level < LEVEL_MAX { levels.begin(level + 1) - begin } else { begin - levels.begin(level - 1) };
    (span * u64::from(percent) / 100).min(experience.saturating_sub(begin))
}

#[cfg(test)]
mod tests {
    use super::death_loss;
    use crate::{Content, LEVEL_MAX};

    #[test]
    fn death_takes_a_share_of_the_level_and_never_the_level() {
        let content = Content::builtin();
        let levels = &content.levels;
        let (begin, next) = (levels.begin(10), levels.begin(11));
        assert_eq!(death_loss(levels, 10, next - 1, 5), (next - begin) / 20);
        assert_eq!(death_loss(levels, 10, next - 1, 0), 0);
        assert_eq!(death_loss(levels, 10, begin + 3, 10), 3);
        assert_eq!(death_loss(levels, 10, begin, 10), 0);
        assert_eq!(death_loss(levels, LEVEL_MAX, levels.begin(LEVEL_MAX), 10), 0);
        assert!(death_loss(levels, LEVEL_MAX, u64::MAX, 10) > 0);
    }
}
