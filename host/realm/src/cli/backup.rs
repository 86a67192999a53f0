//! `realm backup`, `restore` and `verify`: the realm's database in one file, and back.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::Place;
use crate::{
    audit::{self, By, Who},
    storage::{self, TableSum},
    types::{Clock as _, SystemClock},
};

#[derive(Args)]
pub(super) struct Backup {
    /// The new file
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Backup {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.place.load()?.config;
        let verified = storage::backup(&config.storage, &self.place.data, &self.file).await?;
        print(&verified.tables);
        println!("{} holds the realm's database, schema {}.", self.file.display(), verified.schema);
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
pub(super) struct Restore {
    /// A file that `realm backup` made
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Restore {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let config = self.place.load()?.config;
        let who = By {
            realm: config.realm.home().key.as_str().into(),
            who: Who::Operator,
            reason: format!("From {}.", self.file.display()),
        };
        let deed = who.does("database.restore", "database", "realm");
        let now_ms = SystemClock.now_ms();
        let restored =
            storage::restore(&config.storage, &self.place.data, &self.file, &SystemClock, move |connection| {
                Box::pin(async move {
                    if audit::can_go_on(connection).await? {
                        return audit::write(connection, &deed, now_ms).await;
                    }
                    // What is in the backup matters more than a line about it.
                    println!("The audit log of the backup lacks the note of its last line (table audit_head): the restore has no line in it.");
                    Ok(())
                })
            })
            .await?;
        print(&restored.tables);
        if let Some(before) = restored.before {
            let before = before.display();
            match restored.damage {
                None => println!("What was there before lies in {before}."),
                Some(damage) => {
                    println!("What was there before cannot be copied ({damage}) and lies as it was in {before}.")
                }
            }
        }
        println!("The realm's database is that of {}.", self.file.display());
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
pub(super) struct Verify {
    /// A file that `realm backup` made [default: the realm's database]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

impl Verify {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let verified = match &self.file {
            Some(file) => storage::verify_file(file).await?,
            None => {
                let config = self.place.load()?.config;
                storage::verify(&config.storage, &self.place.data).await?
            }
        };
        print(&verified.tables);
        println!("The database is sound, schema {}.", verified.schema);
        Ok(ExitCode::SUCCESS)
    }
}

/// One line a table: rows, and the hash of what they hold.
pub(super) fn print(tables: &[TableSum]) {
    for sum in tables {
        println!("{:<24} {:>10} rows  {}", sum.table, sum.rows, sum.hash);
    }
}
