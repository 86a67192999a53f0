//! A bounded room for connections that still have to show that they belong: whoever has waited longest makes room for the next.
//!
//! Honest clients stay for milliseconds, those who wait long are stuck or silent. So the room can be full of silent ones and nobody is
//! kept out by them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
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
    place: Arc<SeatPlace>,
    lost: oneshot::Receiver<()>,
}

/// Where a seat stands in the order of its room.
struct SeatPlace {
    room: Arc<WaitingRoom>,
    number: AtomicU64,
}

/// Moves a seat behind all others, as often as whoever sits there shows that it belongs.
#[derive(Clone)]
pub(super) struct Renewal(Arc<SeatPlace>);

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
        Seat { place: Arc::new(SeatPlace { room: Arc::clone(self), number: AtomicU64::new(number) }), lost }
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

impl Renewal {
    /// From now on everybody else has waited longer. A seat that is lost stays lost.
    pub(super) fn renew(&self) {
        let mut seats = self.0.room.lock();
        let Some(keep) = seats.taken.remove(&self.0.number.load(Ordering::Relaxed)) else { return };
        let number = seats.next;
        seats.next += 1;
        seats.taken.insert(number, keep);
        self.0.number.store(number, Ordering::Relaxed);
    }
}

impl Seat {
    pub(super) fn renewal(&self) -> Renewal {
        Renewal(Arc::clone(&self.place))
    }

    /// Resolves when the seat of whoever has one was given to somebody else.
    pub(super) async fn lost_by(seat: &mut Option<Self>) {
        match seat {
            Some(seat) => seat.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Resolves when the seat was given to somebody else.
    pub(super) async fn lost(&mut self) {
        // Nothing is ever sent: the other end only goes away.
        let _ = (&mut self.lost).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.place.room.lock();
        seats.taken.remove(&self.place.number.load(Ordering::Relaxed));
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

    #[test]
    fn who_renews_its_seat_goes_last() {
        let room = WaitingRoom::new(2);
        let (mut first, mut second) = (room.enter(), room.enter());
        let renewal = first.renewal();
        renewal.renew();
        let mut third = room.enter();
        assert!(second.lost().now_or_never().is_some() && first.lost().now_or_never().is_none());
        let _fourth = room.enter();
        assert!(first.lost().now_or_never().is_some(), "it was the oldest again");
        renewal.renew();
        assert_eq!(room.waiting(), 2, "what is lost does not come back");
        drop(first);
        assert!(third.lost().now_or_never().is_none());
    }
}
