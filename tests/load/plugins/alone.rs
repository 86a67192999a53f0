//! A plugin in this process: made, replaced, compiled, and stopped when it does not end.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use realm_plugin_host::{Host, Limits, NoLog, bindings::anti_cheat};

use super::{
    super::{
        Options,
        machine::own_thread_time,
        report::{Goal, Report},
    },
    quantile,
};
use crate::{
    harness::built_plugins,
    rules::components::{Fixture, endless, trap},
};

pub(super) fn measure(options: &Options, report: &mut Report) {
    let often = |times: usize| if options.quick { 3 } else { times };
    let host = Host::new(Limits::default(), None).expect("the engine starts");
    let bytes = fs::read(built_plugins().join("hello.wasm")).expect("a built plugin");
    let plugin = host.load(&bytes, Arc::new(NoLog)).expect("a sound plugin");
    let mut add = |name: &str, unit, goal, mut times: Vec<Duration>, part| {
        let scale = if unit == "µs" { 1e6 } else { 1e3 };
        report.add(name, unit, goal, quantile(&mut times, part).as_secs_f64() * scale);
    };

    let made = (0..often(2_000)).map(|_| timed(|| plugin.instantiate("{}").expect("an instance")).0).collect();
    add("an instance of a small Rust plugin, its settings read in the guest", "µs", None, made, 0.5);

    let traps = host.load(&Fixture::new("traps", "1.0.0").check_actions(&trap()).build(), Arc::new(NoLog));
    let traps = traps.expect("a sound plugin");
    let bare = (0..often(2_000)).map(|_| timed(|| traps.instantiate("{}").expect("an instance")).0).collect();
    add("an instance of a plugin that does nothing at its start", "µs", Some(Goal::AtMost(3.5)), bare, 0.5);
    let mut instance = traps.instantiate("{}").expect("an instance");
    let replaced = (0..often(2_000)).map(|_| {
        assert!(instance.check_actions(&acts()).is_err(), "it traps");
        timed(|| instance = traps.instantiate("{}").expect("another instance")).0
    });
    let replaced = replaced.collect();
    add("another one after a trap, the dead one dropped", "µs", Some(Goal::AtMost(25.0)), replaced, 0.5);

    let compiled = (0..often(10)).map(|_| {
        let before = own_thread_time();
        host.load(&bytes, Arc::new(NoLog)).expect("a sound plugin");
        own_thread_time() - before
    });
    let name = format!("compiling a Rust plugin of {} KB, CPU", bytes.len() / 1_000);
    add(&name, "ms", Some(Goal::AtMost(70.0)), compiled.collect(), 0.5);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let cached = Host::new(Limits::default(), Some(folder.path())).expect("the engine starts");
    cached.load(&bytes, Arc::new(NoLog)).expect("a sound plugin");
    let loaded = (0..often(200)).map(|_| timed(|| cached.load(&bytes, Arc::new(NoLog)).expect("a sound plugin")).0);
    add("the same out of the cache, checked and linked", "ms", None, loaded.collect(), 0.5);

    let loops = host.load(&Fixture::new("loops", "1.0.0").check_actions(&endless()).build(), Arc::new(NoLog));
    let loops = loops.expect("a sound plugin");
    // A deadline is time of the thread, lest a busy machine stop a good rule; the wall clock beside it also shows who else was at work.
    let (mut over, mut over_by_wall): (Vec<Duration>, Vec<Duration>) = (0..often(300))
        .map(|_| {
            let mut instance = loops.instantiate("{}").expect("an instance");
            let deadline = instance.limits().tick_deadline();
            let before = own_thread_time();
            let (took, answer) = timed(|| instance.check_actions(&acts()));
            let used = own_thread_time() - before;
            assert!(answer.is_err(), "it never ends by itself");
            (used.saturating_sub(deadline), took.saturating_sub(deadline))
        })
        .unzip();
    add("an endless loop, beyond its deadline", "ms", None, over.clone(), 0.5);
    let worst = quantile(&mut over, 1.0);
    add("an endless loop, beyond its deadline, worst", "ms", Some(Goal::AtMost(2.0)), vec![worst], 0.5);
    let worst = quantile(&mut over_by_wall, 1.0);
    add("the same by the wall clock, worst", "ms", None, vec![worst], 0.5);
}

fn timed<T>(act: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let result = act();
    (begin.elapsed(), result)
}

fn acts() -> anti_cheat::Actions {
    [anti_cheat::Action {
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
    }]
    .into()
}
