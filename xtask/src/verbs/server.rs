//! `run`: from a fresh clone to a realm that runs. `docs`: the server writes its own reference pages.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    layout::Layout,
    plugins,
    process::{cargo, run as run_program, say, seconds},
};

/// The data folder when nothing else is said.
const DATA: &str = "realm-data";

/// Builds plugins and server, installs the default plugins and becomes the server.
pub(crate) fn run(layout: &Layout, arguments: &[String]) -> Result<()> {
    let (data, told) = data_folder(arguments)?;
    say("step 1 of 4: building the default plugins");
    plugins::build(layout, &[])?;

    say("step 2 of 4: building the server (release; the first time takes about ten minutes on two cores)");
    let start = Instant::now();
    run_program(
        cargo().args(["build", "--release", "--package", "realm", "--bin", "realm"]).current_dir(&layout.root),
    )?;
    say(&format!("server built ({})", seconds(start.elapsed())));

    say(&format!("step 3 of 4: default plugins for {}", data.display()));
    plugins::install_defaults(layout, &data)?;

    say("step 4 of 4: starting");
    let mut server = Command::new(layout.target.join("release").join(format!("realm{}", env::consts::EXE_SUFFIX)));
    server.arg("up");
    if !told {
        server.arg("--data").arg(&data);
    }
    become_program(server.args(arguments))
}

/// Lets the server write the pages that are made from its own code.
pub(crate) fn docs(layout: &Layout, arguments: &[String]) -> Result<()> {
    say("writing the generated pages of docs/");
    run_program(cargo().args(["run", "--package", "realm", "--", "docs"]).args(arguments).current_dir(&layout.root))
}

/// The data folder, and whether the arguments name it.
fn data_folder(arguments: &[String]) -> Result<(PathBuf, bool)> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--data" {
            let Some(folder) = rest.next() else { bail!("`--data` wants a folder after it") };
            return Ok((PathBuf::from(folder), true));
        }
        if let Some(folder) = argument.strip_prefix("--data=") {
            return Ok((PathBuf::from(folder), true));
        }
    }
    Ok((Path::new(DATA).to_owned(), false))
}

/// On Unix this program is replaced by the other, which so gets Ctrl-C and every other signal itself.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec()).with_context(|| format!("{} cannot be started", Path::new(command.get_program()).display()))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<()> {
    let status = command.status().context("the server cannot be started")?;
    if status.success() { Ok(()) } else { bail!("the server ended with {status}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(arguments: &[&str]) -> Option<(PathBuf, bool)> {
        data_folder(&arguments.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn the_data_folder_is_where_the_server_will_look() {
        assert_eq!(folder(&["--config", "x"]), Some((PathBuf::from("realm-data"), false)));
        assert_eq!(folder(&["--data", "here"]), Some((PathBuf::from("here"), true)));
        assert_eq!(folder(&["--data=there"]), Some((PathBuf::from("there"), true)));
        assert_eq!(folder(&["--data"]), None);
    }
}
