//! Items that lie on the ground of a game, and those of them that somebody is about to have.
//!
//! What lies here is known by a handle alone: the item itself is stored elsewhere, or kept by whoever threw it. Taking it makes it *pending*:
//! nobody sees it, and its taker has nothing of it yet. Only what the storage answers ends that, whatever happens to the taker.
//!
//! A game hashes all of it into its state, and is told by inputs, which its log keeps, what was laid down, taken, confirmed and given back.

use serde::{Deserialize, Serialize};

use super::Quality;
use crate::{EntityId, Zone, hash::StableHash};

/// Most items on the ground of a game.
pub const LYING_MAX: usize = 96;
/// Most of them that players laid down; the rest is kept for what monsters leave.
pub const LYING_OF_PLAYERS_MAX: usize = 64;
/// Most of them that one player laid down.
pub const LYING_PER_PLAYER_MAX: usize = 8;

/// An item by a number that means nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemHandle(pub u64);

/// What is seen of something on the ground: nothing that its finder does not know at first sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Look {
    /// An item.
    Item {
        /// Its base, by its place in the content pack.
        base: u16,
        /// How good it is.
        quality: Quality,
    },
    /// A heap of gold.
    Gold {
        /// How large it looks: how many binary digits the amount has.
        size: u8,
    },
}

impl Look {
    /// A heap of so much gold.
    #[must_use]
    pub fn gold(amount: u64) -> Self {
        Look::Gold { size: u8::try_from(u64::BITS - amount.leading_zeros()).unwrap_or_default() }
    }
}

/// Whether an item can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroundState {
    /// It can, and vanishes after so many ticks.
    Free {
        /// Until it vanishes.
        ticks_left: u32,
    },
    /// Somebody has taken it, and the storage has not answered yet.
    Pending {
        /// The entity of the taker: a slot may be another player's when the answer comes.
        taker: EntityId,
        /// How long it can lie there still, should it come back.
        ticks_left: u32,
    },
}

/// An item on the ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lying {
    /// The entity in the game.
    pub entity: EntityId,
    /// Which item.
    pub handle: ItemHandle,
    /// What is seen of it.
    pub look: Look,
    /// The entity of the player who laid it down; `None` for what a monster left.
    pub layer: Option<EntityId>,
    /// In which level of the world.
    pub zone: Zone,
    /// Position in sub-tiles.
    pub x: i32,
    /// Position in sub-tiles.
    pub y: i32,
    /// Whether it can be taken.
    pub state: GroundState,
}

/// Why something on the ground is not done; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroundProblem {
    /// There is no room for another item.
    #[error("there are too many items on the ground already")]
    Full,
    /// This player has laid down as many as one may.
    #[error("{LYING_PER_PLAYER_MAX} items of yours lie on the ground already; pick one up first")]
    Share,
    /// The handle or the entity lies there already.
    #[error("it lies there already")]
    Twice,
    /// There is no such item that can be taken; one that somebody else is about to have is none.
    #[error("there is no such item")]
    Unknown,
}

/// All items on the ground of a game, by age, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ground {
    items: Vec<Lying>,
}

impl Ground {
    /// Nothing lies there, and there is room for all that may.
    #[must_use]
    pub fn roomy() -> Self {
        Self { items: Vec::with_capacity(LYING_MAX) }
    }

    /// Whether one more may be laid down there, by a player or by nobody.
    ///
    /// # Errors
    /// [`GroundProblem::Full`] and [`GroundProblem::Share`].
    pub fn check_room(&self, layer: Option<EntityId>) -> Result<(), GroundProblem> {
        let of_players = self.items.iter().filter(|item| item.layer.is_some()).count();
        if self.items.len() >= LYING_MAX || (layer.is_some() && of_players >= LYING_OF_PLAYERS_MAX) {
            return Err(GroundProblem::Full);
        }
        let own = self.items.iter().filter(|item| item.layer == layer).count();
        if layer.is_some() && own >= LYING_PER_PLAYER_MAX {
            return Err(GroundProblem::Share);
        }
        Ok(())
    }

    /// Lays an item down for so many ticks. None is pushed out for it: an item may be somebody's.
    ///
    /// # Errors
    /// [`GroundProblem::Full`], [`GroundProblem::Share`] and [`GroundProblem::Twice`].
    pub fn lay(
        &mut self,
        entity: EntityId,
        (handle, look): (ItemHandle, Look),
        layer: Option<EntityId>,
        (zone, x, y): (Zone, i32, i32),
        ticks: u32,
    ) -> Result<(), GroundProblem> {
        if self.items.iter().any(|item| item.handle == handle || item.entity == entity) {
            return Err(GroundProblem::Twice);
        }
        self.check_room(layer)?;
        let state = GroundState::Free { ticks_left: ticks.max(1) };
        self.items.push(Lying { entity, handle, look, layer, zone, x, y, state });
        Ok(())
    }

    /// What can be seen and taken.
    pub fn seen(&self) -> impl Iterator<Item = &Lying> {
        self.items.iter().filter(|item| matches!(item.state, GroundState::Free { .. }))
    }

    /// Everything, what is pending included.
    #[must_use]
    pub fn all(&self) -> &[Lying] {
        &self.items
    }

    /// Somebody takes an item, which is pending from now on; which one it is, to be asked of the storage. Whether it is near enough is asked
    /// before.
    ///
    /// # Errors
    /// [`GroundProblem::Unknown`].
    pub fn take(&mut self, taker: EntityId, entity: EntityId) -> Result<ItemHandle, GroundProblem> {
        let item = self.items.iter_mut().find(|item| item.entity == entity).ok_or(GroundProblem::Unknown)?;
        let GroundState::Free { ticks_left } = item.state else { return Err(GroundProblem::Unknown) };
        item.state = GroundState::Pending { taker, ticks_left };
        Ok(item.handle)
    }

    /// The storage says that the item is its taker's: it is gone from here. Who took it.
    ///
    /// # Errors
    /// [`GroundProblem::Unknown`] unless it is pending.
    pub fn confirm(&mut self, handle: ItemHandle) -> Result<EntityId, GroundProblem> {
        let (index, taker, _) = self.pending(handle)?;
        self.items.remove(index);
        Ok(taker)
    }

    /// The storage says that the taker does not get the item: it lies there again.
    ///
    /// # Errors
    /// [`GroundProblem::Unknown`] unless it is pending.
    pub fn give_back(&mut self, handle: ItemHandle) -> Result<EntityId, GroundProblem> {
        let (index, taker, ticks_left) = self.pending(handle)?;
        self.items[index].state = GroundState::Free { ticks_left };
        Ok(taker)
    }

    /// A tick. What has lain there long enough is gone, and told; what is pending waits for its answer.
    pub fn pass_time(&mut self, gone: &mut Vec<ItemHandle>) {
        self.items.retain_mut(|item| {
            let GroundState::Free { ticks_left } = &mut item.state else { return true };
            *ticks_left = ticks_left.saturating_sub(1);
            if *ticks_left == 0 {
                gone.push(item.handle);
            }
            *ticks_left > 0
        });
    }

    /// Adds everything to a hash.
    pub(crate) fn hash_into(&self, hash: &mut StableHash) {
        for Lying { entity, handle, look, layer, zone, x, y, state } in &self.items {
            hash.u64(handle.0);
            match look {
                Look::Item { base, quality } => {
                    hash.bytes(&[0, *quality as u8, base.to_le_bytes()[0], base.to_le_bytes()[1]])
                }
                Look::Gold { size } => hash.bytes(&[1, *size]),
            }
            hash.u8(zone.number());
            hash.i32(*x);
            hash.i32(*y);
            let (taker, ticks_left) = match state {
                GroundState::Free { ticks_left } => (0, *ticks_left),
                GroundState::Pending { taker, ticks_left } => (*taker, *ticks_left),
            };
            for number in [u32::from(*entity), u32::from(layer.unwrap_or(0)), u32::from(taker), ticks_left] {
                hash.u32(number);
            }
        }
    }

    fn pending(&self, handle: ItemHandle) -> Result<(usize, EntityId, u32), GroundProblem> {
        let index = self.items.iter().position(|item| item.handle == handle).ok_or(GroundProblem::Unknown)?;
        match self.items[index].state {
            GroundState::Pending { taker, ticks_left } => Ok((index, taker, ticks_left)),
            GroundState::Free { .. } => Err(GroundProblem::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Ground, GroundProblem, ItemHandle, LYING_MAX, Look};
    use crate::Zone;

    const HERE: (Zone, i32, i32) = (Zone::Dungeon, 10, 10);
    const LOOK: Look = Look::Gold { size: 3 };

    #[test]
    fn heaps_of_gold_look_as_large_as_they_are() {
        let sizes = [0, 1, 2, 255, 256, u64::MAX].map(Look::gold);
        assert_eq!(sizes, [0, 1, 2, 8, 9, 64].map(|size| Look::Gold { size }));
    }

    #[test]
    fn what_somebody_is_about_to_have_nobody_else_sees_takes_or_loses() {
        let mut ground = Ground::default();
        let (handle, first, second) = (ItemHandle(7), 1, 2);
        ground.lay(20, (handle, LOOK), None, HERE, 2).unwrap();
        assert_eq!(ground.lay(20, (ItemHandle(8), LOOK), None, HERE, 2), Err(GroundProblem::Twice));
        assert_eq!(ground.lay(21, (handle, LOOK), None, HERE, 2), Err(GroundProblem::Twice));
        assert_eq!(ground.confirm(handle), Err(GroundProblem::Unknown));
        assert_eq!(ground.take(first, 20), Ok(handle));
        assert_eq!(ground.take(second, 20), Err(GroundProblem::Unknown));
        assert_eq!(ground.seen().count(), 0);
        let mut gone = Vec::new();
        for _ in 0..100 {
            ground.pass_time(&mut gone);
        }
        assert_eq!((gone.len(), ground.all().len()), (0, 1));
        assert_eq!(ground.give_back(handle), Ok(first));
        assert_eq!(ground.give_back(handle), Err(GroundProblem::Unknown));
        assert_eq!(ground.take(second, 20), Ok(handle));
        assert_eq!(ground.confirm(handle), Ok(second));
        assert_eq!(ground.all(), []);
        ground.lay(20, (handle, LOOK), None, HERE, 2).unwrap();
        ground.pass_time(&mut gone);
        assert_eq!(gone, []);
        ground.pass_time(&mut gone);
        assert_eq!((gone, ground.all().len()), (vec![handle], 0));
    }

    #[test]
    fn a_full_ground_refuses_and_pushes_nothing_out() {
        let mut ground = Ground::default();
        for number in 1u16..=u16::try_from(LYING_MAX).unwrap() {
            ground.lay(number, (ItemHandle(number.into()), LOOK), None, HERE, 5).unwrap();
        }
        assert_eq!(ground.lay(999, (ItemHandle(999), LOOK), None, HERE, 5), Err(GroundProblem::Full));
        assert_eq!(ground.all().len(), LYING_MAX);
    }

    #[test]
    fn no_player_fills_the_ground_for_the_others() {
        let mut ground = Ground::default();
        let mut lay = |number: u16, layer| ground.lay(number, (ItemHandle(number.into()), LOOK), layer, HERE, 5);
        for player in 0..8u16 {
            for number in 0..8 {
                lay(100 + player * 8 + number, Some(player)).unwrap();
            }
        }
        assert_eq!(lay(900, Some(20)), Err(GroundProblem::Full));
        assert_eq!(lay(901, None), Ok(()));
        let mut other = Ground::default();
        for number in 0..8u16 {
            other.lay(number, (ItemHandle(number.into()), LOOK), Some(1), HERE, 5).unwrap();
        }
        assert_eq!(other.lay(50, (ItemHandle(50), LOOK), Some(1), HERE, 5), Err(GroundProblem::Share));
    }

    proptest! {
        /// Each item that was laid down is there, was confirmed to one player, or is gone: exactly one of them.
        #[test]
        fn no_item_is_lost_or_doubled(acts in prop::collection::vec((0..6u8, 0..12u16, 0..4u16), 0..200)) {
            let mut ground = Ground::default();
            let (mut laid, mut had, mut gone) = (BTreeSet::new(), Vec::new(), Vec::new());
            for (act, number, slot) in acts {
                let handle = ItemHandle(number.into());
                match act {
                    0 | 1 if !laid.contains(&handle) => {
                        if ground.lay(number + 1, (handle, LOOK), None, HERE, 6).is_ok() {
                            laid.insert(handle);
                        }
                    }
                    2 => drop(ground.take(slot, number + 1)),
                    3 => had.extend(ground.confirm(handle).ok().map(|_| handle)),
                    4 => drop(ground.give_back(handle)),
                    _ => ground.pass_time(&mut gone),
                }
                let there = ground.all().iter().map(|item| item.handle);
                let mut all: Vec<ItemHandle> = there.chain(had.iter().copied()).chain(gone.iter().copied()).collect();
                all.sort_unstable();
                prop_assert_eq!(all, laid.iter().copied().collect::<Vec<_>>());
            }
        }
    }
}
