//! Every limit of a plugin's own is held to, at the number that was given.

use std::{sync::Arc, time::Instant};

use realm_plugin_host::{
    CallError, Host, Instance, Limits, LoadError, Plugin, PluginLimits, Rehearsal, bindings::chat_filter::Verdict,
};

use crate::{
    calls::{action, line},
    components::{Fixture, RETURNED, endless, pass},
};

fn defaults() -> PluginLimits {
    PluginLimits::default()
}

fn plugin(fixture: &Fixture, limits: PluginLimits) -> (Plugin, Arc<Rehearsal>) {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let services = Arc::new(Rehearsal::new(7));
    let given = limits.clone();
    let plugin = host.load_under(&fixture.build(), services.clone(), limits).unwrap();
    assert_eq!(plugin.limits(), &given, "limits can be read back");
    (plugin, services)
}

fn instance(fixture: &Fixture, limits: PluginLimits) -> Result<Instance, CallError> {
    plugin(fixture, limits).0.instantiate("{}")
}

fn filter(fixture: &Fixture, limits: PluginLimits) -> Result<Verdict, CallError> {
    instance(fixture, limits)?.filter(&line("hello"))
}

#[test]
fn memory() {
    // Two pages at the start, and one more.
    let grow = Fixture::new("grow", "1.0.0").filter(&format!("(drop (memory.grow (i32.const 1))) {}", pass()));
    let of = |bytes| PluginLimits { memory_bytes_max: Some(bytes), ..defaults() };
    assert_eq!(filter(&grow, of(3 << 16)), Ok(Verdict::Pass));
    let error = filter(&grow, of(2 << 16)).unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("131072")), ("memory", true), "{error}");
    assert_eq!(plugin(&grow, of(3 << 16)).0.memory_bytes_max(), 3 << 16);
    assert!(instance(&grow, of(1 << 16)).is_err(), "what it begins with counts");
    let mut held = instance(&grow, of(3 << 16)).unwrap();
    assert_eq!(held.memory_bytes(), 2 << 16);
    held.filter(&line("hello")).unwrap();
    assert_eq!(held.memory_bytes(), 3 << 16);
}

#[test]
fn tables_memories_and_core_instances() {
    let grow = format!("(drop (table.grow $table (ref.null func) (i32.const 9))) {}", pass());
    let grow = Fixture::new("grow", "1.0.0").globals("(table $table 1 funcref)").filter(&grow);
    let of = |elements| PluginLimits { table_elements_max: elements, ..defaults() };
    assert_eq!(filter(&grow, of(10)), Ok(Verdict::Pass));
    assert_eq!(filter(&grow, of(9)).unwrap_err().kind(), "memory");

    let three = "(table 1 funcref) (table 1 funcref) (table 1 funcref)";
    let three = Fixture::new("tables", "1.0.0").globals(three).filter(&pass());
    assert_eq!(filter(&three, PluginLimits { tables_max: 3, ..defaults() }), Ok(Verdict::Pass));
    let error = filter(&three, PluginLimits { tables_max: 2, ..defaults() }).unwrap_err();
    assert!(matches!(&error, CallError::NoInstance(text) if text.contains("table")), "{error}");

    let second = Fixture::new("memories", "1.0.0").globals("(memory 1)").filter(&pass());
    assert_eq!(filter(&second, PluginLimits { memories_max: 2, ..defaults() }), Ok(Verdict::Pass));
    let error = filter(&second, PluginLimits { memories_max: 1, ..defaults() }).unwrap_err();
    assert!(matches!(&error, CallError::NoInstance(text) if text.contains("memor")), "{error}");

    // A component that imports is put together from several.
    let several = Fixture::new("several", "1.0.0").log(true).filter(&pass());
    assert_eq!(filter(&several, defaults()), Ok(Verdict::Pass));
    assert!(filter(&several, PluginLimits { core_instances_max: 1, ..defaults() }).is_err());
}

#[test]
fn handles_and_what_is_handed_over() {
    let three =
        Fixture::new("handles", "1.0.0").stdout().filter(&format!("{} {}", "(drop (call $stdout))".repeat(3), pass()));
    assert_eq!(filter(&three, PluginLimits { handles_max: 8, ..defaults() }), Ok(Verdict::Pass));
    assert_eq!(filter(&three, PluginLimits { handles_max: 2, ..defaults() }).unwrap_err().kind(), "trap");

    let says = |bytes: usize| {
        let body = format!("(call $log (i32.const 1) (i32.const 64) (i32.const {bytes})) {}", pass());
        let limits = PluginLimits { handover_bytes_max: 2_048, ..defaults() };
        filter(&Fixture::new("says", "1.0.0").text(&"x".repeat(200)).log(true).filter(&body), limits)
    };
    assert_eq!(says(200), Ok(Verdict::Pass));
    assert_eq!(says(60_000), Err(CallError::TooMuch(2_048)));
}

#[test]
fn lines_and_bytes_of_the_log() {
    let ten = format!("{} {}", "(call $log (i32.const 1) (i32.const 64) (i32.const 100))".repeat(10), pass());
    let ten = Fixture::new("ten", "1.0.0").text(&"x".repeat(100)).log(true).filter(&ten);
    let shown = |limits| {
        let (plugin, services) = plugin(&ten, limits);
        let began = Instant::now();
        plugin.instantiate("{}").unwrap().filter(&line("hello")).unwrap();
        // With the second that had begun before, and the one in which it ended.
        let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
        let lines = services.lines().iter().filter(|line| line.line.starts_with("xxx")).count();
        (lines, seconds)
    };
    let (lines, seconds) = shown(PluginLimits { log_lines_per_second_max: 3, ..defaults() });
    assert!((3..=3 * seconds).contains(&lines), "{lines} lines in {seconds} s");
    let (lines, seconds) = shown(PluginLimits { log_bytes_per_second_max: 250, ..defaults() });
    assert!((2..=2 * seconds).contains(&lines), "{lines} lines in {seconds} s");
}

#[test]
fn names_of_figures() {
    let add = |at: u32| format!("(call $metrics_add (i32.const {at}) (i32.const 1) (i64.const 1) {RETURNED})");
    let body = format!("{} {} (i64.load8_u {RETURNED})", add(64), add(65));
    let two = Fixture::new("two", "1.0.0").text("ab").import("metrics").permit("metrics").score(&body);
    let (plugin, services) = plugin(&two, PluginLimits { metrics_max: 1, ..defaults() });
    let character = realm_plugin_host::bindings::ladder::Character {
        id: 1,
        class: "Druid".to_owned(),
        level: 3,
        experience: 5,
        hardcore: false,
        dead: false,
        play_time_ms: 0,
    };
    assert_eq!(plugin.instantiate("{}").unwrap().score(&character), Ok(1), "the second name was one too many");
    assert_eq!((services.figure("two", "a"), services.figure("two", "b")), (Some(1), None));
}

#[test]
fn deadlines_are_those_that_were_given() {
    let limits = PluginLimits { tick_deadline_ms: 2, call_deadline_ms: 3, init_deadline_ms: 4, ..defaults() };
    let says = |error: CallError, ms: u64| match error {
        CallError::Deadline(deadline) => assert_eq!(u128::from(ms), deadline.as_millis()),
        // A machine with other things to do.
        CallError::WallClock(_) => {}
        other => panic!("{other}"),
    };
    let loops = Fixture::new("loop", "1.0.0").filter(&endless()).check_actions(&endless());
    let start = || instance(&loops, limits.clone()).unwrap();
    says(start().check_actions(&[action()].into()).unwrap_err(), 2);
    says(start().filter(&line("hello")).unwrap_err(), 3);
    let stuck = Fixture::new("stuck", "1.0.0").init(&endless()).filter(&pass());
    says(instance(&stuck, limits.clone()).unwrap_err(), 4);
}

#[test]
fn limits_that_cannot_be_held_to_are_refused() {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let bytes = Fixture::new("plain", "1.0.0").filter(&pass()).build();
    let limits = PluginLimits { tick_deadline_ms: 40, ..defaults() };
    let error = host.load_under(&bytes, Arc::new(Rehearsal::new(7)), limits).unwrap_err();
    assert_eq!(error.step(), "limits");
    assert!(matches!(&error, LoadError::Limits(text) if text.contains("`tick_deadline_ms` is 40")), "{error}");
}

#[test]
fn a_giant_function_and_a_late_compiler_are_refused() {
    let bytes =
        Fixture::new("giant", "1.0.0").filter(&format!("{} {}", "(drop (i32.const 7))".repeat(500), pass())).build();
    let mut limits = Limits { instances_max: 8, ..Limits::default() };
    limits.fast.function_bytes_max = 1_000;
    let load = |limits: Limits| Host::new(limits, None).unwrap().load(&bytes, Arc::new(Rehearsal::new(7)));
    let error = load(limits.clone()).unwrap_err();
    assert!(matches!(error, LoadError::FunctionTooLarge { bytes_max: 1_000, .. }), "{error}");
    limits.fast.function_bytes_max = 10_000;
    assert!(load(limits.clone()).is_ok());
    limits.fast.compile_deadline = std::time::Duration::ZERO;
    let error = load(limits).unwrap_err();
    assert_eq!((error.step(), matches!(error, LoadError::CompileTooLong { .. })), ("compile", true), "{error}");
}
