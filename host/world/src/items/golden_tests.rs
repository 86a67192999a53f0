//! What has to stay as it is, because games repeat by it: the pack's hash, and what falls from given seeds.

use std::{fmt::Write as _, fs, path::Path};

use super::{Find, Item, Loot, Quality, Roll, testing};
use crate::{Difficulty, dice::Dice};

/// A page of drops: each monster in each difficulty, and one item of each quality.
fn page() -> String {
    let content = testing::content();
    let items = content.items();
    let mut page = format!("content {:016x}\n", content.hash());
    for appearance in 0..12u8 {
        for difficulty in [Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell] {
            let name = content.monster_name(appearance).unwrap();
            let seed = u64::from(appearance) * 3 + difficulty as u64;
            let _ = writeln!(page, "\n{name}, {}, seed {seed}", difficulty.name());
            let mut dice = Dice::new(seed, 77);
            let find = Find { magic_find: 100, gold_find: 50 };
            for _ in 0..6 {
                for loot in content.loot_of_monster(appearance, difficulty, find, &mut dice) {
                    write_loot(&mut page, &loot);
                }
            }
        }
    }
    let _ = writeln!(page, "\nof each quality");
    for (seed, quality) in (0u64..).zip([Quality::Normal, Quality::Magic, Quality::Rare, Quality::Set, Quality::Unique])
    {
        for base in ["ring", "amulet"] {
            let made = items.make(base, quality, 80, &mut Dice::new(seed, 78)).unwrap();
            write_loot(&mut page, &Loot::Item(made));
        }
    }
    let _ = writeln!(page, "\nof each deed");
    let plain = |base: &str| items.plain(base, 50).unwrap();
    let magic = items.make("ring", Quality::Magic, 50, &mut Dice::new(1, 79)).unwrap();
    let some = |base: &str, count| vec![Item { count, ..plain(base) }];
    for inputs in [
        [some("garnet-splinter", 4), some("ash-salt", 1)].concat(),
        [vec![magic.clone()], some("ember-resin", 3)].concat(),
        [vec![magic], some("opal-pebble", 1), some("river-glass", 2)].concat(),
        [some("toll-sword", 1), some("bell-bronze", 2), some("river-glass", 1)].concat(),
    ] {
        let combined = items.combine(&inputs, &mut Dice::new(2, 79)).unwrap();
        let item = combined.made.or(combined.changed.map(|(_, item)| item)).unwrap();
        let _ = write!(page, "  {}:", combined.recipe);
        write_loot(&mut page, &Loot::Item(item));
    }
    page
}

fn write_loot(page: &mut String, loot: &Loot) {
    let item = match loot {
        Loot::Gold(amount) => {
            let _ = writeln!(page, "  {amount} gold");
            return;
        }
        Loot::Item(item) => item,
    };
    let _ = write!(page, "  {} {} {}", item.quality.name(), item.base, item.level);
    for part in [&item.origin, &item.name].into_iter().filter(|part| !part.is_empty()) {
        let _ = write!(page, " \"{part}\"");
    }
    for roll in &item.rolls {
        let _ = match roll {
            Roll::Affix { key, value } => write!(page, ", {key} {value}"),
            Roll::Own { property, value } => write!(page, ", {} {value}", property.name()),
        };
    }
    let _ = if item.sockets > 0 { writeln!(page, ", {} sockets", item.sockets) } else { writeln!(page) };
}

/// Written anew with `REALM_GOLDEN=write` when the pack or the rules have changed on purpose: recorded games then no longer repeat.
#[test]
fn the_pack_and_what_falls_by_it_are_those_of_the_golden_page() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/drops.txt");
    let page = page();
    if std::env::var_os("REALM_GOLDEN").is_some_and(|value| value == "write") {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &page).unwrap();
    }
    let golden = fs::read_to_string(&file).unwrap_or_default();
    for (number, (now, before)) in (1..).zip(page.lines().zip(golden.lines())) {
        assert_eq!(now, before, "tests/golden/drops.txt, line {number}");
    }
    assert_eq!(page.lines().count(), golden.lines().count());
}
