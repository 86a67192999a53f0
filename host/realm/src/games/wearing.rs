//! What fights cost the things that a player wears: blows are counted for what was worn when they fell, and from time to time they become points
//! of durability. Pure.

use std::sync::Arc;

use realm_world::{
    Strain, Wear,
    items::{Catalogue, Group},
};

use crate::{
    items::{Belongings, Spot},
    types::ItemId,
};

/// Ticks between two times at which wear is stored: ten minutes, as each leaves a line in the ledger for ever.
const STORED_EVERY_TICKS: u32 = 15_000;
/// Things of which blows are counted, more than can be worn at the same time: of what is not worn any more the oldest is forgotten.
const THINGS_MAX: usize = 32;

/// By what something wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// By blows dealt with it.
    Dealt,
    /// By blows suffered.
    Suffered,
}

/// What somebody wears that wears out.
pub(super) type Gear = Arc<[(ItemId, Cause)]>;

/// Of what somebody has, what it wears and what wears out.
pub(super) fn gear(catalogue: &Catalogue, belongings: &Belongings) -> Gear {
    let cause = |owned: &crate::items::Owned| {
        let Some(Spot::Worn(_)) = owned.at.spot() else { return None };
        // What is worn out wears no further.
        let wears = owned.item.durability > 0;
        let base = catalogue.base(&owned.item.base).filter(|base| wears && base.durability > 0)?;
        match base.kind {
            kind if kind.is_weapon() => Some((owned.key, Cause::Dealt)),
            kind if Group::Armour.has(kind) => Some((owned.key, Cause::Suffered)),
            _ => None,
        }
    };
    belongings.items.iter().filter_map(cause).collect()
}

/// Blows that have cost nothing yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    item: ItemId,
    cause: Cause,
    blows: u32,
}

/// How far what somebody wears is worn since the last time at which it was stored.
#[derive(Debug, Default)]
pub(super) struct Wearing {
    counted: Strain,
    pending: Vec<Pending>,
    ticks: u32,
}

impl Wearing {
    /// Counts what has happened since this was called last for these things.
    pub(super) fn settle(&mut self, gear: &[(ItemId, Cause)], now: Strain) {
        let dealt = now.dealt.saturating_sub(self.counted.dealt);
        let suffered = now.suffered.saturating_sub(self.counted.suffered);
        self.counted = now;
        for (item, cause) in gear {
            let blows = match cause {
                Cause::Dealt => dealt,
                Cause::Suffered => suffered,
            };
            if blows == 0 {
                continue;
            }
            let known = self.pending.iter().position(|pending| pending.item == *item);
            if let Some(pending) = known.and_then(|place| self.pending.get_mut(place)) {
                pending.blows = pending.blows.saturating_add(blows);
            } else {
                let is_worn = |pending: &Pending| gear.iter().any(|(item, _)| *item == pending.item);
                if self.pending.len() >= THINGS_MAX
                    && let Some(old) = self.pending.iter().position(|pending| !is_worn(pending))
                {
                    self.pending.remove(old);
                }
                if self.pending.len() < THINGS_MAX {
                    self.pending.push(Pending { item: *item, cause: *cause, blows });
                }
            }
        }
    }

    /// A tick passes; true when it is time to store what there is.
    pub(super) fn is_due(&mut self) -> bool {
        self.ticks += 1;
        if self.ticks < STORED_EVERY_TICKS {
            return false;
        }
        self.ticks = 0;
        true
    }

    /// The points that have come together; blows that make no point yet stay counted.
    pub(super) fn take(&mut self, wear: Wear) -> Vec<(ItemId, u32)> {
        let mut points = Vec::new();
        for pending in &mut self.pending {
            let rate = match pending.cause {
                Cause::Dealt => wear.blows_dealt,
                Cause::Suffered => wear.blows_suffered,
            };
            let Some(lost) = pending.blows.checked_div(rate).filter(|lost| *lost > 0) else { continue };
            pending.blows %= rate;
            points.push((pending.item, lost));
        }
        self.pending.retain(|pending| pending.blows > 0);
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEAR: Wear = Wear { blows_dealt: 10, blows_suffered: 4 };

    fn strain(dealt: u32, suffered: u32) -> Strain {
        Strain { dealt, suffered }
    }

    #[test]
    fn blows_count_for_what_was_worn_when_they_fell() {
        let [sword, other, hood] = [1, 2, 3].map(ItemId::from_raw);
        let first = [(sword, Cause::Dealt), (hood, Cause::Suffered)];
        let second = [(other, Cause::Dealt), (hood, Cause::Suffered)];
        let mut wearing = Wearing::default();
        wearing.settle(&first, strain(9, 4));
        assert_eq!(wearing.take(WEAR), [(hood, 1)]);
        wearing.settle(&first, strain(11, 5));
        wearing.settle(&second, strain(40, 8));
        assert_eq!(wearing.take(WEAR), [(sword, 1), (hood, 1), (other, 2)]);
        // What makes no point yet stays counted, and nothing is counted twice.
        assert_eq!(wearing.take(WEAR), []);
        wearing.settle(&second, strain(41, 8));
        assert_eq!(wearing.take(WEAR), [(other, 1)]);
        wearing.settle(&[], strain(u32::MAX, u32::MAX));
        assert_eq!(wearing.take(WEAR), []);
    }

    #[test]
    fn where_nothing_wears_nothing_is_lost_and_no_list_grows() {
        let mut wearing = Wearing::default();
        for number in 1..1_000 {
            wearing.settle(&[(ItemId::from_raw(u64::from(number)), Cause::Dealt)], strain(number * 50, 0));
        }
        assert_eq!(wearing.pending.len(), THINGS_MAX);
        assert_eq!(wearing.take(Wear::default()), []);
        let last = ItemId::from_raw(999);
        assert!(wearing.pending.iter().any(|pending| pending.item == last), "what is worn now counts");
        let due = (0..STORED_EVERY_TICKS * 3).filter(|_| wearing.is_due()).count();
        assert_eq!(due, 3, "once in ten minutes");
    }
}
