//! The calls of plugins beside the native rules, before what `load::plugins` measures.

use crate::{
    anti_cheat, chat,
    load::{
        Options, plugins as load_plugins,
        report::{Goal, Report},
    },
    plugins::Components,
    sampling::{Group, ROUNDS, quantile},
};

/// Measures everything, run after run.
pub(crate) fn measure(options: &Options) -> Vec<Report> {
    let rounds = if options.quick { 1 } else { ROUNDS };
    let mut report = Report::new("Calls, beside the native rule");
    for _ in 0..options.runs {
        let components = Components::load();
        tell(anti_cheat::group(&components, 8), rounds, "8 acts", [1.6, 1.6], &mut report);
        tell(anti_cheat::group(&components, 64), rounds, "64 acts", [5.0, 5.0], &mut report);
        tell(chat::group(&components), rounds, "a line of 80 bytes", [60.0, 2.0], &mut report);
    }
    let mut reports = vec![report];
    reports.extend(load_plugins::measure(options));
    reports
}

/// Adds the median of each subject; the second and the third have these goals, in microseconds.
fn tell(mut group: Group, rounds: u32, of: &str, goals: [f64; 2], report: &mut Report) {
    group.measure(rounds);
    for (index, subject) in group.subjects.iter().enumerate() {
        let goal = index.checked_sub(1).and_then(|place| goals.get(place)).map(|goal| Goal::AtMost(*goal));
        let median_us = quantile(subject.samples.clone(), 0.5) / 1e3;
        report.add(&format!("{of}: {}", subject.name), "µs", goal, median_us);
    }
}
