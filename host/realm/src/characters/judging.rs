//! A character as the anti-cheat rule sees it, and what the rule finds in words.

use realm_plugin_host::bindings::anti_cheat::{self, Finding, Violation};
use realm_world::Sheet;

use crate::types::CharacterId;

/// The sheet of the rule. Items are not in this room: none carried.
pub(super) fn sheet(character: CharacterId, sheet: &Sheet, skill_levels: u32) -> anti_cheat::Sheet {
    anti_cheat::Sheet {
        character: character.raw(),
        level: sheet.level,
        experience: sheet.experience,
        strength: sheet.attributes.strength,
        dexterity: sheet.attributes.dexterity,
        vitality: sheet.attributes.vitality,
        energy: sheet.attributes.energy,
        skill_levels,
        items: Vec::new(),
    }
}

/// What was found, in words for the player; at most the first three.
pub(crate) fn words<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let words: Vec<&str> = findings.into_iter().take(3).map(|finding| violation(&finding.violation)).collect();
    words.join(", ")
}

fn violation(violation: &Violation) -> &str {
    match violation {
        Violation::DeadActor => "a dead character acted",
        Violation::Cooldown => "it acted before its time",
        Violation::Mana => "its mana does not suffice",
        Violation::Teleport => "it moved too far at once",
        Violation::Speed => "it moves too fast",
        Violation::HiddenKnowledge => "it knows what it cannot see",
        Violation::Attributes => "more attribute points than its level allows",
        Violation::Skills => "more skill levels than its level allows",
        Violation::AffixCount => "an item with too many properties",
        Violation::AffixRange => "an item property outside its range",
        Violation::AffixForbidden => "an item property that its kind never has",
        Violation::Other(word) => word,
    }
}

#[cfg(test)]
mod tests {
    use realm_world::Class;

    use super::*;

    #[test]
    fn the_rule_sees_the_sheet_as_it_is() {
        let mut world = Sheet::newborn(Class::Druid, true);
        (world.level, world.experience, world.attributes.vitality) = (12, 34_567, 55);
        let seen = sheet(CharacterId::from_raw(9), &world, 11);
        assert_eq!((seen.character, seen.level, seen.experience), (9, 12, 34_567));
        assert_eq!((seen.strength, seen.dexterity, seen.vitality, seen.energy), (20, 20, 55, 20));
        assert!(seen.skill_levels == 11 && seen.items.is_empty());
    }

    #[test]
    fn findings_are_told_in_words() {
        let finding = |violation| Finding { index: 0, violation, refuse: true };
        let findings = [finding(Violation::Attributes), finding(Violation::Other("odd luck".to_owned()))];
        assert_eq!(words(&findings), "more attribute points than its level allows, odd luck");
    }
}
