//! Counts what the anti-cheat rule found, over all games of an account, and bans at the limit.

use std::{
    collections::HashMap,
    sync::Weak,
    time::{Duration, Instant},
};

use tokio::sync::{broadcast, mpsc};

use crate::{
    moderation::{Ban, Moderation},
    storage::Storage,
    types::{AccountId, Code},
};

use super::{Banned, listing, shared::Shared};

/// Suspicions that wait for the referee.
pub(super) const SUSPICIONS_MAX: usize = 256;
/// Accounts that are counted at the same time; beyond, those without a new finding for longest are forgotten.
const ACCOUNTS_MAX: usize = 10_000;
/// After this long without a finding an account begins at zero.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);
/// Who decided, in the records of moderation.
const BY: &str = "rule:anti-cheat";
/// Waits between attempts to store a ban.
const BAN_RETRIES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Findings about one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspicion {
    pub(super) account: AccountId,
    pub(super) findings: u32,
    /// What was found, in a word, for the log and the reason of a ban.
    pub(super) violation: String,
}

/// The counts. Pure.
#[derive(Default)]
struct Tally {
    counts: HashMap<AccountId, (u32, Instant)>,
}

impl Tally {
    /// Adds findings; true when the account has reached `limit`, after which it begins at zero.
    fn add(&mut self, account: AccountId, findings: u32, limit: u32, now: Instant) -> bool {
        if self.counts.len() >= ACCOUNTS_MAX && !self.counts.contains_key(&account) {
            self.make_room(now);
        }
        let (count, last) = self.counts.entry(account).or_insert((0, now));
        if now.duration_since(*last) > FORGOTTEN_AFTER {
            *count = 0;
        }
        (*count, *last) = (count.saturating_add(findings), now);
        let reached = *count >= limit;
        if reached {
            self.counts.remove(&account);
        }
        reached
    }

    fn make_room(&mut self, now: Instant) {
        self.counts.retain(|_, (_, last)| now.duration_since(*last) <= FORGOTTEN_AFTER);
        if self.counts.len() >= ACCOUNTS_MAX {
            let mut moments: Vec<Instant> = self.counts.values().map(|(_, last)| *last).collect();
            let (_, middle, _) = moments.select_nth_unstable(ACCOUNTS_MAX / 2);
            let middle = *middle;
            self.counts.retain(|_, (_, last)| *last > middle);
        }
    }
}

/// The referee's parts.
pub(super) struct Referee {
    pub(super) moderation: Moderation,
    pub(super) storage: Storage,
    pub(super) shared: Weak<Shared>,
    pub(super) bans: broadcast::Sender<Banned>,
    pub(super) findings_ban: u32,
    pub(super) ban_hours: u32,
}

impl Referee {
    /// Serves until no tick thread can report any more.
    pub(super) async fn run(self, mut suspicions: mpsc::Receiver<Suspicion>) {
        let mut tally = Tally::default();
        while let Some(suspicion) = suspicions.recv().await {
            tracing::debug!(account = %suspicion.account, findings = suspicion.findings, violation = suspicion.violation, "anti-cheat");
            // 0 turns bans off.
            let limit = if self.findings_ban == 0 { u32::MAX } else { self.findings_ban };
            if tally.add(suspicion.account, suspicion.findings, limit, Instant::now()) {
                self.ban(suspicion).await;
            }
        }
    }

    async fn ban(&self, Suspicion { account, violation, .. }: Suspicion) {
        let hours_ms = i64::from(self.ban_hours) * 3_600_000;
        let reason = format!("The anti-cheat rule found what the game does not allow ({violation}), too often.");
        let ban = Ban { reason, until_ms: Some(self.storage.now_ms().saturating_add(hours_ms)) };
        let mut waits = BAN_RETRIES.into_iter();
        while let Err(error) = self.moderation.ban(account, ban.clone(), BY).await {
            let Some(wait) = waits.next() else {
                tracing::error!(%account, %error, "a ban could not be stored; the account is only put out of its game");
                break;
            };
            tokio::time::sleep(wait).await;
        }
        tracing::info!(%account, violation, "banned by the anti-cheat rule");
        if let Some(shared) = self.shared.upgrade() {
            shared.expel(account, &listing::reason(Code::AccountBanned, &ban.sentence(), 0)).await;
        }
        // Nobody listens when no session layer runs.
        let _ = self.bans.send(Banned { account, ban });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_add_up_over_games_and_are_forgotten_in_time() {
        let (mut tally, now, account) = (Tally::default(), Instant::now(), AccountId::from_raw(1));
        assert!(!tally.add(account, 9, 10, now));
        assert!(tally.add(account, 1, 10, now + Duration::from_secs(60)));
        assert!(!tally.add(account, 9, 10, now), "it began at zero");
        assert!(!tally.add(account, 9, 10, now + FORGOTTEN_AFTER * 2));
        assert!(tally.add(account, 1, 10, now + FORGOTTEN_AFTER * 2));
    }

    #[test]
    fn the_count_of_accounts_has_an_end() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        for raw in 0..ACCOUNTS_MAX as u64 + 10 {
            tally.add(AccountId::from_raw(raw), 1, 10, now + Duration::from_micros(raw));
        }
        assert!(tally.counts.len() <= ACCOUNTS_MAX);
    }
}
