//! Requests made from the OpenAPI document, as nobody, as a player and as staff: `tests/schemathesis/run.py` makes them.
//!
//! 1. install the tool into `target/`, pinned, once     2. build and start a realm on free ports     3. let the script ask it

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    layout::Layout,
    plugins,
    process::{cargo, output, run, run_within, say},
};

const REQUIREMENTS: &str = include_str!("../../../tests/schemathesis/requirements.txt");
const INSTALL_DEADLINE: Duration = Duration::from_secs(600);
const START_DEADLINE: Duration = Duration::from_secs(60);
const RUN_DEADLINE: Duration = Duration::from_secs(6_000);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the realm is told, so that requests are answered and not counted: the tool asks more often than anybody who plays.
const SETTINGS: [(&str, &str); 12] = [
    ("NET__HTTPS", "127.0.0.1:0"),
    ("NET__REALM", "127.0.0.1:0"),
    ("NET__GAME", "127.0.0.1:0"),
    ("TELEMETRY__LISTEN", "127.0.0.1:0"),
    ("NET__CONNECTIONS_PER_ADDRESS_BURST", "1000000"),
    ("SESSION__REQUEST_BURST", "10000"),
    ("SESSION__REQUEST_PER_MINUTE", "60000"),
    ("ACCOUNTS__ANONYMOUS_BURST", "1000000"),
    ("ACCOUNTS__LOGIN_BURST", "1000000"),
    ("ACCOUNTS__REGISTRATIONS_PER_HOUR", "1000000"),
    ("ACCOUNTS__ACCESS_TOKEN_MINUTES", "1440"),
    ("GAMES__MATCH_SECONDS", "1"),
];

/// Makes at least so many requests.
pub(super) fn ask(layout: &Layout, requests: u32) -> Result<()> {
    let python = tool(layout)?;
    // The program as the tests have it: another one would build every dependency once more, with other features.
    run(cargo().current_dir(&layout.root).args(["test", "--workspace", "--test", "realm", "--no-run"]))?;
    let realm = Running::start(layout)?;
    let mut script = Command::new(python);
    script.arg("-B").arg(layout.root.join("tests/schemathesis/run.py")).arg(realm.folder.join("data"));
    script.arg(&realm.folder).arg(requests.to_string()).arg(&realm.owner_token);
    run_within(script.current_dir(&realm.folder), RUN_DEADLINE)
}

/// The Python of an environment in which the tool is installed.
fn tool(layout: &Layout) -> Result<PathBuf> {
    let folder = layout.target.join("schemathesis");
    let (python, installed) = (folder.join("bin/python"), folder.join("installed"));
    if fs::read_to_string(&installed).is_ok_and(|what| what == REQUIREMENTS) {
        return Ok(python);
    }
    say("installing schemathesis into target/, once");
    let mut make = Command::new("python3");
    output(make.args(["-m", "venv", "--clear"]).arg(&folder), INSTALL_DEADLINE)
        .context("Python cannot make an environment for schemathesis: install version 3.10 or newer, with its `venv` (on Debian: `apt-get install python3-venv`)")?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--retries", "10", "--timeout", "60", "--disable-pip-version-check"]);
    pip.args(["--only-binary", ":all:", "--no-deps", "--requirement"]);
    run_within(pip.arg(layout.root.join("tests/schemathesis/requirements.txt")), INSTALL_DEADLINE)
        .context("pip could not install schemathesis: is the registry reachable?")?;
    fs::write(&installed, REQUIREMENTS).with_context(|| format!("{} cannot be written", installed.display()))?;
    Ok(python)
}

/// A realm that runs for the requests; ended when dropped.
struct Running {
    child: Child,
    folder: PathBuf,
    owner_token: String,
}

impl Running {
    fn start(layout: &Layout) -> Result<Self> {
        let folder = layout.target.join("schemathesis-run");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        let data = folder.join("data");
        fs::create_dir_all(&data).with_context(|| format!("{} cannot be made", data.display()))?;
        plugins::install_defaults(layout, &data)?;
        let program = layout.target.join(format!("debug/realm-under-test{}", env::consts::EXE_SUFFIX));
        let mut command = Command::new(program);
        command.current_dir(&folder).args(["up", "--data", "data"]);
        command.envs(SETTINGS.map(|(key, value)| (OsString::from(format!("REALM__{key}")), value)));
        let log = folder.join("realm.log");
        let file = fs::File::create(&log).context("the realm's log cannot be written")?;
        let errors = file.try_clone().context("the realm's log cannot be written")?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        let mut running =
            Self { child: child.context("the realm cannot be started")?, folder, owner_token: String::new() };
        running.owner_token = running.wait_for_token(&log)?;
        Ok(running)
    }

    /// The banner shows the one-time token once the realm is up.
    fn wait_for_token(&mut self, log: &Path) -> Result<String> {
        let start = Instant::now();
        while start.elapsed() < START_DEADLINE {
            let file = fs::File::open(log).context("the realm's log cannot be read")?;
            let mut lines = BufReader::new(file).lines().map_while(Result::ok);
            let token = lines.find_map(|line| {
                let (_, rest) = line.split_once("--token ")?;
                rest.split_whitespace().next().map(str::to_owned)
            });
            if let (Some(token), true) = (token, self.folder.join("data/endpoint.json").is_file()) {
                return Ok(token);
            }
            if self.child.try_wait().context("the realm cannot be waited for")?.is_some() {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        bail!("the realm did not start; see {}", log.display())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has nothing that must be saved.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
