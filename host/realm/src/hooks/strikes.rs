//! Accounts whose lines have killed the chat filter: who does it again and again is not asked about for a while.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// So many strikes within [`WINDOW`] and an account's lines are refused unread.
const STRIKES_MAX: usize = 3;
/// A strike is forgotten after this time.
const WINDOW: Duration = Duration::from_secs(60);
/// Accounts that are remembered; beyond, the one whose last strike is oldest is forgotten.
const ACCOUNTS_MAX: usize = 1_024;

/// The strikes of the last minute.
#[derive(Debug, Default)]
pub(super) struct Strikes {
    /// The latest strikes of each account, oldest first; at most [`STRIKES_MAX`].
    accounts: HashMap<u64, Vec<Instant>>,
}

impl Strikes {
    /// A line of this account has killed a filter.
    pub(super) fn add(&mut self, account: u64, now: Instant) {
        if !self.accounts.contains_key(&account) && self.accounts.len() >= ACCOUNTS_MAX {
            let quietest = self.accounts.iter().min_by_key(|(_, strikes)| strikes.last().copied());
            if let Some(quietest) = quietest.map(|(account, _)| *account) {
                self.accounts.remove(&quietest);
            }
        }
        let strikes = self.accounts.entry(account).or_default();
        if strikes.len() >= STRIKES_MAX {
            strikes.remove(0);
        }
        strikes.push(now);
    }

    /// How long this account has to wait; `None` when it may speak.
    pub(super) fn wait(&mut self, account: u64, now: Instant) -> Option<Duration> {
        let strikes = self.accounts.get_mut(&account)?;
        strikes.retain(|strike| now.saturating_duration_since(*strike) < WINDOW);
        match strikes.first() {
            None => {
                self.accounts.remove(&account);
                None
            }
            Some(first) if strikes.len() >= STRIKES_MAX => Some(WINDOW - now.saturating_duration_since(*first)),
            Some(_) => None,
        }
    }

    /// The filter itself is at fault, not who talked to it.
    pub(super) fn forget(&mut self) {
        self.accounts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_strikes_in_a_minute_are_a_pause_for_that_account() {
        let (mut strikes, start) = (Strikes::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in [0, 10, 20] {
            assert_eq!(strikes.wait(7, at(second)), None);
            strikes.add(7, at(second));
        }
        assert_eq!(strikes.wait(7, at(21)), Some(Duration::from_secs(39)));
        assert_eq!(strikes.wait(8, at(21)), None);
        assert_eq!(strikes.wait(7, at(60)), None, "the first strike is forgotten");
        assert_eq!(strikes.wait(7, at(600)), None);
        assert!(strikes.accounts.is_empty());
    }

    #[test]
    fn a_crowd_is_remembered_within_bounds() {
        let (mut strikes, start) = (Strikes::default(), Instant::now());
        for account in 0..5_000 {
            strikes.add(account, start + Duration::from_millis(account));
        }
        assert_eq!(strikes.accounts.len(), ACCOUNTS_MAX);
        assert!(strikes.accounts.contains_key(&4_999) && !strikes.accounts.contains_key(&0));
    }
}
