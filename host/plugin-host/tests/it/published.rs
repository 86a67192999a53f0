//! The contract is what plugins were built for: an edit that would break them is found here.

use std::{fs, path::Path};

use crate::{components::package_text, package_changes::Package};

/// What to do about a contract that was broken.
const REMEDY: &str = "Plugins built for this version would no longer load. Put it back; or add a new interface beside the \
    old one; or begin the next version: copy `wit/` to a package of a higher minor number, let the host speak both, and \
    record it under `wit/published/`. Only while no release has carried this version may it be recorded anew, by copying \
    `wit/*.wit` over `wit/published/<version>/` in the commit that changes it.";

fn current() -> String {
    package_text("wit", "0.1.0")
}

#[test]
fn the_contract_keeps_what_was_published() {
    let published = Package::read(&package_text("wit/published/0.1.0", "0.1.0"));
    let broken = published.broken_by(&Package::read(&current()));
    assert!(broken.is_empty(), "realm:plugin@0.1.0 has changed: {}.\n{REMEDY}", broken.join("; "));
}

#[test]
fn every_file_of_the_contract_is_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let names = |folder: &str| {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.filter(|name| Path::new(name).extension().is_some()).collect();
        names.sort();
        names
    };
    assert_eq!(names("wit"), names("wit/published/0.1.0"), "copy the new file to wit/published/0.1.0/");
}

/// What plugins would say to one edit of today's contract.
fn broken_by(from: &str, to: &str) -> Vec<String> {
    let text = current();
    assert!(text.contains(from), "the contract has no `{from}`");
    Package::read(&text).broken_by(&Package::read(&text.replacen(from, to, 1)))
}

#[test]
fn an_edit_that_breaks_plugins_is_named() {
    for (from, to, sentence) in [
        (
            "numbers: list<s32>,",
            "numbers: list<s64>,",
            "`anti-cheat`: record `actions` was field `numbers: list<s32>` and is field `numbers: list<s64>`",
        ),
        (
            "numbers: list<s32>,",
            "numbers: list<s32>, luck: list<u32>,",
            "`anti-cheat`: record `actions` was field `numbers-per-action: u32` and is field `luck: list<u32>`",
        ),
        ("    interact,\n", "", "`anti-cheat`: enum `action-kind` was case `interact` and is case `drop-item`"),
        ("  pass,", "  pass, hide,", "`chat-filter`: variant `verdict` was case `replace: string` and is case `hide`"),
        ("level-up,\n  }", "level-up,\n weather,\n }", "`events`: flags `kinds` has got flag `weather`"),
        ("shutdown: func();", "", "`lifecycle`: function `shutdown` is gone"),
        (
            "shutdown: func();",
            "shutdown: func(why: string);",
            "`lifecycle`: function `shutdown` was result `nothing` and is parameter `why: string`",
        ),
        (
            "shutdown: func();",
            "shutdown: func(); pause: func();",
            "`lifecycle`: function `pause` is new, and plugins that export the interface do not have it",
        ),
        (
            "now-ms: func() -> u64;",
            "now-ms: func() -> s64;",
            "`clock`: function `now-ms` was result `u64` and is result `s64`",
        ),
        ("  import clock;\n", "", "interface `clock` is gone"),
    ] {
        let broken = broken_by(from, to);
        assert!(broken.iter().any(|found| found == sentence), "{from} -> {to}: {broken:?}");
    }
}

#[test]
fn an_edit_that_only_adds_to_what_may_be_called_is_welcome() {
    let more = "now-ms: func() -> u64; ticks: func() -> u64;";
    assert_eq!(broken_by("now-ms: func() -> u64;", more), Vec::<String>::new());
    assert_eq!(broken_by("/// What becomes of the line.", "/// Its fate."), Vec::<String>::new());
    let world = "world every-hook {\n  import weather;";
    let text = current().replacen("world every-hook {", world, 1);
    let newer = format!("{text}\ninterface weather {{ is-fine: func() -> bool; }}");
    assert!(Package::read(&current()).broken_by(&Package::read(&newer)).is_empty());
}
