//! `realm config` and `realm docs`: what the code can say about itself.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::Place;
use crate::{api, config};

#[derive(Subcommand)]
pub(super) enum ConfigVerb {
    /// Print a realm.toml with every key, its default and a comment.
    Default,
    /// Print the configuration as it holds here, overrides from the environment included.
    Show(Place),
}

impl ConfigVerb {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            ConfigVerb::Default => print!("{}", config::example_toml()),
            ConfigVerb::Show(place) => print!("{}", toml::to_string_pretty(&place.load()?.config)?),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The generated files of the tree: path and content.
#[must_use]
pub(crate) fn generated_files() -> Vec<(&'static str, String)> {
    vec![
        ("realm.toml", config::example_toml()),
        ("docs/configuration.md", config::manual_markdown()),
        ("docs/openapi.json", api::openapi_json()),
    ]
}

#[derive(Args)]
pub(super) struct Docs {
    /// Root of the tree
    #[arg(default_value = ".")]
    root: PathBuf,
}

impl Docs {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        for (path, content) in generated_files() {
            let path = self.root.join(path);
            std::fs::write(&path, content)?;
            println!("wrote {}", path.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
