//! The tasks of this repository: whatever a person would otherwise have to remember. `cargo xtask` lists them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task runner speaks on its terminal")]

mod layout;
mod plugins;
mod verbs;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use realm_plugin_build::{process, toolchain};

use crate::layout::Layout;

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build the default plugins and the server, and start it: `cargo xtask run -- --config realm.toml`
    Run {
        /// Handed to `realm up`; the data folder is `realm-data` unless `--data` says otherwise
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run every test of the tree, or those whose name contains FILTER
    Test {
        /// Also the campaigns that take long
        #[arg(long)]
        long: bool,
        /// Part of a test's name
        filter: Option<String>,
    },
    /// Build the plugins of `plugins/` into components, or only those named
    Plugins {
        /// Folders of `plugins/`
        names: Vec<String>,
    },
    /// Print the table of measurements, or what a realm carries: `bench games`, `doors`, `plugins`, `storage`, `items`
    #[command(args_conflicts_with_subcommands = true)]
    Bench {
        #[command(subcommand)]
        subject: Option<BenchSubject>,
        /// Handed to the benchmark
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Write the generated pages of `docs/` anew
    Docs {
        /// Handed to `realm docs`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Fuzz the decoders, or run one input again
    Fuzz {
        /// frame, message, snapshot, websocket, head or proxy; all of them when nothing is said
        decoder: Option<String>,
        /// Stop after so many seconds
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Run this input once instead, as after a crash
        #[arg(long, conflicts_with_all = ["seconds", "keep"])]
        input: Option<std::path::PathBuf>,
        /// Afterwards add the inputs that reach something new to the corpus in the tree
        #[arg(long)]
        keep: bool,
    },
    /// Check formatting, clippy and rustdoc, with every warning an error
    Ci,
}

#[derive(Subcommand)]
enum BenchSubject {
    /// Rooms of eight players on one core: CPU, rates, bytes, memory, lateness
    Games(LoadArguments),
    /// Ten thousand idle clients, handshakes, stuck sockets, starts
    Doors(LoadArguments),
    /// Calls beside the native rules, instances, 1,000 swaps while 100 games tick, eight plugins that mean harm
    Plugins(LoadArguments),
    /// Durable saves a second, with group commit and without, and how long one waits for its answer
    Storage(LoadArguments),
    /// Items that are moved, read, traced and scanned in a database, and a market of a million offers
    Items(LoadArguments),
}

#[derive(clap::Args)]
struct LoadArguments {
    /// A smoke run of seconds, whose figures mean nothing
    #[arg(long)]
    quick: bool,
    /// How often everything is made anew and measured
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// For `games`: measure this many rooms with players only, and nothing else
    #[arg(long)]
    rooms: Option<u32>,
    /// For `items`: measure one table alone: 1 moves, 2 trades, 3 the market, 4 the ledger
    #[arg(long)]
    table: Option<u32>,
}

impl BenchSubject {
    /// For the program that measures.
    fn arguments(&self) -> Vec<String> {
        let (name, LoadArguments { quick, runs, rooms, table }) = match self {
            Self::Games(arguments) => ("games", arguments),
            Self::Doors(arguments) => ("doors", arguments),
            Self::Plugins(arguments) => ("plugins", arguments),
            Self::Storage(arguments) => ("storage", arguments),
            Self::Items(arguments) => ("items", arguments),
        };
        let mut arguments = vec![name.to_owned(), "--runs".to_owned(), runs.to_string()];
        if *quick {
            arguments.push("--quick".to_owned());
        }
        if let Some(rooms) = rooms {
            arguments.extend(["--rooms".to_owned(), rooms.to_string()]);
        }
        if let Some(table) = table {
            arguments.extend(["--table".to_owned(), table.to_string()]);
        }
        arguments
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Layout::find().and_then(|layout| match arguments.verb {
        Verb::Run { arguments } => verbs::run(&layout, &arguments),
        Verb::Test { long, filter } => verbs::test(&layout, long, filter.as_deref()),
        Verb::Plugins { names } => plugins::build(&layout, &names).map(drop),
        Verb::Bench { subject: Some(subject), .. } => verbs::bench_load(&layout, &subject.arguments()),
        Verb::Bench { subject: None, arguments } => verbs::bench(&layout, &arguments),
        Verb::Fuzz { input: Some(input), .. } => verbs::fuzz_again(&layout, &input),
        Verb::Fuzz { decoder, seconds, keep, .. } => verbs::fuzz(&layout, decoder.as_deref(), seconds, keep),
        Verb::Docs { arguments } => verbs::docs(&layout, &arguments),
        Verb::Ci => verbs::ci(&layout),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
