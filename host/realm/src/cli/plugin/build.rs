//! `realm plugin build`: from a folder to a component, and into a realm's plugin folder when asked to.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, bail};
use clap::Args;

use super::sources::{Sources, replace};

#[derive(Args)]
pub(in crate::cli) struct Build {
    /// The plugin's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Put the component into this plugin folder of a realm as well, where it decides within a second
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

impl Build {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(folder) = &self.into
            && !folder.is_dir()
        {
            bail!("there is no folder {}; a realm's plugins are in `plugins` of its data folder", folder.display());
        }
        let built = Sources::of(&self.folder)?.build()?;
        println!("{}\n  {}", built.description, built.file.display());
        if let Some(folder) = self.into {
            let name = built.file.file_name().context("a component has a name")?;
            let bytes = std::fs::read(&built.file)?;
            let file = folder.join(name);
            replace(&file, &bytes)?;
            println!("  {}", file.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
