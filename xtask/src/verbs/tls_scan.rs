//! testssl.sh against the three doors of a running realm, with TLS 1.3 alone and with 1.2 beside it.
//!
//! 1. find the scanner, or install it     2. build and start a realm on free ports     3. scan the doors side by side
//! 4. every finding of LOW or above fails, except what is said of a self-signed certificate

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    layout::Layout,
    process::{cargo, output, run, run_within, say},
};

const INSTALL_DEADLINE: Duration = Duration::from_secs(600);
const START_DEADLINE: Duration = Duration::from_secs(60);
/// A scan takes two minutes on a machine with nothing else to do.
const SCAN_DEADLINE: Duration = Duration::from_secs(1_800);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Findings about the certificate and the name, which are the operator's: a self-signed one has no issuer that revokes it, it lasts
/// ten years because clients pin it, and 127.0.0.1 has no DNS records.
const OF_SELF_SIGNED: [&str; 4] = ["cert_chain_of_trust", "cert_validityPeriod", "cert_revocation", "DNS_CAArecord"];
const SERIOUS: [&str; 5] = ["LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"];

/// Scans every door with either setting of `[tls] tls12`.
pub(super) fn scan(layout: &Layout) -> Result<()> {
    let scanner = scanner()?;
    run(cargo().current_dir(&layout.root).args(["build", "--package", "realm", "--bin", "realm"]))?;
    let mut found = Vec::new();
    for tls12 in [false, true] {
        say(&format!("scanning the three doors with testssl.sh, TLS 1.2 {}", if tls12 { "on" } else { "off" }));
        let realm = Running::start(layout, tls12)?;
        found.extend(scan_doors(&scanner, &realm)?);
    }
    if !found.is_empty() {
        bail!("testssl.sh finds fault with the doors:\n  {}", found.join("\n  "));
    }
    Ok(())
}

/// Debian calls it `testssl`.
fn scanner() -> Result<PathBuf> {
    let find = || {
        let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let files = folders.iter().flat_map(|folder| ["testssl", "testssl.sh"].map(|name| folder.join(name)));
        files.into_iter().find(|file| file.is_file())
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    say("installing testssl.sh");
    let install = |program: &str, before: &[&str]| {
        let mut command = Command::new(program);
        command.args(before).args(["install", "--yes", "--no-install-recommends", "testssl.sh"]);
        run_within(command.env("DEBIAN_FRONTEND", "noninteractive"), INSTALL_DEADLINE)
    };
    install("apt-get", &[]).or_else(|_| install("sudo", &["-n", "apt-get"])).context(
        "testssl.sh is needed and cannot be installed by this user; install it, on Debian with `apt-get install testssl.sh`",
    )?;
    find().context("testssl.sh was installed but is not on the path")
}

/// A realm that runs for the scan; ended when dropped.
struct Running {
    child: Child,
    folder: PathBuf,
    /// Name and address of each door.
    doors: Vec<(&'static str, String)>,
}

impl Running {
    fn start(layout: &Layout, tls12: bool) -> Result<Self> {
        let folder = layout.target.join("tls-scan");
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut command = Command::new(layout.target.join("debug/realm"));
        command.current_dir(&folder).args(["up", "--data", "data"]).env("REALM__TLS__TLS12", tls12.to_string());
        for key in ["NET__HTTPS", "NET__REALM", "NET__GAME", "TELEMETRY__LISTEN"] {
            command.env(format!("REALM__{key}"), "127.0.0.1:0");
        }
        // A scanner knocks more often than anybody who means to come in.
        command.env("REALM__NET__CONNECTIONS_PER_ADDRESS_BURST", "1000000");
        let log = fs::File::create(folder.join("realm.log")).context("the realm's log cannot be written")?;
        let errors = log.try_clone().context("the realm's log cannot be written")?;
        let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
        let mut running = Self { child: child.context("the realm cannot be started")?, folder, doors: Vec::new() };
        running.doors = running.wait_for_doors()?;
        Ok(running)
    }

    fn wait_for_doors(&mut self) -> Result<Vec<(&'static str, String)>> {
        let start = Instant::now();
        while start.elapsed() < START_DEADLINE {
            if let Ok(note) = fs::read_to_string(self.folder.join("data/endpoint.json")) {
                let note: Value = serde_json::from_str(&note).context("endpoint.json is no JSON")?;
                let door = |name: &'static str| Some((name, note[name].as_str()?.to_owned()));
                let doors: Vec<_> = ["https", "realm", "game"].into_iter().filter_map(door).collect();
                if doors.len() == 3 {
                    return Ok(doors);
                }
            }
            if self.child.try_wait().context("the realm cannot be waited for")?.is_some() {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        bail!("the realm did not start; see {}", self.folder.join("realm.log").display())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has nothing that must be saved.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The serious findings at all doors, one line each.
fn scan_doors(scanner: &Path, realm: &Running) -> Result<Vec<String>> {
    let scans: Vec<_> = realm
        .doors
        .iter()
        .map(|(name, address)| {
            let (name, json) = (*name, realm.folder.join(format!("{name}.json")));
            let mut command = Command::new(scanner);
            command.args(["--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", "--jsonfile"]);
            command.arg(&json).arg(address);
            (name, json, thread::spawn(move || output(&mut command, SCAN_DEADLINE)))
        })
        .collect();
    let mut found = Vec::new();
    for (name, json, scan) in scans {
        // The exit code counts findings of any kind; the file has them with their weight.
        let ended = scan.join().ok().context("a scan ended by a panic")?;
        let text = fs::read_to_string(&json).with_context(|| format!("the scan of {name} wrote nothing: {ended:?}"))?;
        let serious = serious(&text).with_context(|| format!("the scan of {name} ({})", json.display()))?;
        found.extend(serious.into_iter().map(|finding| format!("{name}: {finding}")));
    }
    Ok(found)
}

/// What is LOW or above in the file of one scan.
fn serious(json: &str) -> Result<Vec<String>> {
    let findings: Vec<Value> = serde_json::from_str(json).context("it is no JSON")?;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    if !findings.iter().any(|finding| text(finding, "id") == "TLS1_3" && text(finding, "severity") == "OK") {
        bail!("it did not get as far as TLS 1.3");
    }
    Ok(findings
        .iter()
        .filter(|finding| SERIOUS.contains(&text(finding, "severity").as_str()))
        .filter(|finding| !OF_SELF_SIGNED.iter().any(|id| text(finding, "id").starts_with(id)))
        .map(|finding| format!("{} {}: {}", text(finding, "severity"), text(finding, "id"), text(finding, "finding")))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id":"TLS1_3","severity":"OK","finding":"offered"}"#;

    #[test]
    fn only_what_is_serious_and_not_the_operators_counts() {
        let of = |more: &str| serious(&format!("[{GOOD},{more}]")).unwrap();
        assert!(
            of(r#"{"id":"cert_chain_of_trust","severity":"CRITICAL","finding":"failed (self signed)."}"#).is_empty()
        );
        assert!(of(r#"{"id":"HSTS","severity":"INFO","finding":"x"}"#).is_empty());
        let found = of(r#"{"id":"BEAST","severity":"LOW","finding":"TLS 1.0"}"#);
        assert_eq!(found, ["LOW BEAST: TLS 1.0"]);
    }

    #[test]
    fn a_scan_that_saw_nothing_is_no_proof() {
        assert!(serious("[]").unwrap_err().to_string().contains("did not get as far"));
        assert!(serious("").is_err());
    }
}
