//! Which acts are not allowed.

use realm_plugin::{
    Recent,
    anti_cheat::{Action, ActionKind, Actions, Finding, Violation},
};
use serde::Deserialize;

/// Over so many ticks the mean speed is taken.
const SPEED_TICKS: usize = 10;
/// So many characters are remembered by one instance; it serves all games of one tick thread.
const CHARACTERS_MAX: usize = 2_048;

/// `[plugins.configuration.anti-cheat]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A step of more than so many per cent of the legal one is a teleport.
    pub teleport_percent: u32,
    /// A mean speed over ten ticks of more than so many per cent of the legal one is too fast.
    pub speed_percent: u32,
    /// How far beyond its sight a character may name a place, in sub-tiles (32 to a tile): what it saw last may have moved.
    pub vision_slack: u32,
    /// The largest number of affixes on a rare item.
    pub rare_affixes_max: usize,
    /// The largest bonus to all skills on a ring.
    pub ring_all_skills_max: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            teleport_percent: 200,
            speed_percent: 120,
            vision_slack: 10,
            rare_affixes_max: 6,
            ring_all_skills_max: 1,
        }
    }
}

impl Settings {
    /// What is wrong with the settings, for the operator.
    pub fn check(&self) -> Result<(), String> {
        for (key, percent) in [("teleport_percent", self.teleport_percent), ("speed_percent", self.speed_percent)] {
            if !(100..=10_000).contains(&percent) {
                return Err(format!("`{key}` is {percent}: write 100 to 10000, where 100 is the legal speed itself"));
            }
        }
        Ok(())
    }
}

/// The rule with what it remembers.
pub struct Rule {
    settings: Settings,
    steps: Recent<Steps>,
}

impl Rule {
    /// A rule that remembers nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, steps: Recent::new(CHARACTERS_MAX) }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Judges a batch of acts: at most one finding for each, and every finding refuses its act.
    #[must_use]
    pub fn check_actions(&mut self, actions: &Actions) -> Vec<Finding> {
        (0_u32..)
            .zip(actions.iter())
            .filter_map(|(index, action)| {
                let violation = self.check_action(&action)?;
                Some(Finding { index, violation, refuse: true })
            })
            .collect()
    }

    fn check_action(&mut self, action: &Action) -> Option<Violation> {
        if action.life <= 0 {
            return Some(Violation::DeadActor);
        }
        if action.cooldown > 0 {
            return Some(Violation::Cooldown);
        }
        if action.mana_left < 0 {
            return Some(Violation::Mana);
        }
        match action.kind {
            ActionKind::Move => self.check_step(action),
            ActionKind::Attack | ActionKind::Skill | ActionKind::Interact | ActionKind::DropItem => {
                let known = action.vision.max(0).unsigned_abs().saturating_add(self.settings.vision_slack);
                (length(action) > u64::from(known)).then_some(Violation::HiddenKnowledge)
            }
            ActionKind::Other(_) => None,
        }
    }

    fn check_step(&mut self, action: &Action) -> Option<Violation> {
        // Who cannot move at all wishes in vain; that the client does not know of it yet is no cheat.
        let legal = u64::from(u32::try_from(action.step_max).ok().filter(|&legal| legal > 0)?);
        let length = length(action);
        if length * 100 > legal * u64::from(self.settings.teleport_percent) {
            return Some(Violation::Teleport);
        }
        let steps = self.steps.entry(action.character);
        let sum = steps.add(action.tick, length);
        if sum * 100 > legal * SPEED_TICKS as u64 * u64::from(self.settings.speed_percent) {
            // One burst is one finding: what was found is not held against the character again.
            *steps = Steps::default();
            return Some(Violation::Speed);
        }
        None
    }
}

/// How far a character wished to go in each of its last ticks.
#[derive(Debug, Default)]
struct Steps {
    /// The latest tick.
    tick: u32,
    /// Sub-tiles by tick, the tick's number modulo the length.
    lengths: [u64; SPEED_TICKS],
}

impl Steps {
    /// Adds a step and gives the sum over the last ticks.
    fn add(&mut self, tick: u32, length: u64) -> u64 {
        let passed = tick.checked_sub(self.tick).and_then(|passed| usize::try_from(passed).ok());
        match passed {
            // The same tick, or a few later: what has grown too old is forgotten.
            Some(passed) if passed < SPEED_TICKS => {
                for old in 1..=passed {
                    self.lengths[(Self::slot(self.tick) + old) % SPEED_TICKS] = 0;
                }
            }
            // Long ago, or the ticks of another game.
            _ => self.lengths = [0; SPEED_TICKS],
        }
        self.tick = tick;
        self.lengths[Self::slot(tick)] += length;
        self.lengths.iter().sum()
    }

    fn slot(tick: u32) -> usize {
        tick as usize % SPEED_TICKS
    }
}

/// The length of the wished step, or the distance of the target, in whole sub-tiles.
fn length(action: &Action) -> u64 {
    let (dx, dy) = (u64::from(action.dx.unsigned_abs()), u64::from(action.dy.unsigned_abs()));
    (dx * dx + dy * dy).isqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEGAL: i32 = 10;

    fn action(kind: ActionKind) -> Action {
        Action {
            tick: 1,
            character: 1,
            kind,
            x: 0,
            y: 0,
            dx: 0,
            dy: 0,
            step_max: LEGAL,
            vision: 640,
            life: 50,
            mana_left: 10,
            cooldown: 0,
        }
    }

    fn step(dx: i32, dy: i32) -> Action {
        Action { dx, dy, ..action(ActionKind::Move) }
    }

    fn rule() -> Rule {
        Rule::new(Settings::default())
    }

    /// What is found when all of these happen in one tick.
    fn check(rule: &mut Rule, tick: u32, actions: &[Action]) -> Vec<Finding> {
        rule.check_actions(&actions.iter().map(|action| Action { tick, ..*action }).collect())
    }

    fn found(actions: &[Action]) -> Vec<(u32, Violation)> {
        check(&mut rule(), 1, actions).into_iter().map(|finding| (finding.index, finding.violation)).collect()
    }

    #[test]
    fn honest_acts_are_left_alone() {
        let honest = [step(6, 8), Action { dx: 640, ..action(ActionKind::Attack) }, action(ActionKind::DropItem)];
        assert_eq!(found(&honest), []);
    }

    #[test]
    fn the_dead_the_hasty_and_the_drained_are_found() {
        let acts = [
            Action { life: 0, ..step(1, 0) },
            step(1, 0),
            Action { cooldown: 4, ..action(ActionKind::Attack) },
            Action { mana_left: -1, ..action(ActionKind::Skill) },
        ];
        assert_eq!(found(&acts), [(0, Violation::DeadActor), (2, Violation::Cooldown), (3, Violation::Mana)]);
    }

    #[test]
    fn a_step_of_more_than_twice_the_legal_one_is_a_teleport() {
        assert_eq!(found(&[step(20, 0)]), []);
        assert_eq!(found(&[step(21, 0)]), [(0, Violation::Teleport)]);
        assert_eq!(found(&[step(-15, 15)]), [(0, Violation::Teleport)]);
    }

    #[test]
    fn places_beyond_sight_are_hidden() {
        let attack = |dx| Action { dx, ..action(ActionKind::Attack) };
        assert_eq!(found(&[attack(650)]), []);
        assert_eq!(found(&[attack(651)]), [(0, Violation::HiddenKnowledge)]);
    }

    #[test]
    fn the_mean_speed_over_ten_ticks_may_be_a_fifth_too_high() {
        let mut rule = rule();
        for tick in 1..1_000 {
            assert!(check(&mut rule, tick, &[step(12, 0)]).is_empty(), "tick {tick}");
        }
        let first = (1_000..1_020).find(|&tick| !check(&mut rule, tick, &[step(13, 0)]).is_empty());
        assert_eq!(first, Some(1_000));
    }

    #[test]
    fn a_late_burst_is_forgiven_and_a_steady_one_found_again_and_again() {
        let mut rule = rule();
        // Nothing came for five ticks, then all of it at once.
        assert!(check(&mut rule, 10, &[step(10, 0)]).is_empty());
        assert!(check(&mut rule, 15, &vec![step(10, 0); 5]).is_empty());

        let findings: usize = (100..200).map(|tick| check(&mut rule, tick, &[step(18, 0)]).len()).sum();
        assert!((10..=20).contains(&findings), "{findings}");
    }

    #[test]
    fn two_steps_in_one_tick_are_twice_the_speed() {
        let mut rule = rule();
        let findings: usize = (1..=10).map(|tick| check(&mut rule, tick, &[step(10, 0), step(10, 0)]).len()).sum();
        assert_eq!(findings, 1);
    }

    #[test]
    fn another_game_starts_the_history_anew() {
        let mut rule = rule();
        for tick in 500..510 {
            assert!(check(&mut rule, tick, &[step(12, 0)]).is_empty());
        }
        for tick in 1..=10 {
            assert!(check(&mut rule, tick, &[step(12, 0)]).is_empty());
        }
    }

    #[test]
    fn who_cannot_move_is_not_judged_by_the_step() {
        assert_eq!(found(&[Action { step_max: 0, ..step(5, 5) }]), []);
    }

    #[test]
    fn extreme_numbers_are_no_trouble() {
        let wild = Action { vision: i32::MIN, ..action(ActionKind::Interact) };
        let acts = [
            step(i32::MIN, i32::MIN),
            Action { dx: i32::MAX, dy: i32::MIN, ..wild },
            Action { step_max: i32::MAX, ..step(i32::MAX, 0) },
        ];
        assert_eq!(found(&acts), [(0, Violation::Teleport), (1, Violation::HiddenKnowledge)]);
        let mut rule = rule();
        for tick in [0, u32::MAX, 0, 7, u32::MAX - 1] {
            let _ = check(&mut rule, tick, &acts);
        }
    }

    #[test]
    fn nobody_can_fill_the_memory() {
        let mut rule = rule();
        for character in 0..20_000 {
            let _ = check(&mut rule, 1, &[Action { character, ..step(1, 0) }]);
            assert!(rule.steps.len() <= CHARACTERS_MAX);
        }
    }

    #[test]
    fn settings_below_the_legal_speed_are_refused() {
        let wrong = Settings { speed_percent: 90, ..Settings::default() };
        assert!(wrong.check().unwrap_err().contains("`speed_percent` is 90"));
    }
}
