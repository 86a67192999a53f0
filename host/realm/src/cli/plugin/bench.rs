//! `realm plugin bench`: what a call of each hook takes in the real host.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use realm_testkit::{Figures, Stage, figures, rehearsal};

use super::sources::component;

#[derive(Args)]
pub(in crate::cli) struct Bench {
    /// The component
    file: PathBuf,
    /// Its table of realm.toml, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    configuration: String,
    /// Calls of each kind
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
}

impl Bench {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let stage = Stage::of_bytes(component(&self.file)?).configuration(&self.configuration).expect_what_it_may();
        let mut subject = stage.try_start().with_context(|| self.file.display().to_string())?;
        let manifest = subject.plugin().manifest().clone();
        println!(
            "\n  {} {}: time of the processor for one call, {} of each\n",
            manifest.name, manifest.version, self.calls
        );
        println!("  {:<14} {:<26} {:>10} {:>10} {:>10} {:>12}", "hook", "asked", "quickest", "median", "p99", "memory");
        let hooks = subject.plugin().hooks().to_vec();
        let mut code = ExitCode::SUCCESS;
        for hook in hooks {
            for (what, call) in rehearsal::ordinary(hook) {
                let calls = usize::try_from(self.calls).unwrap_or(usize::MAX);
                let row = match figures(&mut subject, &call, calls) {
                    Ok(Figures { quickest, median, p99, memory_bytes }) => {
                        let micro = |time: std::time::Duration| format!("{:.1} µs", time.as_secs_f64() * 1e6);
                        let memory = format!("{} KiB", memory_bytes / 1_024);
                        format!("{:>10} {:>10} {:>10} {memory:>12}", micro(quickest), micro(median), micro(p99))
                    }
                    Err(failure) => {
                        code = ExitCode::FAILURE;
                        subject = subject.another()?;
                        format!("failed: {failure}")
                    }
                };
                println!("  {:<14} {what:<26} {row}", hook.as_str());
            }
        }
        println!();
        Ok(code)
    }
}
