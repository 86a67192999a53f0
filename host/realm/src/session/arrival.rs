//! A connection that has logged in, on its way to its session and there.

use std::sync::{
    Arc,
    mpsc::{SyncSender, TrySendError},
};

use realm_protocol::ClientMessage;
use tokio::sync::{mpsc, oneshot};

use crate::{
    accounts::Identity,
    games::{EntryRefused, Games},
    realms::Home,
    types::{Code, Connection, GameSide, GameSides, Incoming, LinkFrame, Outbox, Refusal},
};

/// What a log-in said and proved.
pub(super) struct Login {
    /// The realm that was named; the first when none was.
    pub(super) home: Arc<Home>,
    /// A realm was named.
    pub(super) names_realm: bool,
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
    incoming: mpsc::Receiver<Box<Incoming>>,
    pub(super) outbox: Outbox,
    games: Option<GameDoor>,
    _done: oneshot::Sender<()>,
}

/// The way to games over this very connection, one after the other.
struct GameDoor {
    sides: GameSides,
    /// Where frames of the game go that was entered last; `None` before the first.
    frames: Option<SyncSender<LinkFrame>>,
}

impl Line {
    pub(super) fn new(connection: Connection, done: oneshot::Sender<()>) -> Self {
        let Connection { incoming, outbox, games, .. } = connection;
        let games = games.map(|sides| GameDoor { sides, frames: None });
        Self { incoming, outbox, games, _done: done }
    }

    /// The next message; `None` when the connection is closing or gone.
    pub(super) async fn next(&mut self) -> Option<Incoming> {
        tokio::select! {
            biased;
            () = self.outbox.closed() => None,
            incoming = self.incoming.recv() => incoming.map(|incoming| *incoming),
        }
    }

    fn game(&mut self) -> Result<&mut GameDoor, Refusal> {
        self.games.as_mut().ok_or_else(|| {
            Refusal::new(
                Code::MessageInvalid,
                "Games are not played over this connection: \
                 connect to the port that GAME_TICKET names (4000 by default), or open the WebSocket with realm.v1.bin.",
            )
        })
    }

    /// Hands a game side of this connection to the game of the ticket, which answers with GAME_ENTERED. A game that was entered
    /// before hears nothing from here any more; after a refusal it stays.
    pub(super) fn enter_game(&mut self, games: &Games, ticket: &str) -> Result<(), Refusal> {
        let door = self.game()?;
        let GameSide { frames, link } = (door.sides)();
        games.enter(ticket, link).map_err(|EntryRefused { refusal, .. }| refusal)?;
        door.frames = Some(frames);
        Ok(())
    }

    /// Passes a game's frame on. Never waits: when the game does not keep up, the frame is dropped, as its newest inputs count.
    pub(super) fn game_frame(&mut self, sequence: u32, message: &ClientMessage) -> Result<(), Refusal> {
        let frames =
            self.game()?.frames.as_ref().ok_or_else(|| {
                Refusal::new(Code::GameNotJoined, "Send GAME_ENTER with the ticket of GAME_JOIN first.")
            })?;
        let frame = LinkFrame { identifier: message.identifier(), sequence, payload: message.to_payload() };
        match frames.try_send(frame) {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use realm_protocol::proto;

    use super::*;
    use crate::types::{OutboxLimits, outbox};

    /// A connection whose game side has been handed over, and what its game would take.
    fn in_game(frames_max: usize) -> (Line, Receiver<LinkFrame>) {
        let (frames, taken) = sync_channel(frames_max);
        let sides: GameSides = Box::new(|| unreachable!("no other game is entered"));
        (line(Some(GameDoor { sides, frames: Some(frames) })), taken)
    }

    fn line(games: Option<GameDoor>) -> Line {
        let outbox = outbox(OutboxLimits { messages_max: 1, bytes_max: 1_000 }).0;
        Line { incoming: mpsc::channel(1).1, outbox, games, _done: oneshot::channel().0 }
    }

    fn step(input: u32) -> ClientMessage {
        proto::PlayerMove { input, dx: -3, dy: 4, ..Default::default() }.into()
    }

    #[test]
    fn game_frames_arrive_as_they_were_sent() {
        let (mut line, taken) = in_game(4);
        line.game_frame(17, &step(1)).unwrap();
        let frame = taken.recv().unwrap();
        assert_eq!(frame.sequence, 17);
        assert_eq!(ClientMessage::decode(frame.identifier, &frame.payload).unwrap(), step(1));
    }

    #[test]
    fn a_game_that_does_not_keep_up_loses_frames_and_holds_nobody_up() {
        let (mut line, taken) = in_game(2);
        for input in 0..100 {
            line.game_frame(input, &step(input)).unwrap();
        }
        assert_eq!(taken.try_iter().count(), 2);
        drop(taken);
        assert_eq!(line.game_frame(100, &step(100)).unwrap_err().code, Code::GameNotJoined);
    }

    #[test]
    fn where_no_game_is_played_the_player_is_told_where() {
        let refusal = line(None).game_frame(0, &step(0)).unwrap_err();
        assert_eq!(refusal.code, Code::MessageInvalid);
        assert!(refusal.message.contains("4000") && refusal.message.contains("realm.v1.bin"));
    }
}
