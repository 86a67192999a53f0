//! `realm plugin test`: a plugin's own tests, then its component in the real host.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use clap::Args;
use realm_plugin_build::{
    foreign, javascript,
    process::{cargo, run, say},
};
use realm_testkit::{Stage, rehearsal};

use super::sources::{Kind, Sources, toolchains};

#[derive(Args)]
pub(in crate::cli) struct Test {
    /// The plugin's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Its table of realm.toml, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    configuration: String,
}

impl Test {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let sources = Sources::of(&self.folder)?;
        say("step 1 of 3: the plugin's own tests");
        match sources.kind {
            Kind::Rust => run(cargo().arg("test").current_dir(sources.folder()))?,
            Kind::JavaScript => {
                let toolchain = || javascript::Toolchain::find(&toolchains()?);
                javascript::test(toolchain, sources.folder(), &sources.out().join("work"))?;
            }
            Kind::Foreign => foreign::test(&toolchains()?, sources.folder())?,
        }
        say("step 2 of 3: building the component");
        let built = sources.build()?;
        say("step 3 of 3: the component in the real host, asked the ordinary and the extreme");
        let stage = Stage::of_file(&built.file).configuration(&self.configuration).expect_what_it_may();
        let mut subject = stage.try_start()?;
        let outcome = rehearsal::run(&mut subject);
        for failure in &outcome.failures {
            println!("FAILED   {failure}");
        }
        if !outcome.failures.is_empty() {
            bail!("of {} calls in the real host {} failed", outcome.calls, outcome.failures.len());
        }
        println!("ok       {}: {} calls in the real host, none failed", built.description, outcome.calls);
        Ok(ExitCode::SUCCESS)
    }
}
