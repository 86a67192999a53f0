//! How good an item is.

use super::words::words;

words! {
    /// How good an item is, and so which properties it has beside those of its base.
    pub enum Quality {
        /// Those of its base alone.
        Normal = "normal",
        /// One or two affixes.
        Magic = "magic",
        /// Three to six affixes, and a name of its own.
        Rare = "rare",
        /// A piece of a set: its own properties, and more with others of the set.
        Set = "set",
        /// One of a kind: its own properties.
        Unique = "unique",
        /// Made by a recipe: the recipe's properties and some affixes.
        Crafted = "crafted",
    }
}
