//! Who says too much, or the same again and again.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

use realm_plugin::Recent;

/// How many lines of an account are remembered at most.
pub const LINES_REMEMBERED_MAX: usize = 64;
/// How many accounts are remembered at most.
const ACCOUNTS_MAX: usize = 1_024;

/// Lines of each account within a sliding window.
pub struct Flood {
    lines_max: usize,
    repeats_max: usize,
    window_ms: u64,
    accounts: Recent<VecDeque<Said>>,
}

/// A line that went out.
struct Said {
    at_ms: u64,
    /// Hash of the text without case and spaces.
    text: u64,
}

impl Flood {
    /// Limits of 0 are no limits.
    #[must_use]
    pub fn new(lines_max: usize, repeats_max: usize, window_ms: u64) -> Self {
        Self { lines_max, repeats_max, window_ms, accounts: Recent::new(ACCOUNTS_MAX) }
    }

    /// Why this line is too much, as a sentence for its sender; `None` when it is not, and then it counts.
    pub fn check(&mut self, account: u64, text: &str, now_ms: u64) -> Option<String> {
        let said = self.accounts.entry(account);
        // A clock that was set back makes lines of the future: they are forgotten too.
        let recent = |line: &Said| now_ms.checked_sub(line.at_ms).is_some_and(|age_ms| age_ms < self.window_ms);
        said.retain(recent);

        let text = essence(text);
        let too_many = self.lines_max > 0 && said.len() >= self.lines_max;
        let repeats = said.iter().filter(|line| line.text == text).count();
        if too_many || (self.repeats_max > 0 && repeats >= self.repeats_max) {
            let what = if too_many { "You are talking too fast." } else { "You have just said that." };
            let oldest_ms = said.iter().filter(|line| too_many || line.text == text).map(|line| line.at_ms).min();
            let wait_ms = self.window_ms.saturating_sub(now_ms.saturating_sub(oldest_ms.unwrap_or(now_ms)));
            return Some(format!("{what} Wait {} s and try again.", wait_ms.div_ceil(1_000)));
        }
        if said.len() >= LINES_REMEMBERED_MAX {
            said.pop_front();
        }
        said.push_back(Said { at_ms: now_ms, text });
        None
    }
}

/// What makes two lines the same: their letters and digits without case. A line of signs alone is itself.
fn essence(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut plain = false;
    for letter in text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase) {
        letter.hash(&mut hasher);
        plain = true;
    }
    if !plain {
        text.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let mut flood = Flood::new(3, 0, 1_000);
        for now_ms in [0, 400, 800] {
            assert_eq!(flood.check(1, "x", now_ms), None);
        }
        assert_eq!(flood.check(1, "x", 900).as_deref(), Some("You are talking too fast. Wait 1 s and try again."));
        assert_eq!(flood.check(1, "x", 1_000), None, "the first line has left the window");
        assert!(flood.check(1, "x", 1_100).is_some());
    }

    #[test]
    fn one_account_does_not_slow_another() {
        let mut flood = Flood::new(1, 0, 1_000);
        assert_eq!(flood.check(1, "x", 0), None);
        assert_eq!(flood.check(2, "x", 0), None);
        assert!(flood.check(1, "x", 0).is_some());
    }

    #[test]
    fn the_same_line_in_other_clothes_is_the_same() {
        let mut flood = Flood::new(0, 2, 10_000);
        assert_eq!(flood.check(1, "Buy gold!", 0), None);
        assert_eq!(flood.check(1, "something else", 1), None);
        assert_eq!(flood.check(1, "BUY  GOLD", 2), None);
        assert_eq!(
            flood.check(1, "buy-gold!!!", 3).as_deref(),
            Some("You have just said that. Wait 10 s and try again.")
        );
        assert_eq!(flood.check(1, "buy silver", 4), None);
    }

    #[test]
    fn lines_of_signs_are_told_apart() {
        let mut flood = Flood::new(0, 1, 10_000);
        assert_eq!(flood.check(1, ":-)", 0), None);
        assert_eq!(flood.check(1, ":-(", 0), None);
        assert!(flood.check(1, ":-)", 0).is_some());
    }

    #[test]
    fn limits_of_zero_let_everything_pass_within_bounded_memory() {
        let mut flood = Flood::new(0, 0, u64::MAX);
        for now_ms in 0..10_000 {
            assert_eq!(flood.check(1, "x", now_ms), None);
        }
        assert!(flood.accounts.entry(1).len() <= LINES_REMEMBERED_MAX);
        for account in 0..5_000 {
            let _ = flood.check(account, "x", 10_000);
        }
        assert!(flood.accounts.len() <= ACCOUNTS_MAX);
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let mut flood = Flood::new(1, 1, 1_000);
        assert_eq!(flood.check(1, "x", 1_000_000), None);
        assert_eq!(flood.check(1, "x", 5), None);
    }
}
