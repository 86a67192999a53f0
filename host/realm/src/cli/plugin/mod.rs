//! `realm plugin`: from nothing to a rule that decides, and the rules of a running realm.

mod bench;
mod build;
mod check;
mod dev;
mod new;
mod replay;
mod running;
mod shown;
mod sign;
mod sources;
mod test;

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
    /// Run a plugin's own tests, then its component in the real host.
    Test(test::Test),
    /// Try a plugin in a realm of its own: built at every save, asked about every line typed.
    Dev(dev::Dev),
    /// Print what a call of each hook takes, in time and memory.
    Bench(bench::Bench),
    /// Make a pair of keys for signing plugins.
    Keygen(sign::Keygen),
    /// Sign a component: a `.minisig` file beside it.
    Sign(sign::Sign),
    #[command(flatten)]
    Running(running::Running),
    /// Ask a new version of a plugin everything that was recorded, and show what it decides otherwise.
    Replay(replay::Replay),
}

impl Plugin {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(verb) => verb.run(),
            Self::Build(verb) => verb.run(),
            Self::Check(verb) => verb.run(),
            Self::Test(verb) => verb.run(),
            Self::Dev(verb) => super::block_on(verb.run()),
            Self::Bench(verb) => verb.run(),
            Self::Keygen(verb) => verb.run(),
            Self::Sign(verb) => verb.run(),
            Self::Running(verb) => super::block_on(verb.run()),
            Self::Replay(verb) => verb.run(),
        }
    }
}
