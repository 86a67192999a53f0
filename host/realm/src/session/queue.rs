//! Who waits for a place in a full realm: first come, first served. Kept by the registry; knows no time.

use std::collections::{HashSet, VecDeque};

use tokio::sync::oneshot;

use crate::types::{AccountId, CloseReason};

/// What becomes of somebody who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    /// A place is kept for them.
    Come,
    /// They wait no longer, for this reason.
    Away(CloseReason),
}

/// A place in the queue, in one connection's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Number {
    /// Rises from the first to the last.
    order: u64,
    /// Tells the connections of one account apart that held the place one after the other.
    holder: u64,
}

struct Waiter {
    number: Number,
    account: AccountId,
    call: oneshot::Sender<Call>,
}

/// What who waits has in hand.
pub(super) struct Ticket {
    /// Names the place; keeps its meaning after the call.
    pub(super) number: Number,
    /// Resolves with what becomes of it.
    pub(super) call: oneshot::Receiver<Call>,
}

/// The queue. An account stands in it once.
pub(super) struct Queue {
    waiting: VecDeque<Waiter>,
    waiting_max: usize,
    number_last: u64,
    /// Who was called and has not come yet: their places are kept.
    called: HashSet<Number>,
}

impl Queue {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self { waiting: VecDeque::new(), waiting_max, number_last: 0, called: HashSet::new() }
    }

    /// Lets an account stand at the end, or in the place that it has already: then whoever waited there is sent away for `newer`.
    /// `None` when the queue is full.
    pub(super) fn stand(&mut self, account: AccountId, newer: impl FnOnce() -> CloseReason) -> Option<Ticket> {
        let (sender, call) = oneshot::channel();
        let holder = self.number_last + 1;
        if let Some(waiter) = self.waiting.iter_mut().find(|waiter| waiter.account == account) {
            self.number_last = holder;
            waiter.number.holder = holder;
            let older = std::mem::replace(&mut waiter.call, sender);
            // Who has gone needs not be told.
            let _ = older.send(Call::Away(newer()));
            return Some(Ticket { number: waiter.number, call });
        }
        if self.waiting.len() >= self.waiting_max {
            return None;
        }
        self.number_last = holder;
        let number = Number { order: holder, holder };
        self.waiting.push_back(Waiter { number, account, call: sender });
        Some(Ticket { number, call })
    }

    /// Calls the first, whose place is kept until [`Self::come`] or [`Self::leave`]. False when nobody waits.
    pub(super) fn call(&mut self) -> bool {
        while let Some(first) = self.waiting.pop_front() {
            if first.call.send(Call::Come).is_ok() {
                self.called.insert(first.number);
                return true;
            }
        }
        false
    }

    /// Who was called takes the place. False when it is not kept for them.
    pub(super) fn come(&mut self, number: Number) -> bool {
        self.called.remove(&number)
    }

    /// Somebody goes away, called or not. True when the queue or the places kept have changed.
    pub(super) fn leave(&mut self, number: Number) -> bool {
        self.index(number).is_some_and(|index| self.waiting.remove(index).is_some()) || self.called.remove(&number)
    }

    fn index(&self, number: Number) -> Option<usize> {
        let index = self.waiting.binary_search_by_key(&number.order, |waiter| waiter.number.order).ok()?;
        (self.waiting[index].number == number).then_some(index)
    }

    /// Sends everybody away; `reason` is asked for each.
    pub(super) fn clear(&mut self, mut reason: impl FnMut() -> CloseReason) {
        for waiter in self.waiting.drain(..) {
            let _ = waiter.call.send(Call::Away(reason()));
        }
    }

    /// The place of a number, from 1, and how many wait; `None` when it does not wait any more.
    pub(super) fn position(&self, number: Number) -> Option<(usize, usize)> {
        self.index(number).map(|index| (index + 1, self.waiting.len()))
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many places are kept for those who were called.
    pub(super) fn kept(&self) -> usize {
        self.called.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::Code;

    fn account(key: u64) -> AccountId {
        AccountId::from_raw(key)
    }

    fn away() -> CloseReason {
        CloseReason { code: Code::SessionReplaced, message: String::new(), reconnect_after_ms: 0 }
    }

    fn stand(queue: &mut Queue, key: u64) -> Option<Ticket> {
        queue.stand(account(key), away)
    }

    #[test]
    fn who_came_first_is_called_first() {
        let mut queue = Queue::new(3);
        let mut tickets: Vec<_> = (1..=3).map(|key| stand(&mut queue, key).unwrap()).collect();
        assert!(stand(&mut queue, 4).is_none(), "the queue has an end");
        assert_eq!(queue.position(tickets[2].number), Some((3, 3)));
        assert!(queue.call());
        assert_eq!(tickets[0].call.try_recv(), Ok(Call::Come));
        assert_eq!((queue.waiting(), queue.kept()), (2, 1));
        assert_eq!(queue.position(tickets[2].number), Some((2, 2)));
        assert!(queue.come(tickets[0].number) && !queue.come(tickets[0].number), "a place is taken once");
        assert!(tickets[1].call.try_recv().is_err());
    }

    #[test]
    fn who_has_gone_is_passed_over_and_a_kept_place_can_be_given_back() {
        let mut queue = Queue::new(3);
        let (first, second, third) =
            (stand(&mut queue, 1).unwrap(), stand(&mut queue, 2).unwrap(), stand(&mut queue, 3).unwrap());
        let number = first.number;
        drop(first);
        assert!(queue.leave(number) && !queue.leave(number));
        let number = second.number;
        drop(second);
        assert!(queue.call(), "the third is called, for the second has gone without a word");
        assert!(!queue.leave(number));
        assert!(queue.leave(third.number));
        assert_eq!((queue.waiting(), queue.kept()), (0, 0));
        assert!(!queue.call());
    }

    #[test]
    fn an_account_that_comes_again_keeps_its_place_and_its_older_connection_goes() {
        let mut queue = Queue::new(2);
        let mut older = stand(&mut queue, 1).unwrap();
        let other = stand(&mut queue, 2).unwrap();
        let mut newer = stand(&mut queue, 1).unwrap();
        assert_eq!(older.call.try_recv(), Ok(Call::Away(away())));
        let number = older.number;
        drop(older);
        assert!(!queue.leave(number), "the end of the older connection does not touch the newer");
        assert_eq!(queue.position(newer.number), Some((1, 2)));
        queue.call();
        assert!(!queue.leave(number), "nor the place that is kept for the newer");
        assert_eq!(newer.call.try_recv(), Ok(Call::Come));
        assert_eq!(queue.position(other.number), Some((1, 1)));
        assert!(queue.come(newer.number));
    }

    proptest! {
        /// Whatever happens, those who stay are called in the order in which they came, and no place is lost.
        #[test]
        fn order_and_places_are_kept(acts in proptest::collection::vec((0_u8..4, 0_usize..8), 0..200)) {
            let mut queue = Queue::new(8);
            let (mut waiting, mut kept): (Vec<Ticket>, Vec<Ticket>) = (Vec::new(), Vec::new());
            let mut key = 0;
            for (act, which) in acts {
                match act {
                    0 => {
                        key += 1;
                        let ticket = stand(&mut queue, key);
                        prop_assert_eq!(ticket.is_some(), waiting.len() < 8);
                        waiting.extend(ticket);
                    }
                    1 => {
                        prop_assert_eq!(queue.call(), !waiting.is_empty());
                        if !waiting.is_empty() {
                            let mut first = waiting.remove(0);
                            prop_assert_eq!(first.call.try_recv(), Ok(Call::Come));
                            kept.push(first);
                        }
                    }
                    2 if which < waiting.len() => {
                        let number = waiting.remove(which).number;
                        prop_assert!(queue.leave(number));
                    }
                    3 if which < kept.len() => {
                        let number = kept.remove(which).number;
                        prop_assert!(queue.come(number));
                    }
                    _ => {}
                }
                prop_assert_eq!((queue.waiting(), queue.kept()), (waiting.len(), kept.len()));
                for (index, ticket) in waiting.iter().enumerate() {
                    prop_assert_eq!(queue.position(ticket.number), Some((index + 1, waiting.len())));
                }
            }
        }
    }
}
