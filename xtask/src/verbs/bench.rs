//! `bench`: the table of measurements, and what a realm carries.

use anyhow::Result;

use super::PLUGINS_VARIABLE;
use crate::{
    layout::Layout,
    plugins,
    process::{cargo, run, say},
};

/// Builds the plugins, then prints the table of measurements.
pub(crate) fn bench(layout: &Layout, arguments: &[String]) -> Result<()> {
    measure(layout, "figures", arguments)
}

/// Builds plugins and server, then prints what the server carries.
pub(crate) fn bench_load(layout: &Layout, arguments: &[String]) -> Result<()> {
    measure(layout, "load", arguments)
}

fn measure(layout: &Layout, bench: &str, arguments: &[String]) -> Result<()> {
    let components = plugins::build(layout, &[])?;
    say("measuring (release build first)");
    let mut command = cargo();
    command.args(["bench", "--package", "realm-tests", "--bench", bench, "--"]).args(arguments);
    run(command.current_dir(&layout.root).env(PLUGINS_VARIABLE, components))
}
