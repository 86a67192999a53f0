//! The functions of the contract beside those that judge: state, items, matches, seasons, commands, events.

use std::sync::Arc;

use realm_plugin_host::{
    CallError, FormedMatch, Hook, Host, Instance, Limits, NoLog, Plugin, SeasonAward,
    bindings::{anti_cheat, commands, effects, events, ladder, matchmaking},
};

use crate::components::{ANSWER, Fixture, experience_plus, one_finding, trap, with_text};

fn plugin(fixture: &Fixture) -> Plugin {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    host.load(&fixture.build(), Arc::new(NoLog)).unwrap()
}

fn instance(fixture: &Fixture) -> Instance {
    plugin(fixture).instantiate("{}").unwrap()
}

/// Body that answers `length` bytes from address 64.
fn bytes(length: usize) -> String {
    format!("(i32.store {ANSWER} (i32.const 64)) (i32.store offset=4 {ANSWER} (i32.const {length})) {ANSWER}")
}

/// Body of `run` or `handle` that answers one effect with a text: `case` of `effect`, its first field at `text_at`. The
/// list's place in the answer is `list_at`.
fn one_effect(list_at: u32, case: u8, account: bool, length: usize) -> String {
    let text_at = if account { 16 } else { 8 };
    format!(
        "(i32.store8 {ANSWER} (i32.const 0)) (i32.store offset={list_at} {ANSWER} (i32.const 1024)) \
         (i32.store offset={} {ANSWER} (i32.const 1)) \
         (i32.store8 (i32.const 1024) (i32.const {case})) (i32.store offset=8 (i32.const 1024) (i32.const 64)) \
         (i32.store offset=12 (i32.const 1024) (i32.const {length})) \
         (i32.store offset={text_at} (i32.const 1024) (i32.const 64)) \
         (i32.store offset={} (i32.const 1024) (i32.const {length})) {ANSWER}",
        list_at + 4,
        text_at + 4,
    )
}

fn character(id: u64) -> ladder::Character {
    let class = "Druid".to_owned();
    ladder::Character { id, class, level: 3, experience: 100, hardcore: false, dead: false, play_time_ms: 0 }
}

#[test]
fn a_state_goes_from_one_version_to_the_next() {
    let words = "seven words";
    let old = Fixture::new("keeper", "1.0.0").text(words).filter(&crate::components::pass()).function(
        "lifecycle",
        "save-state",
        &bytes(words.len()),
    );
    let mut old = instance(&old);
    let state = old.save_state().unwrap();
    assert_eq!(state, words.as_bytes());
    // The new version takes a state of eleven bytes over and calls every other damaged.
    let body = format!(
        "(if (i32.eq (local.get $length) (i32.const 11)) (then (i32.store8 {ANSWER} (i32.const 0))) \
         (else (i32.store8 {ANSWER} (i32.const 1)) (i32.store8 offset=4 {ANSWER} (i32.const 1)))) {ANSWER}"
    );
    let new = Fixture::new("keeper", "1.1.0")
        .filter(&crate::components::pass())
        .function("lifecycle", "load-state", &body)
        .function("lifecycle", "shutdown", "");
    let mut new = instance(&new);
    assert_eq!(new.load_state("1.0.0", &state), Ok(()));
    let error = new.load_state("1.0.0", b"cut").unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("damaged")), ("state", true), "{error}");
    assert!(!new.is_dead(), "a state that is refused kills nobody");
    // The old one goes on until it is told to end.
    assert!(old.filter(&crate::calls::line("hello")).is_ok());
    assert_eq!(old.shutdown(), Ok(()));
    assert_eq!(old.save_state(), Err(CallError::Dead));
    assert_eq!(new.shutdown(), Ok(()));
}

#[test]
fn a_state_is_at_most_64_kib() {
    let fits = |length| {
        let save = Fixture::new("large", "1.0.0").filter(&crate::components::pass());
        instance(&save.function("lifecycle", "save-state", &bytes(length))).save_state().map(|state| state.len())
    };
    assert_eq!(fits(65_536), Ok(65_536));
    assert!(matches!(fits(65_537), Err(CallError::TooMuch(65_536))));
}

#[test]
fn a_plugin_without_a_lifecycle_has_no_state() {
    let plugin = plugin(&Fixture::new("plain", "1.0.0").filter(&crate::components::pass()));
    assert!(!plugin.has_lifecycle());
    let mut instance = plugin.instantiate("{}").unwrap();
    assert_eq!(instance.save_state(), Ok(Vec::new()));
    assert_eq!(instance.load_state("0.9.0", b""), Ok(()));
    assert_eq!(instance.load_state("0.9.0", b"x").unwrap_err().kind(), "state");
    assert_eq!(instance.shutdown(), Ok(()));
}

#[test]
fn a_trap_at_the_end_is_told_and_hurts_nobody() {
    let ending =
        Fixture::new("end", "1.0.0").filter(&crate::components::pass()).function("lifecycle", "shutdown", &trap());
    assert_eq!(instance(&ending).shutdown().unwrap_err().kind(), "trap");
}

#[test]
fn an_item_is_judged_by_its_occasion() {
    // Finds something at a trade only.
    let body = format!(
        "(if (result i32) (local.get $occasion) (then {}) (else {}))",
        one_finding(0, 9),
        crate::components::empty_list()
    );
    let mut instance = instance(&Fixture::new("items", "1.0.0").function("anti-cheat", "check-item", &body));
    let affix = anti_cheat::Affix { name: "life".to_owned(), value: 99, value_min: 1, value_max: 10 };
    let ring = anti_cheat::Item {
        id: 5,
        base_type: "ring".to_owned(),
        quality: anti_cheat::Quality::Magic,
        affixes: vec![affix],
    };
    assert_eq!(instance.check_item(&ring, anti_cheat::ItemOccasion::Creation), Ok(Vec::new()));
    let found = instance.check_item(&ring, anti_cheat::ItemOccasion::Trade).unwrap();
    assert_eq!(found[0].violation, anti_cheat::Violation::AffixRange);
}

#[test]
fn a_match_is_formed_from_tickets() {
    // One match of the first ticket.
    let body = "(i32.store (i32.const 2048) (i32.const 0))
                (i32.store (i32.const 1024) (i32.const 2048)) (i32.store (i32.const 1028) (i32.const 1))
                (i32.store8 (i32.const 1032) (i32.const 2))
                (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 1)) (i32.const 16)";
    let mut instance = instance(&Fixture::new("match", "1.0.0").function("matchmaking", "form", body));
    let player = matchmaking::Player { account: 1, character: 2, class: "Druid".to_owned(), level: 9, hardcore: false };
    let ticket = matchmaking::Ticket { id: 41, player, difficulty: matchmaking::Difficulty::Hell, waited_ms: 900 };
    let formed = FormedMatch { tickets: vec![41], difficulty: matchmaking::Difficulty::Hell };
    assert_eq!(instance.form(&[ticket], 5), Ok(vec![formed]));
    // Without tickets the plugin makes one up.
    assert_eq!(instance.form(&[], 5).unwrap_err().kind(), "nonsense");
}

#[test]
fn a_ladder_says_who_takes_part_and_who_is_first() {
    let text = "Too young.";
    let fixture = Fixture::new("ladder", "1.0.0")
        .text(text)
        .score(&experience_plus(5))
        .function("ladder", "tie-break", "(i64.extend_i32_u (local.get $level))")
        .function("ladder", "eligible", &with_text(1, text.len()));
    let mut instance = instance(&fixture);
    assert_eq!(instance.eligible(&character(1)), Ok(ladder::Eligibility::NotEligible(text.to_owned())));
    assert_eq!((instance.score(&character(1)), instance.tie_break(&character(1))), (Ok(105), Ok(3)));
    let season = ladder::Season { number: 1, name: "Spring".to_owned(), began_ms: 1, ended_ms: 2 };
    let standing = ladder::Standing { rank: 1, character: character(8), score: 7 };
    assert_eq!(instance.season_end(&season, &[standing]), Ok(Vec::new()));
}

#[test]
fn a_season_ends_with_awards() {
    let text = "Champion";
    // The best one is at place 0.
    let body = format!(
        "(i32.store (i32.const 1024) (i32.const 0))
         (i32.store (i32.const 1028) (i32.const 64)) (i32.store (i32.const 1032) (i32.const {}))
         (i32.store {ANSWER} (i32.const 1024)) (i32.store offset=4 {ANSWER} (i32.const 1)) {ANSWER}",
        text.len()
    );
    let mut instance = instance(&Fixture::new("season", "1.0.0").text(text).function("ladder", "season-end", &body));
    let season = ladder::Season { number: 1, name: "Spring".to_owned(), began_ms: 1, ended_ms: 2 };
    let standing = ladder::Standing { rank: 1, character: character(8), score: 7 };
    let award = SeasonAward { character: 8, title: text.to_owned() };
    assert_eq!(instance.season_end(&season, &[standing]), Ok(vec![award]));
}

#[test]
fn a_command_answers_with_effects_or_says_why_not() {
    let caller = commands::Caller {
        account: 7,
        account_name: "Ann".to_owned(),
        role: commands::Role::Player,
        character: Some(9),
        now_ms: 1,
    };
    let text = "rolls a 4";
    let whisper =
        Fixture::new("dice", "1.0.0").text(text).function("commands", "run", &one_effect(4, 1, true, text.len()));
    let answer = instance(&whisper).run_command(&caller, "roll", &["6".to_owned()]);
    let effect = effects::Effect::Whisper(effects::Whisper { account: text.to_owned(), text: text.to_owned() });
    assert_eq!(answer, Ok(Ok(vec![effect])));
    // `usage`, the first case of the error.
    let body = format!(
        "(i32.store8 {ANSWER} (i32.const 1)) (i32.store8 offset=4 {ANSWER} (i32.const 0)) \
         (i32.store offset=8 {ANSWER} (i32.const 64)) (i32.store offset=12 {ANSWER} (i32.const {})) {ANSWER}",
        text.len()
    );
    let usage = Fixture::new("dice", "1.0.0").text(text).function("commands", "run", &body);
    let mut usage = instance(&usage);
    let answer = usage.run_command(&caller, "roll", &[]);
    assert_eq!(answer, Ok(Err(commands::CommandError::Usage(text.to_owned()))));
    assert_eq!(usage.list_commands(), Ok(Vec::new()));
    assert!(matches!(usage.interests(), Err(CallError::NotExported(Hook::Events))));
}

#[test]
fn what_moderates_needs_the_permission() {
    let text = "spam";
    let flag = one_effect(0, 5, true, text.len());
    let fixture = || Fixture::new("watch", "1.0.0").text(text).function("events", "handle", &flag);
    let event = events::Event {
        at_ms: 1,
        who: events::Person {
            account: 7,
            account_name: "Ann".to_owned(),
            character: 0,
            character_name: String::new(),
            level: 0,
        },
        what: events::Occurrence::LogIn,
    };
    let error = instance(&fixture()).handle(std::slice::from_ref(&event)).unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("`moderate`")), ("nonsense", true), "{error}");
    let effect = effects::Effect::Flag(effects::Flag { account: text.to_owned(), reason: text.to_owned() });
    assert_eq!(instance(&fixture().permit("moderate")).handle(&[event]), Ok(vec![effect]));
}

#[test]
fn a_plugin_hears_of_what_it_asked_for() {
    // `join` is the third kind and `level-up` the eighth.
    let mask = "(i32.const 0x84)";
    let mut instance = instance(&Fixture::new("ears", "1.0.0").function("events", "interests", mask));
    assert_eq!(instance.interests(), Ok(events::Kinds::JOIN | events::Kinds::LEVEL_UP));
    assert_eq!(instance.handle(&[]), Ok(Vec::new()));
}
