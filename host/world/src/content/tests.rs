use std::{collections::BTreeSet, fs};

use proptest::prelude::*;

use super::{Content, ContentError, FILES};
use crate::{Class, Zone};

fn builtin_texts() -> [String; FILES.len()] {
    [
        include_str!("../../content/classes.toml"),
        include_str!("../../content/monsters.toml"),
        include_str!("../../content/npcs.toml"),
        include_str!("../../content/world.toml"),
        include_str!("../../content/levels.toml"),
        include_str!("../../content/skills.toml"),
        include_str!("../../content/potions.toml"),
        include_str!("../../content/items.toml"),
        include_str!("../../content/affixes.toml"),
        include_str!("../../content/qualities.toml"),
        include_str!("../../content/uniques.toml"),
        include_str!("../../content/sets.toml"),
        include_str!("../../content/recipes.toml"),
        include_str!("../../content/treasure.toml"),
    ]
    .map(str::to_owned)
}

/// The texts of the built-in pack that are about items.
pub(super) fn item_texts() -> Vec<String> {
    builtin_texts().into_iter().skip(7).collect()
}

/// The built-in pack with the first `from` in one file replaced.
pub(super) fn changed(file: &str, from: &str, to: &str) -> Result<Content, ContentError> {
    let mut texts = builtin_texts();
    let place = FILES.iter().position(|other| *other == file).unwrap();
    assert!(texts[place].contains(from), "{file} has no {from:?}");
    texts[place] = texts[place].replacen(from, to, 1);
    Content::from_texts(texts.each_ref().map(String::as_str))
}

/// What is said about it.
pub(super) fn complaint(file: &str, from: &str, to: &str) -> String {
    changed(file, from, to).unwrap_err().to_string()
}

/// The built-in pack with another text for one file.
pub(super) fn with_text(file: &str, text: &str) -> Result<Content, ContentError> {
    let mut texts = builtin_texts();
    let place = FILES.iter().position(|other| *other == file).unwrap();
    texts[place] = text.to_owned();
    Content::from_texts(texts.each_ref().map(String::as_str))
}

/// What is said about it; `None` when it is sound.
pub(super) fn complaint_with(file: &str, text: &str) -> Option<String> {
    with_text(file, text).err().map(|error| error.to_string())
}

#[test]
fn the_builtin_pack_is_sound() {
    let content = Content::builtin();
    assert_eq!(content.hash(), Content::builtin().hash());
    assert_eq!(content.monster_name(0), Some("Thorn Hound"));
    assert_eq!(content.npc_name(0), Some("Orla"));
    assert_eq!(content.potion_name(0), Some("Small Red Flask"));
    assert_eq!(content.zone_name(Zone::Town), "Emberford");
    assert_eq!(content.monsters.len(), 12);
    let kinds: BTreeSet<_> =
        Class::ALL.into_iter().flat_map(|class| content.skills(class)).map(|skill| skill.kind).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["area", "aura", "melee", "movement", "projectile", "summon"]);
    for class in Class::ALL {
        assert_eq!(content.skills(class).map(|skill| skill.level).min(), Some(1), "a newborn {class:?} knows a skill");
    }
    assert_eq!(content.monster_name(255), None);
}

#[test]
fn levels_ask_for_ever_more_experience() {
    let content = Content::builtin();
    assert_eq!(content.experience_of_level(1), 0);
    for level in 1..99 {
        assert!(content.experience_of_level(level) < content.experience_of_level(level + 1), "level {level}");
    }
    assert_eq!(content.experience_of_level(0), 0);
    assert_eq!(content.experience_of_level(u32::MAX), content.experience_of_level(99));
}

#[test]
fn complaints_name_file_entry_and_key() {
    let cases = [
        (
            ("classes.toml", "life = 52", "life = 0"),
            "classes.toml, class \"Amazon\", life: is 0, must be from 1 to 100000",
        ),
        (("classes.toml", "reach = 56", "raech = 56"), "classes.toml, class \"Amazon\", reach: is missing"),
        (
            ("classes.toml", "reach = 56", "reach = 56\nreech = 57"),
            "classes.toml, class \"Amazon\", reech: is not a key here; the nearest is `reach`",
        ),
        (
            ("classes.toml", "name = \"Druid\"", "name = \"Amazon\""),
            "classes.toml, class \"Amazon\", name: stands there twice",
        ),
        (
            ("classes.toml", "name = \"Druid\"", "name = \"Bard\""),
            "classes.toml, class \"Bard\", name: is \"Bard\", must be one of Amazon, Sorceress, Necromancer, Paladin, Barbarian, \
             Druid, Assassin",
        ),
        (("monsters.toml", "name = \"Thorn Hound\"\n", ""), "monsters.toml, monster 1, name: is missing"),
        (
            ("monsters.toml", "damage_max = 3", "damage_max = 0"),
            "monsters.toml, monster \"Thorn Hound\", damage_max: is 0, must be at least 1 because of `damage_min`",
        ),
        (
            ("monsters.toml", "life = 14", "life = \"14\""),
            "monsters.toml, monster \"Thorn Hound\", life: must be a whole number",
        ),
        (("npcs.toml", "tile_x = 2", "tile_x = 20"), "npcs.toml, npc \"Orla\", tile_x: is 20, must be from -4 to 4"),
        (
            ("npcs.toml", "role = \"healer\"", "role = \"smith\""),
            "npcs.toml, npc \"Orla\", role: is \"smith\", must be one of healer, vendor",
        ),
        (
            ("npcs.toml", "potion = \"Small Red Flask\"", "potion = \"Ale\""),
            "npcs.toml, npc \"Bram\", potion: is \"Ale\", must be one of Small Red Flask, Small Blue Flask, Red Flask, Blue Flask, \
             Flask of Dawn, Flask of Noon",
        ),
        (
            ("npcs.toml", "\"kindling-axe\"", "\"kindlin-axe\""),
            "npcs.toml, npc \"Bram\", sells 2: is \"kindlin-axe\", which items.toml does not have; write the key of an entry there, the \
             nearest is \"kindling-axe\"",
        ),
        (("npcs.toml", "\"kindling-axe\"", "\"ditch-blade\""), "npcs.toml, npc \"Bram\", sells 2: stands there twice"),
        (
            ("items.toml", "price = 20", "price = 0"),
            "npcs.toml, npc \"Bram\", sells 1: is not traded with vendors; give it a price in items.toml, or take it from the list",
        ),
        (
            ("npcs.toml", "sells = [", "sells = []\nx = ["),
            "npcs.toml, npc \"Bram\", sells: has length 0, must have from 1 to 2000",
        ),
        (
            ("skills.toml", "missile_step = 20", "missile_step = 32"),
            "skills.toml, skill \"Heron Shot\", missile_step: is 32, must be from 1 to 24",
        ),
        (
            ("skills.toml", "kind = \"projectile\"", "kind = \"melee\""),
            "skills.toml, skill \"Heron Shot\", reach: is 480, must be from 1 to 256",
        ),
        (
            ("skills.toml", "class = \"Assassin\"", "class = \"Amazon\""),
            "skills.toml, skill \"Needle Fan\", class: has length 4, must have from 3 to 3",
        ),
        (
            ("skills.toml", "level = 1", "level = 2"),
            "skills.toml, skill \"Heron Shot\", level: is 2, must be from 1 to 1",
        ),
        (
            ("skills.toml", "effect = \"poison\"", "effect = \"itch\""),
            "skills.toml, skill \"Nettle Volley\", effect: is \"itch\", must be one of poison, burn, slow, might, ward, haste, mend",
        ),
        (
            ("monsters.toml", "effect = \"burn\"", "effect = \"haste\""),
            "monsters.toml, monster \"Cinder Crawler\", effect: is \"haste\", must be one of poison, burn, slow",
        ),
        (
            ("potions.toml", "life_percent = 0", "life_percent = 101"),
            "potions.toml, potion \"Small Red Flask\", life_percent: is 101, must be from 0 to 100",
        ),
        (
            ("world.toml", "begin = \"town\"", "begin = \"moon\""),
            "world.toml, players, begin: is \"moon\", must be one of town, dungeon",
        ),
        (("world.toml", "[monsters]", "[monster]"), "world.toml, top level, monsters: is missing"),
        (("world.toml", "width = 64", "width = 7"), "world.toml, dungeon, width: is 7, must be from 24 to 256"),
        (
            ("world.toml", "death_loss_percent = 5", "death_loss_percent = 500"),
            "world.toml, difficulty \"nightmare\", death_loss_percent: is 500, must be from 0 to 100",
        ),
        (
            ("levels.toml", "0, 120, 440,", "0, 120, 120,"),
            "levels.toml, top level, experience of level 3: is 120, must be from 121 to 1000000000000",
        ),
        (
            ("levels.toml", "0, 120,", "0,"),
            "levels.toml, top level, experience: has length 98, must have from 99 to 99",
        ),
        (
            ("levels.toml", "experience = [", "experience = [1.5,"),
            "levels.toml, top level, experience: has length 100, must have from 99 to 99",
        ),
    ];
    for ((file, from, to), expected) in cases {
        assert_eq!(complaint(file, from, to), expected);
    }
    let mut texts = builtin_texts();
    texts[1] = texts[1].replace("distance = 0", "distance = 1");
    let far = Content::from_texts(texts.each_ref().map(String::as_str)).unwrap_err();
    assert_eq!(far.to_string(), "monsters.toml, top level, monster: needs an entry with `distance = 0`");
    let syntax = complaint("npcs.toml", "role = \"healer\"", "role = healer");
    assert!(syntax.starts_with("npcs.toml, line 14: "), "{syntax}");
}

#[test]
fn the_hash_is_about_meaning() {
    let hash_with = |from: &str, to: &str| {
        let mut texts = builtin_texts();
        texts[1] = texts[1].replacen(from, to, 1);
        // The treasure names every monster, and has to know it by its new name.
        texts[13] = texts[13].replacen(from, to, 1);
        Content::from_texts(texts.each_ref().map(String::as_str)).unwrap().hash()
    };
    let builtin = Content::builtin().hash();
    assert_eq!(hash_with("# The monsters", "# All monsters"), builtin);
    assert_eq!(hash_with("level = 1\nlife = 14", "life = 14\nlevel = 1"), builtin);
    assert_ne!(hash_with("life = 14", "life = 15"), builtin);
    assert_ne!(hash_with("Thorn Hound", "Horn Hound"), builtin);
}

#[test]
fn what_vendors_sell_may_be_left_out() {
    let content = Content::builtin();
    let vendors: Vec<_> = content.vendors().collect();
    let [bram] = &vendors[..] else { panic!("{vendors:?}") };
    assert_eq!((bram.name, content.npc_name(bram.appearance)), ("Bram", Some("Bram")));
    assert!(bram.sells("road-scroll") && !bram.sells("garnet-star"));
    assert!(bram.wares.iter().all(|base| base.price > 0));
    let mut texts = builtin_texts();
    let without = texts[2].split_once("sells = [").unwrap().0.to_owned();
    texts[2] = without;
    let content = Content::from_texts(texts.each_ref().map(String::as_str)).unwrap();
    assert!(content.vendors().all(|vendor| vendor.wares.is_empty()));
}

#[test]
fn a_pack_is_read_from_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in FILES.iter().zip(builtin_texts()) {
        fs::write(folder.path().join(file), text).unwrap();
    }
    assert_eq!(Content::load(folder.path()).unwrap(), Content::builtin());

    fs::write(folder.path().join("world.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    let error = Content::load(folder.path()).unwrap_err();
    assert!(matches!(error, ContentError::TooLarge { file: "world.toml", .. }), "{error}");

    fs::write(folder.path().join("world.toml"), b"\xff\xfe").unwrap();
    let error = Content::load(folder.path()).unwrap_err();
    assert!(matches!(error, ContentError::Unreadable { .. }), "{error}");

    fs::remove_file(folder.path().join("world.toml")).unwrap();
    let error = Content::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("world.toml: cannot be read: "), "{error}");
    assert!(
        error.ends_with(
            "classes.toml, monsters.toml, npcs.toml, world.toml, levels.toml, skills.toml, potions.toml, items.toml, affixes.toml, \
             qualities.toml, uniques.toml, sets.toml, recipes.toml, treasure.toml"
        ),
        "{error}"
    );
}

proptest! {
    /// Whatever a file is made into, the answer is a pack or a complaint that names the file.
    #[test]
    fn broken_packs_are_refused_by_name(file in 0..FILES.len(), at: prop::sample::Index, cut in 0..40usize, put in "[ -~\n]{0,8}") {
        let mut texts = builtin_texts();
        let characters: Vec<char> = texts[file].chars().collect();
        let start = at.index(characters.len());
        let end = (start + cut).min(characters.len());
        texts[file] = characters[..start].iter().copied().chain(put.chars()).chain(characters[end..].iter().copied()).collect();
        if let Err(error) = Content::from_texts(texts.each_ref().map(String::as_str)) {
            let said = error.to_string();
            // A smaller entrance can make a place in npcs.toml wrong, and another name what a vendor sells or what another file means.
            let by_others: &[&str] = match FILES[file] {
                "world.toml" | "potions.toml" => &["npcs.toml"],
                "monsters.toml" => &["treasure.toml"],
                "items.toml" => &["npcs.toml", "uniques.toml", "sets.toml", "recipes.toml", "treasure.toml"],
                "uniques.toml" => &["sets.toml"],
                _ => &[],
            };
            let named = [FILES[file]].iter().chain(by_others).any(|file| said.starts_with(file));
            prop_assert!(named, "{}", said);
        }
    }
}
