//! `realm owner create`: the first account of a realm.

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::bail;
use clap::{Args, Subcommand};
use realm_client::Rest;

use super::Place;

#[derive(Subcommand)]
pub(super) enum Owner {
    /// Make the owner's account with the one-time token that `realm up` printed.
    Create(Create),
}

#[derive(Args)]
pub(super) struct Create {
    /// Name of the account
    name: String,
    /// The one-time token
    #[arg(long)]
    token: String,
    #[command(flatten)]
    place: Place,
}

impl Owner {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Owner::Create(create) = self;
        let endpoint = create.place.endpoint()?;
        let password = read_password()?;
        let mut rest = Rest::new(&super::client_endpoint(&endpoint)?);
        rest.create_owner(&create.token, &create.name, &password).await?;
        println!("{} owns this realm now.", create.name);
        Ok(ExitCode::SUCCESS)
    }
}

/// Asks for a password twice at a terminal, or reads one line from a pipe.
fn read_password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password("Password (8 to 128 characters): ")?;
    let second = rpassword::prompt_password("The same again: ")?;
    if first != second {
        bail!("the two passwords differ; try again");
    }
    Ok(first)
}
