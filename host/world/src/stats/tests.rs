use proptest::prelude::*;

use super::Stats;
use crate::{
    Attributes, Class, Content, SKILLS_PER_CLASS, Sheet,
    content::STEP_MAX,
    items::{Bonuses, Item, Property, Roll, Slot, Worn, testing},
};

const NO_SKILLS: [u32; SKILLS_PER_CLASS] = [0; SKILLS_PER_CLASS];

fn any_class() -> impl Strategy<Value = Class> {
    prop::sample::select(&Class::ALL[..])
}

fn any_sheet() -> impl Strategy<Value = Sheet> {
    let attribute = || prop_oneof![20..200u32, any::<u32>()];
    let attributes = (attribute(), attribute(), attribute(), attribute());
    (any_class(), prop_oneof![1..100u32, any::<u32>()], attributes).prop_map(
        |(class, level, (strength, dexterity, vitality, energy))| Sheet {
            level,
            attributes: Attributes { strength, dexterity, vitality, energy },
            ..Sheet::newborn(class, false)
        },
    )
}

/// Puts on whatever can be put on, in this order, each in the first of its slots that takes it.
fn dressed(content: &Content, sheet: &Sheet, items: &[Item]) -> Worn {
    let mut worn = Worn::default();
    for item in items {
        let slots = content.items().kind_of(item).unwrap().slots();
        for slot in slots {
            if worn.put_on(content.items(), sheet, *slot, item).is_ok() {
                break;
            }
        }
    }
    worn
}

fn assert_sound(stats: &Stats) -> Result<(), TestCaseError> {
    prop_assert!(stats.life_max >= 1 && stats.mana_max >= 1 && stats.attack_rating >= 1);
    prop_assert!(stats.damage_min >= 0 && stats.damage_max >= stats.damage_min && stats.defence >= 0);
    prop_assert!((1..=STEP_MAX).contains(&stats.step));
    prop_assert!(stats.attack_ticks >= 1 && stats.reach >= 1);
    for property in Property::ALL {
        let (least, most) = property.total_bounds();
        prop_assert!((least..=most).contains(&stats.bonus(*property)));
    }
    Ok(())
}

#[test]
fn bare_hands_have_what_class_level_and_points_give() {
    let content = testing::content();
    let sheet = Sheet { level: 5, ..Sheet::newborn(Class::Barbarian, false) };
    let attributes = Attributes { strength: 30, dexterity: 25, vitality: 28, energy: 20 };
    let stats = content.stats(&Sheet { attributes, ..sheet }, [1, 0, 0], &Worn::default());
    let class = content.class(Class::Barbarian);
    assert_eq!(stats.life_max, class.life + 4 * class.life_per_level + 8 * class.life_per_vitality);
    assert_eq!(stats.mana_max, class.mana + 4 * class.mana_per_level);
    assert_eq!(
        (stats.damage_min, stats.damage_max),
        (class.melee.damage_min * 130 / 100, class.melee.damage_max * 130 / 100)
    );
    assert_eq!(stats.attack_rating, class.melee.attack_rating + 75);
    assert_eq!(stats.defence, class.melee.defence + 25);
    assert_eq!(
        (stats.attack_ticks, stats.reach, stats.step),
        (class.melee.attack_ticks, class.melee.reach, class.step)
    );
    assert_eq!(stats.skills, [1, 0, 0]);
}

#[test]
fn items_add_weapons_replace_and_skills_that_are_not_known_stay_unknown() {
    let content = testing::content();
    let sheet = testing::able(Class::Sorceress);
    let bare = content.stats(&sheet, [3, 0, 1], &Worn::default());
    let mut ring = content.items().plain("ring", 1).unwrap();
    let own = |property, value| Roll::Own { property, value };
    ring.rolls = vec![
        own(Property::Life, 40),
        own(Property::LifePercent, 50),
        own(Property::AllSkills, 2),
        own(Property::ThirdSkill, 1),
        own(Property::AllAttributes, 10),
        own(Property::BurnResistance, 500),
    ];
    let worn = dressed(content, &sheet, &[ring]);
    let stats = content.stats(&sheet, [3, 0, 1], &worn);
    let class = content.class(Class::Sorceress);
    assert_eq!(stats.life_max, (bare.life_max + 10 * class.life_per_vitality + 40) * 150 / 100);
    assert_eq!(stats.skills, [5, 0, 4]);
    assert_eq!(stats.attributes.energy, sheet.attributes.energy + 10);
    assert_eq!(stats.bonus(Property::BurnResistance), 75);

    let base = content.items().bases().iter().find(|base| base.kind.is_weapon() && base.class.is_none()).unwrap();
    let weapon = content.items().plain(&base.key, 1).unwrap();
    let stats = content.stats(&sheet, NO_SKILLS, &dressed(content, &sheet, &[weapon]));
    assert_eq!((stats.attack_ticks, stats.reach), (base.attack_ticks, base.reach));
    assert_eq!(stats.damage_max, (class.melee.damage_max + base.damage.1) * 1_100 / 100);
}

proptest! {
    /// The order in which things were put on does not matter.
    #[test]
    fn the_order_of_putting_on_does_not_matter(
        class in any_class(),
        items in prop::collection::vec(testing::any_item(), 0..14),
        skills: [u32; SKILLS_PER_CLASS],
        turn: prop::sample::Index,
        back: bool,
    ) {
        let content = testing::content();
        let sheet = testing::able(class);
        let worn = dressed(content, &sheet, &items);
        // What is worn, put on in another order: every single one of them can be.
        let mut other: Vec<(Slot, Item)> = worn.iter().map(|(slot, item)| (slot, item.clone())).collect();
        if !other.is_empty() {
            let by = turn.index(other.len());
            other.rotate_left(by);
        }
        if back {
            other.reverse();
        }
        let mut again = Worn::default();
        for (slot, item) in &other {
            prop_assert_eq!(again.put_on(content.items(), &sheet, *slot, item), Ok(()));
        }
        prop_assert_eq!(content.stats(&sheet, skills, &again), content.stats(&sheet, skills, &worn));
    }

    /// Taking something off undoes putting it on, at every step down to bare skin.
    #[test]
    fn taking_off_undoes_putting_on(
        class in any_class(),
        items in prop::collection::vec(testing::any_item(), 0..14),
        skills: [u32; SKILLS_PER_CLASS],
    ) {
        let content = testing::content();
        let sheet = testing::able(class);
        let mut worn = Worn::default();
        let mut before = vec![content.stats(&sheet, skills, &worn)];
        let mut slots = Vec::new();
        for item in &items {
            let all = content.items().kind_of(item).unwrap().slots();
            let put_on = all.iter().find(|slot| worn.put_on(content.items(), &sheet, **slot, item).is_ok());
            if let Some(slot) = put_on {
                slots.push(*slot);
                before.push(content.stats(&sheet, skills, &worn));
            }
        }
        for slot in slots.into_iter().rev() {
            prop_assert_eq!(&content.stats(&sheet, skills, &worn), &before.pop().unwrap());
            prop_assert!(worn.take_off(slot).is_some());
        }
        prop_assert_eq!(&content.stats(&sheet, skills, &worn), &before[0]);
    }

    /// Whatever a sheet says and whatever is worn, nothing overflows and nothing falls below its floor.
    #[test]
    fn nothing_overflows_and_nothing_falls_below_its_floor(
        sheet in any_sheet(),
        items in prop::collection::vec(testing::any_item(), 0..10),
        skills: [u32; SKILLS_PER_CLASS],
        values in prop::collection::vec((prop::sample::select(Property::ALL), any::<i32>()), 0..40),
    ) {
        let content = testing::content();
        assert_sound(&content.stats(&sheet, skills, &dressed(content, &sheet, &items)))?;
        // Values that no pack allows.
        let mut bonuses = Bonuses::default();
        for (property, value) in &values {
            bonuses.add(*property, *value);
        }
        assert_sound(&Stats::of(content.class(sheet.class), &sheet, skills, bonuses))?;
    }
}
