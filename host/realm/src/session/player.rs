//! The task of one session: it owns the seat in chat, the selected character and the limits, and outlives a lost connection.
//!
//! 1. wait for the end of the session it replaces 2. greet the connection 3. come online 4. serve, lose, take up again
//! 5. clean up, in [`Session::finish`].

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use realm_protocol::proto;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep_until},
};

use super::{
    Shared,
    arrival::{Arrival, Line, Login},
    limits::Limits,
    matches,
    registry::Handle,
    resume::{ResumeDigest, ResumeToken},
};
use crate::{
    accounts::{Identity, KeptSession},
    characters::Character,
    chat::{ChatSeat, Member},
    games::Search,
    hooks::Happening,
    realms::Home,
    trade::TradeSeat,
    types::{
        Attached, ChannelName, CloseReason, Code, EventStream, Incoming, Outgoing, Refusal, RingLimits, SessionId,
    },
};

/// How long a new session waits for the end of the one it replaces.
pub(super) const REPLACE_DEADLINE: Duration = Duration::from_secs(5);

/// How long a session that ends waits for its character to leave a game.
const LEAVE_DEADLINE: Duration = Duration::from_secs(10);

/// Time between two GAME_LIST_UPDATED.
const LIST_INTERVAL: Duration = Duration::from_secs(1);

/// Connections that may wait for a session to take them.
const ARRIVALS_MAX: usize = 2;

/// Bytes of events kept for a connection that comes back.
const RING_BYTES_MAX: usize = 65_536;

/// Why a session ends.
pub(super) enum Ending {
    /// Its client logged out: the token session ends too, and the character leaves its game.
    LoggedOut,
    /// Its token session ended elsewhere: the character leaves its game.
    TokenEnded,
    /// Its connection did not come back in time.
    Expired,
    /// It floods.
    Flood,
    /// The stream of events was closed: replaced, banned, or the realm stops.
    Closed,
}

impl Ending {
    fn reason(&self) -> CloseReason {
        let (code, message, reconnect_after_ms) = match self {
            Self::LoggedOut => (Code::LoggedOut, "You are logged out; see you again.", 0),
            Self::TokenEnded => (Code::LoggedOut, "This log-in was ended elsewhere; log in again.", 0),
            Self::Expired => (Code::LoggedOut, "The connection was lost for too long; log in again.", 0),
            Self::Flood => (Code::RateLimited, "Too many requests were sent after being refused; slow down.", 10_000),
            Self::Closed => (Code::LoggedOut, "The session has ended; log in again.", 0),
        };
        CloseReason { code, message: message.to_owned(), reconnect_after_ms }
    }
}

/// Makes the parts of a session: what its task keeps, and the handle for the registry.
pub(super) fn prepare(shared: &Shared, home: &Arc<Home>) -> (Birth, Handle) {
    let token = ResumeToken::fresh();
    let (stay, handle) = parts(shared, home, token.digest(), EventStream::new(ring(shared)));
    (Birth { stay, token }, handle)
}

fn ring(shared: &Shared) -> RingLimits {
    RingLimits { events_max: shared.config.resume_events_max, bytes_max: RING_BYTES_MAX }
}

fn parts(shared: &Shared, home: &Arc<Home>, resume: ResumeDigest, events: EventStream) -> (Stay, Handle) {
    let serial = shared.serial_last.fetch_add(1, Ordering::Relaxed) + 1;
    let (sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
    let wake = Arc::new(Notify::new());
    let handle = Handle {
        serial,
        realm: home.key().into(),
        resume: resume.clone(),
        events: events.clone(),
        arrivals: sender,
        wake: Arc::clone(&wake),
    };
    (Stay { home: Arc::clone(home), serial, resume, events, arrivals, wake }, handle)
}

/// What a session has from its beginning to its end, whoever is connected.
struct Stay {
    home: Arc<Home>,
    serial: u64,
    resume: ResumeDigest,
    events: EventStream,
    arrivals: mpsc::Receiver<Box<Arrival>>,
    wake: Arc<Notify>,
}

/// A session that nobody has come to yet.
pub(super) struct Birth {
    stay: Stay,
    token: ResumeToken,
}

/// A session, as its task owns it.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    /// The realm that it is in.
    pub(super) home: Arc<Home>,
    pub(super) identity: Identity,
    pub(super) events: EventStream,
    pub(super) seat: ChatSeat,
    pub(super) selected: Option<Character>,
    /// A match that is looked for.
    pub(super) search: Option<Search>,
    pub(super) trade: TradeSeat,
    pub(super) limits: Limits,
    serial: u64,
    resume: ResumeDigest,
    arrivals: mpsc::Receiver<Box<Arrival>>,
    wake: Arc<Notify>,
}

/// What made the task act.
enum Happened {
    Woken,
    TokenEnded,
    Arrived(Option<Box<Arrival>>),
    /// `None`: the connection is lost.
    Came(Option<Incoming>),
    WaitedInVain,
    GamesChanged(u32),
    Matched(Result<proto::GameTicket, Refusal>),
}

/// Resolves when a token session has ended.
type TokenEnd = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Begins a session with its first connection; it goes on in a task of its own.
pub(super) async fn begin(shared: Arc<Shared>, birth: Birth, first: Arrival, replaced: Option<Handle>) {
    if let Some(older) = replaced {
        // Both would write the same seat in chat and the same place for game events, so one goes before the other comes.
        if !older.ended_before(Instant::now() + REPLACE_DEADLINE).await {
            tracing::warn!(account = %first.login.identity.account, "a replaced session has not ended yet");
        }
    }
    let Arrival { connection, login, done } = first;
    let Birth { stay, token } = birth;
    let identity = login.identity.clone();
    let asked_for_more = !login.resume_token.is_empty();
    let greeting = greeting(&shared, &stay.home, login, token.as_str().to_owned());
    let line = Line::new(connection, done);
    stay.events.attach_with(line.outbox.clone(), None, |_| greeting(asked_for_more));
    // What the beginning needed is given back: the task of a session lives as long as the session.
    let account = identity.account;
    let session = Session::begin(Arc::clone(&shared), identity, stay);
    shared.features.hooks.happenings().tell(account, Happening::LogIn);
    tokio::spawn(session.live(Some(line)));
}

/// Begins a session of the last run of the realm anew, before its connection comes back: in its channel, where nobody noticed that it
/// was away. The task that it goes on in fetches its character.
pub(super) async fn restore(shared: &Arc<Shared>, identity: Identity, kept: KeptSession) {
    let account = identity.account;
    let Some(resume) = ResumeDigest::from_hex(&kept.resume) else { return };
    let realms = &shared.features.realms;
    let home = if kept.realm.is_empty() { Some(realms.first()) } else { realms.of_key(&kept.realm) };
    // Of a realm that is gone or was closed meanwhile nobody comes back.
    let Some(home) = home.filter(|home| home.admit(identity.role.is_staff()).is_ok()) else { return };
    let events = EventStream::continued(ring(shared), kept.event_last);
    let (stay, handle) = parts(shared, home, resume, events);
    shared.registry().restore(account, handle);
    let mut session = Session::begin(Arc::clone(shared), identity, stay);
    if let Ok(channel) = ChannelName::new(kept.channel)
        && let Err(error) = session.seat.come_back(channel).await
    {
        tracing::debug!(%account, %error, "a session comes back without its channel");
    }
    tokio::spawn(async move {
        if let Some(character) = kept.character {
            // A character that is gone or dead is selected no more; the client is told to ask anew anyway.
            session.select(character).await.ok();
        }
        session.live(None).await;
    });
}

/// AUTH_SUCCESS, as soon as it is known whether events were lost.
fn greeting(shared: &Shared, home: &Home, login: Login, resume_token: String) -> impl FnOnce(bool) -> Outgoing + use<> {
    let success = proto::AuthSuccess {
        account_id: login.identity.account.raw(),
        account: login.identity.name.to_string(),
        session_id: login.identity.session.raw(),
        nonce: login.nonce,
        realm: home.settings.name.clone(),
        heartbeat_ms: shared.config.heartbeat_ms,
        silence_max_ms: shared.features.silence_max_ms,
        resume_token,
        access_token: login.access_token,
        resync: false,
    };
    move |resync| Outgoing::answer(proto::AuthSuccess { resync, ..success })
}

impl Session {
    /// Comes online: whispers and events of games reach it.
    fn begin(shared: Arc<Shared>, identity: Identity, stay: Stay) -> Self {
        let Stay { home, serial, resume, events, arrivals, wake } = stay;
        let roll = shared.features.hooks.happenings().roll();
        roll.log_in(identity.account, identity.name.as_str(), identity.role.is_staff());
        let seat = home.chat.connect(Member {
            account: identity.account,
            account_name: identity.name.clone(),
            character: None,
            events: events.clone(),
        });
        shared.features.games.attach_events(identity.account, Some(events.clone()));
        let trade = home.trades.connect(identity.account, &identity.name, events.clone());
        let limits = Limits::new(&shared.config);
        let (selected, search) = (None, None);
        Self { shared, home, identity, events, seat, selected, search, trade, limits, serial, resume, arrivals, wake }
    }

    async fn live(mut self, line: Option<Line>) {
        let mut line = line.map(|line| Online::new(&self.shared, &self.home, line));
        if line.is_none() {
            self.trade.lose();
        }
        self.stand_for_trade();
        let mut token_end = self.token_end();
        let mut games = GameListChanges::new(self.home.games.list_changes());
        let mut lost_at = Instant::now();
        let resume = Duration::from_secs(self.shared.config.resume_seconds.into());
        let ending = loop {
            if self.events.closed().is_some() {
                break Ending::Closed;
            }
            let happened = tokio::select! {
                biased;
                () = self.wake.notified() => Happened::Woken,
                () = &mut token_end => Happened::TokenEnded,
                arrival = self.arrivals.recv() => Happened::Arrived(arrival),
                incoming = next(&mut line) => Happened::Came(incoming),
                () = sleep_until(lost_at + resume), if line.is_none() => Happened::WaitedInVain,
                found = matches::outcome(&mut self.search) => Happened::Matched(found),
                open = games.changed(), if line.is_some() => Happened::GamesChanged(open),
            };
            match happened {
                Happened::Woken => {}
                Happened::TokenEnded => break Ending::TokenEnded,
                Happened::Arrived(Some(arrival)) => {
                    let token_session = self.identity.session;
                    line = Some(self.take_up(*arrival, line.take()));
                    if self.identity.session != token_session {
                        token_end = self.token_end();
                    }
                }
                // Whoever made the registry forget this session has closed its events too.
                Happened::Arrived(None) => break Ending::Closed,
                Happened::Came(Some(incoming)) => {
                    let Some(online) = &mut line else { continue };
                    if let Some(ending) = Box::pin(self.handle(incoming, &mut online.line)).await {
                        break ending;
                    }
                }
                Happened::Came(None) => {
                    self.events.detach();
                    self.trade.lose();
                    line = None;
                    lost_at = Instant::now();
                }
                Happened::WaitedInVain => break Ending::Expired,
                Happened::Matched(outcome) => self.matched(outcome),
                Happened::GamesChanged(games) => self.events.send(&self.shared.games_changed(games)),
            }
        };
        self.finish(ending, line).await;
    }

    fn token_end(&self) -> TokenEnd {
        let accounts = self.shared.features.accounts.clone();
        let session: SessionId = self.identity.session;
        Box::pin(async move { accounts.session_ended(session).await })
    }

    /// Continues on a new connection, which proved to be the same account's and knows the resume token.
    fn take_up(&mut self, arrival: Arrival, former: Option<Online>) -> Online {
        if let Some(former) = former {
            former.line.outbox.close(CloseReason {
                code: Code::SessionReplaced,
                message: "This session goes on over a newer connection.".to_owned(),
                reconnect_after_ms: 0,
            });
        }
        let Arrival { connection, login, done } = arrival;
        self.identity = login.identity.clone();
        let seen = login.resume_event;
        // It was compared with the digest, so it is the session's own.
        let token = login.resume_token.clone();
        let greeting = greeting(&self.shared, &self.home, login, token);
        let line = Line::new(connection, done);
        let attached =
            self.events.attach_with(line.outbox.clone(), Some(seen), |attached| greeting(attached == Attached::Resync));
        self.trade.come_back();
        if attached == Attached::Resync {
            self.trade.show();
        }
        self.shared.features.games.attach_events(self.identity.account, Some(self.events.clone()));
        Online::new(&self.shared, &self.home, line)
    }

    /// What the next run of the realm needs to go on with this session.
    fn kept(&self) -> KeptSession {
        KeptSession {
            session: self.identity.session,
            resume: self.resume.to_hex(),
            event_last: self.events.last(),
            realm: self.home.key().to_owned(),
            channel: self.seat.channel_last().map(ToString::to_string).unwrap_or_default(),
            character: self.selected.as_ref().map(|character| character.id),
        }
    }

    async fn finish(self, ending: Ending, line: Option<Online>) {
        if matches!(ending, Ending::LoggedOut)
            && let Err(error) = self.shared.features.accounts.logout(self.identity.session).await
        {
            tracing::warn!(account = %self.identity.account, %error, "the log-out could not be stored");
        }
        // The goodbye of a log-out comes after it, for it says what has been done. Whoever closed the events before has given
        // the reason: the first one wins.
        self.events.close(ending.reason());
        drop(line);
        // Who is sent away by a stop has not left: the next run of the realm goes on with the session.
        let stopping = self.events.closed().is_some_and(|reason| reason.code == Code::RealmStopping);
        if stopping {
            self.shared.keep(self.kept());
        }
        let Self { shared, identity, seat, trade, serial, mut arrivals, .. } = self;
        drop((seat, trade));
        if matches!(ending, Ending::LoggedOut | Ending::TokenEnded) {
            // Whoever is in no game is refused, which is as good.
            let _ = tokio::time::timeout(LEAVE_DEADLINE, shared.features.games.leave(identity.account)).await;
        }
        let happenings = shared.features.hooks.happenings();
        if !stopping {
            happenings.tell(identity.account, Happening::LogOut);
        }
        let current = shared.registry().close(identity.account, serial);
        happenings.roll().log_out(identity.account, !current);
        if current {
            shared.features.games.attach_events(identity.account, None);
        }
        // Only now may a connection that came too late be turned away, and a newer session begin.
        arrivals.close();
        while let Ok(late) = arrivals.try_recv() {
            late.connection.outbox.close(CloseReason { reconnect_after_ms: 1_000, ..Ending::Expired.reason() });
        }
    }
}

/// The next message of the connection, if there is one; waits for ever while there is none.
async fn next(line: &mut Option<Online>) -> Option<Incoming> {
    match line {
        Some(online) => online.line.next().await,
        None => std::future::pending().await,
    }
}

/// A connection counted among the players online.
struct Online {
    line: Line,
    shared: Arc<Shared>,
    home: Arc<Home>,
}

impl Online {
    fn new(shared: &Arc<Shared>, home: &Arc<Home>, line: Line) -> Self {
        shared.count_online(1, home);
        Self { line, shared: Arc::clone(shared), home: Arc::clone(home) }
    }
}

impl Drop for Online {
    fn drop(&mut self) {
        self.shared.count_online(-1, &self.home);
    }
}

/// Changes of the list of games, at most one a second.
struct GameListChanges {
    /// `None` once games have stopped.
    changes: Option<watch::Receiver<u32>>,
    not_before: Instant,
}

impl GameListChanges {
    fn new(mut changes: watch::Receiver<u32>) -> Self {
        changes.mark_unchanged();
        Self { changes: Some(changes), not_before: Instant::now() }
    }

    /// The number of open games, when the list has changed. Safe to drop at any wait.
    async fn changed(&mut self) -> u32 {
        sleep_until(self.not_before).await;
        if let Some(changes) = &mut self.changes {
            if changes.changed().await.is_ok() {
                self.not_before = Instant::now() + LIST_INTERVAL;
                return *changes.borrow_and_update();
            }
            self.changes = None;
        }
        std::future::pending().await
    }
}
