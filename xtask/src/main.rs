//! The tasks of this repository: whatever a person would otherwise have to remember. `cargo xtask` lists them.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task runner speaks on its terminal")]

mod layout;
mod plugins;
mod process;
mod toolchain;
mod verbs;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Print the table of measurements
    Bench {
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
    /// Check formatting, clippy and rustdoc, with every warning an error
    Ci,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Layout::find().and_then(|layout| match arguments.verb {
        Verb::Run { arguments } => verbs::run(&layout, &arguments),
        Verb::Test { long, filter } => verbs::test(&layout, long, filter.as_deref()),
        Verb::Plugins { names } => plugins::build(&layout, &names).map(drop),
        Verb::Bench { arguments } => verbs::bench(&layout, &arguments),
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
