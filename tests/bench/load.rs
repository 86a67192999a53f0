//! `cargo xtask bench games`, `doors`, `plugins`, `storage` and `items`: what a realm carries.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks on its terminal")]
#![allow(clippy::unwrap_used, reason = "it shares the harness of the tests")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../harness/mod.rs"]
mod harness;
/// Plugins that mean harm, where the tests have them.
mod hostile {
    pub(crate) use crate::guests;
}
mod anti_cheat;
mod calls;
mod chat;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../host/plugin-host/tests/it/components.rs"]
mod components;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../host/plugin-host/tests/it/hostile_guests.rs"]
mod guests;
#[allow(dead_code, reason = "the other bench uses the rest")]
mod inputs;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../load/mod.rs"]
mod load;
mod machine;
#[allow(dead_code, reason = "the other bench uses the rest")]
mod plugins;
/// Small components, where the tests have them.
mod rules {
    pub(crate) use crate::components;
}
#[allow(dead_code, reason = "the other bench uses the rest")]
mod sampling;

use std::{process::ExitCode, time::Instant};

use load::{Options, report::Report};

/// Runs without `--runs` and `--quick`.
const RUNS: usize = 3;

fn main() -> ExitCode {
    let mut subject = None;
    let mut options = Options { quick: false, runs: RUNS, pinned: true, rooms: None, table: None };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--quick" => options = Options { runs: 1, quick: true, ..options },
            "--runs" => match given.next().and_then(|text| text.parse().ok()).filter(|runs| (1..=100).contains(runs)) {
                Some(runs) => options.runs = runs,
                None => return wrong("`--runs` wants a number from 1 to 100 after it"),
            },
            "--rooms" => {
                match given.next().and_then(|text| text.parse().ok()).filter(|rooms| (1..=1_000).contains(rooms)) {
                    Some(rooms) => options.rooms = Some(rooms),
                    None => return wrong("`--rooms` wants a number from 1 to 1000 after it"),
                }
            }
            "--table" => {
                match given.next().and_then(|text| text.parse().ok()).filter(|table| (1..=4).contains(table)) {
                    Some(table) => options.table = Some(table),
                    None => return wrong("`--table` wants a number from 1 to 4 after it"),
                }
            }
            load::awake::ARGUMENT => {
                keep_awake();
                return ExitCode::SUCCESS;
            }
            "games" => subject = Some(load::games::measure as fn(&Options) -> Vec<Report>),
            "doors" => subject = Some(load::doors::measure),
            "plugins" => subject = Some(calls::measure),
            "storage" => subject = Some(load::saves::measure),
            "items" => subject = Some(load::holdings::measure),
            _ => {
                return wrong(&format!(
                    "unknown argument `{argument}`; there are games, doors, plugins, storage, items, --runs N, --rooms N, --table N and --quick"
                ));
            }
        }
    }
    let Some(measure) = subject else { return wrong("say what: games, doors, plugins, storage or items") };
    let start = Instant::now();
    let reports = measure(&options);
    println!("{}", machine::describe());
    println!(
        "{} runs, {:.0} s{}\n",
        options.runs,
        start.elapsed().as_secs_f64(),
        if options.quick { "; a smoke run, whose figures mean nothing" } else { "" }
    );
    for report in reports {
        println!("{}", report.text());
    }
    ExitCode::SUCCESS
}

/// Keeps a core awake: counts until the program that wanted it is gone.
fn keep_awake() {
    let parent = rustix::process::getppid();
    while rustix::process::getppid() == parent {
        (0..1_000_000_u32).for_each(|number| {
            std::hint::black_box(number);
        });
    }
}

fn wrong(problem: &str) -> ExitCode {
    eprintln!("error: {problem}");
    ExitCode::FAILURE
}
