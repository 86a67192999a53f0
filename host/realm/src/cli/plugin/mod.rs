//! `realm plugin`: from nothing to a rule that decides.

mod build;
mod check;
mod new;
mod sign;
mod sources;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Subcommand)]
pub(super) enum Plugin {
    /// Make the folder of a new plugin, with everything it needs to build.
    New(new::New),
    /// Build a plugin's folder into a component.
    Build(build::Build),
    /// Say what a component is, and in words what keeps this realm from taking it.
    Check(check::Check),
    /// Make a pair of keys for signing plugins.
    Keygen(sign::Keygen),
    /// Sign a component: a `.minisig` file beside it.
    Sign(sign::Sign),
}

impl Plugin {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(verb) => verb.run(),
            Self::Build(verb) => verb.run(),
            Self::Check(verb) => verb.run(),
            Self::Keygen(verb) => verb.run(),
            Self::Sign(verb) => verb.run(),
        }
    }
}
