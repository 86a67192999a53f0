//! Which characters and items are not possible.

use realm_plugin::anti_cheat::{Finding, Item, Quality, Sheet, Violation};

use crate::rule::Settings;

/// Attribute points of a character of level 1: four times 20.
const ATTRIBUTES_BASE: u64 = 80;
/// Attribute points for each further level.
const ATTRIBUTES_PER_LEVEL: u64 = 5;
/// A character with more findings is told by these.
const FINDINGS_MAX: usize = 32;

/// Judges a character: one finding for each broken rule, and for items one for each item and rule.
#[must_use]
pub fn check(settings: &Settings, sheet: &Sheet) -> Vec<Finding> {
    let levels_gained = u64::from(sheet.level.saturating_sub(1));
    let attributes: u64 =
        [sheet.strength, sheet.dexterity, sheet.vitality, sheet.energy].into_iter().map(u64::from).sum();
    let character = [
        (attributes > ATTRIBUTES_BASE + ATTRIBUTES_PER_LEVEL * levels_gained).then_some(Violation::Attributes),
        (u64::from(sheet.skill_levels) > levels_gained).then_some(Violation::Skills),
    ];
    let items = sheet.items.iter().flat_map(|item| broken_by(settings, item));
    refused(character.into_iter().chain(items).flatten())
}

/// Judges one item: one finding for each broken rule.
#[must_use]
pub fn check_item(settings: &Settings, item: &Item) -> Vec<Finding> {
    refused(broken_by(settings, item).into_iter().flatten())
}

fn refused(violations: impl Iterator<Item = Violation>) -> Vec<Finding> {
    violations.take(FINDINGS_MAX).map(|violation| Finding { index: 0, violation, refuse: true }).collect()
}

fn broken_by(settings: &Settings, item: &Item) -> [Option<Violation>; 3] {
    let outside = item.affixes.iter().any(|affix| !(affix.value_min..=affix.value_max).contains(&affix.value));
    let forbidden = item.base_type == "ring"
        && item.affixes.iter().any(|affix| affix.name == "all-skills" && affix.value > settings.ring_all_skills_max);
    [
        (item.quality == Quality::Rare && item.affixes.len() > settings.rare_affixes_max)
            .then_some(Violation::AffixCount),
        outside.then_some(Violation::AffixRange),
        forbidden.then_some(Violation::AffixForbidden),
    ]
}

#[cfg(test)]
mod tests {
    use realm_plugin::anti_cheat::Affix;

    use super::*;

    fn sheet(level: u32) -> Sheet {
        Sheet {
            character: 1,
            level,
            experience: 0,
            strength: 20,
            dexterity: 20,
            vitality: 20,
            energy: 20,
            skill_levels: 0,
            items: Vec::new(),
        }
    }

    fn affix(name: &str, value: i32) -> Affix {
        Affix { name: name.into(), value, value_min: 1, value_max: 20 }
    }

    fn item(base_type: &str, quality: Quality, affixes: Vec<Affix>) -> Item {
        Item { id: 1, base_type: base_type.into(), quality, affixes }
    }

    fn found(sheet: &Sheet) -> Vec<Violation> {
        check(&Settings::default(), sheet).into_iter().map(|finding| finding.violation).collect()
    }

    fn found_in(item: Item) -> Vec<Violation> {
        found(&Sheet { items: vec![item], ..sheet(1) })
    }

    #[test]
    fn a_fresh_character_is_possible() {
        assert_eq!(found(&sheet(1)), []);
    }

    #[test]
    fn attributes_grow_by_five_a_level() {
        assert_eq!(found(&Sheet { strength: 65, ..sheet(10) }), []);
        assert_eq!(found(&Sheet { strength: 66, ..sheet(10) }), [Violation::Attributes]);
    }

    #[test]
    fn skills_grow_by_one_a_level() {
        assert_eq!(found(&Sheet { skill_levels: 9, ..sheet(10) }), []);
        assert_eq!(found(&Sheet { skill_levels: 10, ..sheet(10) }), [Violation::Skills]);
        assert_eq!(found(&Sheet { skill_levels: 1, ..sheet(1) }), [Violation::Skills]);
    }

    #[test]
    fn a_rare_item_has_six_affixes_at_most() {
        let with = |count, quality| found_in(item("axe", quality, vec![affix("life", 5); count]));
        assert_eq!(with(6, Quality::Rare), []);
        assert_eq!(with(7, Quality::Rare), [Violation::AffixCount]);
        assert_eq!(with(7, Quality::Unique), []);
    }

    #[test]
    fn an_affix_stays_in_its_range() {
        assert_eq!(found_in(item("axe", Quality::Magic, vec![affix("life", 20)])), []);
        assert_eq!(found_in(item("axe", Quality::Magic, vec![affix("life", 21)])), [Violation::AffixRange]);
        assert_eq!(found_in(item("axe", Quality::Magic, vec![affix("life", 0)])), [Violation::AffixRange]);
    }

    #[test]
    fn no_ring_gives_two_to_all_skills() {
        assert_eq!(found_in(item("ring", Quality::Unique, vec![affix("all-skills", 1)])), []);
        assert_eq!(found_in(item("ring", Quality::Unique, vec![affix("all-skills", 2)])), [Violation::AffixForbidden]);
        assert_eq!(found_in(item("amulet", Quality::Unique, vec![affix("all-skills", 2)])), []);
    }

    #[test]
    fn extreme_numbers_are_no_trouble_and_findings_are_bounded() {
        let broken = item("ring", Quality::Rare, vec![affix("all-skills", i32::MAX); 7]);
        let sheet = Sheet {
            level: 0,
            strength: u32::MAX,
            dexterity: u32::MAX,
            vitality: u32::MAX,
            energy: u32::MAX,
            skill_levels: u32::MAX,
            items: vec![broken; 100],
            ..sheet(1)
        };
        assert_eq!(found(&sheet).len(), FINDINGS_MAX);
        assert!(found(&Sheet { level: u32::MAX, items: Vec::new(), ..sheet }).len() == 1);
    }
}
