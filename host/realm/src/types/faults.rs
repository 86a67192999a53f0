//! Fail points and seeded bugs: how a test makes the realm die, stand still or err at a chosen place.
//!
//! Compiled in by the cargo feature `faults` and only without optimisation: the tests' build has it, no release ever does. What is to go
//! wrong is chosen at run time, by the environment: `REALM_FAULT_POINT=before-commit=kill@3` kills the process when it comes to that point
//! for the third time (`stop` lets it stand still until it is continued), `REALM_FAULT_BUGS` lists mistakes, and
//! `REALM_FAULT_CLOCK_MS` puts the time of day forward or back.

macro_rules! named {
    ($(#[$outer:meta])* $kind:ident { $($(#[doc = $meaning:literal])+ $variant:ident $name:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {
            $($(#[doc = $meaning])+ $variant,)*
        }

        impl $kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As the environment names it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

named! {
    /// A place at which the realm may be made to die.
    Point {
        /// The writer is about to begin a transaction.
        BeforeBegin "before-begin",
        /// It has begun one.
        AfterBegin "after-begin",
        /// Between two operations of one transaction, or two statements of one operation.
        BetweenStatements "between-statements",
        /// Everything of the transaction is written, nothing is committed.
        BeforeCommit "before-commit",
        /// It is committed, and nobody is told: before the acknowledgement.
        AfterCommit "after-commit",
        /// Whoever waited is told.
        AfterAcknowledgement "after-acknowledgement",
        /// Somebody who held leases is taken for dead, and nothing is taken over.
        BeforeTakeOver "before-take-over",
        /// What it held is free, and not committed.
        AfterTakeOver "after-take-over",
        /// A migration is about to be applied.
        BeforeMigration "before-migration",
        /// It is applied, and not noted.
        BetweenMigrations "between-migrations",
        /// All are applied, nothing is committed.
        AfterMigrations "after-migrations",
        /// Something of a trade has changed hands, and something has not.
        WithinTrade "within-trade",
        /// Something is paid for on the market, and not handed over; nothing is committed.
        MarketBetweenLegs "market-between-legs",
        /// An item has come into being, and no line says so.
        WithinBirth "within-birth",
        /// An item lies elsewhere, and no line says so.
        WithinMove "within-move",
        /// Of two stacks one is written anew, and the other is not.
        WithinStack "within-stack",
        /// Gold has left one purse, and has not come to the other.
        WithinPayment "within-payment",
        /// What is combined is used up, and what comes of it is not there.
        WithinCombine "within-combine",
        /// What is sold to a vendor is gone, and not paid for.
        WithinSale "within-sale",
        /// A letter is written, and what it is to hold is not in it.
        WithinLetter "within-letter",
        /// What a letter held is taken out, and the letter is as it was.
        WithinEmptying "within-emptying",
        /// An offer is written, and what is offered is still with its seller.
        WithinOffer "within-offer",
        /// What a player lays down in a game is written, and nothing is committed.
        WithinDrop "within-drop",
        /// What somebody takes in a game is written, and nothing is committed.
        WithinPickUp "within-pick-up",
        /// What somebody has taken in a game is committed, and nobody is told.
        BeforeTaken "before-taken",
        /// Some of what lay on the grounds of games that are gone went back, and some did not.
        WithinReturn "within-return",
        /// An act has changed everything that it changes, and has no line in the ledger.
        BeforeLedger "before-ledger",
        /// Its lines are written, and the ledger's head does not know them.
        WithinLedger "within-ledger",
        /// Lines and head are written, and nothing is committed.
        AfterLedger "after-ledger",
    }
}

named! {
    /// A mistake that somebody could make, for the tests to find.
    Bug {
        /// A save asks neither for the version nor for the epoch of the lease.
        SaveWithoutVersion "save-without-version",
        /// The lease goes back when the player's connection is lost, and the character plays on.
        ReleaseOnDisconnect "release-on-disconnect",
        /// Callers are told yes before the commit.
        AcknowledgeBeforeCommit "acknowledge-before-commit",
        /// Leases lapse by the process's own time of day.
        LeaseByWallClock "lease-by-wall-clock",
        /// A holder does not notice that its time is over, as in a machine whose clocks stood still. What it writes then must be refused.
        HolderNeverStops "holder-never-stops",
        /// The answer to a request with an Idempotency-Key is kept after the effect, in a transaction of its own.
        KeyAfterEffect "key-after-effect",
        /// A commit does not wait until it is on the disk.
        SynchronousNormal "synchronous-normal",
        /// What one gives in a trade goes over in one commit, and what the other gives in the next.
        TradeInTwoCommits "trade-in-two-commits",
        /// What is bought on the market is paid for in a transaction of its own, which the Idempotency-Key does not guard.
        MarketPaysTwice "market-pays-twice",
        /// Each start begins anew with the keys of items, as if it knew of none that were made before.
        KeysBeginAnew "keys-begin-anew",
        /// A player is told that something taken in a game is its own before that is stored.
        TakenBeforeStored "taken-before-stored",
    }
}

#[cfg(not(all(feature = "faults", debug_assertions)))]
mod chosen {
    use super::{Bug, Point};

    /// Nothing happens here.
    #[inline(always)]
    pub fn point(_: Point) {}

    /// The realm makes no mistake on purpose.
    #[inline(always)]
    #[must_use]
    pub fn has(_: Bug) -> bool {
        false
    }

    pub(in crate::types) fn clock_ms() -> i64 {
        0
    }
}

#[cfg(all(feature = "faults", debug_assertions))]
mod chosen {
    use std::{
        env,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    use rustix::process::{Signal, getpid, kill_process};

    use super::{Bug, Point};

    struct Chosen {
        point: Option<(Point, Signal, u64)>,
        passed: AtomicU64,
        bugs: Vec<Bug>,
        clock_ms: i64,
    }

    static CHOSEN: LazyLock<Chosen> = LazyLock::new(|| {
        let read = |name: &str| env::var(name).ok();
        let clock_ms = read("REALM_FAULT_CLOCK_MS").map_or(0, |text| text.parse().expect("a number of milliseconds"));
        let bugs = read("REALM_FAULT_BUGS").unwrap_or_default();
        let bug = |name: &str| {
            let found = Bug::ALL.iter().find(|bug| bug.name() == name);
            *found.unwrap_or_else(|| panic!("there is no bug {name}"))
        };
        Chosen {
            point: read("REALM_FAULT_POINT").map(|text| parse(&text).unwrap_or_else(|| panic!("no fault: {text}"))),
            passed: AtomicU64::new(0),
            bugs: bugs.split(',').filter(|name| !name.is_empty()).map(bug).collect(),
            clock_ms,
        }
    });

    /// Reads `before-commit=kill@3`.
    fn parse(text: &str) -> Option<(Point, Signal, u64)> {
        let (name, what) = text.split_once('=')?;
        let (act, nth) = what.split_once('@')?;
        let point = Point::ALL.iter().find(|point| point.name() == name)?;
        let signal = match act {
            "kill" => Signal::KILL,
            "stop" => Signal::STOP,
            _ => return None,
        };
        Some((*point, signal, nth.parse().ok()?))
    }

    /// Does what was chosen for this point.
    pub fn point(point: Point) {
        let Some((_, signal, nth)) = CHOSEN.point.filter(|(chosen, _, _)| *chosen == point) else { return };
        if CHOSEN.passed.fetch_add(1, Ordering::SeqCst) + 1 != nth {
            return;
        }
        kill_process(getpid(), signal).expect("a process may send itself a signal");
        if signal == Signal::KILL {
            loop {
                std::thread::park();
            }
        }
    }

    /// Is this mistake made?
    #[must_use]
    pub fn has(bug: Bug) -> bool {
        CHOSEN.bugs.contains(&bug)
    }

    pub(in crate::types) fn clock_ms() -> i64 {
        CHOSEN.clock_ms
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_is_chosen_by_name_act_and_count() {
            for point in Point::ALL {
                assert_eq!(parse(&format!("{}=kill@3", point.name())), Some((*point, Signal::KILL, 3)));
            }
            assert_eq!(parse("before-commit=stop@1"), Some((Point::BeforeCommit, Signal::STOP, 1)));
            for wrong in ["before-commit", "before-commit=kill", "nowhere=kill@1", "before-commit=faint@1"] {
                assert_eq!(parse(wrong), None, "{wrong}");
            }
        }
    }
}

pub(super) use chosen::clock_ms;
pub use chosen::{has, point};
