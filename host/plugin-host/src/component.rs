//! The outside of a file: is it a whole component, what does it import and export, which manifest does it carry?
//! Nothing is run or compiled here.

use std::collections::BTreeSet;

use wasmparser::{Encoding, Parser, Payload};
use wasmtime::Engine;

use crate::{
    error::LoadError,
    hook::{EFFECTS, Hook, LIFECYCLE, PACKAGE},
    manifest::{Class, MANIFEST_SECTION, Manifest, Permission},
    versions::served,
    wasi,
};

/// What a file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outside {
    pub(crate) manifest: Manifest,
    pub(crate) hooks: Vec<Hook>,
    /// Size of the largest function's code.
    pub(crate) function_bytes: usize,
}

/// Names found in a file.
#[derive(Debug, Default)]
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
    manifests: BTreeSet<Vec<u8>>,
    function_bytes: usize,
}

/// Reads the outside of a file.
pub(crate) fn inspect(bytes: &[u8]) -> Result<Outside, LoadError> {
    check_layer(bytes)?;
    let names = read_names(bytes).map_err(|error| LoadError::Malformed(error.to_string()))?;
    for import in &names.imports {
        check_import(import)?;
    }
    let hooks = find_hooks(&names.exports)?;
    let manifest = find_manifest(&names.manifests)?;
    if manifest.class == Class::Slow && hooks.contains(&Hook::AntiCheat) {
        return Err(LoadError::SlowInTick);
    }
    Ok(Outside { manifest, hooks, function_bytes: names.function_bytes })
}

/// The manifest of a file, for messages about a file that cannot be loaded.
pub(crate) fn manifest_of(bytes: &[u8]) -> Result<Manifest, LoadError> {
    check_layer(bytes)?;
    let names = read_names(bytes).map_err(|error| LoadError::Malformed(error.to_string()))?;
    find_manifest(&names.manifests)
}

fn check_layer(bytes: &[u8]) -> Result<(), LoadError> {
    if Engine::detect_precompiled(bytes).is_some() {
        return Err(LoadError::Precompiled);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    if Parser::is_core_wasm(bytes) {
        return Err(LoadError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(LoadError::Malformed("the header is of no known kind".to_owned()));
    }
    Ok(())
}

/// Walks through the whole file, nested modules included, so that a file that was cut off anywhere is found out.
fn read_names(bytes: &[u8]) -> wasmparser::Result<Names> {
    let mut names = Names::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding, .. } => {
                depth += 1;
                debug_assert!(depth > 1 || encoding == Encoding::Component);
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    names.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    names.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::CodeSectionEntry(body) => names.function_bytes = names.function_bytes.max(body.range().len()),
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                names.manifests.insert(section.data().to_vec());
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Splits `realm:plugin/chat-filter@0.1.0` into name and version; `None` for other packages.
fn split_interface(name: &str) -> Option<(&str, &str)> {
    let interface = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(interface.split_once('@').unwrap_or((interface, "")))
}

/// Versions of one minor number understand each other while the major number is 0.
fn understand_each_other(theirs: &str, ours: &str) -> bool {
    let (Ok(theirs), Ok(ours)) = (semver::Version::parse(theirs), semver::Version::parse(ours)) else {
        return false;
    };
    theirs.pre.is_empty() && theirs.major == ours.major && (ours.major > 0 || theirs.minor == ours.minor)
}

fn check_version(interface: &str, version: &str) -> Result<(), LoadError> {
    if served(interface).iter().any(|ours| understand_each_other(version, ours)) {
        return Ok(());
    }
    let built_for = if version.is_empty() { "without a version".to_owned() } else { version.to_owned() };
    Err(LoadError::InterfaceVersion { interface: format!("{PACKAGE}/{interface}"), built_for })
}

fn check_import(name: &str) -> Result<(), LoadError> {
    match split_interface(name) {
        Some((interface, version)) if interface == EFFECTS || Permission::is_interface(interface) => {
            check_version(interface, version)
        }
        _ if wasi::is_offered(name) => Ok(()),
        _ => Err(LoadError::ImportUnknown(name.to_owned())),
    }
}

fn find_hooks(exports: &[String]) -> Result<Vec<Hook>, LoadError> {
    let mut hooks = BTreeSet::new();
    for export in exports {
        let Some((interface, version)) = split_interface(export) else { continue };
        let hook = Hook::from_interface(interface);
        if hook.is_none() && interface != LIFECYCLE {
            return Err(LoadError::HookUnknown(export.clone()));
        }
        check_version(interface, version)?;
        hooks.extend(hook);
    }
    if hooks.is_empty() { Err(LoadError::NoHook) } else { Ok(hooks.into_iter().collect()) }
}

fn find_manifest(sections: &BTreeSet<Vec<u8>>) -> Result<Manifest, LoadError> {
    let mut sections = sections.iter();
    match (sections.next(), sections.next()) {
        (Some(section), None) => Manifest::parse(section),
        (None, _) => Err(LoadError::Manifest(format!(
            "the custom section `{MANIFEST_SECTION}` is missing; the SDK's macro writes it"
        ))),
        (Some(_), Some(_)) => {
            Err(LoadError::Manifest(format!("there are several different sections `{MANIFEST_SECTION}`; keep one")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_line_understand_each_other() {
        let spoken = |version| understand_each_other(version, "0.1.0");
        assert!(spoken("0.1.0") && spoken("0.1.7"));
        assert!(!spoken("0.2.0") && !spoken("1.0.0") && !spoken("0.1.0-rc.1") && !spoken(""));
        assert!(understand_each_other("1.3.0", "1.1.0") && !understand_each_other("2.0.0", "1.1.0"));
    }

    #[test]
    fn what_is_not_offered_is_named() {
        let error = check_import("env:cli/environment@0.2.6").unwrap_err().to_string();
        assert!(error.contains("env:cli/environment@0.2.6") && error.contains("log, metrics, kv, clock"), "{error}");
        assert!(check_import("realm:plugin/log@0.1.0").is_ok() && check_import("realm:plugin/effects@0.1.0").is_ok());
        assert!(check_import("realm:plugin/moderate@0.1.0").is_err());
        assert!(matches!(check_import("realm:plugin/log@0.9.0"), Err(LoadError::InterfaceVersion { .. })));
        assert!(matches!(find_hooks(&["realm:plugin/weather@0.1.0".to_owned()]), Err(LoadError::HookUnknown(_))));
        assert_eq!(find_hooks(&["realm:plugin/lifecycle@0.1.0".to_owned()]), Err(LoadError::NoHook));
    }
}
