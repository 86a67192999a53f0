//! What items give to who wears them.

use super::{Base, Catalogue, Gift, Group, Item, Kind, Property, Roll, Slot, Worn};
use crate::{Sheet, hash::StableHash};

/// The sum of all that is given. Sums are the same in whichever order they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bonuses {
    /// In the order of [`Property::ALL`]. Ten items with a few lines each do not fill this, whatever the values.
    sums: [i64; Property::COUNT],
    /// Ticks from one blow to the next, and reach in sub-tiles, of what the main hand holds.
    weapon: Option<(u32, i32)>,
}

impl Default for Bonuses {
    fn default() -> Self {
        Self { sums: [0; Property::COUNT], weapon: None }
    }
}

impl Bonuses {
    /// So much of a property, within what a character can have of it.
    #[must_use]
    pub fn get(&self, property: Property) -> i32 {
        let (least, most) = property.total_bounds();
        let sum = self.sums[property as usize].clamp(least.into(), most.into());
        i32::try_from(sum).unwrap_or(most)
    }

    /// Ticks from one blow to the next, and reach in sub-tiles, of the weapon; `None` for bare hands.
    pub(crate) fn weapon(&self) -> Option<(u32, i32)> {
        self.weapon
    }

    /// Says what the main hand holds.
    pub(crate) fn hold(&mut self, weapon: Option<(u32, i32)>) {
        self.weapon = weapon;
    }

    /// Says how much of a property there is in all.
    pub(crate) fn set(&mut self, property: Property, value: i32) {
        self.sums[property as usize] = value.into();
    }

    /// Adds everything to a hash.
    pub(crate) fn hash_into(&self, hash: &mut StableHash) {
        for (place, sum) in (0u32..).zip(&self.sums).filter(|(_, sum)| **sum != 0) {
            hash.u32(place);
            hash.bytes(&sum.to_le_bytes());
        }
        let (attack_ticks, reach) = self.weapon.unwrap_or_default();
        hash.u8(u8::from(self.weapon.is_some()));
        hash.u32(attack_ticks);
        hash.i32(reach);
    }

    /// Adds to a property.
    pub(crate) fn add(&mut self, property: Property, value: i32) {
        let sum = &mut self.sums[property as usize];
        *sum = sum.saturating_add(value.into());
    }

    fn give(&mut self, gift: &Gift) {
        self.add(gift.property, gift.value);
    }
}

impl Catalogue {
    /// What everything that is worn gives to this character, the bonuses of sets included. What is worn out, not identified, asks for more
    /// than the character has, or is a quiver without a bow, gives nothing and does not count as a piece of its set; what the pack does not know gives nothing.
    #[must_use]
    pub fn bonuses(&self, sheet: &Sheet, worn: &Worn) -> Bonuses {
        let mut bonuses = Bonuses::default();
        let mut pieces: Vec<&str> = Vec::new();
        let main = worn.get(Slot::MainHand).and_then(|item| self.kind_of(item));
        let shoots = main.is_some_and(|kind| Group::Ranged.has(kind));
        for (slot, item) in worn.iter() {
            let Ok(base) = self.base_of(item) else { continue };
            let worn_out = base.durability > 0 && item.durability == 0;
            let alone = base.kind == Kind::Quiver && !shoots;
            if worn_out || alone || !item.identified || self.check_needs(sheet, item).is_err() {
                continue;
            }
            self.add_item(&mut bonuses, base, item);
            if slot == Slot::MainHand && base.kind.is_weapon() {
                bonuses.weapon = Some((base.attack_ticks, base.reach));
            }
            if self.special_of(item).is_some_and(|special| special.set.is_some()) {
                pieces.push(&item.origin);
            }
        }
        self.add_sets(&mut bonuses, &pieces);
        bonuses
    }

    fn add_item(&self, bonuses: &mut Bonuses, base: &Base, item: &Item) {
        bonuses.add(Property::DamageMin, base.damage.0);
        bonuses.add(Property::DamageMax, base.damage.1);
        bonuses.add(Property::Defence, base.defence);
        bonuses.add(Property::Block, base.block);
        for roll in &item.rolls {
            let property = match roll {
                Roll::Affix { key, .. } => self.affix(key).map(|affix| affix.line.property),
                Roll::Own { property, .. } => Some(*property),
            };
            if let Some(property) = property {
                bonuses.add(property, roll.value());
            }
        }
        for gem in item.gems.iter().filter_map(|gem| self.base(gem)) {
            let Some(setting) = &gem.setting else { continue };
            bonuses.give(match base.kind {
                Kind::Shield => &setting.shield,
                kind if kind.is_weapon() => &setting.weapon,
                _ => &setting.armour,
            });
        }
    }

    /// Two of the same piece count once.
    fn add_sets(&self, bonuses: &mut Bonuses, pieces: &[&str]) {
        for set in self.sets() {
            let count = set.pieces.iter().filter(|piece| pieces.contains(&piece.as_str())).count();
            set.partial.iter().filter(|(least, _)| count >= *least).for_each(|(_, gift)| bonuses.give(gift));
            if count == set.pieces.len() {
                set.full.iter().for_each(|gift| bonuses.give(gift));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Class, Sheet,
        dice::Dice,
        items::{Bonuses, Catalogue, Item, Property, Quality, Roll, Worn, testing},
    };

    /// The piece of a set with this key.
    fn piece(items: &Catalogue, key: &str) -> Item {
        let special = items.special(key).unwrap();
        let mut item = items.plain(&items.bases()[special.base].key, 99).unwrap();
        item.quality = Quality::Set;
        item.origin = key.to_owned();
        item.rolls = super::super::make::throw_lines(&special.lines, &mut Dice::new(1, 1));
        item
    }

    fn worn(items: &Catalogue, sheet: &Sheet, wanted: &[Item]) -> Worn {
        let mut worn = Worn::default();
        for item in wanted {
            let slots = items.kind_of(item).unwrap().slots();
            let put_on = slots.iter().any(|slot| worn.put_on(items, sheet, *slot, item).is_ok());
            assert!(put_on, "{item:?}");
        }
        worn
    }

    /// Without what the items give themselves.
    fn of_the_set(items: &Catalogue, sheet: &Sheet, wanted: &[Item], property: Property) -> i64 {
        let all = items.bonuses(sheet, &worn(items, sheet, wanted));
        let mut own = Bonuses::default();
        for item in wanted {
            items.add_item(&mut own, items.base_of(item).unwrap(), item);
        }
        all.sums[property as usize] - own.sums[property as usize]
    }

    #[test]
    fn a_set_gives_more_with_each_piece_and_most_when_it_is_whole() {
        let content = testing::content();
        let items = content.items();
        for set in items.sets() {
            let class = set.pieces.iter().find_map(|key| items.bases()[items.special(key).unwrap().base].class);
            let sheet = testing::able(class.unwrap_or(Class::Paladin));
            let pieces: Vec<Item> = set.pieces.iter().map(|key| piece(items, key)).collect();
            for count in 0..=pieces.len() {
                for property in Property::ALL.iter().copied() {
                    let partial =
                        set.partial.iter().filter(|(least, gift)| *least <= count && gift.property == property);
                    let full = set.full.iter().filter(|gift| gift.property == property && count == pieces.len());
                    let expected: i64 = partial.map(|(_, gift)| i64::from(gift.value)).sum::<i64>()
                        + full.map(|gift| i64::from(gift.value)).sum::<i64>();
                    let found = of_the_set(items, &sheet, &pieces[..count], property);
                    assert_eq!(found, expected, "{} with {count}: {}", set.key, property.name());
                }
            }
        }
    }

    #[test]
    fn the_same_piece_twice_counts_once() {
        let content = testing::content();
        let items = content.items();
        let sheet = testing::able(Class::Paladin);
        let ring = items
            .specials()
            .iter()
            .find(|special| special.set.is_some() && items.bases()[special.base].key == "ring")
            .expect("a set has a ring");
        let pair = [piece(items, &ring.key), piece(items, &ring.key)];
        for property in Property::ALL {
            assert_eq!(of_the_set(items, &sheet, &pair, *property), 0, "{}", property.name());
        }
    }

    #[test]
    fn what_is_worn_out_hidden_or_too_heavy_gives_nothing() {
        let content = testing::content();
        let items = content.items();
        let base = items.bases().iter().find(|base| base.needs.strength > 20 && base.defence > 0).unwrap();
        let mut sheet = testing::able(base.class.unwrap_or(Class::Paladin));
        let mut item = items.plain(&base.key, 50).unwrap();
        item.rolls.push(Roll::Own { property: Property::Life, value: 7 });
        let whole = worn(items, &sheet, std::slice::from_ref(&item));
        assert_eq!(items.bonuses(&sheet, &whole).get(Property::Life), 7);
        sheet.attributes.strength = 0;
        assert_eq!(items.bonuses(&sheet, &whole), Bonuses::default());
        sheet = testing::able(sheet.class);
        for changed in [Item { durability: 0, ..item.clone() }, Item { identified: false, ..item.clone() }] {
            let other = Worn::restored([(base.kind.slots()[0], changed)]).unwrap();
            assert_eq!(items.bonuses(&sheet, &other), Bonuses::default());
        }
    }

    #[test]
    fn sums_never_leave_what_a_character_can_have() {
        let mut bonuses = Bonuses::default();
        for value in [i32::MAX, i32::MIN, i32::MAX, i32::MAX, i32::MIN, i32::MIN, i32::MIN] {
            for property in Property::ALL {
                bonuses.add(*property, value);
                let (least, most) = property.total_bounds();
                assert!((least..=most).contains(&bonuses.get(*property)));
            }
        }
    }
}
