//! What lasts on somebody: poison, slowness, might.

use crate::{
    EntityId,
    content::{EffectKind, EffectRow},
    hash::StableHash,
};

/// What takes or gives life does so each so many ticks.
pub(super) const PULSE_TICKS: u32 = 10;

/// Everything that lasts on one being; at most one of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Effects {
    /// One bit for each kind that lasts, in the order of [`EffectKind::ALL`].
    bits: u8,
    rows: [Lasting; EffectKind::ALL.len()],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Lasting {
    ticks_left: u32,
    amount: i32,
    source: EntityId,
}

impl Effects {
    /// Something begins to last. The stronger of two of a kind stays, and the newer of two that are equal.
    pub(super) fn add(&mut self, row: &EffectRow, source: EntityId) {
        let place = row.kind as usize;
        let lasting = &mut self.rows[place];
        if lasting.ticks_left == 0 || row.amount >= lasting.amount {
            *lasting = Lasting { ticks_left: row.ticks, amount: row.amount, source };
            self.bits |= 1 << place;
        }
    }

    /// One bit for each kind that lasts.
    pub(super) fn bits(&self) -> u8 {
        self.bits
    }

    /// How strong it is; 0 when nothing of the kind lasts.
    pub(super) fn amount(&self, kind: EffectKind) -> i32 {
        if self.bits & 1 << kind as usize == 0 { 0 } else { self.rows[kind as usize].amount }
    }

    /// So many percent of a number: the number, changed by what is added and what is taken away.
    pub(super) fn scaled(&self, value: i32, more: EffectKind, less: Option<EffectKind>) -> i32 {
        if self.bits == 0 {
            return value;
        }
        let percent = 100 + self.amount(more) - less.map_or(0, |less| self.amount(less));
        i32::try_from(i64::from(value) * i64::from(percent.max(0)) / 100).unwrap_or(i32::MAX)
    }

    /// A step, slowed and hastened; at least 1 of what was at least 1.
    pub(super) fn step(&self, step: i32) -> i32 {
        self.scaled(step, EffectKind::Haste, Some(EffectKind::Slow)).max(step.min(1))
    }

    /// The damage that arrives of so much.
    pub(super) fn warded(&self, damage: i32) -> i32 {
        let ward = self.amount(EffectKind::Ward);
        if ward == 0 {
            damage
        } else {
            i32::try_from(i64::from(damage) * i64::from(100 - ward) / 100).unwrap_or(damage)
        }
    }

    /// What changes the life at this tick: by how much, and whose doing it is.
    pub(super) fn pulses(&self) -> impl Iterator<Item = (i32, EntityId)> + use<> {
        const LIVELY: [(EffectKind, i32); 3] =
            [(EffectKind::Poison, -1), (EffectKind::Burn, -1), (EffectKind::Mend, 1)];
        let this = *self;
        LIVELY.into_iter().filter_map(move |(kind, sign)| {
            let lasting = this.rows[kind as usize];
            let beats = this.bits & 1 << kind as usize != 0 && (lasting.ticks_left - 1).is_multiple_of(PULSE_TICKS);
            beats.then_some((sign * lasting.amount, lasting.source))
        })
    }

    pub(super) fn pass_time(&mut self) {
        if self.bits == 0 {
            return;
        }
        for (place, lasting) in self.rows.iter_mut().enumerate() {
            lasting.ticks_left = lasting.ticks_left.saturating_sub(1);
            if lasting.ticks_left == 0 {
                self.bits &= !(1 << place);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds everything to a hash.
    pub(super) fn hash_into(&self, hash: &mut StableHash) {
        let Self { bits, rows } = self;
        hash.u8(*bits);
        for Lasting { ticks_left, amount, source } in rows.iter().filter(|_| *bits != 0) {
            hash.u32(*ticks_left);
            hash.i32(*amount);
            hash.u32(u32::from(*source));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EffectKind, EffectRow, Effects, PULSE_TICKS};

    #[test]
    fn the_stronger_stays_and_everything_ends() {
        let mut effects = Effects::default();
        let slow = |amount, ticks| EffectRow { kind: EffectKind::Slow, ticks, amount };
        effects.add(&slow(50, 3), 7);
        effects.add(&slow(20, 100), 8);
        assert_eq!((effects.amount(EffectKind::Slow), effects.bits(), effects.step(6)), (50, 4, 3));
        assert_eq!(effects.step(1), 1);
        for _ in 0..3 {
            effects.pass_time();
        }
        assert_eq!(effects, Effects { bits: 0, ..effects });
        assert_eq!((effects.amount(EffectKind::Slow), effects.step(6)), (0, 6));
        effects.add(&EffectRow { kind: EffectKind::Ward, ticks: 1, amount: 25 }, 1);
        assert_eq!(effects.warded(8), 6);
    }

    #[test]
    fn poison_beats_once_a_pulse() {
        let mut effects = Effects::default();
        effects.add(&EffectRow { kind: EffectKind::Poison, ticks: 3 * PULSE_TICKS, amount: 4 }, 9);
        let mut taken = 0;
        for _ in 0..100 {
            taken += effects.pulses().map(|(amount, source)| if source == 9 { amount } else { 0 }).sum::<i32>();
            effects.pass_time();
        }
        assert_eq!(taken, -12);
    }
}
