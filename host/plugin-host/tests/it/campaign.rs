//! Ten thousand components that nobody wrote (a million with `REALM_TEST_LONG=1`): whatever they hold, the host refuses
//! them, or runs them under their limits, and never panics.
//!
//! A part of them is sound by construction: modules with random bodies behind the functions of a chat filter, which load and
//! run. The rest are mutations of the default plugins, where they have been built, and of small components.

use std::{
    env, fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use arbitrary::Unstructured;
use realm_plugin_host::{CallError, Host, Instance, Limits, NoLog, Plugin, PluginLimits, Rehearsal, Services};
use wasm_smith::{Config, Module};

use crate::{
    calls::{action, line},
    components::{Fixture, experience_plus, one_finding, pass, with_text},
    hostile_guests,
};

/// Components with random bodies.
const SMITHED: u64 = 2_000;
/// Mutations of small components.
const MUTATED: u64 = 7_500;
/// Mutations of the default plugins.
const MUTATED_REAL: u64 = 500;
/// Threads that share the work: the machine's tests run beside each other, too.
const THREADS: u64 = 2;
/// Bytes of chance that a random module is made from.
const CHANCE_BYTES: usize = 2_048;

fn times() -> u64 {
    if env::var_os("REALM_TEST_LONG").is_some() { 100 } else { 1 }
}

/// What became of them.
#[derive(Default)]
struct Tally {
    refused: AtomicU64,
    started: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Tally {
    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn of(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// Loads, starts and calls; any end is a good one but a panic.
fn live(host: &Host, bytes: &[u8], tally: &Tally) {
    // Short deadlines: a random loop is endless more often than not.
    let limits = PluginLimits { call_deadline_ms: 1, init_deadline_ms: 2, ..PluginLimits::default() };
    let plugin = match host.load_under(bytes, Arc::new(NoLog), limits) {
        Ok(plugin) => plugin,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.step().is_empty());
            return Tally::add(&tally.refused);
        }
    };
    let Some(mut instance) = start(&plugin, tally) else { return };
    let outcomes = [
        instance.filter(&line("hello")).map(|_| ()),
        instance.check_actions(&[action()].into()).map(|_| ()),
        instance.save_state().map(|_| ()),
        instance.shutdown(),
    ];
    for outcome in outcomes {
        match outcome {
            Ok(()) => Tally::add(&tally.answered),
            Err(CallError::Dead | CallError::NotExported(_)) => {}
            Err(error) => {
                assert!(!error.kind().is_empty() && !error.to_string().is_empty());
                Tally::add(&tally.failed);
            }
        }
    }
}

fn start(plugin: &Plugin, tally: &Tally) -> Option<Instance> {
    match plugin.instantiate("{}") {
        Ok(instance) => {
            Tally::add(&tally.started);
            Some(instance)
        }
        Err(_) => {
            Tally::add(&tally.failed);
            None
        }
    }
}

/// A chat filter whose functions hold whatever chance makes of them. `None` when chance made nothing that a component can be
/// made of.
fn smithed(dice: &Rehearsal, outline: &Fixture) -> Option<Vec<u8>> {
    let mut chance = [0; CHANCE_BYTES];
    dice.random("campaign", &mut chance);
    let config = Config {
        exports: Some(outline.core_module()),
        max_imports: 0,
        max_memories: 1,
        memory64_enabled: false,
        threads_enabled: false,
        gc_enabled: false,
        // The host is built without references to things outside.
        reference_types_enabled: false,
        exceptions_enabled: false,
        custom_page_sizes_enabled: false,
        shared_everything_threads_enabled: false,
        wide_arithmetic_enabled: false,
        relaxed_simd_enabled: false,
        allow_start_export: true,
        ..Config::default()
    };
    let module = Module::new(config, &mut Unstructured::new(&chance)).ok()?;
    outline.build_around(module.to_bytes())
}

/// One to four changes at random places.
fn mutate(bytes: &mut Vec<u8>, dice: &Rehearsal) {
    let below = |bound: usize| {
        let mut chance = [0; 8];
        dice.random("campaign", &mut chance);
        usize::try_from(u64::from_le_bytes(chance) % bound.max(1) as u64).unwrap()
    };
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        let length = below(16).min(bytes.len() - at);
        match below(6) {
            0 => bytes[at] = u8::try_from(below(256)).unwrap(),
            1 => bytes[at] ^= 1 << below(8),
            2 => bytes.truncate(at.max(9)),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let copied = bytes[at..at + length].to_vec();
                let to = below(bytes.len());
                bytes.splice(to..to, copied);
            }
            _ => bytes[at] = 0xFF,
        }
        if bytes.len() < 10 {
            return;
        }
    }
}

/// Runs `one` `count` times on a few threads, each with dice of its own; says after each hundredth part how far it is.
fn campaign(what: &str, seed: u64, count: u64, one: impl Fn(&Rehearsal) + Sync) {
    let done = AtomicU64::new(0);
    thread::scope(|scope| {
        let (one, done) = (&one, &done);
        for number in 0..THREADS {
            scope.spawn(move || {
                let dice = Rehearsal::new(seed + number);
                for _ in 0..count / THREADS {
                    one(&dice);
                    let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                    if done % (count / 100) == 0 {
                        println!("{what}: {done} of {count}");
                    }
                }
            });
        }
    });
}

fn host() -> Host {
    Host::new(Limits { instances_max: 8, ..Limits::default() }, None).unwrap()
}

#[test]
fn random_bodies_run_under_their_limits_and_never_panic() {
    let (host, tally) = (host(), Tally::default());
    let outline = Fixture::new("smithed", "1.0.0").filter(&pass());
    campaign("random bodies", 1, SMITHED * times(), |dice| {
        if let Some(bytes) = smithed(dice, &outline) {
            live(&host, &bytes, &tally);
        }
    });
    let (started, failed) = (Tally::of(&tally.started), Tally::of(&tally.failed));
    println!("{started} started, {} calls answered, {failed} failed", Tally::of(&tally.answered));
    // A campaign in which nothing runs, or everything works, would prove nothing.
    assert!(started > SMITHED / 4 && failed > SMITHED / 20, "{started} {failed}");
}

#[test]
fn mutations_never_panic() {
    let (host, tally) = (host(), Tally::default());
    let mut seeds = vec![
        Fixture::new("pass", "1.0.0").init(&pass()).filter(&pass()).build(),
        Fixture::new("many", "1.0.0")
            .text("no")
            .log(true)
            .filter(&with_text(2, 2))
            .check_actions(&one_finding(0, 3))
            .score(&experience_plus(5))
            .build(),
        Fixture::new("inner", "1.0.0").filter(&pass()).build_with_inner_manifest(),
    ];
    seeds.extend(hostile_guests::all().into_iter().map(|guest| guest.bytes));
    campaign("mutations", 100, MUTATED * times(), |dice| {
        let mut chance = [0];
        dice.random("campaign", &mut chance);
        let mut bytes = seeds[usize::from(chance[0]) % seeds.len()].clone();
        mutate(&mut bytes, dice);
        live(&host, &bytes, &tally);
    });
    let (refused, started) = (Tally::of(&tally.refused), Tally::of(&tally.started));
    println!("{refused} refused, {started} started");
    assert!(refused > MUTATED / 4 && started > MUTATED / 40, "{refused} {started}");
}

#[test]
fn mutations_of_the_default_plugins_never_panic() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = env::var_os("REALM_PLUGINS_DIR").map_or_else(|| here.join("../../target/plugins"), Into::into);
    // Where they were not built, the largest of the small components stand in.
    let real: Vec<Vec<u8>> = ["hello.wasm", "ladder.wasm", "matchmaking.wasm"]
        .iter()
        .filter_map(|name| fs::read(folder.join(name)).ok())
        .chain([Fixture::new("stand-in", "1.0.0").log(true).filter(&pass()).check_actions(&one_finding(0, 1)).build()])
        .collect();
    let (host, tally) = (host(), Tally::default());
    campaign("mutations of the default plugins", 200, MUTATED_REAL * times(), |dice| {
        let mut chance = [0];
        dice.random("campaign", &mut chance);
        let mut bytes = real[usize::from(chance[0]) % real.len()].clone();
        mutate(&mut bytes, dice);
        live(&host, &bytes, &tally);
    });
    let (refused, started) = (Tally::of(&tally.refused), Tally::of(&tally.started));
    println!("{refused} refused, {started} started, of {} plugins", real.len());
    assert!(refused > MUTATED_REAL / 10, "{refused} {started}");
}
