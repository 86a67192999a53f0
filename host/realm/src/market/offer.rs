//! An offer, and what is looked for in it.

use std::collections::BTreeMap;

use realm_world::items::{Catalogue, Item, Kind, Property, Roll};

use crate::{
    items::Owned,
    types::{CharacterId, OfferId},
};

/// Something that is for sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its key.
    pub id: OfferId,
    /// Who sells.
    pub seller: CharacterId,
    /// The seller's name; empty when the character is gone.
    pub seller_name: String,
    /// Whether that is a hardcore character: such alone buy it.
    pub hardcore: bool,
    /// What it costs, in gold.
    pub price: i64,
    /// When it was offered, in milliseconds since 1970.
    pub listed_ms: i64,
    /// When the offer ends.
    pub ends_ms: i64,
    /// What it is.
    pub item: Owned,
}

/// What an item gives by itself, each property once: its rolls and its gems. Of what nobody has identified nothing is known.
pub(super) fn properties(catalogue: &Catalogue, item: &Item) -> BTreeMap<Property, i64> {
    let mut sums = BTreeMap::new();
    if !item.identified {
        return sums;
    }
    let mut add = |property: Property, value: i32| *sums.entry(property).or_default() += i64::from(value);
    for roll in &item.rolls {
        match roll {
            Roll::Affix { key, value } => {
                if let Some(affix) = catalogue.affix(key) {
                    add(affix.line.property, *value);
                }
            }
            Roll::Own { property, value } => add(*property, *value),
        }
    }
    let kind = catalogue.kind_of(item);
    for setting in item.gems.iter().filter_map(|gem| catalogue.base(gem)?.setting.as_ref()) {
        let gift = match kind {
            Some(Kind::Shield) => &setting.shield,
            Some(kind) if kind.is_weapon() => &setting.weapon,
            _ => &setting.armour,
        };
        add(gift.property, gift.value);
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

#[cfg(test)]
mod tests {
    use realm_world::{
        Content,
        items::{Property, Roll},
    };

    use super::properties;

    #[test]
    fn what_is_looked_for_is_the_sum_of_each_property() {
        let content = Content::builtin();
        let catalogue = content.items();
        let affix = &catalogue.affixes()[0];
        let mut ring = catalogue.plain("ring", 30).unwrap();
        ring.rolls = vec![
            Roll::Affix { key: affix.key.clone(), value: 3 },
            Roll::Own { property: affix.line.property, value: 4 },
            Roll::Affix { key: "gone-from-the-pack".to_owned(), value: 9 },
        ];
        let sums: Vec<(Property, i64)> = properties(catalogue, &ring).into_iter().collect();
        assert_eq!(sums, [(affix.line.property, 7)]);
        ring.identified = false;
        assert!(properties(catalogue, &ring).is_empty(), "nobody looks into what is not identified");
    }

    #[test]
    fn a_gem_gives_what_it_gives_there() {
        let content = Content::builtin();
        let catalogue = content.items();
        let gem = catalogue.bases().iter().find(|base| base.setting.is_some()).expect("the pack has gems");
        let setting = gem.setting.as_ref().unwrap();
        for (base, gift) in [
            (catalogue.bases().iter().find(|base| base.kind.is_weapon()).unwrap(), &setting.weapon),
            (catalogue.bases().iter().find(|base| base.kind.name() == "helm").unwrap(), &setting.armour),
            (catalogue.bases().iter().find(|base| base.kind.name() == "shield").unwrap(), &setting.shield),
        ] {
            let mut item = catalogue.plain(&base.key, 30).unwrap();
            item.gems = vec![gem.key.clone(); 2];
            let expected = 2 * i64::from(gift.value);
            assert_eq!(properties(catalogue, &item).get(&gift.property), Some(&expected), "{}", base.key);
        }
    }
}
