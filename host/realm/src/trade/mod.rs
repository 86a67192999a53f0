//! Trade: two players in one channel or one game lay items and gold on a table, lock what lies there, and confirm it; then all of it is
//! moved in one transaction, or nothing.
//!
//! - `book`, `deal` and `pace` are the state machine, pure: who may trade with whom, versions, limits, time-outs.
//! - `exchange` and `moves` carry a trade out, over `items`.
//! - `seat` has the verbs of somebody connected; `telling` is what both are told.
//!
//! Items that are offered stay where they lie and are locked meanwhile: whatever ends a trade, nothing has to be given back. Locks are taken
//! in this order: the table of all trades, then that of games, then streams of events. Does not know sessions.

mod book;
mod deal;
mod ending;
mod error;
mod exchange;
mod moves;
mod pace;
mod seat;
mod telling;
mod terms;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use error::TradeError;
pub use seat::TradeSeat;
pub use terms::{Figure, OFFER_ITEMS_MAX};

use crate::{
    items::{Holder, Items, Lock},
    storage::Storage,
    types::{AccountId, AccountName, BrokenOff, CharacterId, EventStream, GameId, TradeId, in_task},
};
use book::{Book, Limits, Notice};
use ending::Ending;
use exchange::Exchange;
use terms::{Contract, Promise};

/// Between two looks for trades that have lasted too long, or whose players went elsewhere.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// `[trade]`: trades between two players.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Invitations to trade that one player may send, in a minute.
    #[schemars(range(min = 1, max = 600))]
    pub invitations_per_minute: u32,
    /// How long an invitation waits for an answer, in seconds.
    #[schemars(range(min = 5, max = 600))]
    pub invitation_seconds: u32,
    /// A trade in which nothing happens for so long ends, in seconds.
    #[schemars(range(min = 10, max = 3_600))]
    pub idle_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { invitations_per_minute: 10, invitation_seconds: 60, idle_seconds: 300 }
    }
}

impl Config {
    fn limits(&self) -> Limits {
        Limits {
            invitations_per_minute: self.invitations_per_minute,
            invitation_ms: i64::from(self.invitation_seconds) * 1_000,
            idle_ms: i64::from(self.idle_seconds) * 1_000,
        }
    }
}

/// What trading has to know of games.
pub trait Whereabouts: Send + Sync + 'static {
    /// The game of this realm that an account has a seat in, and its character there.
    fn game_of(&self, account: AccountId) -> Option<(GameId, CharacterId)>;
    /// By which right the belongings of its character are changed at this moment.
    fn holder_of(&self, account: AccountId, character: CharacterId) -> Holder;
}

/// All trades of a realm, and where its people hear of them.
struct Hall {
    book: Book<Lock>,
    events: HashMap<AccountId, EventStream>,
}

struct Shared {
    hall: Mutex<Hall>,
    exchange: Exchange,
    whereabouts: Arc<dyn Whereabouts>,
}

impl Shared {
    /// For a moment. Verbs of the book check before they change anything, so that a panic leaves a whole state.
    fn hall(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> i64 {
        self.exchange.storage.steady_ms()
    }

    /// Tells everybody, while nobody else can change what they are told.
    fn tell(&self, hall: &Hall, notices: Vec<Notice>) {
        let (now_ms, catalogue) = (self.now_ms(), self.exchange.items.catalogue());
        for notice in notices {
            let (Notice::Invited { to, trade } | Notice::State { to, trade } | Notice::Ended { to, trade, .. }) =
                notice;
            let Some(events) = hall.events.get(&to) else { continue };
            let deal = hall.book.deal(trade);
            match (&notice, deal) {
                (Notice::Ended { ending, .. }, _) => events.tell(telling::ended(trade, to, ending)),
                (Notice::Invited { .. }, Some(deal)) => events.tell(telling::invited(deal, now_ms)),
                (Notice::State { .. }, Some(deal)) => {
                    if let Some(part) = deal.part_of(to) {
                        events.tell(telling::state(catalogue, deal, part, now_ms));
                    }
                }
                (_, None) => {}
            }
        }
    }

    /// Looks in which games these are; what they have left by that ends.
    fn look_into_games(&self, hall: &mut Hall, accounts: &[AccountId]) {
        let now_ms = self.now_ms();
        for account in accounts {
            let notices = hall.book.stand_in_game(now_ms, *account, self.whereabouts.game_of(*account));
            self.tell(hall, notices);
        }
    }

    /// A verb of somebody, in a trade or towards somebody, as soon as it is known where both are.
    fn verb<T>(
        &self,
        (account, serial): (AccountId, u64),
        with: Option<AccountId>,
        verb: impl FnOnce(&mut Book<Lock>, i64) -> Result<(Vec<Notice>, T), TradeError>,
    ) -> Result<T, TradeError> {
        let mut hall = self.hall();
        if !hall.book.is_current(account, serial) {
            return Err(TradeError::Unknown);
        }
        let concerned: Vec<AccountId> = [account].into_iter().chain(with).collect();
        self.look_into_games(&mut hall, &concerned);
        let (notices, value) = verb(&mut hall.book, self.now_ms())?;
        self.tell(&hall, notices);
        Ok(value)
    }

    /// Carries out what two have agreed on, whether they are still there or not.
    fn carry_out(self: &Arc<Self>, trade: TradeId, contract: Contract<Lock>) {
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            let carrier = Arc::clone(&shared);
            let outcome = in_task(async move {
                let holders = contract
                    .sides
                    .each_ref()
                    .map(|Promise { person, .. }| carrier.whereabouts.holder_of(person.account, person.character));
                Ok::<_, BrokenOff>(carrier.exchange.carry_out(trade, &contract, holders).await)
            });
            let ending = outcome.await.unwrap_or(Ending::Unsure);
            let code = ending.code().map_or("done", |code| code.as_str());
            metrics::counter!("realm_trades_total", "outcome" => code).increment(1);
            let mut hall = shared.hall();
            let notices = hall.book.finish(shared.now_ms(), trade, ending);
            shared.tell(&hall, notices);
        });
    }

    /// Ends what has lasted too long, or whose players went elsewhere.
    fn look(&self) {
        let mut hall = self.hall();
        let concerned = hall.book.concerned();
        self.look_into_games(&mut hall, &concerned);
        let notices = hall.book.expire(self.now_ms());
        self.tell(&hall, notices);
    }
}

async fn look_regularly(shared: Weak<Shared>) {
    let mut times = tokio::time::interval(LOOK_EVERY);
    times.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.look();
    }
}

/// The trades of one realm; cheap to clone.
#[derive(Clone)]
pub struct Trades {
    shared: Arc<Shared>,
}

impl Trades {
    /// Nobody trades yet. Needs a running tokio runtime, in which time-outs are watched until the last handle is gone.
    #[must_use]
    pub fn start(
        config: &Config,
        realm: &str,
        storage: Storage,
        items: Items,
        whereabouts: Arc<dyn Whereabouts>,
    ) -> Self {
        let hall = Mutex::new(Hall { book: Book::new(config.limits()), events: HashMap::new() });
        let exchange = Exchange { realm: realm.into(), storage, items };
        let shared = Arc::new(Shared { hall, exchange, whereabouts });
        tokio::spawn(look_regularly(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Somebody is connected, and may be invited from now on; an earlier seat of the same account is empty.
    #[must_use]
    pub fn connect(&self, account: AccountId, name: &AccountName, events: EventStream) -> TradeSeat {
        let shared = Arc::clone(&self.shared);
        let mut hall = shared.hall();
        let (serial, notices) = hall.book.come(shared.now_ms(), account, name);
        shared.tell(&hall, notices);
        hall.events.insert(account, events);
        drop(hall);
        TradeSeat::new(shared, account, serial)
    }
}

#[cfg(test)]
mod tests;
