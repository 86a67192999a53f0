//! `test`: everything a change can break.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{PLUGINS_VARIABLE, disk, fuzz, postgres, schemathesis, tls_scan, tutorial};
use crate::{
    layout::Layout,
    plugins,
    process::{cargo, run, say, seconds},
};

/// Asks tests for their long campaigns.
const LONG_VARIABLE: &str = "REALM_TEST_LONG";

/// How long the decoders are fuzzed in the ordinary run.
const FUZZ_SECONDS: u64 = 60;

/// Asks the harness for realms over PostgreSQL, for features whose whole tests run over both databases.
const DATABASE_VARIABLE: &str = "REALM_TEST_DATABASE";
const OVER_POSTGRES: [&str; 7] =
    ["accounts::", "admin::", "again::", "characters::", "commands::", "identity::", "resume::"];

/// Requests that are made from the OpenAPI document, in the ordinary run and in the long one.
const REQUESTS: u32 = 2_000;
const REQUESTS_LONG: u32 = 20_000;

/// Builds the plugins, then runs the tests of both workspaces; a failure of one does not hide the other.
pub(crate) fn test(layout: &Layout, long: bool, filter: Option<&str>) -> Result<()> {
    let start = Instant::now();
    say("step 1 of 7: building the plugins that the tests load");
    let components = plugins::build_all(layout, long)?;
    let mut done = vec![("plugins built", start.elapsed(), Ok(()))];

    // Ends with this function, however it ends.
    let cluster = match postgres::start() {
        Ok(cluster) => Some(cluster),
        Err(error) => {
            done.push(("PostgreSQL", start.elapsed(), Err(error)));
            None
        }
    };
    if let Err(error) = disk::prepare() {
        done.push(("a disk of the tests", start.elapsed(), Err(error)));
    }
    let tests = |what: &str| {
        let mut command = cargo();
        command.current_dir(&layout.root).env(PLUGINS_VARIABLE, &components).args(["test", "--no-fail-fast"]);
        if let Some(cluster) = &cluster {
            command.env(realm_postgres::VARIABLE, cluster.url());
        }
        if long {
            command.env(LONG_VARIABLE, "1");
        }
        say(what);
        command
    };
    let mut workspace = tests(
        "step 2 of 7: tests of the workspace (the first time builds its dependencies, about five minutes on two cores)",
    );
    done.push(timed("workspace", workspace.arg("--workspace").args(filter)));

    if filter.is_none() {
        let mut again = tests("step 3 of 7: features once more, over PostgreSQL");
        // The whole workspace, as before: one package alone takes its dependencies with fewer features, and all of them would be built once more.
        again.env(DATABASE_VARIABLE, "postgresql").args(["--workspace", "--test", "realm", "--"]);
        done.push(timed("over PostgreSQL", again.args(OVER_POSTGRES)));
    }

    let mut rules = tests("step 4 of 7: native tests of the plugins");
    rules.args(["--workspace", "--manifest-path", "plugins/Cargo.toml"]).env("CARGO_TARGET_DIR", layout.rules());
    done.push(timed("plugins, natively", rules.args(filter)));

    if filter.is_none_or(|filter| "word-game".contains(filter)) {
        let mut node = Command::new("npm");
        node.arg("test").current_dir(layout.plugin_sources().join("examples/word-game"));
        done.push(timed("word-game, in Node", &mut node));
    }

    if filter.is_none_or(|filter| "echo-guard".contains(filter)) {
        let mut python = Command::new("python3");
        python.args(["-B", "-m", "unittest", "discover", "--pattern", "*_test.py"]);
        python.current_dir(layout.plugin_sources().join("examples/echo-guard"));
        done.push(timed("echo-guard, in Python", &mut python));
    }

    if filter.is_none_or(|filter| "tutorial".contains(filter)) {
        say("step 5 of 7: the commands of the tutorial for plugin authors, and the templates");
        let start = Instant::now();
        let outcome = tutorial::follow(layout, long);
        done.push(("tutorial", start.elapsed(), outcome));
    }

    if filter.is_none_or(|filter| "schemathesis".contains(filter)) {
        say("step 6 of 7: requests made from the OpenAPI document, as nobody, as a player and as staff");
        let start = Instant::now();
        let outcome = schemathesis::ask(layout, if long { REQUESTS_LONG } else { REQUESTS });
        done.push(("schemathesis", start.elapsed(), outcome));
    }

    if filter.is_none_or(|filter| "fuzz".contains(filter)) {
        say("step 7 of 7: fuzzing the decoders");
        let start = Instant::now();
        let outcome = if long { fuzz::campaign(layout) } else { fuzz::fuzz(layout, None, FUZZ_SECONDS, false) };
        done.push(("fuzz", start.elapsed(), outcome));
    }

    if long && filter.is_none_or(|filter| "tls scan".contains(filter)) {
        let start = Instant::now();
        let outcome = tls_scan::scan(layout);
        done.push(("tls scan", start.elapsed(), outcome));
    }

    say(&format!("summary ({} in all)", seconds(start.elapsed())));
    for (name, took, outcome) in &done {
        say(&format!("  {:<20} {:<7} {:>9}", name, if outcome.is_ok() { "ok" } else { "FAILED" }, seconds(*took)));
    }
    if let Some(left_out) = disk::left_out() {
        say(&format!("  {left_out}"));
    }
    let failed: Vec<String> =
        done.into_iter().filter_map(|(_, _, outcome)| outcome.err()).map(|error| format!("{error:#}")).collect();
    if !failed.is_empty() {
        bail!("tests failed: {}", failed.join("; "));
    }
    Ok(())
}

fn timed<'a>(name: &'a str, command: &mut Command) -> (&'a str, Duration, Result<()>) {
    let start = Instant::now();
    let outcome = run(command);
    (name, start.elapsed(), outcome)
}
