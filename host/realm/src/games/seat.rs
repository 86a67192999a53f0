//! A seat in an open game, as the lobby knows it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use realm_world::Sheet;
use tokio::sync::oneshot;

use crate::{
    characters::Character,
    types::{CharacterId, CharacterName},
};

use super::{Player, directory::Departed, outfits::Brought};

/// How far a player has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeatState {
    /// Kept while rules and database are asked; the others do not know of it.
    Reserved,
    /// The character is taken and a ticket given out; nobody has come in with it.
    Ticketed,
    /// The tick thread knows the player.
    Playing,
    /// On the way out, until the character is saved.
    Leaving,
}

/// Whether a client is there, and whether its character has died for good: written by the tick thread, read by others.
#[derive(Debug, Default)]
pub(super) struct Presence {
    is_there: AtomicBool,
    has_fallen: Arc<AtomicBool>,
}

impl Presence {
    pub(super) fn arrived(&self) {
        self.is_there.store(true, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) {
        self.is_there.store(false, Ordering::Relaxed);
    }

    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }

    /// The character has died for good.
    pub(super) fn fall(&self) {
        self.has_fallen.store(true, Ordering::Release);
    }

    /// What says so.
    pub(super) fn has_fallen(&self) -> &Arc<AtomicBool> {
        &self.has_fallen
    }
}

/// A seat.
pub(super) struct Seat {
    pub(super) player: Player,
    pub(super) character: CharacterId,
    pub(super) character_name: CharacterName,
    /// As it was taken or last saved.
    pub(super) sheet: Sheet,
    pub(super) slot: u8,
    pub(super) state: SeatState,
    /// As it is known since the lease was taken.
    pub(super) brought: Brought,
    pub(super) presence: Arc<Presence>,
    /// Told when the seat is given up.
    pub(super) waiters: Vec<oneshot::Sender<Departed>>,
}

impl Seat {
    /// A seat that is kept for a player while the rest is asked.
    pub(super) fn reserved(player: Player, character: &Character) -> Self {
        Self {
            player,
            character: character.id,
            character_name: character.name.clone(),
            sheet: character.sheet,
            slot: 0,
            state: SeatState::Reserved,
            brought: Brought::default(),
            presence: Arc::default(),
            waiters: Vec::new(),
        }
    }

    /// True while the character's lease is held for this game.
    pub(super) fn holds_lease(&self) -> bool {
        matches!(self.state, SeatState::Ticketed | SeatState::Playing)
    }

    /// True when its player may ask for another ticket: the first was never used, or the player comes on another connection. Whether
    /// the old one is lost nobody can know at once, so the new one takes over in any case.
    pub(super) fn may_come_back(&self) -> bool {
        match self.state {
            SeatState::Ticketed | SeatState::Playing => true,
            SeatState::Reserved | SeatState::Leaving => false,
        }
    }
}
