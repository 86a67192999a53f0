//! Items and characters for tests.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::{Item, Quality};
use crate::{Attributes, Class, Content, Sheet, dice::Dice};

/// The built-in pack, read once.
pub(crate) fn content() -> &'static Content {
    static CONTENT: LazyLock<Arc<Content>> = LazyLock::new(Content::builtin);
    &CONTENT
}

/// A character that can wear everything of its class.
pub(crate) fn able(class: Class) -> Sheet {
    let attributes = Attributes { strength: 1_000, dexterity: 1_000, vitality: 20, energy: 20 };
    Sheet { level: 99, attributes, ..Sheet::newborn(class, false) }
}

/// The key of any base of the built-in pack.
pub(crate) fn any_base() -> impl Strategy<Value = String> {
    let keys: Vec<String> = content().items().bases().iter().map(|base| base.key.clone()).collect();
    prop::sample::select(keys)
}

/// Any item that can be made.
pub(crate) fn any_item() -> impl Strategy<Value = Item> {
    const QUALITIES: [Quality; 5] = [Quality::Normal, Quality::Magic, Quality::Rare, Quality::Set, Quality::Unique];
    (any_base(), prop::sample::select(&QUALITIES[..]), 1..=99u32, any::<u64>(), any::<bool>()).prop_map(
        |(base, quality, level, seed, identified)| {
            let made = content().items().make(&base, quality, level, &mut Dice::new(seed, 7));
            let item = made.expect("the base is one of the pack");
            Item { identified: identified || item.identified, ..item }
        },
    )
}
