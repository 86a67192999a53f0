//! `realm plugin`: the rules of a running realm.

mod running;
mod shown;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Plugin {
    #[command(flatten)]
    Running(running::Running),
}

impl Plugin {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Running(verb) => super::block_on(verb.run()),
        }
    }
}
