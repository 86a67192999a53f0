//! One connection: messages out and in, pings answered, signs of life sent, the reason of its end kept.

use std::time::Duration;

use bytes::Bytes;
use realm_protocol::{ClientMessage, MessageError, ServerMessage, proto};
use tokio::time::{Instant, sleep_until};

use crate::{
    ClientError, Door, Endpoint,
    endpoint::{PROTOCOL_FRAMES, PROTOCOL_HTTP},
    error::within,
    wire::{Arrived, FrameWire, WebSocketWire, Wire},
};

/// PINGs of the keep-alive carry this token; their PONGs are nobody's business.
const HEARTBEAT_TOKEN: u64 = 0;

/// Signs of life at a door of games, where nobody tells the rhythm.
const GAME_HEARTBEAT: Duration = Duration::from_secs(15);

/// What arrives on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrival {
    /// A message.
    Message(ServerMessage),
    /// The body of a PLAYER_STATE.
    Snapshot(Bytes),
}

/// One connection to a door of frames or a WebSocket. [`crate::Lobby`] and [`crate::GameConnection`] are built on it; by itself it
/// serves clients that want to speak in single messages, well-formed or not.
pub struct Connection {
    wire: Wire,
    opened: Instant,
    sent: Instant,
    heartbeat: Option<Duration>,
    goodbye: Option<proto::Goodbye>,
    deadline: Duration,
}

impl Connection {
    /// Connects to the lobby.
    ///
    /// # Errors
    /// When the realm cannot be reached, is not the trusted one, or refuses the WebSocket.
    pub async fn open(endpoint: &Endpoint, door: Door) -> Result<Self, ClientError> {
        let Endpoint { host, https_port, realm_port, deadline, .. } = endpoint;
        let wire = match door {
            Door::Frames => {
                let stream = endpoint.open(host, *realm_port, PROTOCOL_FRAMES).await?;
                Wire::Frames(FrameWire::new(Box::new(stream)))
            }
            Door::WebSocketJson | Door::WebSocketBinary => {
                let stream = Box::new(endpoint.open(host, *https_port, PROTOCOL_HTTP).await?);
                let upgrade = WebSocketWire::upgrade(stream, host, *https_port, door == Door::WebSocketJson);
                Wire::WebSocket(Box::new(within(*deadline, "the WebSocket", upgrade).await?))
            }
        };
        Ok(Self::over(wire, *deadline))
    }

    /// Connects to a door of games.
    ///
    /// # Errors
    /// When it cannot be reached or is not the trusted one.
    pub async fn open_game(endpoint: &Endpoint, ticket: &proto::GameTicket) -> Result<Self, ClientError> {
        let host = if ticket.address.is_empty() { &endpoint.host } else { &ticket.address };
        let port = u16::try_from(ticket.port).ok().filter(|port| *port != 0).unwrap_or(endpoint.game_port);
        let stream = endpoint.open(host, port, PROTOCOL_FRAMES).await?;
        let mut connection = Self::over(Wire::Frames(FrameWire::new(Box::new(stream))), endpoint.deadline);
        connection.set_heartbeat(Some(GAME_HEARTBEAT));
        Ok(connection)
    }

    pub(crate) fn over(wire: Wire, deadline: Duration) -> Self {
        let now = Instant::now();
        Self { wire, opened: now, sent: now, heartbeat: None, goodbye: None, deadline }
    }

    /// How long this connection waits for an answer or a write, unless told otherwise.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Sends signs of life from now on, whenever nothing else was sent for this time and the connection is polled.
    pub fn set_heartbeat(&mut self, heartbeat: Option<Duration>) {
        self.heartbeat = heartbeat;
    }

    /// Why the server said goodbye, once it has.
    #[must_use]
    pub fn goodbye(&self) -> Option<&proto::Goodbye> {
        self.goodbye.as_ref()
    }

    /// Code and reason of the close frame with which the server ended a WebSocket.
    #[must_use]
    pub fn close_frame(&self) -> Option<(u16, String)> {
        self.wire.close_frame()
    }

    /// Sends a message and returns its sequence, which an ERROR names.
    ///
    /// # Errors
    /// When the connection has ended, or the server does not read within the deadline.
    pub async fn send(&mut self, message: &ClientMessage) -> Result<u32, ClientError> {
        let sequence = self.wire.queue(message, self.timestamp_ms())?;
        self.flush().await?;
        Ok(sequence)
    }

    /// Sends a proper frame with any identifier and payload.
    ///
    /// # Errors
    /// As [`Self::send`]; and on `realm.v1.json`.
    pub async fn send_frame(&mut self, identifier: u8, payload: &[u8]) -> Result<u32, ClientError> {
        let sequence = self.wire.queue_frame(identifier, payload, self.timestamp_ms())?;
        self.flush().await?;
        Ok(sequence)
    }

    /// Sends bytes as they are: into the stream, or as one binary WebSocket message. The frames after them keep their own count.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.wire.queue_bytes(bytes)?;
        self.flush().await
    }

    /// Sends a WebSocket text as it is.
    ///
    /// # Errors
    /// As [`Self::send`]; and on frames.
    pub async fn send_text(&mut self, text: &str) -> Result<u32, ClientError> {
        let sequence = self.wire.queue_text(text)?;
        self.flush().await?;
        Ok(sequence)
    }

    async fn flush(&mut self) -> Result<(), ClientError> {
        self.sent = Instant::now();
        let flushed = within(self.deadline, "the realm to read", self.wire.flush()).await;
        flushed.map_err(|error| self.with_reason(error))
    }

    /// What arrives next, within `deadline`. PINGs are answered on the way. A GOODBYE is returned like any message; after it comes
    /// [`ClientError::Closed`] with it inside.
    ///
    /// # Errors
    /// When nothing comes in time, the connection has ended, or what comes cannot be read.
    pub async fn next(&mut self, deadline: Duration) -> Result<Arrival, ClientError> {
        let arrival = within(deadline, "a message", self.arrival()).await;
        arrival.map_err(|error| self.with_reason(error))
    }

    async fn arrival(&mut self) -> Result<Arrival, ClientError> {
        loop {
            // A server that has closed does not read any more, but what it said before can still be read.
            let writable = self.wire.flush().await.is_ok();
            let beat_at = self.heartbeat.filter(|_| writable).map(|heartbeat| self.sent + heartbeat);
            let received = tokio::select! {
                biased;
                received = self.wire.receive() => received?,
                () = sleep_until(beat_at.unwrap_or(self.sent)), if beat_at.is_some() => {
                    self.queue(&proto::Ping { token: HEARTBEAT_TOKEN }.into())?;
                    continue;
                }
            };
            let message = match received.ok_or(ClientError::Closed(None))?.read() {
                Ok(Arrived::Snapshot(body)) => return Ok(Arrival::Snapshot(body)),
                Ok(Arrived::Message(message)) => message,
                // A newer realm may say what this client has never heard of.
                Err(ClientError::Message(MessageError::UnknownIdentifier(_) | MessageError::UnknownType(_))) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            match &message {
                ServerMessage::Ping(ping) => self.queue(&proto::Pong { token: ping.token }.into())?,
                ServerMessage::Pong(pong) if pong.token == HEARTBEAT_TOKEN => {}
                ServerMessage::Goodbye(goodbye) => {
                    self.goodbye = Some(goodbye.clone());
                    return Ok(Arrival::Message(message));
                }
                _ => return Ok(Arrival::Message(message)),
            }
        }
    }

    fn queue(&mut self, message: &ClientMessage) -> Result<(), ClientError> {
        self.sent = Instant::now();
        self.wire.queue(message, self.timestamp_ms()).map(|_| ())
    }

    /// Ends the connection in an orderly way.
    ///
    /// # Errors
    /// When the server does not take part within the deadline.
    pub async fn close(mut self) -> Result<(), ClientError> {
        within(self.deadline, "the end of the connection", self.wire.shut()).await
    }

    fn with_reason(&self, error: ClientError) -> ClientError {
        match error {
            ClientError::Closed(None) => ClientError::Closed(self.goodbye.clone()),
            error => error,
        }
    }

    /// Milliseconds since the connection opened; they start again after 49 days.
    fn timestamp_ms(&self) -> u32 {
        u32::try_from(self.opened.elapsed().as_millis() & u128::from(u32::MAX)).unwrap_or_default()
    }
}
