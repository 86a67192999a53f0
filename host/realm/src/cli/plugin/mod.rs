//! `realm plugin`: the rules of a running realm.

mod replay;
mod running;
mod shown;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Plugin {
    #[command(flatten)]
    Running(running::Running),
    /// Ask a new version of a plugin everything that was recorded, and show what it decides otherwise.
    Replay(replay::Replay),
}

impl Plugin {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Running(verb) => super::block_on(verb.run()),
            Self::Replay(verb) => verb.run(),
        }
    }
}
