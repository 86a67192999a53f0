//! `realm migrate`: bring the database to the newest schema.

use std::process::ExitCode;

use clap::Args;

use super::Place;
use crate::{storage, types::SystemClock};

#[derive(Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    place: Place,
}

impl Migrate {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let loaded = self.place.load()?;
        let data = &self.place.data;
        if !data.is_dir() {
            anyhow::bail!("there is no data folder {}; name it with --data", data.display());
        }
        let versions = storage::migrate(&loaded.config.storage, data, &SystemClock).await?;
        if versions.found == versions.known {
            println!("The database has schema {}, the newest; nothing to do.", versions.known);
        } else {
            println!("The database went from schema {} to {}.", versions.found, versions.known);
        }
        Ok(ExitCode::SUCCESS)
    }
}
