//! `realm up`: start, show the banner, wait for a signal, stop.

use std::{
    fmt::Write as _,
    fs::File,
    io::{IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::Place;
use crate::{Realm, config::Loaded, telemetry};

/// The realm ends within this time of its signal, whatever hangs; with what the runtime waits for its threads, in half a minute.
const STOP_MAX: Duration = Duration::from_secs(25);

#[derive(Args)]
pub(super) struct Up {
    #[command(flatten)]
    place: Place,
}

impl Up {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let begin = Instant::now();
        let created = !self.place.data.exists();
        let loaded = self.place.load()?;
        telemetry::start_log(&loaded.config.telemetry)?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let terminal = std::io::stdout().is_terminal();
        let realm = Realm::start(loaded.config.clone(), &self.place.data).await?;
        print!("{}", banner(&realm, &loaded, &self.place.data, created, begin));
        loop {
            tokio::select! {
                _ = interrupt.recv() => say("\nStopping: telling players, saving characters."),
                _ = terminate.recv() => say("Stopping: telling players, saving characters."),
                _ = hangup.recv() => {
                    if !terminal || File::open("/dev/tty").is_ok() {
                        realm.renew_certificate();
                        continue;
                    }
                    // The terminal was closed, and with it went whoever could press Ctrl-C.
                }
            }
            break;
        }
        let stopping = Instant::now();
        tokio::select! {
            () = tokio::time::sleep(STOP_MAX) => {
                eprintln!("error: not everything ended within {} s; what was not saved until now is lost", STOP_MAX.as_secs());
                return Ok(ExitCode::FAILURE);
            }
            () = realm.stop() => {
                say(&format!("Stopped after {:.1} s; everything is saved.", stopping.elapsed().as_secs_f64()));
            }
            _ = interrupt.recv() => {
                eprintln!("error: stopped at once by a second Ctrl-C; characters in games may miss their last seconds");
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A line for whoever still reads; a terminal that is gone must not keep the realm from saving.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// What the operator reads when the realm is up.
fn banner(realm: &Realm, loaded: &Loaded, data: &Path, created: bool, begin: Instant) -> String {
    let mut out = String::new();
    let addresses = realm.addresses();
    let full = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
    let config = loaded.file.as_deref().map_or_else(|| "defaults (no realm.toml here)".to_owned(), full);
    let certificate = if realm.self_signed() { " (self-signed: clients pin this fingerprint)" } else { "" };
    let _ = writeln!(
        out,
        "\n  {} · realm {} · up in {} ms\n\n  Web      https://{}/\n  API      https://{}/api/v1     described in /api/v1/openapi.json\n  \
         Lobby    wss://{}/ws  (realm.v1.json, realm.v1.bin)  ·  frames over TLS on {}\n  Games    frames over TLS on {}",
        loaded.config.realm.home().name,
        env!("CARGO_PKG_VERSION"),
        begin.elapsed().as_millis(),
        addresses.https,
        addresses.https,
        addresses.https,
        addresses.realm,
        addresses.game,
    );
    if let Some(address) = realm.telemetry_address() {
        let _ = writeln!(out, "  Metrics  http://{address}/metrics     health in /healthz, /readyz");
    }
    let _ = writeln!(
        out,
        "\n  Data     {}{}\n  Config   {config}\n  Cert     SHA-256 {}{certificate}",
        full(data),
        if created { " (created)" } else { "" },
        realm.fingerprint(),
    );
    let realms = &loaded.config.realm;
    let ordinary = realms.len() == 1 && realms.home().flags().is_empty();
    for (index, realm) in realms.iter().enumerate().filter(|_| !ordinary) {
        let label = if index == 0 { "Realms" } else { "" };
        let gap = if index == 0 { "\n" } else { "" };
        let flags = realm.flags();
        let _ = writeln!(out, "{gap}  {label:<8} {:<32} {:<16} {flags}", realm.name, realm.key);
    }
    let plugins = realm.rules().status();
    let _ = writeln!(out, "\n  Rules    {}", full(realm.rules().folder()));
    if plugins.is_empty() {
        let _ = writeln!(out, "           none: everything is allowed; drop a .wasm file in there");
    }
    for plugin in plugins {
        let _ = match &plugin.problem {
            None => writeln!(
                out,
                "           {:<14} {:<8} {:<34} {:>5} KB  loaded in {:.0} ms",
                plugin.name,
                plugin.version,
                plugin.hooks.join(", "),
                plugin.size_bytes / 1_024,
                plugin.load_ms,
            ),
            Some(problem) => writeln!(out, "           {:<14} NOT AT WORK: {problem}", plugin.file),
        };
    }
    if let Some(token) = realm.owner_token() {
        let program = std::env::current_exe().map_or_else(|_| "realm".to_owned(), |path| short(&path));
        let _ = writeln!(
            out,
            "\n  There is no owner yet. Make the owner's account, in another terminal (the token works once):\n\n    {program} owner create NAME --token {token} --data {}",
            short(data),
        );
    }
    let _ = writeln!(out, "\n  Ctrl-C saves everything and stops.\n");
    out
}

/// A path as one would type it from here.
fn short(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    match path.strip_prefix(&here) {
        Ok(inside) if inside.components().count() > 1 => inside.display().to_string(),
        Ok(inside) if !inside.as_os_str().is_empty() => inside.display().to_string(),
        _ => path.display().to_string(),
    }
}
