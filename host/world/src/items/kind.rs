//! What sort of thing an item is, and where it may be worn.

use super::{Slot, words::words};

words! {
    /// What sort of thing an item is. It decides where it is worn and which affixes it can have.
    pub enum Kind {
        /// A blade.
        Sword = "sword",
        /// An axe.
        Axe = "axe",
        /// Anything that is heavy at its end.
        Mace = "mace",
        /// A short blade.
        Dagger = "dagger",
        /// A long shaft with a point.
        Spear = "spear",
        /// Shoots far; leaves room for a quiver.
        Bow = "bow",
        /// Shoots hard; leaves room for a quiver.
        Crossbow = "crossbow",
        /// For spells and for blows.
        Staff = "staff",
        /// For spells.
        Wand = "wand",
        /// Worn on the hand.
        Claw = "claw",
        /// Held before oneself.
        Shield = "shield",
        /// Beside a bow or crossbow.
        Quiver = "quiver",
        /// Beside a wand or anything held in one hand.
        Focus = "focus",
        /// On the head.
        Helm = "helm",
        /// On the body.
        Body = "body",
        /// On the hands.
        Gloves = "gloves",
        /// On the feet.
        Boots = "boots",
        /// Around the waist.
        Belt = "belt",
        /// On a finger; there are two.
        Ring = "ring",
        /// Around the neck.
        Amulet = "amulet",
        /// Goes into sockets.
        Gem = "gem",
        /// Is used up by what it does.
        Scroll = "scroll",
        /// For recipes alone.
        Material = "material",
    }
}

words! {
    /// Kinds taken together, for affixes and treasure.
    pub enum Group {
        /// Everything to strike or shoot with.
        Weapon = "weapon",
        /// Bows and crossbows.
        Ranged = "ranged",
        /// What strikes by hand.
        Melee = "melee",
        /// Helms, what is worn on the body, gloves, boots, belts and shields.
        Armour = "armour",
        /// Quivers and foci.
        Offhand = "offhand",
        /// Rings and amulets.
        Jewellery = "jewellery",
        /// Everything that can be worn.
        Worn = "worn",
    }
}

impl Kind {
    /// Where it may be worn; nowhere for what is no equipment.
    #[must_use]
    pub fn slots(self) -> &'static [Slot] {
        match self {
            Kind::Sword
            | Kind::Axe
            | Kind::Mace
            | Kind::Dagger
            | Kind::Spear
            | Kind::Bow
            | Kind::Crossbow
            | Kind::Staff
            | Kind::Wand
            | Kind::Claw => &[Slot::MainHand],
            Kind::Shield | Kind::Quiver | Kind::Focus => &[Slot::OffHand],
            Kind::Helm => &[Slot::Head],
            Kind::Body => &[Slot::Body],
            Kind::Gloves => &[Slot::Hands],
            Kind::Boots => &[Slot::Feet],
            Kind::Belt => &[Slot::Waist],
            Kind::Ring => &[Slot::RightFinger, Slot::LeftFinger],
            Kind::Amulet => &[Slot::Neck],
            Kind::Gem | Kind::Scroll | Kind::Material => &[],
        }
    }

    /// Whether it can be worn at all; only such items have affixes.
    #[must_use]
    pub fn is_worn(self) -> bool {
        !self.slots().is_empty()
    }

    /// Whether one strikes or shoots with it.
    #[must_use]
    pub fn is_weapon(self) -> bool {
        Group::Weapon.has(self)
    }
}

impl Group {
    /// Whether the kind belongs to it.
    #[must_use]
    pub fn has(self, kind: Kind) -> bool {
        let ranged = matches!(kind, Kind::Bow | Kind::Crossbow);
        let weapon = kind.slots().contains(&Slot::MainHand);
        match self {
            Group::Weapon => weapon,
            Group::Ranged => ranged,
            Group::Melee => weapon && !ranged,
            Group::Armour => {
                matches!(kind, Kind::Helm | Kind::Body | Kind::Gloves | Kind::Boots | Kind::Belt | Kind::Shield)
            }
            Group::Offhand => matches!(kind, Kind::Quiver | Kind::Focus),
            Group::Jewellery => matches!(kind, Kind::Ring | Kind::Amulet),
            Group::Worn => kind.is_worn(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Kind};

    #[test]
    fn every_kind_that_is_worn_is_in_exactly_one_of_the_four_parts() {
        let parts = [Group::Weapon, Group::Armour, Group::Offhand, Group::Jewellery];
        for kind in Kind::ALL {
            let count = parts.iter().filter(|group| group.has(*kind)).count();
            assert_eq!(count, usize::from(kind.is_worn()), "{}", kind.name());
            assert_eq!(Group::Worn.has(*kind), kind.is_worn());
            assert_eq!(Kind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(Kind::from_name("hat"), None);
    }
}
