//! Swaps of plugins that keep a state: it lives on in the next version, on every lane or on none.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    ChangeError, ChatVerdict, Settings,
    components::{Fixture, one_finding, pass, replacing, trap, with_text},
    tests::{Stage, acts, approved, line, step_until},
};

/// Digits that a counting filter answers with.
const DIGITS: u32 = 6;

/// Body of `save-state`: the number of calls.
fn save() -> String {
    "(i32.store (i32.const 32) (global.get $calls)) (i32.store (i32.const 16) (i32.const 32)) \
     (i32.store offset=4 (i32.const 16) (i32.const 4)) (i32.const 16)"
        .to_owned()
}

/// Body of `load-state`: goes on with that number.
fn load() -> String {
    format!(
        "(if (i32.eq (local.get $length) (i32.const 4)) (then (global.set $calls (i32.load (local.get $text))))) {}",
        pass()
    )
}

/// Body that answers `version-unknown`.
fn unknown() -> String {
    "(i32.store8 (i32.const 16) (i32.const 1)) (i32.store8 offset=4 (i32.const 16) (i32.const 0)) (i32.const 16)"
        .to_owned()
}

/// A filter that answers every line with the number of lines it was asked about, over all its versions.
fn counting(version: &str) -> Fixture {
    let digit = |place: u32| {
        let (at, power) = (64 + DIGITS - 1 - place, 10_u32.pow(place));
        format!(
            "(i32.store8 (i32.const {at}) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (global.get $calls) \
             (i32.const {power})) (i32.const 10))))"
        )
    };
    let digits: String = (0..DIGITS).map(digit).collect();
    let count = "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))";
    Fixture::new("counting", version)
        .globals("(global $calls (mut i32) (i32.const 0))")
        .filter(&format!("{count} {digits} {}", with_text(1, DIGITS as usize)))
}

fn keeping(version: &str) -> Fixture {
    counting(version).function("lifecycle", "save-state", &save()).function("lifecycle", "load-state", &load())
}

async fn ask(stage: &Stage) -> u32 {
    match stage.hooks.filter_chat(line("hello")).await {
        ChatVerdict::Approved(text) => text.as_str().parse().expect("a number"),
        verdict => panic!("{verdict:?}"),
    }
}

#[tokio::test]
async fn a_state_lives_on_in_the_next_version_and_not_without_being_kept() {
    let stage = Stage::new();
    let first = stage.install("f.wasm", &keeping("1.0.0").build(), &[]);
    for number in 1..=3 {
        assert_eq!(ask(&stage).await, number);
    }
    let second = stage.install("f.wasm", &keeping("1.1.0").build(), &[first]);
    assert_eq!(ask(&stage).await, 4);
    // A version that keeps nothing leaves nothing.
    let third = stage.install("f.wasm", &counting("1.2.0").init(&pass()).build(), &[second]);
    assert_eq!(ask(&stage).await, 1);
    stage.install("f.wasm", &keeping("1.3.0").build(), &[third]);
    assert_eq!(ask(&stage).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_is_lost_or_answered_twice_while_a_state_moves_on() {
    const CALLERS: usize = 4;
    const CALLS: usize = 300;
    let stage = Stage::new();
    let mut last = stage.install("f.wasm", &keeping("1.0.0").build(), &[]);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let hooks = stage.hooks.clone();
            tokio::spawn(async move {
                let mut seen = Vec::with_capacity(CALLS);
                while seen.len() < CALLS {
                    match hooks.filter_chat(line("hello")).await {
                        ChatVerdict::Approved(text) => seen.push(text.as_str().parse::<usize>().expect("a number")),
                        verdict => panic!("{verdict:?}"),
                    }
                }
                seen
            })
        })
        .collect();
    let mut swaps = 0;
    while callers.iter().any(|caller| !caller.is_finished()) && swaps < 100 {
        let bytes = keeping("1.1.0").build();
        last = tokio::task::block_in_place(|| stage.install("f.wasm", &bytes, &[last]));
        swaps += 1;
    }
    let mut seen = BTreeSet::new();
    for caller in callers {
        for number in caller.await.unwrap() {
            assert!(seen.insert(number), "{number} was answered twice");
        }
    }
    assert!(swaps > 0);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), (1..=CALLERS * CALLS).collect::<Vec<_>>(), "over {swaps} swaps");
}

#[test]
fn when_one_lane_cannot_take_the_state_over_all_stay_with_the_old() {
    let stage = Stage::new();
    let rule = |fixture: Fixture| fixture.check_actions(&one_finding(0, 2)).build();
    let first = stage.install("r.wasm", &rule(keeping("1.0.0")), &[]);
    // A thread that runs games, as ever at work.
    let stopping = Arc::new(AtomicBool::new(false));
    let (mut lane, stops) = (stage.hooks.tick_lane(), Arc::clone(&stopping));
    let in_play = lane.in_play();
    let ticking = std::thread::spawn(move || {
        step_until(&mut lane, |lane| {
            assert_eq!(lane.check_actions(&acts(1)).findings.len(), 1, "no tick goes without its rule");
            stops.load(Ordering::Relaxed)
        });
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(ask(&stage)), 1);
    let refusing = counting("2.0.0").function("lifecycle", "save-state", &save());
    let broken = [
        ("does not read", rule(refusing.function("lifecycle", "load-state", &unknown()))),
        ("trapped", rule(counting("2.1.0").function("lifecycle", "load-state", &trap()))),
    ];
    for (words, bytes) in broken {
        let error = stage.try_install("r.wasm", &bytes, &[first]).unwrap_err();
        assert!(matches!(&error, ChangeError::State(text) if text.contains(words)), "{error}");
        assert_eq!(in_play.labels(), ["counting 1.0.0"]);
    }
    assert_eq!(runtime.block_on(ask(&stage)), 2, "the old instance was never touched");
    stage.install("r.wasm", &rule(keeping("3.0.0")), &[first]);
    assert_eq!(runtime.block_on(ask(&stage)), 3);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while in_play.labels() != ["counting 3.0.0"] {
        assert!(std::time::Instant::now() < deadline, "the thread of the games goes on with {:?}", in_play.labels());
        std::thread::yield_now();
    }
    stopping.store(true, Ordering::Relaxed);
    ticking.join().unwrap();
}

#[tokio::test]
async fn a_version_that_dies_of_saving_its_state_stays_and_gets_a_new_instance() {
    let stage = Stage::new();
    let dying = counting("4.0.0").function("lifecycle", "save-state", &trap()).build();
    let dying = stage.install("f.wasm", &dying, &[]);
    assert_eq!(ask(&stage).await, 1);
    let error = stage.try_install("f.wasm", &keeping("5.0.0").build(), &[dying]).unwrap_err();
    assert!(error.to_string().contains("4.0.0 did not save its state"), "{error}");
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while stage.hooks.filter_chat(line("hello")).await != approved("000001", true) {
        assert!(std::time::Instant::now() < deadline, "no new instance");
    }
}

#[test]
fn a_lane_that_is_never_quiet_keeps_the_old_version_at_work_everywhere() {
    let settings = Settings { vote_timeout: Duration::from_millis(100), ..Settings::default() };
    let stage = Stage::with(settings);
    let rule = |fixture: Fixture| fixture.check_actions(&one_finding(0, 2)).build();
    let first = stage.install("r.wasm", &rule(keeping("1.0.0")), &[]);
    let mut lane = stage.hooks.tick_lane();
    let error = stage.try_install("r.wasm", &rule(keeping("2.0.0")), &[first]).unwrap_err();
    assert!(matches!(error, ChangeError::NotQuiet(_)), "{error}");
    assert!(!lane.pick_up(), "what was withdrawn does not come later");
    assert_eq!(lane.check_actions(&acts(1)).rule.as_deref(), Some("counting 1.0.0"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(runtime.block_on(ask(&stage)), 1);
    // A lane that has ended is not waited for.
    drop(lane);
    stage.install("r.wasm", &rule(keeping("3.0.0")), &[first]);
    assert_eq!(runtime.block_on(ask(&stage)), 2);
}

#[tokio::test]
async fn a_shadow_is_asked_the_same_and_decides_nothing() {
    let stage = Stage::new();
    stage.install("f.wasm", &replacing("f", "1.0.0", "one"), &[]);
    let alike = stage.install_shadow("f.shadow.wasm", &replacing("f", "2.0.0", "one"), &[]);
    for _ in 0..3 {
        assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("one", true));
    }
    let observed = stage.observed(alike);
    assert_eq!((observed.calls(), observed.alike, observed.different), (3, 3, 0));
    let other = stage.install_shadow("f.shadow.wasm", &replacing("f", "3.0.0", "three"), &[alike]);
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("one", true));
    let observed = stage.observed(other);
    assert_eq!((observed.alike, observed.different), (0, 1));
    assert_eq!(observed.last_difference.as_deref(), Some("filter: 1.0.0 and 3.0.0 say replace, but not the same"));
    // One that dies disturbs nobody, and is not waited for.
    let dying = stage.install_shadow("f.shadow.wasm", &Fixture::new("f", "4.0.0").filter(&trap()).build(), &[other]);
    for _ in 0..5 {
        assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("one", true));
    }
    assert_eq!(stage.observed(dying).different, 5);
    // A shadow without a plugin that it is the shadow of is asked nothing.
    let lonely = stage.install_shadow("g.shadow.wasm", &replacing("g", "1.0.0", "g"), &[dying]);
    assert_eq!(stage.hooks.filter_chat(line("hello")).await, approved("one", true));
    assert_eq!(stage.observed(lonely).calls(), 0);
}
