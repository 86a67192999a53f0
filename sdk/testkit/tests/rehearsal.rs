//! Every plugin of the tree bears what a rehearsal asks, extremes included.

use std::path::{Path, PathBuf};

use realm_testkit::{Stage, rehearsal};

#[test]
fn the_plugins_of_the_tree_bear_a_rehearsal() {
    let folder = std::env::var_os("REALM_PLUGINS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"), PathBuf::from);
    for name in
        ["anti-cheat", "chat-filter", "hello", "ladder", "matchmaking", "examples/announcer", "examples/word-game"]
    {
        let mut subject = Stage::of_file(folder.join(format!("{name}.wasm"))).expect_what_it_may().start();
        let outcome = rehearsal::run(&mut subject);
        assert!(outcome.calls >= 5, "{name}: {outcome:?}");
        assert_eq!(outcome.failures, Vec::<String>::new(), "{name}");
    }
}
