//! One test for each function of each hook, as a plugin's author writes it: the built component, loaded as a realm loads it.
//! `docs/plugins/testing.md` leads here.

use std::path::{Path, PathBuf};

use realm_testkit::{
    Admission, Failure, Permission, Stage, Verdict,
    bindings::{
        anti_cheat::{Affix, ItemOccasion, Violation},
        commands::CommandError,
        effects::Effect,
        events::{Find, Kinds, Occurrence},
        ladder::Eligibility,
        matchmaking::{Difficulty, Ticket},
    },
    samples,
};

/// A component of this tree; `cargo xtask test` has built all of them.
fn component(name: &str) -> PathBuf {
    let folder = std::env::var_os("REALM_PLUGINS_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"), PathBuf::from);
    let file = folder.join(format!("{name}.wasm"));
    assert!(file.is_file(), "{} is not built; run `cargo xtask plugins`, for examples by name", file.display());
    file
}

/// **`chat-filter`**: a line goes in, a verdict comes out.
#[test]
fn a_chat_filter_judges_lines() {
    let mut plugin = Stage::of_file(component("hello")).expect(Permission::Log).start();
    assert_eq!(plugin.filter(&samples::line("Anna", "hello")), Ok(Verdict::Pass));
    assert_eq!(plugin.realm().log(), ["info hello, realm"]);
    // The contract gives it 20 ms; this one should need next to nothing.
    plugin.assert_within_ms(5, "a line of chat", |plugin| plugin.filter(&samples::line("Anna", "hello")));
}

/// **`anti-cheat`**, `check-actions`: all acts of a tick go in, findings with their indices come out.
#[test]
fn an_anti_cheat_finds_who_jumps() {
    let mut plugin = Stage::of_file(component("anti-cheat")).expect(Permission::Log).start();
    assert_eq!(plugin.check_actions(&[samples::step(4, 3)]), Ok(Vec::new()));
    let mut jump = samples::step(500, 0);
    (jump.tick, jump.character) = (2, 9);
    let found = plugin.check_actions(&[samples::step(4, 3), jump]).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].index, &found[0].violation), (1, &Violation::Teleport));
    // The contract gives it 1 ms of the processor in each tick; sixty-four acts are a busy game.
    let busy = vec![samples::step(4, 3); 64];
    plugin.assert_within_ms(1, "a tick of 64 acts", |plugin| plugin.check_actions(&busy));
}

/// **`anti-cheat`**, `check-character`: a sheet at load and save.
#[test]
fn an_anti_cheat_knows_what_a_level_can_have() {
    let mut plugin = Stage::of_file(component("anti-cheat")).expect(Permission::Log).start();
    assert_eq!(plugin.check_character(&samples::sheet(30)), Ok(Vec::new()));
    let mut sheet = samples::sheet(30);
    sheet.strength += 1;
    let found = plugin.check_character(&sheet).unwrap();
    assert!(
        matches!(&found[..], [finding] if finding.violation == Violation::Attributes && finding.refuse),
        "{found:?}"
    );
}

/// **`anti-cheat`**, `check-item`: an item at creation and trade.
#[test]
fn an_anti_cheat_knows_what_a_ring_can_have() {
    let mut plugin = Stage::of_file(component("anti-cheat")).expect(Permission::Log).start();
    assert_eq!(plugin.check_item(&samples::ring(2), ItemOccasion::Creation), Ok(Vec::new()));
    let mut ring = samples::ring(1);
    ring.affixes.push(Affix { name: "all-skills".to_owned(), value: 2, value_min: 1, value_max: 2 });
    let found = plugin.check_item(&ring, ItemOccasion::Trade).unwrap();
    assert!(matches!(&found[..], [finding] if finding.violation == Violation::AffixForbidden), "{found:?}");
}

/// **`matchmaking`**, `admit` and `order`: may a player in, and in what order are games shown?
#[test]
fn a_matchmaking_orders_games() {
    let mut plugin = Stage::of_file(component("matchmaking")).expect(Permission::Log).start();
    assert_eq!(plugin.admit(&samples::player(30), &samples::game(1, 30)), Ok(Admission::Admit));
    let games = [samples::game(1, 30), samples::game(2, 31)];
    let mut order = plugin.order(&samples::player(30), &games).unwrap();
    order.sort_unstable();
    assert_eq!(order, [1, 2], "every game is shown");
    let mut hell = samples::game(3, 90);
    hell.difficulty = Difficulty::Hell;
    assert!(matches!(plugin.admit(&samples::player(1), &hell), Ok(Admission::Refuse(_))));
}

/// **`matchmaking`**, `form`: who of those who wait plays together?
#[test]
fn a_matchmaking_forms_matches() {
    let mut plugin = Stage::of_file(component("matchmaking")).expect(Permission::Log).start();
    let new = |id| Ticket { waited_ms: 0, ..samples::ticket(id, 30) };
    let crowd: Vec<_> = (1..=9).map(new).collect();
    let formed = plugin.form(&crowd, samples::NOW_MS).unwrap();
    assert_eq!(formed.len(), 1, "eight play, the ninth waits: {formed:?}");
    assert_eq!(formed[0].tickets, (1..=8).collect::<Vec<_>>());
}

/// **`ladder`**, `eligible`, `score`, `tie-break`, `season-end`: who takes part, who stands higher, and what is won?
#[test]
fn a_ladder_ranks_characters() {
    let mut plugin = Stage::of_file(component("ladder")).expect(Permission::Log).start();
    assert_eq!(plugin.eligible(&samples::ranked(30, 1_000)), Ok(Eligibility::Eligible));
    let (more, less) = (samples::ranked(40, 2_000_000), samples::ranked(30, 1_000_000));
    assert!(plugin.score(&more).unwrap() > plugin.score(&less).unwrap());
    assert!(matches!(plugin.eligible(&samples::ranked(1, 0)), Ok(Eligibility::NotEligible(_))));
    assert_eq!(plugin.tie_break(&more), plugin.tie_break(&more.clone()), "the same character stands where it stood");
    assert_eq!(plugin.season_end(&samples::season(), &[]), Ok(Vec::new()), "nobody played, nobody wins");
}

/// **`lifecycle`**: settings come in, a state goes over to the next version, and what is wrong keeps it from starting.
#[test]
fn a_life_begins_with_settings_and_hands_its_state_over() {
    let stage = |json: &str| {
        let stage = Stage::of_file(component("examples/word-game")).configuration(json);
        stage.expect(Permission::Kv).expect(Permission::Log).expect(Permission::Random)
    };
    let mut plugin = stage(r#"{"channel": "Market"}"#).start();
    let asked = plugin.run_command(&samples::caller("Anna"), "word", &[]).unwrap().expect("a round begins");
    assert!(matches!(&asked[0], Effect::Say(say) if say.channel == "Market"), "{asked:?}");
    let mut newer = stage(r#"{"channel": "Market"}"#).start();
    plugin.hand_over_to(&mut newer).unwrap();
    let again = newer.run_command(&samples::caller("Bob"), "word", &[]).unwrap();
    assert!(matches!(&again, Err(CommandError::Refused(text)) if text.contains("a word to find already")), "{again:?}");

    let wrong = Stage::of_file(component("anti-cheat")).configuration(r#"{"no-such-setting": 1}"#);
    let failure = wrong.expect(Permission::Log).try_start().unwrap_err().to_string();
    assert!(
        failure.contains("`init` refused: wrong configuration") && failure.contains("no-such-setting"),
        "{failure}"
    );
}

/// **`events`**: it says what it wants to hear of, hears it, and answers with effects.
#[test]
fn an_announcer_tells_of_great_finds() {
    let mut plugin = Stage::of_file(component("examples/announcer")).start();
    assert!(plugin.interests().unwrap().contains(Kinds::DROP));
    let find = |quality: &str| {
        samples::event(Occurrence::Drop(Find { game: 1, base_type: "ring".to_owned(), quality: quality.to_owned() }))
    };
    let told = plugin.handle(&[find("magic"), find("unique")]).unwrap();
    assert_eq!(told.len(), 1);
    assert!(
        matches!(&told[0], Effect::Announce(it) if it.text == "A unique ring has dropped before Aldora."),
        "{told:?}"
    );
}

/// **`commands`**, in a plugin that also answers `chat-filter` and keeps scores: a game from its question to its end.
#[test]
fn a_word_game_is_played_and_its_scores_are_kept() {
    let stage = || {
        let stage = Stage::of_file(component("examples/word-game"));
        stage.expect(Permission::Kv).expect(Permission::Log).expect(Permission::Random)
    };
    let mut plugin = stage().start();
    let names: Vec<String> = plugin.list_commands().unwrap().into_iter().map(|command| command.name).collect();
    assert_eq!(names, ["word", "word-score"]);
    let caller = samples::caller("Anna");
    let asked = plugin.run_command(&caller, "word", &[]).unwrap().expect("a round begins");
    assert!(matches!(&asked[0], Effect::Say(say) if say.channel == "Trade" && say.text.starts_with("Anna asks")));
    let again = plugin.run_command(&caller, "word", &[]).unwrap();
    assert!(matches!(again, Err(CommandError::Refused(_))), "{again:?}");

    // A newer version takes over while the round goes on.
    let mut newer = plugin.another().unwrap();
    plugin.hand_over_to(&mut newer).unwrap();
    let mut line = samples::line("Bob", "is it this one?");
    "Trade".clone_into(&mut line.target);
    assert_eq!(newer.filter(&line), Ok(Verdict::Pass));
    let won = WORDS.iter().find_map(|word| {
        line.text = (*word).to_owned();
        let verdict = newer.filter(&line).unwrap();
        (verdict != Verdict::Pass).then_some(verdict)
    });
    assert!(matches!(won, Some(Verdict::Replace(text)) if text.ends_with("Rounds won: 1")));
    assert_eq!(newer.realm().kept("won/Bob").as_deref(), Some(b"1".as_slice()));
}

/// The words of the game; see `plugins/examples/word-game/src/game.js`.
const WORDS: [&str; 30] = [
    "amulet", "anvil", "arrow", "barrow", "cavern", "cellar", "crypt", "dagger", "ember", "falcon", "gauntlet",
    "goblin", "hammer", "harbour", "helmet", "javelin", "lantern", "market", "merchant", "orchard", "potion", "quiver",
    "raven", "scroll", "shield", "stable", "tavern", "torch", "tower", "wagon",
];

/// What an SDK leaves in a component: its manifest, read without running it, and the words of a panic, which reach the log.
#[test]
fn a_manifest_is_embedded_and_a_panic_says_why() {
    let stage = || {
        let stage = Stage::of_file(component("crier")).expect(Permission::Log).expect(Permission::Metrics);
        stage.configuration("{}")
    };
    let manifest = stage().manifest().unwrap();
    assert_eq!((manifest.name.as_str(), manifest.version.as_str()), ("crier", "0.1.0"));
    assert_eq!(manifest.description.as_deref(), Some("Cries commands, arrivals and deeds."));
    assert!(manifest.permits(Permission::Moderate) && !manifest.permits(Permission::Clock), "{manifest:?}");

    let mut plugin = stage().start();
    let failure = plugin.run_command(&samples::caller("Anna"), "stumble", &[]).unwrap_err().to_string();
    assert!(failure.contains("stumbled over stumble"), "{failure}");
    let log = plugin.realm().log();
    assert!(
        log.iter().any(|line| line.starts_with("error panicked at") && line.contains("stumbled over stumble")),
        "{log:?}"
    );
    // Whoever has died answers no more; a realm makes a new one.
    assert!(plugin.run_command(&samples::caller("Anna"), "count", &[]).unwrap_err().to_string().contains("is dead"));
}

/// What a test does not expect fails the call in which it happens, and says so.
#[test]
fn an_unexpected_call_of_the_realm_fails_the_test() {
    let failure = Stage::of_file(component("hello")).try_start().unwrap_err();
    assert!(matches!(&failure, Failure::Unexpected(calls) if calls[0].permission == Permission::Log), "{failure}");
    let sentence = failure.to_string();
    assert!(sentence.contains("`log.write hello, realm`") && sentence.contains("`.expect(…)`"), "{sentence}");
}

/// The same seed and clock give the same play, and another seed another one: so a recording repeats.
#[test]
fn a_recording_repeats_and_shows_what_differs() {
    let play = |seed: u64| {
        let stage = Stage::of_file(component("examples/word-game"));
        let stage = stage.expect(Permission::Kv).expect(Permission::Log).expect(Permission::Random);
        stage.realm().set_seed(seed);
        stage.start()
    };
    let mut first = play(7);
    first.run_command(&samples::caller("Anna"), "word", &[]).unwrap().unwrap();
    first.filter(&samples::line("Anna", "hello")).unwrap();
    let recording = first.recording();
    assert_eq!(recording.len(), 2);
    assert!(recording.replay(&mut play(7)).is_empty());
    let seeds = 8..40;
    let other = seeds.map(|seed| recording.replay(&mut play(seed))).find(|differences| !differences.is_empty());
    assert_eq!(other.expect("thirty-two seeds do not all choose one word in one order")[0].index, 0);
}

/// A time that nobody can keep is a sentence, not a mystery.
#[test]
fn a_budget_that_is_overrun_says_by_how_much() {
    let mut plugin = Stage::of_file(component("hello")).expect(Permission::Log).start();
    let line = samples::line("Anna", "hello");
    let overrun = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        plugin.assert_within_ms(0, "a line", |plugin| plugin.filter(&line));
    }));
    let message = overrun.unwrap_err().downcast::<String>().expect("a sentence");
    assert!(message.contains("a line: uses 0.") && message.contains("its budget is 0 ms"), "{message}");
}

/// The page for authors names the test of every function, and each is here.
#[test]
fn the_page_about_tests_leads_to_each_of_them() {
    let page = include_str!("../../../docs/plugins/testing.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let functions = [
        "filter",
        "check-actions",
        "check-character",
        "check-item",
        "admit",
        "order",
        "form",
        "eligible",
        "score",
        "tie-break",
        "season-end",
        "list-commands",
        "run",
        "interests",
        "handle",
        "init",
        "save-state",
        "load-state",
    ];
    for function in functions {
        assert!(rows.iter().any(|row| row.contains(&format!("`{function}`"))), "{function} is in no row: {rows:?}");
    }
    let here = include_str!("hooks.rs");
    for row in rows {
        let test = row.split('`').rev().nth(1).expect("the last column names a test");
        assert!(here.contains(&format!("fn {test}()")), "{test}");
    }
}
