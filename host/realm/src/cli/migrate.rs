//! `realm migrate`: bring the database to the newest schema.

use std::{process::ExitCode, sync::Arc};

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
        let before = Storage::schema_version(&loaded.config.storage, data).await?;
        let storage = Storage::open(&loaded.config.storage, data, loaded.config.node.id, Arc::new(SystemClock)).await?;
        storage.close().await;
        let after = Storage::schema_version(&loaded.config.storage, data).await?;
        if before == after {
            println!("The database has schema {after}, the newest; nothing to do.");
        } else {
            println!("The database went from schema {before} to {after}.");
        }
        Ok(ExitCode::SUCCESS)
    }
}
