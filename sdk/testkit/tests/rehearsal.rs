//! Every plugin of the tree bears what a rehearsal asks, extremes included.

use std::path::{Path, PathBuf};

use realm_testkit::{Stage, Verdict, bindings::chat_filter, rehearsal, samples};

fn folder() -> PathBuf {
    std::env::var_os("REALM_PLUGINS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"), PathBuf::from)
}

/// A guest whose runtime imports WASI 0.2: the interpreter of Python starts, logs and judges, with nothing granted.
#[test]
fn a_plugin_in_python_judges_lines() {
    let stage = Stage::of_file(folder().join("examples/echo-guard.wasm")).configuration(r#"{"while_ms": 5000}"#);
    let mut plugin = stage.expect_what_it_may().start();
    let line = |text: &str, now_ms: u64| chat_filter::Line { now_ms, ..samples::line("Anna", text) };
    assert_eq!(plugin.filter(&line("hello", 1_000)), Ok(Verdict::Pass));
    assert_eq!(plugin.filter(&line("HELLO", 2_000)), Ok(Verdict::Block("You have just said that.".to_owned())));
    assert_eq!(plugin.filter(&line("hello", 9_000)), Ok(Verdict::Pass));
    assert_eq!(plugin.realm().log(), ["info Anna repeats a line"]);
    assert_eq!(rehearsal::run(&mut plugin).failures, Vec::<String>::new());
    let refused = Stage::of_file(folder().join("examples/echo-guard.wasm")).configuration(r#"{"while_ms": "long"}"#);
    let refused = refused.expect_what_it_may().try_start().unwrap_err().to_string();
    assert!(refused.contains("`while_ms` is a number of milliseconds"), "{refused}");
}

#[test]
fn the_plugins_of_the_tree_bear_a_rehearsal() {
    let folder = folder();
    let mut names = vec!["anti-cheat", "chat-filter", "hello", "ladder", "matchmaking"];
    names.extend(["examples/announcer", "examples/word-game"]);
    // Its compiler is large, and so it is built in the long run alone.
    names.extend(std::env::var_os("REALM_TEST_LONG").map(|_| "examples/calm-dots"));
    for name in names {
        let mut subject = Stage::of_file(folder.join(format!("{name}.wasm"))).expect_what_it_may().start();
        let outcome = rehearsal::run(&mut subject);
        assert!(outcome.calls >= 5, "{name}: {outcome:?}");
        assert_eq!(outcome.failures, Vec::<String>::new(), "{name}");
    }
}
