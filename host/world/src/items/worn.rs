//! What a character wears.

use serde::{Deserialize, Serialize};

use super::{Base, Catalogue, Group, Item, ItemProblem, Kind, words::words};
use crate::Sheet;

words! {
    /// Where something is worn.
    pub enum Slot {
        /// The hand that strikes.
        MainHand = "main-hand",
        /// The other hand.
        OffHand = "off-hand",
        /// The head.
        Head = "head",
        /// The body.
        Body = "body",
        /// The hands.
        Hands = "hands",
        /// The feet.
        Feet = "feet",
        /// The waist.
        Waist = "waist",
        /// The neck.
        Neck = "neck",
        /// A finger of the right hand.
        RightFinger = "right-finger",
        /// A finger of the left hand.
        LeftFinger = "left-finger",
    }
}

/// What a character wears: at most one item in each slot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Worn {
    /// In the order of [`Slot::ALL`].
    items: [Option<Item>; Slot::ALL.len()],
}

impl Worn {
    /// What a storage says is worn. Nothing is asked but that no slot is taken twice: what a newer pack or other points no longer allow is worn
    /// all the same, gives nothing, and can be taken off.
    ///
    /// # Errors
    /// [`ItemProblem::SlotTaken`].
    pub fn restored(stored: impl IntoIterator<Item = (Slot, Item)>) -> Result<Worn, ItemProblem> {
        let mut worn = Worn::default();
        for (slot, item) in stored {
            if worn.items[slot as usize].replace(item).is_some() {
                return Err(ItemProblem::SlotTaken { slot });
            }
        }
        Ok(worn)
    }

    /// What is worn there.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&Item> {
        self.items[slot as usize].as_ref()
    }

    /// All that is worn, in the order of the slots.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Item)> {
        Slot::ALL.iter().filter_map(|slot| self.get(*slot).map(|item| (*slot, item)))
    }

    /// Whether a character may put this on there, with what it wears otherwise.
    ///
    /// # Errors
    /// The first reason why not: base, slot, class, what it needs, whether it is identified, whether the slot is free, the other hand.
    pub fn check(&self, catalogue: &Catalogue, sheet: &Sheet, slot: Slot, item: &Item) -> Result<(), ItemProblem> {
        let base = catalogue.base_of(item)?;
        if !base.kind.slots().contains(&slot) {
            return Err(ItemProblem::WrongSlot { kind: base.kind, slot });
        }
        catalogue.check_needs(sheet, item)?;
        if !item.identified {
            return Err(ItemProblem::NotIdentified);
        }
        if self.get(slot).is_some() {
            return Err(ItemProblem::SlotTaken { slot });
        }
        // What the pack no longer knows gives nothing, and disagrees with nothing.
        let held = |slot: Slot| self.get(slot).and_then(|item| catalogue.base(&item.base));
        match slot {
            Slot::MainHand => hands_agree(Some(base), held(Slot::OffHand)),
            Slot::OffHand => hands_agree(held(Slot::MainHand), Some(base)),
            _ => Ok(()),
        }
    }

    /// Puts it on.
    ///
    /// # Errors
    /// As [`Worn::check`]; then nothing has changed.
    pub fn put_on(&mut self, catalogue: &Catalogue, sheet: &Sheet, slot: Slot, item: &Item) -> Result<(), ItemProblem> {
        self.check(catalogue, sheet, slot, item)?;
        self.items[slot as usize] = Some(item.clone());
        Ok(())
    }

    /// Takes off what is worn there. That is always allowed: nothing that is worn depends on anything else that is.
    pub fn take_off(&mut self, slot: Slot) -> Option<Item> {
        self.items[slot as usize].take()
    }
}

/// Whether the two hands can hold these at the same time, whichever came first.
pub(crate) fn hands_agree(main: Option<&Base>, off: Option<&Base>) -> Result<(), ItemProblem> {
    let (Some(main), Some(off)) = (main, off) else { return Ok(()) };
    match off.kind {
        Kind::Quiver if Group::Ranged.has(main.kind) => Ok(()),
        Kind::Quiver => Err(ItemProblem::NeedsBeside { group: Group::Ranged }),
        _ if main.two_handed => Err(ItemProblem::BothHands),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Slot, Worn};
    use crate::{
        Class, Content, Sheet,
        items::{Group, Item, ItemProblem, Kind, Property, testing},
    };

    fn able(class: Class) -> Sheet {
        testing::able(class)
    }

    /// A plain item of the first base that fits.
    fn first(content: &Content, fits: impl Fn(&crate::items::Base) -> bool) -> Item {
        let base = content.items().bases().iter().find(|base| fits(base)).unwrap();
        content.items().plain(&base.key, 1).unwrap()
    }

    #[test]
    fn hands_hold_what_goes_together_whichever_comes_first() {
        let content = testing::content();
        let items = content.items();
        let sheet = able(Class::Amazon);
        let sword = first(content, |base| base.kind == Kind::Sword && !base.two_handed && base.class.is_none());
        let great = first(content, |base| base.kind == Kind::Sword && base.two_handed && base.class.is_none());
        let bow = first(content, |base| base.kind == Kind::Bow && base.class.is_none());
        let quiver = first(content, |base| base.kind == Kind::Quiver);
        let shield = first(content, |base| base.kind == Kind::Shield && base.class.is_none());
        let cases = [
            (&sword, &shield, Ok(())),
            (&bow, &quiver, Ok(())),
            (&great, &shield, Err(ItemProblem::BothHands)),
            (&bow, &shield, Err(ItemProblem::BothHands)),
            (&sword, &quiver, Err(ItemProblem::NeedsBeside { group: Group::Ranged })),
        ];
        for (main, off, expected) in cases {
            let mut worn = Worn::default();
            worn.put_on(items, &sheet, Slot::MainHand, main).unwrap();
            assert_eq!(worn.put_on(items, &sheet, Slot::OffHand, off), expected, "{} {}", main.base, off.base);
            let mut worn = Worn::default();
            worn.put_on(items, &sheet, Slot::OffHand, off).unwrap();
            assert_eq!(worn.put_on(items, &sheet, Slot::MainHand, main), expected, "{} {}", off.base, main.base);
        }
    }

    #[test]
    fn what_was_stored_is_worn_whatever_the_pack_says_today_and_no_slot_twice() {
        let items = testing::content().items();
        let sheet = Sheet::newborn(Class::Amazon, false);
        let gone = Item { base: "gone".to_owned(), ..items.plain("ring", 1).unwrap() };
        let shield = items.plain("pot-lid", 1).unwrap();
        let mut worn = Worn::restored([(Slot::MainHand, gone.clone()), (Slot::Head, shield.clone())]).unwrap();
        assert_eq!(items.bonuses(&sheet, &worn).get(Property::Defence), items.base("pot-lid").unwrap().defence);
        let sword = items.plain("ditch-blade", 1).unwrap();
        assert_eq!(
            worn.put_on(items, &sheet, Slot::MainHand, &sword),
            Err(ItemProblem::SlotTaken { slot: Slot::MainHand })
        );
        worn.put_on(items, &sheet, Slot::OffHand, &shield).unwrap();
        assert_eq!(worn.take_off(Slot::MainHand), Some(gone));
        let twice = [(Slot::Head, shield.clone()), (Slot::Head, shield)];
        assert_eq!(Worn::restored(twice), Err(ItemProblem::SlotTaken { slot: Slot::Head }));
    }

    #[test]
    fn slots_classes_and_needs_are_asked() {
        let content = testing::content();
        let items = content.items();
        let sheet = able(Class::Druid);
        let mut worn = Worn::default();
        let ring = items.plain("ring", 1).unwrap();
        assert_eq!(
            worn.put_on(items, &sheet, Slot::Neck, &ring),
            Err(ItemProblem::WrongSlot { kind: Kind::Ring, slot: Slot::Neck })
        );
        worn.put_on(items, &sheet, Slot::LeftFinger, &ring).unwrap();
        assert_eq!(
            worn.put_on(items, &sheet, Slot::LeftFinger, &ring),
            Err(ItemProblem::SlotTaken { slot: Slot::LeftFinger })
        );
        worn.put_on(items, &sheet, Slot::RightFinger, &ring).unwrap();
        let hidden = Item { identified: false, ..ring.clone() };
        assert_eq!(Worn::default().check(items, &sheet, Slot::LeftFinger, &hidden), Err(ItemProblem::NotIdentified));
        let foreign = first(content, |base| base.class.is_some_and(|class| class != Class::Druid));
        let class = items.base_of(&foreign).unwrap().class.unwrap();
        let slot = items.kind_of(&foreign).unwrap().slots()[0];
        assert_eq!(worn.check(items, &sheet, slot, &foreign), Err(ItemProblem::OtherClass { class }));
        let heavy = first(content, |base| base.needs.strength > 20 && base.class.is_none());
        let slot = items.kind_of(&heavy).unwrap().slots()[0];
        let weak = Sheet { level: 99, ..Sheet::newborn(Class::Druid, false) };
        assert!(matches!(
            worn.check(items, &weak, slot, &heavy),
            Err(ItemProblem::NeedsMore { what: "strength", has: 20, .. })
        ));
        let gem = first(content, |base| base.kind == Kind::Gem);
        for slot in Slot::ALL {
            assert!(matches!(worn.check(items, &sheet, *slot, &gem), Err(ItemProblem::WrongSlot { .. })));
        }
    }
}
