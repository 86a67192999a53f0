//! A bounded room for connections that still have to show that they belong: whoever has waited longest makes room for the next.
//!
//! Honest clients stay for milliseconds, those who wait long are stuck or silent. So the room can be full of silent ones and nobody is
//! kept out by them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// See the module.
pub(super) struct WaitingRoom {
    seats_max: usize,
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    next: u64,
    /// In order of arrival; dropping the sender tells who sits there. At most `seats_max`.
    taken: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A seat; gives itself back.
pub(super) struct Seat {
    room: Arc<WaitingRoom>,
    number: u64,
    lost: oneshot::Receiver<()>,
}

impl WaitingRoom {
    pub(super) fn new(seats_max: usize) -> Arc<Self> {
        Arc::new(Self { seats_max: seats_max.max(1), seats: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        // Nothing under this lock can panic half-way.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat, perhaps that of whoever has waited longest.
    pub(super) fn enter(self: &Arc<Self>) -> Seat {
        let (keep, lost) = oneshot::channel();
        let mut seats = self.lock();
        while seats.taken.len() >= self.seats_max {
            seats.taken.pop_first();
        }
        let number = seats.next;
        seats.next += 1;
        seats.taken.insert(number, keep);
        drop(seats);
        Seat { room: Arc::clone(self), number, lost }
    }

    /// Takes the seat of whoever has waited longest, because something else ran out.
    pub(super) fn send_away_oldest(&self) {
        self.lock().taken.pop_first();
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().taken.len()
    }
}

impl Seat {
    /// Resolves when the seat was given to somebody else.
    pub(super) async fn lost(&mut self) {
        // Nothing is ever sent: the other end only goes away.
        let _ = (&mut self.lost).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.lock().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn the_oldest_makes_room_and_seats_are_given_back() {
        let room = WaitingRoom::new(2);
        let (mut first, mut second) = (room.enter(), room.enter());
        assert!(first.lost().now_or_never().is_none());
        let mut third = room.enter();
        assert!(first.lost().now_or_never().is_some(), "who came first goes first");
        assert!(second.lost().now_or_never().is_none());
        drop(first);
        assert_eq!(room.waiting(), 2, "a lost seat is not given back twice");
        drop(second);
        let _fourth = room.enter();
        assert!(third.lost().now_or_never().is_none(), "a free seat is taken first");
        room.send_away_oldest();
        assert!(third.lost().now_or_never().is_some());
    }
}
