//! A connection that has logged in, on its way to its session and there.

use std::sync::mpsc::{SyncSender, TrySendError};

use realm_protocol::ClientMessage;
use tokio::sync::{mpsc, oneshot};

use crate::{
    accounts::Identity,
    games::Games,
    types::{Code, Connection, Incoming, Link, LinkFrame, Outbox, Refusal},
};

/// What a log-in said and proved.
pub(super) struct Login {
    pub(super) identity: Identity,
    /// Told to the client after a log-in by password; otherwise empty.
    pub(super) access_token: String,
    pub(super) nonce: String,
    /// Empty when the client wants a new session.
    pub(super) resume_token: String,
    pub(super) resume_event: u64,
}

/// A connection that has logged in.
pub(super) struct Arrival {
    pub(super) connection: Connection,
    pub(super) login: Login,
    /// Dropped when the session lets go of the connection.
    pub(super) done: oneshot::Sender<()>,
}

/// The connection of a session, as its task uses it.
pub(super) struct Line {
    incoming: mpsc::Receiver<Incoming>,
    pub(super) outbox: Outbox,
    game: Option<GameDoor>,
    _done: oneshot::Sender<()>,
}

/// The way to a game over this very connection.
struct GameDoor {
    frames: SyncSender<LinkFrame>,
    /// `None` once a game has it.
    link: Option<Box<dyn Link>>,
}

impl Line {
    pub(super) fn new(connection: Connection, done: oneshot::Sender<()>) -> Self {
        let Connection { incoming, outbox, game, .. } = connection;
        let game = game.map(|side| GameDoor { frames: side.frames, link: Some(side.link) });
        Self { incoming, outbox, game, _done: done }
    }

    /// The next message; `None` when the connection is closing or gone.
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        tokio::select! {
            biased;
            () = self.outbox.closed() => None,
            incoming = self.incoming.recv() => incoming,
        }
    }

    fn game(&mut self) -> Result<&mut GameDoor, Refusal> {
        self.game.as_mut().ok_or_else(|| {
            Refusal::new(
                Code::MessageInvalid,
                "Games are not played over this connection: \
                 connect to the game port (4000) with the ticket, or open the WebSocket with realm.v1.bin.",
            )
        })
    }

    /// Hands this connection's game side to the game of the ticket, which answers with GAME_ENTERED.
    pub(super) fn enter_game(&mut self, games: &Games, ticket: &str) -> Result<(), Refusal> {
        let link = self.game()?.link.take().ok_or_else(|| {
            Refusal::new(
                Code::GameJoinedAlready,
                "A ticket was already presented on this connection; open a new connection to enter another game.",
            )
        })?;
        games.enter(ticket, link)
    }

    /// Passes a game's frame on. Never waits: when the game does not keep up, the frame is dropped, as its newest inputs count.
    pub(super) fn game_frame(&mut self, sequence: u32, message: &ClientMessage) -> Result<(), Refusal> {
        let door = self.game()?;
        if door.link.is_some() {
            return Err(Refusal::new(Code::GameNotJoined, "Send GAME_ENTER with the ticket of GAME_JOIN first."));
        }
        let frame = LinkFrame { identifier: message.identifier(), sequence, payload: message.to_payload() };
        match door.frames.try_send(frame) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => {
                metrics::counter!("realm_game_frames_dropped_total").increment(1);
                Ok(())
            }
            Err(TrySendError::Disconnected(_)) => {
                Err(Refusal::new(Code::GameNotJoined, "The game has ended or was left; join one again."))
            }
        }
    }
}
