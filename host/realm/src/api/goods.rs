//! Items as they are shown in letters and offers.

use realm_world::items::Roll;
use serde::Serialize;
use utoipa::ToSchema;

use crate::items::Owned;

/// What was thrown for an item.
#[derive(Serialize, ToSchema)]
pub(super) struct RollView {
    /// Key of the affix of the content pack that gives it; absent where the item itself does.
    #[serde(skip_serializing_if = "Option::is_none")]
    affix: Option<String>,
    /// What it gives; absent where an affix says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    property: Option<&'static str>,
    value: i32,
}

impl From<&Roll> for RollView {
    fn from(roll: &Roll) -> Self {
        match roll {
            Roll::Affix { key, value } => Self { affix: Some(key.clone()), property: None, value: *value },
            Roll::Own { property, value } => Self { affix: None, property: Some(property.name()), value: *value },
        }
    }
}

/// An item in a letter or an offer. Of what nobody has identified, name, origin and rolls are not told.
#[derive(Serialize, ToSchema)]
pub(super) struct GoodsView {
    /// Key of the item, as a decimal string.
    id: String,
    /// Key of its base in the content pack.
    base: String,
    /// `normal`, `magic`, `rare`, `set`, `unique` or `crafted`.
    quality: &'static str,
    level: u32,
    /// How many lie on the stack.
    count: u32,
    identified: bool,
    /// Its own name; empty for none.
    name: String,
    /// Key of the unique, the set's piece or the recipe; empty for none.
    origin: String,
    rolls: Vec<RollView>,
    sockets: u32,
    /// Keys of the gems in its sockets.
    gems: Vec<String>,
    /// What is left of its durability.
    durability: u32,
}

impl From<&Owned> for GoodsView {
    fn from(owned: &Owned) -> Self {
        let item = &owned.item;
        let known = |text: &String| if item.identified { text.clone() } else { String::new() };
        Self {
            id: owned.key.to_string(),
            base: item.base.clone(),
            quality: item.quality.name(),
            level: item.level,
            count: item.count,
            identified: item.identified,
            name: known(&item.name),
            origin: known(&item.origin),
            rolls: if item.identified { item.rolls.iter().map(RollView::from).collect() } else { Vec::new() },
            sockets: item.sockets,
            gems: item.gems.clone(),
            durability: item.durability,
        }
    }
}

#[cfg(test)]
mod tests {
    use realm_world::{
        Content,
        items::{Property, Roll, Size},
    };

    use super::*;
    use crate::{
        items::Place,
        types::{ItemId, OfferId},
    };

    #[test]
    fn what_is_not_identified_is_not_told() {
        let mut item = Content::builtin().items().plain("ring", 30).unwrap();
        (item.name, item.origin) = ("Ash Vow".to_owned(), "a-bargain".to_owned());
        item.rolls = vec![Roll::Own { property: Property::Life, value: 7 }];
        let (key, at) = (ItemId::from_raw(5), Place::Offer(OfferId::from_raw(6)));
        let size = Size { width: 1, height: 1 };
        let mut owned = Owned { key, item, at, size, version: 1, last_holder: None };
        owned.item.identified = true;
        let shown = serde_json::to_string(&GoodsView::from(&owned)).unwrap();
        assert!(shown.contains("Ash Vow") && shown.contains("a-bargain") && shown.contains("life"), "{shown}");
        owned.item.identified = false;
        let shown = serde_json::to_string(&GoodsView::from(&owned)).unwrap();
        assert!(!shown.contains("Ash Vow") && !shown.contains("a-bargain") && !shown.contains("life"), "{shown}");
    }
}
