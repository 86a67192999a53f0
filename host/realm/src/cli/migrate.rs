//! `realm migrate`: bring the database to the newest schema, or the realm into another database.

use std::process::ExitCode;

use clap::Args;

use super::{Place, backup};
use crate::{
    storage::{self, Storage},
    types::SystemClock,
};

#[derive(Args)]
pub(super) struct Migrate {
    /// Move everything into this empty database: postgres://user:password@host/database or sqlite:///path/to/realm.sqlite
    #[arg(long, value_name = "URL")]
    to: Option<String>,
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
        if let Some(to) = &self.to {
            let tables = storage::move_to(&loaded.config.storage, data, to, &SystemClock).await?;
            backup::print(&tables);
            println!(
                "Everything has arrived. Start the realm with that address as [storage] url; the old database is as it was."
            );
            return Ok(ExitCode::SUCCESS);
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
