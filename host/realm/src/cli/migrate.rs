//! `realm migrate`: bring the database to the newest schema.

use std::process::ExitCode;

use clap::Args;

use super::Place;
use crate::{storage::Storage, types::SystemClock};

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
        let before = Storage::migrate(&loaded.config.storage, data, &SystemClock).await?;
        let newest = Storage::schema_version_known();
        if before == newest {
            println!("The database has schema {newest}, the newest; nothing to do.");
        } else {
            println!("The database went from schema {before} to {newest}.");
        }
        Ok(ExitCode::SUCCESS)
    }
}
