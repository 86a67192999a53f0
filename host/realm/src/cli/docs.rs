//! `realm config` and `realm docs`: what the code can say about itself.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use realm_plugin_build::{contract::Contract, page};

use super::{Place, explain};
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
pub(crate) fn generated_files() -> Vec<(String, String)> {
    let mut files = vec![
        ("realm.toml".to_owned(), config::example_toml()),
        ("docs/configuration.md".to_owned(), config::manual_markdown()),
        ("docs/openapi.json".to_owned(), api::openapi_json()),
        ("docs/codes.md".to_owned(), explain::page()),
    ];
    files.extend(
        Contract::own()
            .hooks()
            .iter()
            .filter_map(|hook| Some((format!("docs/plugins/hooks/{hook}.md"), page::of_hook(hook)?))),
    );
    files
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
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&path, content)?;
            println!("wrote {}", path.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
