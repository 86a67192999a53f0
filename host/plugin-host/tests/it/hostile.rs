//! Eight plugins that mean harm, at once: each is stopped, named and replaced, and costs no more than it may.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use realm_plugin_host::{
    CallError, Host, Instance, Level, Limits, LogSink, Plugin, Services,
    bindings::{anti_cheat, kv::KvError},
};

use crate::{
    calls::{action, line},
    components::{Fixture, RETURNED},
    hostile_guests::{self, Hostile},
};

/// How often each does its worst, half of it in chat and half in the tick.
const ROUNDS: usize = 20;
/// What the process may grow by for each.
const GROWTH_BYTES_MAX: usize = 32 << 20;
/// What their log may hold of each second.
const LOG_BYTES_PER_SECOND_MAX: usize = 30_000;
/// What stands before each line in the realm's log, about.
const HEAD_BYTES: usize = 100;

/// Counts what is logged, and keeps values as a realm would.
#[derive(Default)]
struct Witness {
    log_bytes: AtomicUsize,
}

impl LogSink for Witness {
    fn write(&self, plugin: &str, _level: Level, line: &str) {
        self.log_bytes.fetch_add(plugin.len() + line.len() + HEAD_BYTES, Ordering::Relaxed);
    }
}

impl Services for Witness {
    fn kv_get(&self, _plugin: &str, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        panic!("a key of {} bytes was let through", key.len())
    }

    fn kv_set(&self, _plugin: &str, key: &str, value: Vec<u8>, _bytes_max: u64) -> Result<(), KvError> {
        panic!("a key of {} bytes and a value of {} were let through", key.len(), value.len())
    }
}

fn resident_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4_096
}

fn sheet() -> anti_cheat::Sheet {
    anti_cheat::Sheet {
        character: 1,
        level: 1,
        experience: 0,
        strength: 20,
        dexterity: 20,
        vitality: 20,
        energy: 20,
        skill_levels: 0,
        items: Vec::new(),
    }
}

/// One round: a new instance judges a character as it should, and then does its worst.
fn round(plugin: &Plugin, hostile: &Hostile, in_chat: bool) -> usize {
    let mut instance = plugin.instantiate("{}").expect("a replacement starts");
    assert_eq!(instance.check_character(&sheet()), Ok(Vec::new()), "{} is replaced", hostile.name);
    let outcome = if in_chat {
        instance.filter(&line("hello")).map(|_| ())
    } else {
        instance.check_actions(&[action()].into()).map(|_| ())
    };
    let kind = outcome.as_ref().map_or_else(CallError::kind, |()| "");
    assert!(hostile.ends.contains(&kind), "{}: {outcome:?}", hostile.name);
    if let Err(error) = &outcome {
        assert!(instance.is_dead(), "{}", hostile.name);
        let text = error.to_string();
        assert!(kind == "deadline" || text.contains(hostile.says), "{}: {text}", hostile.name);
    } else {
        end(&mut instance, hostile);
    }
    instance.memory_bytes()
}

/// The end of an instance that lives: whoever traps in it is dead and nothing more.
fn end(instance: &mut Instance, hostile: &Hostile) {
    let traps = hostile.name == "lifecycle-traps";
    assert_eq!(instance.shutdown().is_err_and(|error| error.kind() == "trap"), traps, "{}", hostile.name);
    assert!(instance.is_dead());
}

#[test]
fn eight_at_once_are_stopped_named_and_replaced() {
    let host = Host::new(Limits { instances_max: 32, ..Limits::default() }, None).unwrap();
    let witness = Arc::new(Witness::default());
    let hostile = hostile_guests::all();
    assert_eq!(hostile.len(), 8);
    let services = || Arc::clone(&witness) as Arc<dyn Services>;
    let plugins: Vec<Plugin> = hostile.iter().map(|guest| host.load(&guest.bytes, services()).unwrap()).collect();
    let (before, began) = (resident_bytes(), Instant::now());
    thread::scope(|scope| {
        for (plugin, hostile) in plugins.iter().zip(&hostile) {
            scope.spawn(move || {
                for number in 0..ROUNDS {
                    let held = round(plugin, hostile, number % 2 == 0);
                    assert!(held <= plugin.memory_bytes_max(), "{} holds {held} bytes", hostile.name);
                    let grown = resident_bytes().saturating_sub(before);
                    assert!(grown <= GROWTH_BYTES_MAX * 8, "the process has grown by {grown} bytes");
                }
            });
        }
    });
    drop(plugins);
    // With the second that had begun before, and the one in which it ended.
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
    let logged = witness.log_bytes.load(Ordering::Relaxed);
    assert!(logged > 0 && logged <= LOG_BYTES_PER_SECOND_MAX * seconds, "{logged} bytes of log in {seconds} s");
}

#[test]
fn a_state_that_traps_on_its_way_is_told_apart_from_a_start_that_traps() {
    let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
    let traps = hostile_guests::all().pop().unwrap();
    let plugin = host.load(&traps.bytes, Arc::new(Witness::default())).unwrap();
    assert_eq!(plugin.instantiate("{}").unwrap().save_state().unwrap_err().kind(), "trap");
    assert_eq!(plugin.instantiate("{}").unwrap().load_state("1.0.0", b"").unwrap_err().kind(), "trap");
    let never = host.load(&hostile_guests::trap_at_start(), Arc::new(Witness::default())).unwrap();
    assert_eq!(never.instantiate("{}").unwrap_err().kind(), "trap");
}

#[test]
fn no_import_takes_more_than_one_call_may_hand_over() {
    let giant = "(i32.const 64) (i32.const 100000)";
    for (interface, call) in [
        ("log", format!("(call $log (i32.const 1) {giant})")),
        ("metrics", format!("(call $metrics_add {giant} (i64.const 1) {RETURNED})")),
        ("metrics", format!("(call $metrics_set {giant} (i64.const 1) {RETURNED})")),
        ("kv", format!("(call $kv_get {giant} {RETURNED})")),
        ("kv", format!("(call $kv_set {giant} (i32.const 64) (i32.const 1) {RETURNED})")),
        ("kv", format!("(call $kv_set (i32.const 64) (i32.const 1) {giant} {RETURNED})")),
        ("kv", format!("(call $kv_delete {giant} {RETURNED})")),
        ("kv", format!("(call $kv_list_keys {giant} (i32.const 64) (i32.const 0) {RETURNED})")),
        ("kv", format!("(call $kv_list_keys (i32.const 64) (i32.const 0) {giant} {RETURNED})")),
    ] {
        let body = format!("{call} (unreachable)");
        let fixture = Fixture::new("giant", "1.0.0").import(interface).permit(interface).filter(&body);
        let host = Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap();
        let plugin = host.load(&fixture.build(), Arc::new(Witness::default())).unwrap();
        let error = plugin.instantiate("{}").unwrap().filter(&line("hello")).unwrap_err();
        assert_eq!(error, CallError::TooMuch(65_536), "{call}");
    }
}
