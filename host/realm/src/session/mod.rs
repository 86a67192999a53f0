//! A connected player: one state machine for frames and WebSocket.
//!
//! A session is owned by its task (`player.rs`) and outlives a lost connection. Knows every feature, but no socket, no SQL,
//! no wasmtime.

mod arrival;
mod limits;
mod lobby;
mod login;
mod player;
mod registry;
mod resume;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use realm_protocol::proto;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{broadcast, mpsc::error::SendTimeoutError, oneshot},
    time::Instant,
};

use self::{
    arrival::Arrival,
    registry::{Registry, reconnect_after},
};
use crate::{
    accounts::{Accounts, Identity},
    characters::Characters,
    chat::Chat,
    games::{Banned, Games},
    types::{AccountId, CloseReason, Code, Connection, EventStream, Outbox, Outgoing, Refusal},
};

/// How long a session may take to accept the connection that continues it; then a new session begins.
const HANDOVER_DEADLINE: Duration = Duration::from_secs(5);

/// How long the end of all sessions may take when the realm stops.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// `[session]`: how much a connected player may do, and for how long a lost connection can come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often clients are asked to send a sign of life, in milliseconds.
    #[schemars(range(min = 1_000, max = 60_000))]
    pub heartbeat_ms: u32,
    /// How long a session waits for its lost connection to come back, in seconds.
    #[schemars(range(max = 3_600))]
    pub resume_seconds: u32,
    /// Events kept for a connection that comes back.
    #[schemars(range(max = 4_096))]
    pub resume_events_max: usize,
    /// Chat lines and whispers: so many at once …
    #[schemars(range(min = 1, max = 10_000))]
    pub chat_burst: u32,
    /// … and then so many a minute.
    #[schemars(range(min = 1, max = 60_000))]
    pub chat_per_minute: u32,
    /// Other requests: so many at once …
    #[schemars(range(min = 1, max = 10_000))]
    pub request_burst: u32,
    /// … and then so many a minute.
    #[schemars(range(min = 1, max = 60_000))]
    pub request_per_minute: u32,
    /// Oldest client version that may log in, for example "1.2.0"; empty lets every version in.
    pub client_version_min: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            heartbeat_ms: 20_000,
            resume_seconds: 60,
            resume_events_max: 256,
            chat_burst: 5,
            chat_per_minute: 60,
            request_burst: 30,
            request_per_minute: 600,
            client_version_min: String::new(),
        }
    }
}

impl Config {
    /// Checks what a person wrote.
    ///
    /// # Errors
    /// When the oldest client version is no version; the text names the key.
    pub fn check(&self) -> Result<(), String> {
        let oldest = &self.client_version_min;
        if oldest.is_empty() || login::version(oldest).is_some() {
            return Ok(());
        }
        Err(format!("[session] client_version_min = \"{oldest}\" is no version; write one like \"1.2.0\""))
    }
}

/// The features a session speaks to.
#[derive(Clone)]
pub struct Features {
    /// Name of the realm.
    pub realm: String,
    /// Accounts.
    pub accounts: Accounts,
    /// Characters.
    pub characters: Characters,
    /// Chat.
    pub chat: Chat,
    /// Games.
    pub games: Games,
    /// Silence after which `net/` closes a connection, told to the client.
    pub silence_max_ms: u32,
}

/// Figures for the banner, `/metrics` and the bots' summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SessionFigures {
    /// Connected players.
    pub online: usize,
    /// Chat lines and whispers taken from clients since the start.
    pub lines: u64,
    /// Requests refused since the start.
    pub refusals: u64,
}

/// What all sessions share.
struct Shared {
    config: Config,
    features: Features,
    registry: Mutex<Registry>,
    serial_last: AtomicU64,
    online: AtomicUsize,
    lines: AtomicU64,
    refusals: AtomicU64,
}

impl Shared {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        // Nothing under this lock can panic half-way, so a poisoned lock still guards a whole registry.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a client that a message was refused.
    fn refuse(&self, outbox: &Outbox, identity: Option<&Identity>, sequence: u32, refusal: &Refusal) {
        self.count(identity, sequence, refusal);
        // An outbox that cannot take it closes the connection itself.
        let _ = outbox.try_send(Outgoing::answer(proto::Error {
            code: refusal.code.as_str().to_owned(),
            message: refusal.message.clone(),
            sequence,
            retry_after_ms: refusal.retry_after_ms.unwrap_or(0),
        }));
    }

    fn count(&self, identity: Option<&Identity>, sequence: u32, refusal: &Refusal) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("realm_refusals_total", "code" => refusal.code.as_str()).increment(1);
        let account = identity.map_or("", |identity| identity.name.as_str());
        tracing::debug!(account, sequence, code = refusal.code.as_str(), "refused: {}", refusal.message);
    }

    fn count_online(&self, change: isize) {
        let before = self.online.fetch_add(change.cast_unsigned(), Ordering::Relaxed);
        let online = before.wrapping_add_signed(change);
        metrics::gauge!("realm_players_online").set(u32::try_from(online).unwrap_or(u32::MAX));
    }

    /// Brings a connection to the session it continues, or to a new one.
    async fn place(self: &Arc<Self>, mut arrival: Arrival) {
        let account = arrival.login.identity.account;
        let resumed = self.registry().resumable(account, &arrival.login.resume_token);
        if let Some(handle) = resumed {
            match handle.arrivals.send_timeout(arrival, HANDOVER_DEADLINE).await {
                Ok(()) => return,
                Err(SendTimeoutError::Timeout(back) | SendTimeoutError::Closed(back)) => arrival = back,
            }
        }
        let serial = self.serial_last.fetch_add(1, Ordering::Relaxed) + 1;
        let (birth, handle) = player::prepare(self, serial);
        let opened = self.registry().open(account, handle);
        let replaced = match opened {
            Ok(replaced) => replaced,
            Err(refusal) => {
                login::fail(self, &arrival.connection.outbox, std::mem::take(&mut arrival.login.nonce), refusal);
                return;
            }
        };
        if let Some(older) = &replaced {
            older.end(CloseReason {
                code: Code::SessionReplaced,
                message: "Your account logged in elsewhere; only one connection at a time is possible.".to_owned(),
                reconnect_after_ms: 0,
            });
        }
        tokio::spawn(player::run(Arc::clone(self), birth, arrival, replaced));
    }

    /// Disconnects an account that a rule of the realm banned, and ends its tokens.
    async fn disconnect_banned(&self, Banned { account, ban }: Banned) {
        let handle = self.registry().get(account);
        if let Some(handle) = handle {
            handle.end(CloseReason { code: Code::AccountBanned, message: ban.sentence(), reconnect_after_ms: 0 });
        }
        if let Err(error) = self.features.accounts.end_sessions(account).await {
            tracing::error!(%account, %error, "the tokens of a banned account could not be ended");
        }
    }
}

/// Follows the bans until the games or the sessions are gone.
async fn follow_bans(shared: Weak<Shared>, mut bans: broadcast::Receiver<Banned>) {
    loop {
        match bans.recv().await {
            Ok(banned) => match shared.upgrade() {
                Some(shared) => shared.disconnect_banned(banned).await,
                None => return,
            },
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::error!(
                    missed,
                    "banned accounts stay connected until their next log-in: too many bans at once"
                );
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// A sentence made of an error's text: the first letter large, a full stop at the end.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

/// The sessions of the realm; cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

impl Sessions {
    /// No sessions yet. Needs a running tokio runtime: bans are followed from now on.
    #[must_use]
    pub fn new(config: Config, features: Features) -> Self {
        let bans = features.games.bans();
        let shared = Arc::new(Shared {
            config,
            features,
            registry: Mutex::new(Registry::new()),
            serial_last: AtomicU64::new(0),
            online: AtomicUsize::new(0),
            lines: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        });
        tokio::spawn(follow_bans(Arc::downgrade(&shared), bans));
        Self { shared }
    }

    /// Serves one connection from its first message to its end.
    pub async fn serve(&self, mut connection: Connection) {
        let Some(login) = Box::pin(login::log_in(&self.shared, &mut connection)).await else { return };
        let (done, ended) = oneshot::channel();
        self.shared.place(Arrival { connection, login, done }).await;
        // Nothing is ever sent: the session drops its end together with the connection.
        let _ = ended.await;
    }

    /// Where events for an account go, when it is connected or may still resume.
    #[must_use]
    pub fn events_of(&self, account: AccountId) -> Option<EventStream> {
        let handle = self.shared.registry().get(account)?;
        handle.events.closed().is_none().then_some(handle.events)
    }

    /// Figures since the start.
    #[must_use]
    pub fn figures(&self) -> SessionFigures {
        SessionFigures {
            online: self.shared.online.load(Ordering::Relaxed),
            lines: self.shared.lines.load(Ordering::Relaxed),
            refusals: self.shared.refusals.load(Ordering::Relaxed),
        }
    }

    /// Tells every client that the realm stops and ends the sessions; takes at most five seconds.
    pub async fn stop(&self) {
        let sessions = self.shared.registry().stop();
        for (index, session) in sessions.iter().enumerate() {
            session.end(CloseReason {
                code: Code::RealmStopping,
                message: "The realm is stopping; come back soon.".to_owned(),
                reconnect_after_ms: u64::try_from(reconnect_after(index).as_millis()).unwrap_or(0),
            });
        }
        let deadline = Instant::now() + STOP_DEADLINE;
        for session in &sessions {
            if !session.ended_before(deadline).await {
                tracing::warn!("sessions were still busy when the realm stopped");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_texts_become_sentences() {
        assert_eq!(sentence("join a channel first"), "Join a channel first.");
        assert_eq!(sentence("Done!"), "Done!");
        assert_eq!(sentence(""), ".");
    }

    #[test]
    fn configuration_mistakes_name_the_key() {
        assert_eq!(Config::default().check(), Ok(()));
        let version = Config { client_version_min: "newest".to_owned(), ..Config::default() };
        assert!(version.check().unwrap_err().contains("client_version_min"));
    }
}
