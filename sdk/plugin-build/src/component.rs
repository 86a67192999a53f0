//! A core module becomes a component, and a component tells what it is, without being run.

use std::fmt;

use anyhow::{Context, Result, bail};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// The custom section that holds the manifest.
const MANIFEST_SECTION: &str = "realm:plugin";
/// The package of the contract between realm and plugin.
const CONTRACT: &str = "realm:plugin/";

/// What a component says about itself.
#[derive(Debug, PartialEq)]
pub struct Description {
    /// Name from the manifest.
    pub name: String,
    /// Version from the manifest.
    pub version: String,
    /// True when the manifest says `class: slow`.
    pub slow: bool,
    /// Interfaces that it exports, without package and version, sorted.
    pub hooks: Vec<String>,
    /// Size of the file.
    pub size_bytes: usize,
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hooks = self.hooks.join(", ");
        write!(formatter, "{} {}: {hooks}; {} KiB", self.name, self.version, self.size_bytes.div_ceil(1024))
    }
}

/// Wraps a core module that carries its component types.
///
/// # Errors
/// When the module carries none, or they do not fit what it exports.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(module)?.encode()
}

/// Adds the manifest to a component whose toolchain cannot write one.
#[must_use]
pub fn with_manifest(component: &[u8], manifest: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_number(&mut body, MANIFEST_SECTION.len());
    body.extend_from_slice(MANIFEST_SECTION.as_bytes());
    body.extend_from_slice(manifest.as_bytes());
    let mut whole = component.to_vec();
    whole.push(0); // a custom section
    put_number(&mut whole, body.len());
    whole.extend_from_slice(&body);
    whole
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest first.
fn put_number(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits fit");
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// Reads the manifest and the exports of a component; refuses imports that no realm offers.
///
/// # Errors
/// When it is no whole component, has not exactly one manifest, or imports from another package.
pub fn describe(bytes: &[u8]) -> Result<Description> {
    let mut depth = 0_u32;
    let mut manifest = None;
    let mut hooks = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.context("this is not a component")? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                let written_twice = manifest.replace(section.data()).is_some();
                if written_twice {
                    bail!("the component holds two manifests: write `realm_plugin::plugin!` once");
                }
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let name = import?.name.name;
                    // WASI is linked with nothing granted, so that guests of every toolchain load.
                    if !name.starts_with("wasi:") {
                        interface(name).context("the realm offers nothing of that name to import")?;
                    }
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                // What a toolchain exports for itself is nobody's business: the realm never calls it.
                for export in section {
                    hooks.extend(interface(export?.name.name).ok());
                }
            }
            _ => {}
        }
    }
    hooks.sort();
    let manifest = manifest.context("the component holds no manifest: write `realm_plugin::plugin!`")?;
    let manifest: serde_json::Value = serde_json::from_slice(manifest).context("the manifest is not JSON")?;
    let text =
        |key: &str| manifest[key].as_str().map(str::to_owned).with_context(|| format!("the manifest has no `{key}`"));
    let slow = manifest["class"].as_str() == Some("slow");
    Ok(Description { name: text("name")?, version: text("version")?, slow, hooks, size_bytes: bytes.len() })
}

/// `chat-filter` of `realm:plugin/chat-filter@0.1.0`.
fn interface(name: &str) -> Result<String> {
    match name.strip_prefix(CONTRACT).and_then(|rest| rest.split_once('@')) {
        Some((interface, _version)) => Ok(interface.to_owned()),
        None => bail!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn a_component_tells_its_name_and_hooks() {
        let bytes = component(
            r#"(component
                (@custom "realm:plugin" "{\"name\":\"polite\",\"version\":\"1.2.0\"}")
                (instance $empty)
                (export "realm:plugin/lifecycle@0.1.0" (instance $empty))
                (export "realm:plugin/chat-filter@0.1.0" (instance $empty)))"#,
        );
        let description = describe(&bytes).unwrap();
        assert_eq!(description.name, "polite");
        assert_eq!(description.version, "1.2.0");
        assert!(!description.slow);
        assert_eq!(description.hooks, ["chat-filter", "lifecycle"]);
    }

    #[test]
    fn the_manifest_is_found_inside_the_core_module() {
        let bytes = component(
            r#"(component (core module (@custom "realm:plugin" "{\"name\":\"inner\",\"version\":\"0.1.0\"}")))"#,
        );
        assert_eq!(describe(&bytes).unwrap().name, "inner");
    }

    #[test]
    fn a_manifest_can_be_added_to_a_finished_component() {
        let long = format!(r#"{{"name":"late","version":"1.0.0","description":"{}"}}"#, "x".repeat(300));
        let bytes = with_manifest(&component("(component)"), &long);
        assert_eq!(describe(&bytes).unwrap().name, "late");
        assert!(format!("{:#}", describe(&with_manifest(&bytes, &long)).unwrap_err()).contains("two manifests"));
    }

    #[test]
    fn what_no_realm_takes_is_refused_in_words() {
        let cases = [
            ("(component)", "holds no manifest"),
            (r#"(component (import "other:cli/exit@0.2.0" (instance)))"#, "other:cli/exit"),
            (r#"(component (@custom "realm:plugin" "x"))"#, "not JSON"),
            (r#"(component (@custom "realm:plugin" "{}") (@custom "realm:plugin" "{}"))"#, "two manifests"),
        ];
        for (text, wanted) in cases {
            let error = format!("{:#}", describe(&component(text)).unwrap_err());
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert!(describe(b"no wasm at all").is_err());
    }
}
