//! `bench plugins`: what it costs to have plugins, to replace them while people play, and to bear those that mean harm.

mod alone;
mod harm;
pub mod swaps;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Options, http::Https, machine::pause, report::Report, server::Server, tell};

/// Whoever waits longer has found a fault.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks at what became of a file.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Measures everything, run after run.
pub fn measure(options: &Options) -> Vec<Report> {
    let mut alone = Report::new("A plugin by itself");
    let mut swaps = Report::new("Plugins that are replaced while games tick");
    let mut harm = Report::new("Eight plugins that mean harm, at once");
    for run in 1..=options.runs {
        tell(&format!("run {run} of {}", options.runs));
        alone::measure(options, &mut alone);
        swaps::measure(options, &mut swaps);
        harm::measure(options, &mut harm);
    }
    vec![alone, swaps, harm]
}

/// The operator, who looks after plugins.
struct Operator {
    rest: Https,
    token: String,
}

impl Operator {
    fn of(server: &Server, data: &Path) -> Self {
        let token = fs::read_to_string(data.join("operator.token")).expect("a token in the data folder");
        Self { rest: server.rest(9_000), token: token.trim().to_owned() }
    }

    /// What the realm says of a plugin; an answer without its name when it knows none.
    fn plugin(&mut self, name: &str) -> Value {
        self.rest.ask("GET", &format!("/admin/plugins/{name}"), &self.token, None).expect("the realm answers").1
    }

    /// Waits until the realm says what is wished of a plugin: how long that took.
    fn until(&mut self, name: &str, wished: impl Fn(&Value) -> bool) -> Duration {
        let begin = Instant::now();
        loop {
            let plugin = self.plugin(name);
            if wished(&plugin) {
                return begin.elapsed();
            }
            assert!(begin.elapsed() < DEADLINE, "what was waited for did not come about: {plugin}");
            pause(LOOK_EVERY);
        }
    }
}

/// Puts a file into the plugin folder, whole, under its name at once.
fn put(data: &Path, file: &str, bytes: &[u8]) {
    let folder = data.join("plugins");
    let beside = folder.join(format!("{file}.new"));
    fs::write(&beside, bytes).expect("room for a plugin");
    fs::rename(&beside, folder.join(file)).expect("a file is renamed");
}

/// The value below which this part of the times lies.
fn quantile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within a list")]
    let place = (last as f64 * part).round() as usize;
    times.get(place).copied().unwrap_or_default()
}
