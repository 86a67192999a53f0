use std::collections::BTreeSet;

use crate::{
    Class, Content,
    content::tests::{complaint, complaint_with},
    items::{Deed, Group, Kind, Property, Quality, Side, Slot, testing},
};

#[test]
fn the_builtin_pack_has_enough_of_everything() {
    let items = testing::content().items();
    assert!(items.bases().len() >= 120, "{}", items.bases().len());
    assert!(items.affixes().len() >= 150, "{}", items.affixes().len());
    let of = |quality| items.specials().iter().filter(|special| special.quality == quality).count();
    assert!(of(Quality::Unique) >= 30, "{}", of(Quality::Unique));
    assert!(items.sets().len() >= 6, "{}", items.sets().len());
    assert!(items.sets().iter().all(|set| set.pieces.len() >= 3));
    assert!(items.recipes().len() >= 8, "{}", items.recipes().len());
    let deeds: BTreeSet<_> = items.recipes().iter().map(|recipe| recipe.deed).collect();
    assert_eq!(deeds.len(), Deed::ALL.len(), "every deed has a recipe");
    for kind in Kind::ALL {
        assert!(items.bases().iter().any(|base| base.kind == *kind && base.level == 1 || *kind == Kind::Crossbow));
    }
    let given: BTreeSet<_> = items.affixes().iter().map(|affix| affix.line.property).collect();
    assert_eq!(given.len(), Property::COUNT, "every property has an affix");
    // Names are what players tell items apart by.
    let names = items.bases().iter().map(|base| &base.name);
    let names = names.chain(items.affixes().iter().map(|affix| &affix.name));
    let names: Vec<_> = names.chain(items.specials().iter().map(|special| &special.name)).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn everything_that_is_worn_can_be_magic_and_rare_from_the_first_level_on() {
    let items = testing::content().items();
    for kind in Kind::ALL.iter().filter(|kind| kind.is_worn()) {
        for level in [1, 6, 31, 46, 66, 99] {
            let fits = |side| {
                let groups = items.affixes().iter().filter(|affix| {
                    affix.side == side && affix.kinds.contains(kind) && (affix.level..=affix.level_max).contains(&level)
                });
                groups.map(|affix| &affix.group).collect::<BTreeSet<_>>().len()
            };
            let (prefixes, suffixes) = (fits(Side::Prefix), fits(Side::Suffix));
            assert!(prefixes.min(3) + suffixes.min(3) >= 4, "{} {level}: {prefixes} {suffixes}", kind.name());
        }
    }
}

#[test]
fn every_class_can_wear_something_everywhere() {
    let items = testing::content().items();
    for class in Class::ALL {
        for slot in Slot::ALL {
            let fits = items.bases().iter().any(|base| {
                base.kind.slots().contains(slot)
                    && base.class.is_none_or(|only| only == class)
                    && base.needs == crate::items::Needs { level: 1, strength: 0, dexterity: 0 }
            });
            assert!(fits, "{class:?} {}", slot.name());
        }
    }
}

#[test]
fn complaints_name_file_entry_and_key_and_say_what_to_write() {
    let cases = [
        (
            ("items.toml", "kind = \"sword\"", "kind = \"sward\""),
            "items.toml, item \"ditch-blade\", kind: is \"sward\", must be one of sword, axe, mace, dagger, spear, bow, crossbow, staff, \
             wand, claw, shield, quiver, focus, helm, body, gloves, boots, belt, ring, amulet, gem, scroll, material",
        ),
        (
            ("items.toml", "key = \"ditch-blade\"", "key = \"Ditch Blade\""),
            "items.toml, item \"Ditch Blade\", key: must be small letters, digits and hyphens",
        ),
        (
            ("items.toml", "key = \"ferry-sword\"", "key = \"ditch-blade\""),
            "items.toml, item \"ditch-blade\", key: stands there already, in entry 1 of this file; write another one",
        ),
        (
            ("items.toml", "width = 1", "width = 5"),
            "items.toml, item \"ditch-blade\", width: is 5, must be from 1 to 4",
        ),
        (
            ("items.toml", "sockets = 1", "sockets = 4"),
            "items.toml, item \"ditch-blade\", sockets: is 4, must be from 0 to 3",
        ),
        (
            ("items.toml", "damage_max = 5", "damage_max = 1"),
            "items.toml, item \"ditch-blade\", damage_max: is 1, must be at least 2 because of `damage_min`",
        ),
        (("items.toml", "reach = 52", "reech = 52"), "items.toml, item \"ditch-blade\", reach: is missing"),
        (
            ("items.toml", "durability = 36", "durability = 36\nblock = 3"),
            "items.toml, item \"ditch-blade\", block: is not for this kind of item; leave it out",
        ),
        (
            ("affixes.toml", "property = \"damage-percent\"", "property = \"damage\""),
            "affixes.toml, affix \"whetted\", property: is \"damage\", must be one of strength, dexterity, vitality, energy",
        ),
        (
            ("affixes.toml", "max = 15", "max = 7"),
            "affixes.toml, affix \"whetted\", max: is 7, must be at least 8 because of `min`",
        ),
        (
            ("affixes.toml", "level_max = 45", "level_max = 0"),
            "affixes.toml, affix \"whetted\", level_max: is 0, must be from 1 to 99",
        ),
        (
            ("affixes.toml", "kinds = [\"weapon\"]", "kinds = [\"gem\"]"),
            "affixes.toml, affix \"whetted\", kinds: names a kind that is not worn; only what is worn has affixes",
        ),
        (
            (
                "affixes.toml",
                "kinds = [\"staff\", \"wand\", \"focus\", \"helm\", \"amulet\"]\nproperty = \"all-skills\"\nmin = 1\nmax = 2",
                "kinds = [\"jewellery\"]\nproperty = \"all-skills\"\nmin = 1\nmax = 2",
            ),
            "affixes.toml, affix \"learned\", max: give a ring more than 1 to all-skills; write 1, and only once, or leave rings out",
        ),
        (
            ("qualities.toml", "affixes_max = 6", "affixes_max = 7"),
            "qualities.toml, quality \"rare\", affixes_max: is 7, must be from 3 to 6",
        ),
        (
            ("qualities.toml", "ask_percent = 100", "ask_percent = 10"),
            "qualities.toml, prices, ask_percent: is 10, must be at least 25 because of `give_percent`",
        ),
        (
            ("qualities.toml", "kinds = [\"helm\"]", "kinds = [\"belt\"]"),
            "qualities.toml, names, second 10, kinds: stands there twice",
        ),
        (
            ("uniques.toml", "base = \"hood\"", "base = \"hoods\""),
            "uniques.toml, unique \"hush-of-emberford\", base: is \"hoods\", which items.toml does not have; write the key of an entry \
             there, the nearest is \"hood\"",
        ),
        (
            ("uniques.toml", "base = \"hood\"", "base = \"ash-salt\""),
            "uniques.toml, unique \"hush-of-emberford\", base: names an item that is not worn; write the key of one that is",
        ),
        (
            ("uniques.toml", "{ property = \"life\", min = 8, max = 12 }", "{ property = \"life\", min = 8 }"),
            "uniques.toml, unique \"hush-of-emberford\", lines 1, max: is missing",
        ),
        (
            (
                "uniques.toml",
                "{ property = \"life\", min = 15, max = 25 },\n    { property = \"mana\", min = 15, max = 25 },",
                "{ property = \"all-skills\", min = 1, max = 1 },\n    { property = \"mana\", min = 15, max = 25 },",
            ),
            "uniques.toml, unique \"signet-of-the-ninth-stair\", lines: give a ring more than 1 to all-skills",
        ),
        (
            ("sets.toml", "base = \"hood\"", "base = \"sackcloth\""),
            "sets.toml, set \"emberford-watch\", piece: cannot be worn together: two for one place, or of two classes; change one",
        ),
        (
            ("recipes.toml", "key = \"second-thoughts\"", "key = \"watchmans-lid\""),
            "recipes.toml, recipe \"watchmans-lid\", key: is that of a unique or a set's piece; write another one",
        ),
        (
            (
                "recipes.toml",
                "{ kinds = [\"weapon\"], quality = \"normal\" }",
                "{ kinds = [\"ring\"], quality = \"normal\" }",
            ),
            "recipes.toml, recipe \"drill-a-weapon\", inputs: change the first of them, and nothing of that has sockets",
        ),
        (
            ("recipes.toml", "{ item = \"ash-salt\" }", "{ item = \"ash-salt\", quality = \"magic\" }"),
            "recipes.toml, recipe \"fuse-the-garnet\", inputs 2, quality: must be normal for what is not worn; leave it out",
        ),
        (
            ("recipes.toml", "{ item = \"ash-salt\" }", "{ item = \"ash-salt\", kinds = [\"gem\"] }"),
            "recipes.toml, recipe \"fuse-the-garnet\", inputs 2, kinds: stands beside `item`, which says it already; leave one out",
        ),
        (("qualities.toml", "\"Ash\"", "7"), "qualities.toml, names, first 1: must be text"),
        (
            ("sets.toml", "pieces = 2", "pieces = 9"),
            "sets.toml, set \"emberford-watch\", partial 1, pieces: is 9, must be from 2 to 4",
        ),
        (
            ("sets.toml", "base = \"hood\"", "base = \"hoodie\""),
            "sets.toml, set \"emberford-watch\", piece \"watchmans-hood\", base: is \"hoodie\", which items.toml does not have; write the \
             key of an entry there, the nearest is \"hood\"",
        ),
        (
            ("recipes.toml", "count = 4", "count = 40"),
            "recipes.toml, recipe \"fuse-the-garnet\", inputs 1, count: is 40, must be from 1 to 16",
        ),
        (
            ("recipes.toml", "count = 4", "count = 16"),
            "recipes.toml, recipe \"fuse-the-garnet\", inputs: is 17, must be from 1 to 16",
        ),
        (
            ("recipes.toml", "{ kinds = [\"worn\"], quality = \"magic\" }", "{ kinds = [\"worn\"] }"),
            "recipes.toml, recipe \"second-thoughts\", inputs: must say of the first of them that its quality is magic or rare",
        ),
        (
            (
                "recipes.toml",
                "{ kinds = [\"worn\"], quality = \"magic\" }",
                "{ kinds = [\"worn\"], quality = \"magic\", count = 2 }",
            ),
            "recipes.toml, recipe \"second-thoughts\", inputs: change the first of them, so that its count must be 1",
        ),
        (
            ("recipes.toml", "makes = \"naming-scroll\"", "makes = \"naming-scrol\""),
            "recipes.toml, recipe \"a-page-of-names\", makes: is \"naming-scrol\", which items.toml does not have; write the key of an \
             entry there, the nearest is \"naming-scroll\"",
        ),
        (
            ("treasure.toml", "class = \"supplies\"", "class = \"fine-supplies\""),
            "treasure.toml, class \"fine-supplies\", drop 1, class: is \"fine-supplies\", which treasure.toml (above this entry) does not \
             have; write the key of an entry there, the nearest is \"supplies\"",
        ),
        (
            ("treasure.toml", "kind = \"sword\"", "kind = \"swords\""),
            "treasure.toml, class \"arms\", drop 1, kind: is \"swords\", must be one of weapon, ranged, melee, armour, offhand, jewellery, \
             worn, sword",
        ),
        (
            ("treasure.toml", "{ kind = \"sword\", weight = 14 }", "{ weight = 14 }"),
            "treasure.toml, class \"arms\", drop 1, item, class, kind or gold_min: is missing",
        ),
        (
            ("treasure.toml", "name = \"Thorn Hound\"", "name = \"Thorn Hounds\""),
            "treasure.toml, monster \"Thorn Hounds\", name: is \"Thorn Hounds\", which monsters.toml does not have; write the key of an \
             entry there, the nearest is \"Thorn Hound\"",
        ),
        (
            ("treasure.toml", "name = \"Cairn Hulk\"", "name = \"Thorn Hound\""),
            "treasure.toml, monster \"Thorn Hound\", name: stands there twice",
        ),
    ];
    for ((file, from, to), expected) in cases {
        let said = complaint(file, from, to);
        assert!(said.starts_with(expected), "{said}\n{expected}");
    }
}

#[test]
fn classes_lie_eight_deep_at_most_and_give_sixteen_things_at_most() {
    let nested = |depth: usize, picks: u32| {
        let mut text = String::from("level_span = 30\n");
        for level in 0..=depth {
            let inner = if level == 0 { "item = \"ring\"".to_owned() } else { format!("class = \"c{}\"", level - 1) };
            let picks = if level == 0 { picks } else { 1 };
            text += &format!(
                "[[class]]\nkey = \"c{level}\"\npicks = {picks}\nnothing = 0\ndrop = [{{ {inner}, weight = 1 }}]\n"
            );
        }
        for monster in 0..12u8 {
            let name = testing::content().monster_name(monster).unwrap();
            text += &format!("[[monster]]\nname = \"{name}\"\n");
            for difficulty in ["normal", "nightmare", "hell"] {
                text += &format!("{difficulty} = \"c{depth}\"\n");
            }
        }
        text
    };
    let told = |text: String| complaint_with("treasure.toml", &text);
    assert_eq!(told(nested(8, 8)), None);
    assert_eq!(
        told(nested(9, 1)).unwrap(),
        "treasure.toml, class \"c9\", drop 1, class (how deep classes lie in each other): is 9, must be from 0 to 8"
    );
    let many = nested(1, 8).replacen("picks = 1\n", "picks = 3\n", 1);
    assert_eq!(
        told(many).unwrap(),
        "treasure.toml, class \"c1\", picks (times those of the classes in it): is 24, must be from 0 to 16"
    );
    let one_missing = nested(1, 1).split("[[monster]]\nname = \"Cairn Hulk\"").next().unwrap().to_owned();
    assert_eq!(told(one_missing).unwrap(), "treasure.toml, top level, monster: has none for \"Cairn Hulk\"; write one");
}

/// The page for those who make packs, `docs/items.md`, names every file, every key, and every word that may be written.
#[test]
fn the_page_for_packs_names_every_file_key_and_word() {
    let page = include_str!("../../../../../docs/items.md");
    let mut words: BTreeSet<String> = super::FILES.iter().map(|file| (*file).to_owned()).collect();
    words.extend(Kind::ALL.iter().map(|kind| kind.name().to_owned()));
    words.extend(Group::ALL.iter().map(|group| group.name().to_owned()));
    words.extend(Property::ALL.iter().map(|property| property.name().to_owned()));
    words.extend(Quality::ALL.iter().map(|quality| quality.name().to_owned()));
    words.extend(Deed::ALL.iter().map(|deed| deed.name().to_owned()));
    words.extend(Slot::ALL.iter().map(|slot| slot.name().to_owned()));
    for text in crate::content::tests::item_texts() {
        keys_of(&toml::from_str::<toml::Table>(&text).unwrap(), &mut words);
    }
    let named = |word: &String| {
        let ways = [format!("`{word}`"), format!("`[{word}]`"), format!("[[{word}]]"), format!(".{word}]]")];
        ways.iter().any(|way| page.contains(way))
    };
    let missing: Vec<_> = words.iter().filter(|word| !named(word)).collect();
    assert!(missing.is_empty(), "docs/items.md does not name {missing:?}");
}

fn keys_of(table: &toml::Table, words: &mut BTreeSet<String>) {
    for (key, value) in table {
        words.insert(key.clone());
        match value {
            toml::Value::Table(table) => keys_of(table, words),
            toml::Value::Array(list) => {
                list.iter().filter_map(toml::Value::as_table).for_each(|table| keys_of(table, words))
            }
            _ => {}
        }
    }
}

#[test]
fn every_file_counts_for_the_hash() {
    let before = Content::builtin().hash();
    for (file, from, to) in [
        ("items.toml", "price = 20", "price = 21"),
        ("affixes.toml", "max = 15", "max = 16"),
        ("qualities.toml", "chance = 500", "chance = 501"),
        ("uniques.toml", "min = 8, max = 12", "min = 8, max = 13"),
        ("sets.toml", "value = 12", "value = 13"),
        ("sets.toml", "min = 4, max = 6", "min = 4, max = 7"),
        ("recipes.toml", "count = 4", "count = 5"),
        ("treasure.toml", "weight = 30", "weight = 31"),
    ] {
        let changed = crate::content::tests::changed(file, from, to).unwrap();
        assert_ne!(changed.hash(), before, "{file}");
    }
}

/// Whatever a pack says that is not refused, what is made by it is possible.
#[test]
fn every_pack_that_is_read_makes_only_possible_items() {
    use crate::dice::Dice;
    let mut dice = Dice::new(11, 1);
    for _ in 0..12 {
        let mut text = crate::content::tests::item_texts()[2].clone();
        let (rare_min, magic_min) = (dice.between(3, 6), dice.between(1, 2));
        let rare_max = dice.between(rare_min, 6);
        for (from, to) in [
            ("affixes_min = 3\naffixes_max = 6", format!("affixes_min = {rare_min}\naffixes_max = {rare_max}")),
            ("affixes_min = 1\naffixes_max = 2", format!("affixes_min = {magic_min}\naffixes_max = 2")),
            ("socket_percent = 0", "socket_percent = 100".to_owned()),
            ("\"Ash\"", format!("\"{}\"", "ü".repeat(32))),
            ("\"Birthday\"", format!("\"{}\"", "ü".repeat(32))),
        ] {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, &to);
        }
        let content = crate::content::tests::with_text("qualities.toml", &text).unwrap();
        let items = content.items();
        for base in items.bases() {
            for quality in [Quality::Normal, Quality::Magic, Quality::Rare, Quality::Set, Quality::Unique] {
                let level = u32::try_from(dice.between(1, 99)).unwrap();
                let made = items.make(&base.key, quality, level, &mut dice).unwrap();
                assert_eq!(items.check(&made), Ok(()), "{made:?}");
            }
        }
    }
}
