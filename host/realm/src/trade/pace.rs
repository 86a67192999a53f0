//! How many invitations one may send: so many at once, and then as many a minute. Pure: the time is an argument.

use std::collections::BTreeMap;

use crate::types::AccountId;

const MINUTE_MS: i64 = 60_000;

/// For each account when its whole allowance is there again; who comes back on another connection finds it as it was. It forgets whom
/// that is true of, and so holds no more than have invited somebody within a minute.
#[derive(Debug)]
pub(super) struct Pace {
    interval_ms: i64,
    full_at_ms: BTreeMap<AccountId, i64>,
}

impl Pace {
    pub(super) fn new(per_minute: u32) -> Self {
        Self { interval_ms: MINUTE_MS / i64::from(per_minute.max(1)), full_at_ms: BTreeMap::new() }
    }

    /// Takes one.
    ///
    /// # Errors
    /// After how many milliseconds there is one again.
    pub(super) fn take(&mut self, account: AccountId, now_ms: i64) -> Result<(), u64> {
        let full_at_ms = self.full_at_ms.get(&account).copied().unwrap_or(now_ms).max(now_ms);
        let ahead_ms = full_at_ms - now_ms - (MINUTE_MS - self.interval_ms);
        if ahead_ms > 0 {
            return Err(ahead_ms.unsigned_abs());
        }
        self.full_at_ms.insert(account, full_at_ms + self.interval_ms);
        Ok(())
    }

    /// Forgets who has the whole allowance.
    pub(super) fn tidy(&mut self, now_ms: i64) {
        self.full_at_ms.retain(|_, full_at_ms| *full_at_ms > now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_then_one_after_the_other_and_others_are_not_concerned() {
        let (mut pace, ann, bob) = (Pace::new(6), AccountId::from_raw(1), AccountId::from_raw(2));
        assert_eq!((0..9).filter(|_| pace.take(ann, 1_000).is_ok()).count(), 6);
        assert_eq!(pace.take(ann, 1_000), Err(10_000));
        assert_eq!(pace.take(bob, 1_000), Ok(()));
        assert_eq!(pace.take(ann, 11_000), Ok(()), "exactly when it was promised");
        assert!(pace.take(ann, 11_000).is_err());
        pace.tidy(100_000);
        assert!(pace.full_at_ms.is_empty());
    }
}
