//! The lobby: log-in, characters, chat and games, over frames or WebSocket.

mod comeback;
mod matches;
mod queue;
mod trades;
mod verbs;

pub use comeback::{ComeBack, Lost};
pub use trades::TradeNews;

use std::{collections::VecDeque, time::Duration};

use realm_protocol::{ClientMessage, ServerMessage, proto};
use tokio::time::Instant;

use crate::{Arrival, ClientError, Connection, Door, Endpoint};

/// Messages that are kept for [`Lobby::next`] while something else is waited for; beyond it the oldest are dropped.
const BACKLOG_MESSAGES_MAX: usize = 1_024;

/// How to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// With the access token of [`crate::Rest::login`].
    Token(String),
    /// With name and password.
    Password {
        /// The account's name.
        account: String,
        /// Its password.
        password: String,
    },
    /// The same for an account with a second factor.
    PasswordAndCode {
        /// The account's name.
        account: String,
        /// Its password.
        password: String,
        /// The code of its authenticator, or a recovery code.
        code: String,
    },
}

impl From<Login> for proto::AuthRequest {
    fn from(login: Login) -> Self {
        let client_version = env!("CARGO_PKG_VERSION").to_owned();
        match login {
            Login::Token(access_token) => Self { access_token, client_version, ..Self::default() },
            Login::Password { account, password } => Self { account, password, client_version, ..Self::default() },
            Login::PasswordAndCode { account, password, code } => {
                Self { account, password, client_version, second_factor: code, ..Self::default() }
            }
        }
    }
}

/// A connection to the lobby.
pub struct Lobby {
    connection: Connection,
    backlog: VecDeque<ServerMessage>,
    dropped: u64,
    session: Option<proto::AuthSuccess>,
    event: u64,
    pings: u64,
    /// The realm that a log-in names which names none itself.
    realm: String,
    /// The longest that a search for a match goes on, as the realm said.
    search_wait_max: Duration,
}

impl Lobby {
    /// Connects, without logging in.
    ///
    /// # Errors
    /// When the realm cannot be reached, is not the trusted one, or refuses the WebSocket.
    pub async fn connect(endpoint: &Endpoint, door: Door) -> Result<Self, ClientError> {
        let connection = Connection::open(endpoint, door).await?;
        Ok(Self { realm: endpoint.realm.clone(), ..Self::over(connection) })
    }

    /// A lobby over an open connection.
    #[must_use]
    pub fn over(connection: Connection) -> Self {
        Self {
            connection,
            backlog: VecDeque::new(),
            dropped: 0,
            session: None,
            event: 0,
            pings: 0,
            realm: String::new(),
            search_wait_max: Duration::ZERO,
        }
    }

    /// Logs in. From then on signs of life are sent while the lobby is polled.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the reason, or when the connection fails. [`ClientError::Queued`] when the realm is full and the
    /// log-in waits for a place: then go on with [`Self::wait_in_queue`], or begin with [`Self::login_patiently`] at once.
    pub async fn login(&mut self, login: Login) -> Result<&proto::AuthSuccess, ClientError> {
        self.hello(login.into()).await
    }

    /// Logs in and continues an earlier session: missed events follow, or `resync` is set in the answer.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn resume(&mut self, login: Login, token: &str, event: u64) -> Result<&proto::AuthSuccess, ClientError> {
        self.event = event;
        let request = proto::AuthRequest { resume_token: token.to_owned(), resume_event: event, ..login.into() };
        self.hello(request).await
    }

    /// Logs in with any AUTH_REQUEST.
    ///
    /// # Errors
    /// As [`Self::login`].
    pub async fn hello(&mut self, request: proto::AuthRequest) -> Result<&proto::AuthSuccess, ClientError> {
        match self.ask_for_place(request).await? {
            queue::Answer::In(session) => Ok(self.enter(session)),
            queue::Answer::Refused(refused) => Err(refused),
            queue::Answer::Wait(place) => Err(ClientError::Queued { position: place.position, waiting: place.waiting }),
        }
    }

    /// The answer to the log-in.
    #[must_use]
    pub fn session(&self) -> Option<&proto::AuthSuccess> {
        self.session.as_ref()
    }

    /// Number of the last event that was read off the connection, for [`Self::resume`].
    #[must_use]
    pub fn event(&self) -> u64 {
        self.event
    }

    /// Messages that were dropped because nobody took them while other answers were waited for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Why the server said goodbye, once it has.
    #[must_use]
    pub fn goodbye(&self) -> Option<&proto::Goodbye> {
        self.connection.goodbye()
    }

    /// The connection beneath, to send what this type would not.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Gives the connection back; what waits in the backlog is lost.
    #[must_use]
    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// Sends a message and returns its sequence, which an ERROR names.
    ///
    /// # Errors
    /// When the connection has ended, or the server does not read within the deadline.
    pub async fn send(&mut self, message: impl Into<ClientMessage>) -> Result<u32, ClientError> {
        self.connection.send(&message.into()).await
    }

    /// The next message, within the endpoint's deadline.
    ///
    /// # Errors
    /// When nothing comes in time, the connection has ended, or what comes cannot be read.
    pub async fn next(&mut self) -> Result<ServerMessage, ClientError> {
        self.next_within(self.connection.deadline()).await
    }

    /// The next message, within `deadline`.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn next_within(&mut self, deadline: Duration) -> Result<ServerMessage, ClientError> {
        match self.backlog.pop_front() {
            Some(message) => Ok(message),
            None => self.arrival(deadline).await,
        }
    }

    /// The first message, of those that wait and those that come within `deadline`, for which `pick` gives something. The others stay
    /// for [`Self::next`].
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn wait_for<T>(
        &mut self,
        deadline: Duration,
        mut pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> Result<T, ClientError> {
        let found = self.backlog.iter().enumerate().find_map(|(index, message)| Some((index, pick(message)?)));
        if let Some((index, picked)) = found {
            self.backlog.remove(index);
            return Ok(picked);
        }
        self.wait_for_new(deadline, pick).await
    }

    /// Sends a request and waits for its answer; what else comes stays for [`Self::next`].
    ///
    /// # Errors
    /// [`ClientError::Refused`] when an ERROR names the request; and as [`Self::next`].
    pub async fn ask<T>(
        &mut self,
        message: impl Into<ClientMessage>,
        mut pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> Result<T, ClientError> {
        let sequence = self.send(message).await?;
        self.wait_for_new(self.connection.deadline(), |message| match message {
            ServerMessage::Error(error) if error.sequence == sequence => Some(Err(ClientError::refused(error))),
            message => pick(message).map(Ok),
        })
        .await?
    }

    /// Measures a round trip.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn ping(&mut self) -> Result<Duration, ClientError> {
        self.pings += 1;
        let (token, start) = (self.pings, Instant::now());
        self.ask(proto::Ping { token }, |message| match message {
            ServerMessage::Pong(pong) if pong.token == token => Some(start.elapsed()),
            _ => None,
        })
        .await
    }

    async fn wait_for_new<T>(
        &mut self,
        deadline: Duration,
        mut pick: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> Result<T, ClientError> {
        let end = Instant::now() + deadline;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message = self.arrival(left).await.map_err(|error| match error {
                ClientError::Deadline { waited_for, .. } => {
                    let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
                    ClientError::Deadline { waited_for, deadline_ms }
                }
                error => error,
            })?;
            if let Some(picked) = pick(&message) {
                return Ok(picked);
            }
            if self.backlog.len() == BACKLOG_MESSAGES_MAX {
                self.backlog.pop_front();
                self.dropped += 1;
            }
            self.backlog.push_back(message);
        }
    }

    async fn arrival(&mut self, deadline: Duration) -> Result<ServerMessage, ClientError> {
        match self.connection.next(deadline).await? {
            Arrival::Message(message) => {
                self.event = self.event.max(message.event().unwrap_or(0));
                Ok(message)
            }
            Arrival::Snapshot(_) => Err(ClientError::Unexpected("a snapshot came outside a game".to_owned())),
        }
    }

    /// Ends the connection, but not the session: it can be resumed.
    ///
    /// # Errors
    /// When the server does not take part within the deadline.
    pub async fn close(self) -> Result<(), ClientError> {
        self.connection.close().await
    }
}

#[cfg(test)]
mod tests;
