//! What a tick of a game consists of, and what its thread lends for it.

use realm_world::View;

use crate::{hooks::TickLane, types::Arrivals};

use super::{judge::Judge, log::Desk, reports::Reports};

/// How long players may be away and unsaved, in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) reconnect_ticks: u32,
    pub(super) autosave_ticks: u32,
}

/// What is done for a game in a tick, in this order. A thread does each stage for all games that are due together before it
/// goes on to the next: the code of a stage is read into the processor's caches once and not once for each game.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// What has arrived is taken from the links.
    Take,
    /// The host's checks. Behind it, the rule is asked once about what all these games have left.
    Collect,
    /// The rule's verdicts.
    Decide,
    /// The world's step, and what must be kept of it.
    Step,
    /// What each player may know, encoded.
    Look,
    /// News and snapshots are made ready.
    Write,
    /// They go out; who leaves, leaves.
    Send,
}

impl Stage {
    pub(super) const ALL: [Self; 7] =
        [Self::Take, Self::Collect, Self::Decide, Self::Step, Self::Look, Self::Write, Self::Send];
}

/// Memory that games of one thread use in turn, so that it stays in the processor's caches.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) arrivals: Arrivals,
    /// Snapshots of all games that are stepped together, one behind the other, from looking until writing.
    pub(super) bodies: Vec<u8>,
    pub(super) view: View,
    pub(super) judge: Judge,
}

/// What a tick needs of its thread.
pub(super) struct TickTools<'thread> {
    pub(super) scratch: &'thread mut Scratch,
    pub(super) lane: &'thread mut TickLane,
    pub(super) reports: &'thread mut Reports,
    pub(super) desk: Option<&'thread Desk>,
    pub(super) patience: Patience,
}
