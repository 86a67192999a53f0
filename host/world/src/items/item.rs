//! One item, as a game makes it and as it is stored.

use serde::{Deserialize, Serialize};

use super::{Property, Quality};
use crate::content::NAME_LENGTH_MAX;

/// Most affixes and properties of one item.
pub const ROLLS_MAX: usize = 12;
/// Most sockets of one item.
pub const SOCKETS_MAX: usize = 6;
/// The highest level of an item.
pub const ITEM_LEVEL_MAX: u32 = 99;
/// Longest name of its own that an item has, in characters: two words of the pack and a space.
pub const NAME_CHARACTERS_MAX: usize = 2 * NAME_LENGTH_MAX + 1;

/// One property of an item, with the value that was thrown for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Roll {
    /// By an affix of the content pack.
    Affix {
        /// Its key.
        key: String,
        /// What was thrown.
        value: i32,
    },
    /// By the unique, the set's piece or the recipe itself, in the order of its lines.
    Own {
        /// What it gives.
        property: Property,
        /// What was thrown.
        value: i32,
    },
}

impl Roll {
    /// What was thrown.
    #[must_use]
    pub fn value(&self) -> i32 {
        match self {
            Roll::Affix { value, .. } | Roll::Own { value, .. } => *value,
        }
    }
}

/// One item. It names rows of the content pack by their keys, so that it means the same when a pack gains rows, and holds every value that
/// was thrown, so that nothing is thrown again. Whoever reads one from outside asks [`Catalogue::check`](super::Catalogue::check), which also bounds
/// its lists and texts. It has no key and no place: those are the business of who stores it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Item {
    /// Key of its base.
    pub base: String,
    /// How good it is.
    pub quality: Quality,
    /// 1 to 99: what bore it. It bounds the affixes that it can have.
    pub level: u32,
    /// Key of the unique, the set's piece or the recipe; empty for the other qualities.
    pub origin: String,
    /// The name of a rare or crafted item; empty for the others.
    pub name: String,
    /// Its properties beside those of its base.
    pub rolls: Vec<Roll>,
    /// How many sockets it has.
    pub sockets: u32,
    /// Keys of the gems in its sockets, in the order in which they were set; at most `sockets`.
    pub gems: Vec<String>,
    /// Its properties are known. Until then they are neither shown nor do they count.
    pub identified: bool,
    /// How many of them lie on the stack, from 1.
    pub count: u32,
    /// What is left of the base's durability. At 0 it gives nothing until it is repaired. 0 for a base without durability, which never wears.
    pub durability: u32,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Item, Roll};
    use crate::items::{Property, Quality, testing::any_item};

    /// What is stored must be read by every later version: whoever changes this changes what lies in databases.
    #[test]
    fn an_item_is_written_as_it_always_was() {
        let item = Item {
            base: "ring".to_owned(),
            quality: Quality::Crafted,
            level: 34,
            origin: "a-jewellers-bargain".to_owned(),
            name: "Ash Vow".to_owned(),
            rolls: vec![
                Roll::Own { property: Property::AllAttributes, value: 2 },
                Roll::Affix { key: "of-bread".to_owned(), value: 1 },
            ],
            sockets: 1,
            gems: vec!["jet-drop".to_owned()],
            identified: true,
            count: 1,
            durability: 0,
        };
        let expected = r#"base = "ring"
quality = "crafted"
level = 34
origin = "a-jewellers-bargain"
name = "Ash Vow"
sockets = 1
gems = ["jet-drop"]
identified = true
count = 1
durability = 0

[[rolls]]

[rolls.own]
property = "all-attributes"
value = 2

[[rolls]]

[rolls.affix]
key = "of-bread"
value = 1
"#;
        let written = toml::to_string(&item).unwrap();
        assert_eq!(written, expected);
        assert_eq!(toml::from_str::<Item>(&written).unwrap(), item);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(item in any_item()) {
            let text = toml::to_string(&item).unwrap();
            prop_assert_eq!(&toml::from_str::<Item>(&text).unwrap(), &item);
            let bytes = postcard::to_allocvec(&item).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Item>(&bytes).unwrap(), item);
        }
    }
}
