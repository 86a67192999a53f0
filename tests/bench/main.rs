//! `cargo xtask bench`: the table of figures. Everything is measured in one process and in interleaved rounds, so that a ratio holds even
//! where the machine does not.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark speaks on its terminal")]

mod anti_cheat;
mod chat;
mod frames;
mod inputs;
mod machine;
mod plugins;
mod sampling;
mod table;
mod world;

use std::{process::ExitCode, time::Instant};

use sampling::{Group, ROUNDS};

/// What the command line asks for.
struct Arguments {
    markdown: bool,
    /// How often everything is made anew and measured.
    runs: u32,
    /// Rounds of one run.
    rounds: u32,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut this = Self { markdown: false, runs: 1, rounds: ROUNDS };
        while let Some(argument) = given.next() {
            let mut number = || {
                let number =
                    given.next().and_then(|text| text.parse().ok()).filter(|number| (1..=1_000).contains(number));
                number.ok_or_else(|| format!("`{argument}` wants a number from 1 to 1000 after it"))
            };
            match argument.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--markdown" => this.markdown = true,
                "--runs" => this.runs = number()?,
                "--rounds" => this.rounds = number()?,
                _ => {
                    return Err(format!(
                        "unknown argument `{argument}`; there are --markdown, --runs N and --rounds N"
                    ));
                }
            }
        }
        Ok(this)
    }
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test` says nothing, or a part of a test's name: then everything is measured once, to see that it can be.
    let smoke = ["--runs", "1", "--rounds", "1"].map(str::to_owned);
    let given = if given.iter().any(|argument| argument == "--bench") { given } else { smoke.to_vec() };
    let arguments = match Arguments::read(given.into_iter()) {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("error: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let start = Instant::now();
    let mut groups: Vec<Group> = Vec::new();
    for run in 1..=arguments.runs {
        eprintln!("run {run} of {}", arguments.runs);
        let mut measured = one_run(arguments.rounds);
        if groups.is_empty() {
            groups = measured;
        } else {
            groups.iter_mut().zip(&mut measured).for_each(|(group, more)| group.append(more));
        }
    }
    eprintln!("measured in {:.0} s", start.elapsed().as_secs_f64());
    println!("{}", machine::describe());
    println!();
    print!("{}", if arguments.markdown { table::markdown(&groups) } else { table::plain(&groups) });
    ExitCode::SUCCESS
}

/// Makes every subject and measures it.
fn one_run(rounds: u32) -> Vec<Group> {
    let components = plugins::Components::load();
    let makers: [&dyn Fn() -> Group; 6] = [
        &frames::group,
        &|| chat::group(&components),
        &|| anti_cheat::group(&components, 8),
        &|| anti_cheat::group(&components, 64),
        &world::ticks,
        &world::snapshots,
    ];
    let measured = |make: &&dyn Fn() -> Group| {
        let mut group = make();
        eprintln!("  {}", group.title);
        group.measure(rounds);
        group
    };
    makers.iter().map(measured).collect()
}
