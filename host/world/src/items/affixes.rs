//! Which affixes an item is given.

use super::{Affix, Catalogue, Kind, Roll, Side};
use crate::dice::Dice;

impl Catalogue {
    /// Throws up to `count` affixes for something of this kind and level, at most `side_max` of each side and one of a group, and their
    /// values. There are fewer when nothing more is possible.
    pub(super) fn throw_affixes(
        &self,
        kind: Kind,
        level: u32,
        count: u32,
        side_max: u32,
        dice: &mut Dice,
    ) -> Vec<Roll> {
        let mut chosen: Vec<&Affix> = Vec::new();
        let mut rolls = Vec::new();
        for _ in 0..count {
            let full = |side: Side| chosen.iter().filter(|other| other.side == side).count() >= side_max as usize;
            let sides_full = [full(Side::Prefix), full(Side::Suffix)];
            let possible = |affix: &&Affix| {
                (affix.level..=affix.level_max).contains(&level)
                    && affix.kinds.contains(&kind)
                    && !sides_full[affix.side as usize]
                    && !chosen.iter().any(|other| other.group == affix.group)
            };
            let possible: Vec<&Affix> = self.affixes.iter().filter(possible).collect();
            let Some(affix) = weighted(&possible, |affix| affix.frequency, dice) else { break };
            let value = dice.between(affix.line.min, affix.line.max);
            rolls.push(Roll::Affix { key: affix.key.clone(), value });
            chosen.push(affix);
        }
        rolls
    }

    /// The first affix of each side.
    pub(super) fn one_of_each_side(&self, rolls: Vec<Roll>) -> Vec<Roll> {
        let mut taken = [false; 2];
        let of_side = |roll: &Roll| match roll {
            Roll::Affix { key, .. } => self.affix(key).map(|affix| affix.side as usize),
            Roll::Own { .. } => None,
        };
        rolls
            .into_iter()
            .filter(|roll| of_side(roll).is_some_and(|side| !std::mem::replace(&mut taken[side], true)))
            .collect()
    }
}

/// One of them, each as often as its weight says; `None` when there is none with a weight.
pub(super) fn weighted<Row: Copy>(rows: &[Row], weight: impl Fn(Row) -> u32, dice: &mut Dice) -> Option<Row> {
    let total: u64 = rows.iter().map(|row| u64::from(weight(*row))).sum();
    let total = u32::try_from(total).unwrap_or(u32::MAX);
    if total == 0 {
        return None;
    }
    let mut thrown = dice.below(total);
    for row in rows {
        match thrown.checked_sub(weight(*row)) {
            Some(rest) => thrown = rest,
            None => return Some(*row),
        }
    }
    rows.last().copied()
}
