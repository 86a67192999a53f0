//! `realm plugin new`: a folder that builds.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use realm_plugin_build::template::{self, Language};

#[derive(Args)]
pub(in crate::cli) struct New {
    /// Name of the plugin: small letters, digits and hyphens
    name: String,
    /// What it shall decide
    #[arg(long, value_parser = PossibleValuesParser::new(template::hooks()), default_value = "chat-filter")]
    hook: String,
    /// What it is written in
    #[arg(long, value_enum, default_value = "rust")]
    lang: Lang,
    /// Where the folder is made [default: the plugin's name]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lang {
    /// Rust
    Rust,
    /// JavaScript
    Js,
    /// TypeScript; its types are checked at every build
    Ts,
}

impl New {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let folder = self.folder.unwrap_or_else(|| PathBuf::from(&self.name));
        let language = match self.lang {
            Lang::Rust => Language::Rust,
            Lang::Js => Language::JavaScript,
            Lang::Ts => Language::TypeScript,
        };
        let files = template::create(&folder, &self.name, &self.hook, language)?;
        println!("Made {}. Yours to edit:\n", folder.display());
        for file in files {
            println!("  {}", file.display());
        }
        println!("\nNext:\n\n  realm plugin build {0}\n  realm plugin dev {0}", folder.display());
        Ok(ExitCode::SUCCESS)
    }
}
