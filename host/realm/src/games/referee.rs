//! Counts what the anti-cheat rule found, over all games of an account; flags, kicks and bans at the limits.

use std::{
    collections::HashMap,
    sync::Weak,
    time::{Duration, Instant},
};

use tokio::sync::{broadcast, mpsc};

use crate::{
    moderation::{Ban, Decider, Moderation},
    storage::Storage,
    types::{AccountId, Code},
};

use super::{Banned, Config, listing, shared::Shared};

/// Suspicions that wait for the referee.
pub(super) const SUSPICIONS_MAX: usize = 256;
/// Accounts that are counted at the same time; beyond, those without a new finding for longest are forgotten.
const ACCOUNTS_MAX: usize = 10_000;
/// After this long without a finding an account begins at zero.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);
/// The rule that decided, in the records of moderation.
const RULE: &str = "anti-cheat";
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

/// After how many findings what is done about an account; 0 is never.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measures {
    pub(super) flag: u32,
    pub(super) kick: u32,
    pub(super) ban: u32,
    pub(super) forgotten_per_minute: u32,
}

impl Measures {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            flag: config.findings_flag,
            kick: config.findings_kick,
            ban: config.findings_ban,
            forgotten_per_minute: config.findings_forgotten_per_minute,
        }
    }
}

/// What is done about an account, the harder the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Measure {
    Flag,
    Kick,
    Ban,
}

impl Measure {
    fn name(self) -> &'static str {
        match self {
            Measure::Flag => "flag",
            Measure::Kick => "kick",
            Measure::Ban => "ban",
        }
    }
}

/// One account's findings.
#[derive(Debug, Clone, Copy)]
struct Count {
    /// Thousandths of a finding: what is left of those found, as time takes them away.
    milli: u64,
    last: Instant,
    /// The hardest measure that was taken and is not forgotten: that is at half of its limit.
    taken: Option<Measure>,
}

/// The counts. Pure.
#[derive(Default)]
struct Tally {
    counts: HashMap<AccountId, Count>,
}

impl Tally {
    /// Adds findings; returns the hardest measure whose limit is reached, unless it or a harder one was taken already. After a ban an
    /// account begins at zero.
    fn add(&mut self, account: AccountId, findings: u32, measures: Measures, now: Instant) -> Option<Measure> {
        if self.counts.len() >= ACCOUNTS_MAX && !self.counts.contains_key(&account) {
            self.make_room(now);
        }
        let count = self.counts.entry(account).or_insert(Count { milli: 0, last: now, taken: None });
        let past = now.duration_since(count.last);
        let forgotten = u128::from(measures.forgotten_per_minute) * past.as_millis() / 60;
        let before = if past > FORGOTTEN_AFTER {
            0
        } else {
            count.milli.saturating_sub(u64::try_from(forgotten).unwrap_or(u64::MAX))
        };
        let limits = [(Measure::Ban, measures.ban), (Measure::Kick, measures.kick), (Measure::Flag, measures.flag)];
        let milli = |limit: u32| u64::from(limit) * 1_000;
        let remembered =
            |(measure, limit): &(Measure, u32)| count.taken >= Some(*measure) && before * 2 >= milli(*limit);
        let taken = limits.iter().find(|limit| remembered(limit)).map(|(measure, _)| *measure);
        let after = before.saturating_add(milli(findings));
        let reached = |(_, limit): &&(Measure, u32)| *limit > 0 && after >= milli(*limit);
        let measure = limits.iter().find(reached).map(|(measure, _)| *measure).filter(|measure| Some(*measure) > taken);
        *count = Count { milli: after, last: now, taken: taken.max(measure) };
        if measure == Some(Measure::Ban) {
            self.counts.remove(&account);
        }
        measure
    }

    fn make_room(&mut self, now: Instant) {
        self.counts.retain(|_, count| now.duration_since(count.last) <= FORGOTTEN_AFTER);
        if self.counts.len() >= ACCOUNTS_MAX {
            let mut moments: Vec<Instant> = self.counts.values().map(|count| count.last).collect();
            let (_, middle, _) = moments.select_nth_unstable(ACCOUNTS_MAX / 2);
            let middle = *middle;
            self.counts.retain(|_, count| count.last > middle);
        }
    }
}

/// The referee's parts.
pub(super) struct Referee {
    pub(super) moderation: Moderation,
    pub(super) storage: Storage,
    pub(super) shared: Weak<Shared>,
    pub(super) bans: broadcast::Sender<Banned>,
    pub(super) measures: Measures,
    pub(super) ban_hours: u32,
}

impl Referee {
    /// Serves until no tick thread can report any more.
    pub(super) async fn run(self, mut suspicions: mpsc::Receiver<Suspicion>) {
        let mut tally = Tally::default();
        while let Some(suspicion) = suspicions.recv().await {
            tracing::debug!(account = %suspicion.account, findings = suspicion.findings, violation = suspicion.violation, "anti-cheat");
            let measure = tally.add(suspicion.account, suspicion.findings, self.measures, Instant::now());
            if let Some(measure) = measure {
                metrics::counter!("realm_cheat_measures_total", "measure" => measure.name()).increment(1);
            }
            match measure {
                None => {}
                Some(Measure::Flag) => {
                    let Suspicion { account, violation, .. } = suspicion;
                    tracing::warn!(%account, violation, "the anti-cheat rule has found something repeatedly; keep an eye on this account");
                }
                Some(Measure::Kick) => self.kick(&suspicion).await,
                Some(Measure::Ban) => self.ban(suspicion).await,
            }
        }
    }

    async fn kick(&self, Suspicion { account, violation, .. }: &Suspicion) {
        tracing::info!(%account, violation, "put out of its game by the anti-cheat rule");
        let message = format!(
            "The anti-cheat rule found what the game does not allow ({violation}); your character is saved. Play by the rules: the next \
             step is a ban."
        );
        if let Some(shared) = self.shared.upgrade() {
            shared.expel(*account, &listing::reason(Code::GameKicked, &message, 0)).await;
        }
    }

    async fn ban(&self, Suspicion { account, violation, .. }: Suspicion) {
        let hours_ms = i64::from(self.ban_hours) * 3_600_000;
        let reason = format!("The anti-cheat rule found what the game does not allow ({violation}), too often.");
        let mut ban = Ban::new(reason, Some(self.storage.now_ms().saturating_add(hours_ms)));
        let mut waits = BAN_RETRIES.into_iter();
        loop {
            match self.moderation.ban(account, ban.clone(), Decider::Rule(RULE.to_owned())).await {
                Ok(stored) => {
                    ban = stored;
                    break;
                }
                Err(error) => {
                    let Some(wait) = waits.next() else {
                        tracing::error!(%account, %error, "a ban could not be stored; the account is only put out of its game");
                        break;
                    };
                    tokio::time::sleep(wait).await;
                }
            }
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

    const MEASURES: Measures = Measures { flag: 3, kick: 6, ban: 10, forgotten_per_minute: 1 };
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn findings_add_up_to_a_flag_a_kick_and_a_ban() {
        let (mut tally, now, account) = (Tally::default(), Instant::now(), AccountId::from_raw(1));
        let measures: Vec<_> = (0..10).map(|_| tally.add(account, 1, MEASURES, now)).collect();
        let (flag, kick, ban) = (Some(Measure::Flag), Some(Measure::Kick), Some(Measure::Ban));
        assert_eq!(measures, [None, None, flag, None, None, kick, None, None, None, ban]);
        assert_eq!(tally.add(account, 2, MEASURES, now), None, "it began at zero");
        assert_eq!(tally.add(account, 30, MEASURES, now), ban, "the hardest of those reached");
        assert_eq!(tally.add(AccountId::from_raw(2), 7, MEASURES, now), kick, "each account for itself");
    }

    #[test]
    fn time_takes_findings_away_and_a_limit_can_be_reached_again() {
        let (mut tally, now, account) = (Tally::default(), Instant::now(), AccountId::from_raw(1));
        for minute in 0..60 {
            assert_eq!(tally.add(account, 1, MEASURES, now + MINUTE * minute), None, "one a minute is nothing");
        }
        let later = now + MINUTE * 60;
        assert_eq!(tally.add(account, 3, MEASURES, later), Some(Measure::Flag));
        assert_eq!(tally.add(account, 1, MEASURES, later + MINUTE), None, "it is flagged already");
        assert_eq!(tally.add(account, 2, MEASURES, later + MINUTE * 2), None, "and still is");
        assert_eq!(tally.add(account, 3, MEASURES, later + MINUTE * 6), Some(Measure::Flag), "that had been forgotten");
        assert_eq!(tally.add(account, 3, MEASURES, later + MINUTE * 6), Some(Measure::Kick));
        assert_eq!(
            tally.add(account, 1, MEASURES, later + MINUTE * 7),
            None,
            "who comes back is not put out for one more"
        );
        assert_eq!(tally.add(account, 9, MEASURES, later + FORGOTTEN_AFTER * 2), Some(Measure::Kick));
    }

    #[test]
    fn a_limit_of_0_is_never_reached_and_without_forgetting_findings_stay() {
        let never = Measures { flag: 0, kick: 0, ban: 0, forgotten_per_minute: 0 };
        let (mut tally, now, account) = (Tally::default(), Instant::now(), AccountId::from_raw(1));
        assert_eq!(tally.add(account, 1_000_000, never, now), None);
        let ban = Measures { ban: 1_000_001, ..never };
        assert_eq!(tally.add(account, 1, ban, now + MINUTE * 59), Some(Measure::Ban));
    }

    #[test]
    fn the_count_of_accounts_has_an_end() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        for raw in 0..ACCOUNTS_MAX as u64 + 10 {
            tally.add(AccountId::from_raw(raw), 1, MEASURES, now + Duration::from_micros(raw));
        }
        assert!(tally.counts.len() <= ACCOUNTS_MAX);
    }
}
