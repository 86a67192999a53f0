//! When within the 40 ms of a tick the games of a thread are stepped.
//!
//! Games of one phase are stepped together, stage by stage: what the first of them brought into the processor's caches serves the
//! others, and a thread that sleeps less often finds more of it still there. So a few games share a phase before the next
//! one is begun, and the phases in use are spread over the tick.

use std::time::Duration;

use super::TICK;

/// Phases of a tick.
const PHASES: u32 = 32;
/// Each phase that is begun lies so many phases after the one before: 32 times the golden ratio, and odd, so that however many are in
/// use, they stand evenly.
const STEP: u32 = 19;
/// Games of a phase before another is begun: together they take about a millisecond.
const GAMES: u32 = 8;

/// How many games each phase of a thread has.
#[derive(Debug, Default)]
pub(super) struct Phases {
    games: [u32; PHASES as usize],
}

/// A game's phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phase(u32);

impl Phase {
    /// How long after the start of a tick.
    pub(super) fn offset(self) -> Duration {
        TICK * self.0 / PHASES
    }
}

impl Phases {
    /// The phase of one more game: one that is begun and not full, else an unused one, else the emptiest.
    pub(super) fn enter(&mut self) -> Phase {
        let in_turn = || (0..PHASES).map(|number| Phase(number * STEP % PHASES));
        let begun = in_turn().filter(|phase| (1..GAMES).contains(self.games(*phase)));
        let phase = begun.max_by_key(|phase| *self.games(*phase));
        let phase = phase.or_else(|| in_turn().min_by_key(|phase| *self.games(*phase))).unwrap_or(Phase(0));
        self.games[phase.0 as usize] += 1;
        phase
    }

    fn games(&self, phase: Phase) -> &u32 {
        &self.games[phase.0 as usize]
    }

    /// A game of this phase is over.
    pub(super) fn leave(&mut self, phase: Phase) {
        let games = &mut self.games[phase.0 as usize];
        *games = games.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn games_fill_a_phase_before_the_next_is_begun_and_phases_are_spread() {
        let mut phases = Phases::default();
        let entered: Vec<Phase> = (0..GAMES * 4).map(|_| phases.enter()).collect();
        let offsets: Vec<u128> = entered.chunks(GAMES as usize).map(|phase| phase[0].offset().as_micros()).collect();
        assert!(entered.chunks(GAMES as usize).all(|phase| phase.iter().all(|other| *other == phase[0])));
        assert_eq!(offsets, [0, 23_750, 7_500, 31_250], "four phases lie about ten milliseconds apart");
    }

    #[test]
    fn who_leaves_makes_room_and_beyond_all_phases_the_emptiest_is_taken() {
        let mut phases = Phases::default();
        let entered: Vec<Phase> = (0..GAMES * PHASES).map(|_| phases.enter()).collect();
        assert!(phases.games.iter().all(|games| *games == GAMES));
        phases.leave(entered[100]);
        assert_eq!(phases.enter(), entered[100]);
        (0..PHASES).for_each(|_| assert!(phases.enter().0 < PHASES));
        assert!(phases.games.iter().all(|games| *games == GAMES + 1));
    }
}
