//! A connected player: one state machine for frames and WebSocket.
//!
//! A session is owned by its task (`player.rs`) and outlives a lost connection. Knows every feature, but no socket, no SQL,
//! no wasmtime.

mod acts;
mod arrival;
mod commands;
mod limits;
mod lobby;
mod login;
mod matches;
mod player;
mod queue;
mod registry;
mod resume;
mod shutting_out;
mod stopping;
mod trades;
mod waiting;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use realm_protocol::{Encoded, ServerMessage, proto};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, mpsc::error::SendTimeoutError, oneshot};

use self::{
    arrival::Arrival,
    registry::{Newcomer, Opened, Registry, replaced},
    waiting::Waiting,
};
use crate::{
    accounts::{Accounts, Identity, KeptSession},
    audit::Audit,
    games::Games,
    hooks::Hooks,
    mail::Told,
    moderation::Moderation,
    realms::{Home, Realms},
    types::{AccountId, Connection, EventStream, Outbox, Outgoing, Refusal},
};

/// How long a session may take to accept the connection that continues it; then a new session begins.
const HANDOVER_DEADLINE: Duration = Duration::from_secs(5);

/// `[session]`: how many may play, how much each of them may do, and for how long a lost connection can come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most players at once. A player keeps the place while a lost connection may come back; log-ins over REST alone take none.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub players_max: usize,
    /// Places beside those, for moderators and owners, who never wait.
    #[schemars(range(max = 10_000))]
    pub staff_reserve: usize,
    /// Log-ins that wait for a place when the realm is full; more are told to come back later. 0: nobody waits.
    #[schemars(range(max = 100_000))]
    pub queue_max: usize,
    /// The longest wait for a place, in seconds.
    #[schemars(range(min = 1, max = 86_400))]
    pub queue_seconds_max: u32,
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
            players_max: 4_000,
            staff_reserve: 16,
            queue_max: 1_000,
            queue_seconds_max: 3_600,
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
    /// The realms, with their characters, channels and games.
    pub realms: Realms,
    /// Accounts.
    pub accounts: Accounts,
    /// What staff do.
    pub audit: Audit,
    /// The games of all realms.
    pub games: Games,
    /// Plugins.
    pub hooks: Hooks,
    /// Who may not talk.
    pub moderation: Moderation,
    /// Silence after which `net/` closes a connection, told to the client.
    pub silence_max_ms: u32,
}

/// Figures for the banner, `/metrics` and the bots' summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SessionFigures {
    /// Connected players.
    pub online: usize,
    /// Log-ins that wait for a place.
    pub queued: usize,
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
    /// Read while a request is carried out; the stop of the realm waits for those and lets no more begin.
    requests: RwLock<()>,
    /// The realm stops: requests are refused.
    quiet: AtomicBool,
    /// What sessions leave behind for the next run when the realm stops; bounded by the sessions there were.
    kept: Mutex<Vec<KeptSession>>,
    /// The last GAME_LIST_UPDATED and its number of games.
    games_told: Mutex<Option<(u32, Arc<Encoded>)>>,
    serial_last: AtomicU64,
    online: AtomicUsize,
    /// The same by the key of the realm: one entry for each.
    online_in: BTreeMap<String, AtomicUsize>,
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

    fn count_online(&self, change: isize, home: &Home) {
        if let Some(online) = self.online_in.get(home.key()) {
            online.fetch_add(change.cast_unsigned(), Ordering::Relaxed);
        }
        let before = self.online.fetch_add(change.cast_unsigned(), Ordering::Relaxed);
        let online = before.wrapping_add_signed(change);
        metrics::gauge!("realm_players_online").set(u32::try_from(online).unwrap_or(u32::MAX));
    }

    /// GAME_LIST_UPDATED, encoded once for all sessions: each of them keeps it for a connection that comes back.
    fn games_changed(&self, games: u32) -> Arc<Encoded> {
        let mut told = self.games_told.lock().unwrap_or_else(PoisonError::into_inner);
        match &*told {
            Some((count, encoded)) if *count == games => Arc::clone(encoded),
            _ => {
                let message = ServerMessage::from(proto::GameListUpdated { games, event: 0 });
                let encoded = Arc::new(Encoded::from(&message));
                *told = Some((games, Arc::clone(&encoded)));
                encoded
            }
        }
    }

    fn show_queue(&self) {
        metrics::gauge!("realm_players_queued").set(u32::try_from(self.registry().queued()).unwrap_or(u32::MAX));
    }

    /// Brings a connection to the session it continues, or to a new one, for which it may have to wait.
    async fn place(self: &Arc<Self>, mut arrival: Arrival) {
        let mut waiting: Option<Waiting> = None;
        loop {
            let Some(back) = self.hand_over(arrival).await else { return };
            arrival = back;
            if let Err(refusal) = arrival.login.home.admit(arrival.login.identity.role.is_staff()) {
                login::turn_away(self, arrival, refusal).await;
                return;
            }
            let identity = &arrival.login.identity;
            let newcomer = Newcomer {
                account: identity.account,
                staff: identity.role.is_staff(),
                called: waiting.as_ref().map(Waiting::number),
            };
            let (birth, handle) = player::prepare(self, &arrival.login.home);
            let opened = self.registry().open(newcomer, handle);
            match opened {
                Ok(Opened::Session(older)) => {
                    if let Some(older) = &older {
                        older.end(replaced());
                    }
                    tokio::spawn(player::begin(Arc::clone(self), birth, arrival, older));
                    return;
                }
                Ok(Opened::Queued(ticket)) => {
                    self.show_queue();
                    let place = waiting.insert(Waiting::new(self, ticket));
                    if !Box::pin(place.wait(&mut arrival)).await {
                        return;
                    }
                }
                Err(refusal) => {
                    let nonce = std::mem::take(&mut arrival.login.nonce);
                    login::fail(self, &arrival.connection.outbox, nonce, refusal);
                    return;
                }
            }
        }
    }

    /// Brings a connection to the session it continues; gives it back when there is none.
    async fn hand_over(&self, arrival: Arrival) -> Option<Arrival> {
        let login = &arrival.login;
        let resumed = self.registry().resumable(login.identity.account, &login.resume_token);
        // Who names another realm than that of the session begins anew there.
        let resumed = resumed.filter(|handle| !login.names_realm || *handle.realm == *login.home.key());
        let Some(handle) = resumed else { return Some(arrival) };
        match handle.arrivals.send_timeout(Box::new(arrival), HANDOVER_DEADLINE).await {
            Ok(()) => None,
            Err(SendTimeoutError::Timeout(back) | SendTimeoutError::Closed(back)) => Some(*back),
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
        let online_in = features.realms.all().iter().map(|home| (home.key().to_owned(), AtomicUsize::new(0))).collect();
        let shared = Arc::new(Shared {
            registry: Mutex::new(Registry::new(&config)),
            config,
            features,
            requests: RwLock::new(()),
            quiet: AtomicBool::new(false),
            kept: Mutex::default(),
            games_told: Mutex::default(),
            serial_last: AtomicU64::new(0),
            online: AtomicUsize::new(0),
            online_in,
            lines: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        });
        tokio::spawn(shutting_out::follow_bans(Arc::downgrade(&shared), bans));
        tokio::spawn(shutting_out::follow_sanctions(Arc::downgrade(&shared), shared.features.moderation.heard()));
        if let Some(acts) = shared.features.hooks.happenings().take_acts() {
            tokio::spawn(acts::follow(Arc::downgrade(&shared), acts));
        }
        Self { shared }
    }

    /// Serves one connection from its first message to its end.
    pub async fn serve(&self, mut connection: Connection) {
        let Some(login) = Box::pin(login::log_in(&self.shared, &mut connection)).await else { return };
        let (done, ended) = oneshot::channel();
        // In boxes, so that a session that goes on for hours keeps no room for its beginning.
        Box::pin(self.shared.place(Arrival { connection, login, done })).await;
        // Nothing is ever sent: the session drops its end together with the connection.
        let _ = ended.await;
    }

    /// Brings what is told of letters and of the market to whoever is connected, until nobody tells anything any more.
    pub fn follow_news(&self, mut told: tokio::sync::mpsc::Receiver<Told>) {
        let shared = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            while let Some(Told { account, message }) = told.recv().await {
                let Some(shared) = shared.upgrade() else { return };
                let handle = shared.registry().get(account);
                if let Some(handle) = handle.filter(|handle| handle.events.closed().is_none()) {
                    handle.events.tell(message);
                }
            }
        });
    }

    /// Where events for an account go, when it is connected or may still resume.
    #[must_use]
    pub fn events_of(&self, account: AccountId) -> Option<EventStream> {
        let handle = self.shared.registry().get(account)?;
        handle.events.closed().is_none().then_some(handle.events)
    }

    /// How many players are connected in a realm.
    #[must_use]
    pub fn online_in(&self, realm: &str) -> usize {
        self.shared.online_in.get(realm).map_or(0, |online| online.load(Ordering::Relaxed))
    }

    /// Figures since the start.
    #[must_use]
    pub fn figures(&self) -> SessionFigures {
        SessionFigures {
            online: self.shared.online.load(Ordering::Relaxed),
            queued: self.shared.registry().queued(),
            lines: self.shared.lines.load(Ordering::Relaxed),
            refusals: self.shared.refusals.load(Ordering::Relaxed),
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
