//! `realm plugin check`: what a component is, and what keeps this realm from taking it, without a realm.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use realm_plugin_build::{
    contract::{Contract, PACKAGE},
    fit::{self, Fit, Interface},
};
use realm_plugin_host::{Host, Limits, NoLog, sha256_hex};

use super::{super::Place, sources::component};
use crate::rules::check_signature;

#[derive(Args)]
pub(in crate::cli) struct Check {
    /// The component
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Check {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let bytes = component(&self.file)?;
        let config = self.place.load()?.config.plugins;
        let of = |name: &str| config.configuration.get(name).map_or_else(|| "{}".to_owned(), ToString::to_string);
        let mut report = report(&bytes, &of)?;
        if let Some(plugin) = &report.plugin {
            let signature = std::fs::read_to_string(format!("{}.minisig", self.file.display())).ok();
            let signed = signature.is_some();
            let plugin = (plugin.0.as_str(), plugin.1.as_str());
            match check_signature(&config, &self.place.data, &bytes, signature.as_deref(), plugin) {
                Ok(true) => report.row("Signed", "yes, with a key of `[plugins] keys`"),
                Ok(false) if signed => {
                    report.row("Signed", "yes, but `[plugins] keys` names no key to hold it against")
                }
                Ok(false) => report.row("Signed", "no, and this realm does not ask for it"),
                Err(problem) => report.problem(&format!("signature: {problem}")),
            }
        }
        print!("\n  {}\n\n{}\n", self.file.display(), report.text);
        if report.problems == 0 {
            println!("  It fits this realm.\n");
            Ok(ExitCode::SUCCESS)
        } else {
            println!("  It does NOT fit this realm.\n");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What is known of a file, as a table.
#[derive(Default)]
struct Report {
    text: String,
    problems: usize,
    /// Name and version, of a file that is a plugin.
    plugin: Option<(String, String)>,
}

impl Report {
    fn row(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.text, "  {name:<11} {value}");
    }

    fn problem(&mut self, sentence: &str) {
        self.problems += 1;
        self.row("PROBLEM", sentence);
    }
}

/// Looks at a file in every way that loading it would; `configuration` is the JSON for a plugin's name.
fn report(bytes: &[u8], configuration: &dyn Fn(&str) -> String) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let limits = Limits::default();
    let host = Host::new(limits.clone(), None)?;
    let manifest = host.manifest(bytes);
    if let Ok(manifest) = &manifest {
        report.row("Name", &format!("{} {}", manifest.name, manifest.version));
        report.row("Does", manifest.description.as_deref().unwrap_or("(its manifest does not say)"));
        let class = limits.class(manifest.class);
        let (most, memory) = (kibibytes(class.file_bytes_max), kibibytes(class.memory_bytes_max));
        report.row(
            "Class",
            &format!(
                "{}: {} of at most {most}, memory up to {memory} an instance",
                manifest.class.as_str(),
                kibibytes(bytes.len())
            ),
        );
        let asked: Vec<String> = manifest.permissions.iter().map(ToString::to_string).collect();
        report.row("Asks for", &or_nothing(&asked.join(", ")));
        report.plugin = Some((manifest.name.clone(), manifest.version.clone()));
    }
    // What is no component answers and calls nothing worth a line.
    let compared = fit::compare(bytes).ok();
    if let Some(fit) = &compared {
        report.row("Answers", &or_nothing(&interfaces(&fit.exports)));
        report.row("Calls", &or_nothing(&interfaces(&fit.imports)));
        report.row("Built for", &versions(fit));
    }
    let fit = compared.unwrap_or_default();
    report.row("SHA-256", &sha256_hex(bytes));
    report.text.push('\n');

    fit.misfits.iter().for_each(|sentence| report.problem(sentence));
    match host.load(bytes, Arc::new(NoLog)) {
        // What was said in words already is not said again in the engine's.
        Err(error) if fit.misfits.is_empty() => report.problem(&format!("{}: {error}", error.step())),
        Err(_) => {}
        Ok(plugin) => match plugin.instantiate(&configuration(&plugin.manifest().name)) {
            Ok(_instance) => report.row("Starts", "yes, with the configuration that holds here"),
            Err(error) => report.problem(&format!("start: {error}")),
        },
    }
    Ok(report)
}

/// `chat-filter (filter), lifecycle (init)`; of WASI only that it is there.
fn interfaces(list: &[Interface]) -> String {
    let of_contract = list.iter().filter(|interface| !interface.foreign && !interface.functions.is_empty());
    let mut shown: Vec<String> =
        of_contract.map(|interface| format!("{} ({})", interface.name, interface.functions.join(", "))).collect();
    shown.sort();
    if list.iter().any(|interface| interface.name.starts_with("wasi:")) {
        shown.push("WASI, of which nothing is granted".to_owned());
    }
    shown.join(", ")
}

fn versions(fit: &Fit) -> String {
    let of_contract = |interface: &&Interface| !interface.foreign && !interface.functions.is_empty();
    let mut versions: Vec<&str> = fit
        .exports
        .iter()
        .chain(&fit.imports)
        .filter(of_contract)
        .map(|interface| interface.version.as_str())
        .collect();
    versions.sort_unstable();
    versions.dedup();
    format!("{PACKAGE} {}; this realm speaks {}", or_nothing(&versions.join(" and ")), Contract::own().version())
}

fn kibibytes(bytes: usize) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..2_097_152 => format!("{} KiB", bytes / 1_024),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn or_nothing(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Report {
        report(&wat::parse_str(text).unwrap(), &|_| "{}".to_owned()).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_said_in_words() {
        let other_version = of(r#"(component
                (@custom "realm:plugin" "{\"name\":\"polite\",\"version\":\"1.2.0\",\"permissions\":[\"log\"]}")
                (import "realm:plugin/chat-filter@0.2.0" (instance $hook (export "sieve" (func))))
                (export "realm:plugin/chat-filter@0.2.0" (instance $hook)))"#);
        for phrase in [
            "polite 1.2.0",
            "fast: ",
            "chat-filter (sieve)",
            "realm:plugin 0.2.0; this realm speaks 0.1.0",
            "PROBLEM     built for `realm:plugin/chat-filter` 0.2.0, this realm speaks 0.1.0",
            "PROBLEM     missing function `filter` in `chat-filter`",
        ] {
            assert!(other_version.text.contains(phrase), "{phrase}\n{}", other_version.text);
        }
        assert!(other_version.problems >= 2);
    }

    #[test]
    fn what_is_no_component_is_said_too() {
        let found = report(b"#!/bin/sh\n", &|_| "{}".to_owned()).unwrap();
        assert_eq!(found.problems, 1, "{}", found.text);
        assert!(found.text.contains("PROBLEM     read: this is no WebAssembly"), "{}", found.text);
        assert!(!found.text.contains("Answers"), "{}", found.text);
    }

    #[test]
    fn sizes_are_told_for_people() {
        assert_eq!([kibibytes(500), kibibytes(20_480), kibibytes(4 << 20)], ["500 bytes", "20 KiB", "4.0 MiB"]);
    }
}
