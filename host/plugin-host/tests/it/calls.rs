//! Calls under limits: answers, traps, deadlines, memory, floods.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use realm_plugin_host::{
    CallError, Host, Instance, Level, Limits, LogSink, NoLog, PluginLimits, Services,
    bindings::{anti_cheat, chat_filter, ladder, matchmaking},
};

use crate::components::{Fixture, endless, experience_plus, init_refuses, one_finding, pass, trap, with_text};

#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl Services for Kept {}

impl LogSink for Kept {
    fn write(&self, plugin: &str, level: Level, line: &str) {
        self.0.lock().unwrap().push(format!("{plugin} {level:?} {line}"));
    }
}

fn host() -> Host {
    Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap()
}

fn instance(fixture: &Fixture) -> Instance {
    host().load(&fixture.build(), Arc::new(NoLog)).unwrap().instantiate("{}").unwrap()
}

pub(crate) fn line(text: &str) -> chat_filter::Line {
    chat_filter::Line {
        account: 7,
        account_name: "Ann".to_owned(),
        destination: chat_filter::Destination::Channel,
        target: "Town".to_owned(),
        text: text.to_owned(),
        now_ms: 1,
    }
}

pub(crate) fn action() -> anti_cheat::Action {
    anti_cheat::Action {
        tick: 1,
        character: 1,
        kind: anti_cheat::ActionKind::Move,
        x: 0,
        y: 0,
        dx: 1,
        dy: 0,
        step_max: 4,
        vision: 20,
        life: 10,
        mana_left: 0,
        cooldown: 0,
    }
}

fn player(level: u32) -> matchmaking::Player {
    matchmaking::Player { account: 1, character: 2, class: "Druid".to_owned(), level, hardcore: false }
}

fn game(id: u64) -> matchmaking::Game {
    matchmaking::Game {
        id,
        difficulty: matchmaking::Difficulty::Hell,
        players: 1,
        players_max: 8,
        creator_level: 30,
        hardcore: false,
        password_required: false,
        created_ms: id,
    }
}

#[test]
fn every_hook_answers() {
    let text = "no";
    let fixture = Fixture::new("all", "1.0.0")
        .text(text)
        .filter(&with_text(2, text.len()))
        .check_actions(&one_finding(1, 3))
        .admit(&with_text(1, text.len()))
        .score(&experience_plus(5));
    let mut instance = instance(&fixture);
    assert_eq!(instance.filter(&line("hello")), Ok(chat_filter::Verdict::Block("no".to_owned())));
    let finding = anti_cheat::Finding { index: 1, violation: anti_cheat::Violation::Teleport, refuse: true };
    assert_eq!(instance.check_actions(&[action(), action()].into()), Ok(vec![finding]));
    assert_eq!(instance.admit(&player(3), &game(1)), Ok(matchmaking::Admission::Refuse("no".to_owned())));
    assert_eq!(instance.order(&player(3), &[game(5), game(9), game(2)]), Ok(vec![5, 9, 2]));
    let character = ladder::Character {
        id: 1,
        class: "Druid".to_owned(),
        level: 3,
        experience: 100,
        hardcore: false,
        dead: false,
        play_time_ms: 0,
    };
    assert_eq!(instance.score(&character), Ok(105));
    let sheet = anti_cheat::Sheet {
        character: 1,
        level: 1,
        experience: 0,
        strength: 20,
        dexterity: 20,
        vitality: 20,
        energy: 20,
        skill_levels: 0,
        items: Vec::new(),
    };
    assert_eq!(instance.check_character(&sheet), Ok(Vec::new()));
}

#[test]
fn ten_thousand_calls_leak_nothing() {
    let mut instance = instance(&Fixture::new("pass", "1.0.0").filter(&pass()));
    for _ in 0..10_000 {
        assert_eq!(instance.filter(&line("hello")), Ok(chat_filter::Verdict::Pass));
    }
}

#[test]
fn a_hook_that_is_not_exported_says_so() {
    let mut instance = instance(&Fixture::new("pass", "1.0.0").filter(&pass()));
    assert!(matches!(instance.check_actions(&[].into()), Err(CallError::NotExported(_))));
    assert!(!instance.is_dead());
}

#[test]
fn an_endless_loop_is_stopped_at_its_deadline() {
    let fixture = Fixture::new("loop", "1.0.0").filter(&endless()).check_actions(&endless());
    let plugin = host().load(&fixture.build(), Arc::new(NoLog)).unwrap();
    let mut instance = plugin.instantiate("{}").unwrap();
    // On a machine that has other things to do it may be the wall clock that ends it.
    assert_eq!(instance.check_actions(&[action()].into()).unwrap_err().kind(), "deadline");
    assert!(instance.used() > Duration::ZERO);
    assert!(instance.used() < Duration::from_millis(200), "{:?}", instance.used());
    assert_eq!(instance.check_actions(&[].into()), Err(CallError::Dead));

    let mut instance = plugin.instantiate("{}").unwrap();
    let started = Instant::now();
    let error = instance.filter(&line("hello")).unwrap_err();
    assert_eq!(error.kind(), "deadline");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_trap_kills_the_instance_and_a_new_one_lives() {
    let body = format!("(if (i32.eq (local.get $length) (i32.const 4)) (then (unreachable))) {}", pass());
    let plugin = host().load(&Fixture::new("trap", "1.0.0").filter(&body).build(), Arc::new(NoLog)).unwrap();
    let mut instance = plugin.instantiate("{}").unwrap();
    assert!(instance.filter(&line("fine")).is_err_and(|error| error.kind() == "trap"));
    assert!(instance.is_dead());
    assert_eq!(instance.filter(&line("hello")), Err(CallError::Dead));
    let mut instance = plugin.instantiate("{}").unwrap();
    assert_eq!(instance.filter(&line("hello")), Ok(chat_filter::Verdict::Pass));
}

#[test]
fn the_last_words_of_a_plugin_are_in_the_report() {
    let text = "panicked: index 9 of 3";
    let body = format!("(call $log (i32.const 3) (i32.const 64) (i32.const {})) (unreachable)", text.len());
    let fixture = Fixture::new("words", "1.0.0").text(text).log(true).filter(&body);
    let kept = Arc::new(Kept::default());
    let plugin = host().load(&fixture.build(), Arc::clone(&kept) as Arc<dyn Services>).unwrap();
    let error = plugin.instantiate("{}").unwrap().filter(&line("hello")).unwrap_err();
    assert!(error.to_string().contains(text), "{error}");
    assert_eq!(*kept.0.lock().unwrap(), [format!("words Level::Error {text}")]);
}

#[test]
fn without_the_permission_nothing_is_logged() {
    let body = format!("(call $log (i32.const 1) (i32.const 64) (i32.const 6)) {}", pass());
    let fixture = Fixture::new("sly", "1.0.0").text("secret").log(false).filter(&body);
    let kept = Arc::new(Kept::default());
    let plugin = host().load(&fixture.build(), Arc::clone(&kept) as Arc<dyn Services>).unwrap();
    assert!(plugin.instantiate("{}").unwrap().filter(&line("hello")).is_ok());
    let kept = kept.0.lock().unwrap();
    assert!(kept.len() == 1 && kept[0].contains("without the permission"), "{kept:?}");
}

#[test]
fn a_flood_of_lines_is_held_back() {
    let body = format!(
        "(local $left i32) (local.set $left (i32.const 2000))
         (loop $again
           (call $log (i32.const 1) (i32.const 64) (i32.const 6))
           (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         {}",
        pass()
    );
    let fixture = Fixture::new("noisy", "1.0.0").text("flood!").log(true).filter(&body);
    let kept = Arc::new(Kept::default());
    let plugin = host().load(&fixture.build(), Arc::clone(&kept) as Arc<dyn Services>).unwrap();
    assert_eq!(plugin.instantiate("{}").unwrap().filter(&line("hello")), Ok(chat_filter::Verdict::Pass));
    drop(plugin);
    let kept = kept.0.lock().unwrap();
    let (counts, lines): (Vec<&String>, Vec<&String>) = kept.iter().partition(|line| line.contains("suppressed"));
    assert!(lines.iter().all(|line| *line == "noisy Level::Info flood!"), "{kept:?}");
    // Twenty in a second; a call that a second's end falls into may show twenty more.
    assert!(lines.len() == 20 || lines.len() == 40, "{kept:?}");
    let number = |line: &String| line.split(' ').find_map(|word| word.parse::<usize>().ok()).unwrap_or_default();
    let suppressed: usize = counts.into_iter().map(number).sum();
    assert_eq!(lines.len() + suppressed, 2_000, "{kept:?}");
}

#[test]
fn memory_is_limited() {
    let growing = format!("(loop $more (drop (memory.grow (i32.const 16))) (br $more)) {}", pass());
    let mut instance = instance(&Fixture::new("bomb", "1.0.0").filter(&growing));
    let error = instance.filter(&line("hello")).unwrap_err();
    assert!(matches!(&error, CallError::Memory(text) if text.contains("16777216")), "{error}");
    assert!(instance.is_dead());
}

#[test]
fn a_deep_recursion_and_a_huge_line_are_traps() {
    let huge = format!("(call $log (i32.const 1) (i32.const 0) (i32.const 100000)) {}", pass());
    let mut flooding = instance(&Fixture::new("huge", "1.0.0").log(true).filter(&huge));
    assert!(matches!(flooding.filter(&line("hello")), Err(CallError::TooMuch(65_536))));
    let outside = "(call $log (i32.const 1) (i32.const 0) (i32.const 2000000000)) (unreachable)";
    let mut outside = instance(&Fixture::new("outside", "1.0.0").log(true).filter(outside));
    assert!(outside.filter(&line("hello")).is_err());
    // Function 1 is the filter itself, after the import-less module's allocator.
    let deep = Fixture::new("deep", "1.0.0").filter(
        "(call 1 (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) \
         (local.get 6) (local.get 7) (local.get 8))",
    );
    let error = instance(&deep).filter(&line("hello")).unwrap_err();
    assert!(error.to_string().contains("stack"), "{error}");
}

#[test]
fn answers_that_make_no_sense_do_not_kill() {
    let text = "x".repeat(300);
    let fixture = Fixture::new("long", "1.0.0")
        .text(&text)
        .filter(&with_text(1, text.len()))
        .check_actions(&one_finding(5, 0))
        .score("(i64.const -1)");
    let mut instance = instance(&fixture);
    assert!(instance.filter(&line("hello")).is_err_and(|error| error.kind() == "nonsense"));
    assert!(instance.check_actions(&[action()].into()).is_err_and(|error| error.to_string().contains("index 5")));
    assert!(!instance.is_dead());
}

#[test]
fn answers_outside_the_memory_are_traps() {
    let outside = "(i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 100)) \
                   (i32.store (i32.const 24) (i32.const 2000000000)) (i32.const 16)";
    let mut outside = instance(&Fixture::new("outside", "1.0.0").filter(outside));
    assert!(outside.filter(&line("hello")).is_err());
    let case = "(i32.store8 (i32.const 16) (i32.const 77)) (i32.const 16)";
    let mut case = instance(&Fixture::new("case", "1.0.0").filter(case));
    assert!(case.filter(&line("hello")).is_err());
}

#[test]
fn init_is_asked_and_its_no_is_heard() {
    let text = "key `words` is missing";
    let refusing = Fixture::new("no", "1.0.0").text(text).init(&init_refuses(text.len())).filter(&pass());
    let error = host().load(&refusing.build(), Arc::new(NoLog)).unwrap().instantiate("{}").unwrap_err();
    assert!(matches!(&error, CallError::InitRefused(why) if why.contains(text)), "{error}");
    let trapping = Fixture::new("trap", "1.0.0").init(&trap()).filter(&pass());
    let error = host().load(&trapping.build(), Arc::new(NoLog)).unwrap().instantiate("{}").unwrap_err();
    assert_eq!(error.kind(), "trap");
    // The configuration arrives: init goes on for ever unless it is two bytes long.
    let body = format!("(if (i32.ne (local.get $length) (i32.const 2)) (then (loop $again (br $again)))) {}", pass());
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let bytes = Fixture::new("slow", "1.0.0").init(&body).filter(&pass()).build();
    let limits = PluginLimits { init_deadline_ms: 10, ..PluginLimits::default() };
    let plugin = host.load_under(&bytes, Arc::new(NoLog), limits).unwrap();
    assert!(plugin.instantiate("{}").is_ok());
    assert_eq!(plugin.instantiate(r#"{"a":1}"#).unwrap_err().kind(), "deadline");
}

#[test]
fn when_there_is_no_room_an_instance_is_refused_and_old_ones_live_on() {
    let host = Host::new(Limits { instances_max: 2, ..Limits::default() }, None).unwrap();
    let plugin = host.load(&Fixture::new("pass", "1.0.0").filter(&pass()).build(), Arc::new(NoLog)).unwrap();
    let mut instances: Vec<Instance> = (0..2).map(|_| plugin.instantiate("{}").unwrap()).collect();
    let error = plugin.instantiate("{}").unwrap_err();
    assert_eq!(error.kind(), "init", "{error}");
    assert!(instances[0].filter(&line("hello")).is_ok());
    instances.clear();
    assert!(plugin.instantiate("{}").is_ok());
}

#[test]
fn compiled_code_is_kept_in_a_private_folder() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("plugin-cache");
    let bytes = Fixture::new("pass", "1.0.0").filter(&pass()).build();
    for _ in 0..2 {
        let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, Some(&cache)).unwrap();
        assert!(host.load(&bytes, Arc::new(NoLog)).unwrap().instantiate("{}").is_ok());
    }
    assert!(std::fs::read_dir(&cache).unwrap().next().is_some());
}
