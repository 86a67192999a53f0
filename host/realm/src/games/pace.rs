//! A game's clock: a fixed step of 40 ms, and what has piled up when its thread was late.

use std::time::Instant;

use super::TICK;

/// Steps that are made at once when a game is late. What is beyond is left out, and the game goes on from now.
pub(super) const CATCH_UP_STEPS_MAX: u32 = 5;

/// When the next step of a game is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    due: Instant,
}

/// What is to be done at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steps {
    /// To be made at once; at least one when the moment is not before the due one.
    pub(super) made: u32,
    /// Given up.
    pub(super) left_out: u32,
}

impl Pace {
    pub(super) fn new(due: Instant) -> Self {
        Self { due }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The steps that have piled up by `now`; the next one is due on the same grid of 40 ms, after `now`.
    pub(super) fn advance(&mut self, now: Instant) -> Steps {
        let Some(late) = now.checked_duration_since(self.due) else { return Steps { made: 0, left_out: 0 } };
        let whole = u32::try_from(late.as_nanos() / TICK.as_nanos()).unwrap_or(u32::MAX - 1);
        let piled_up = whole + 1;
        self.due += TICK * piled_up;
        let made = piled_up.min(CATCH_UP_STEPS_MAX);
        Steps { made, left_out: piled_up - made }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn late(milliseconds: u64) -> (Steps, Duration) {
        let begin = Instant::now();
        let mut pace = Pace::new(begin);
        let now = begin + Duration::from_millis(milliseconds);
        let steps = pace.advance(now);
        assert!(pace.due() > now, "the next step is not due yet");
        (steps, pace.due() - begin)
    }

    #[test]
    fn a_game_in_time_makes_one_step_and_is_due_on_its_grid() {
        assert_eq!(late(0), (Steps { made: 1, left_out: 0 }, TICK));
        assert_eq!(late(39), (Steps { made: 1, left_out: 0 }, TICK));
    }

    #[test]
    fn a_late_game_catches_up_at_once_and_keeps_its_phase() {
        assert_eq!(late(40), (Steps { made: 2, left_out: 0 }, TICK * 2));
        assert_eq!(late(179), (Steps { made: 5, left_out: 0 }, TICK * 5));
    }

    #[test]
    fn beyond_five_steps_the_rest_is_left_out_and_the_game_goes_on_from_now() {
        assert_eq!(late(200), (Steps { made: 5, left_out: 1 }, TICK * 6));
        assert_eq!(late(60_010), (Steps { made: 5, left_out: 1_496 }, TICK * 1_501));
        let begin = Instant::now();
        let mut pace = Pace::new(begin + TICK);
        assert_eq!(pace.advance(begin), Steps { made: 0, left_out: 0 });
        assert_eq!(pace.due(), begin + TICK, "nothing was due");
    }

    #[test]
    fn over_time_there_is_a_step_for_every_forty_milliseconds() {
        let begin = Instant::now();
        let (mut pace, mut steps, mut now) = (Pace::new(begin), 0, begin);
        for wait in [3, 41, 80, 12, 120, 7, 39, 40, 1, 95].into_iter().cycle().take(1_000) {
            now += Duration::from_millis(wait);
            let Steps { made, left_out } = pace.advance(now);
            assert_eq!(left_out, 0);
            steps += made;
        }
        assert_eq!(u128::from(steps), (now - begin).as_nanos() / TICK.as_nanos() + 1);
    }
}
