//! What a tick thread is told.

use std::sync::Arc;

use realm_world::{Sheet, World, log::Header};
use tokio::sync::mpsc;

use crate::types::{AccountId, CharacterId, CloseReason, GameId, Link};

use super::{
    keeper::{Errand, Word},
    outfits::Brought,
    seat::Presence,
};

/// A player at the door of a game.
pub(super) struct EnteringPlayer {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) slot: u8,
    /// The character at the first time; `None` when it must be in the world already.
    pub(super) sheet: Option<Sheet>,
    pub(super) brought: Brought,
    pub(super) presence: Arc<Presence>,
    pub(super) link: Box<dyn Link>,
}

/// A command to a tick thread; carried out between two ticks.
pub(super) enum Command {
    /// Steps this world from now on, and writes its log when there is something to begin it with. Without a keeper nothing is left but
    /// potions.
    Start { game: GameId, world: Box<World>, header: Option<Box<Header>>, keeper: Option<mpsc::Sender<Errand>> },
    /// Lets a player in, or a known one come back on a new link.
    Enter { game: GameId, player: EnteringPlayer },
    /// What came of an errand.
    Hear { game: GameId, word: Box<Word> },
    /// A player wears something else now.
    Wear { game: GameId, character: CharacterId, brought: Brought },
    /// A player goes home.
    Recall { game: GameId, character: CharacterId, epoch: i64 },
    /// Takes a player out: the character is reported for the last time and the link closed.
    Leave { game: GameId, account: AccountId, reason: CloseReason },
    /// Forgets a game that nobody has a seat in any more.
    End { game: GameId },
    /// Takes every player out of every game and ends the thread.
    Stop { reason: CloseReason },
}
