//! Who a plugin says it is: read from the file without running it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::LoadError;

/// Name of the custom section that holds the manifest as JSON, in the component or in one of its core modules.
pub const MANIFEST_SECTION: &str = "realm:plugin";

/// Longest manifest, in bytes.
const MANIFEST_BYTES_MAX: usize = 16 << 10;
const NAME_CHARACTERS_MAX: usize = 40;
const VERSION_CHARACTERS_MAX: usize = 40;
const DESCRIPTION_CHARACTERS_MAX: usize = 400;

/// What a plugin is allowed beside answering its hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Write to the realm's log.
    Log,
    /// Count and measure among the realm's metrics.
    Metrics,
    /// Remember bytes by key.
    Kv,
    /// Read the time.
    Clock,
    /// Throw dice.
    Random,
    /// Look up what everybody may know of the realm.
    RealmInfo,
    /// Answer with effects that mute, kick or flag a player.
    Moderate,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 7] =
        [Self::Log, Self::Metrics, Self::Kv, Self::Clock, Self::Random, Self::RealmInfo, Self::Moderate];

    /// The name, as in the manifest and in `wit/`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Metrics => "metrics",
            Self::Kv => "kv",
            Self::Clock => "clock",
            Self::Random => "random",
            Self::RealmInfo => "realm-info",
            Self::Moderate => "moderate",
        }
    }

    /// True when `name` is an interface of `realm:plugin` that a plugin may import.
    pub(crate) fn is_interface(name: &str) -> bool {
        Self::ALL.iter().any(|permission| *permission != Self::Moderate && permission.as_str() == name)
    }

    /// The names of the interfaces that a plugin may import, for sentences to the operator.
    pub(crate) fn interfaces() -> String {
        let names: Vec<_> =
            Self::ALL.iter().filter(|permission| **permission != Self::Moderate).map(|it| it.as_str()).collect();
        names.join(", ")
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How large and how quick a plugin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Small: any hook.
    #[default]
    Fast,
    /// Large: hooks outside the tick only.
    Slow,
}

impl Class {
    /// The name, as in the manifest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }
}

/// The manifest of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Names the plugin in logs and in `[plugins.configuration.NAME]`: small letters, digits and hyphens.
    pub name: String,
    /// Version of the plugin, for example `1.2.0`.
    pub version: String,
    /// What it does, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it may do beside answering its hooks.
    #[serde(default)]
    pub permissions: Vec<Permission>,
    /// How large it is.
    #[serde(default)]
    pub class: Class,
}

impl Manifest {
    /// Reads and checks the JSON of a manifest section.
    ///
    /// # Errors
    /// When it is no such JSON or a value breaks its rule; the text says which and what to write.
    pub fn parse(json: &[u8]) -> Result<Self, LoadError> {
        let refuse = |text: String| Err(LoadError::Manifest(text));
        if json.len() > MANIFEST_BYTES_MAX {
            return refuse(format!("it has {} bytes; at most {MANIFEST_BYTES_MAX} are read", json.len()));
        }
        let manifest: Self = match serde_json::from_slice(json) {
            Ok(manifest) => manifest,
            Err(error) => return refuse(format!("{error}; write {{\"name\": \"…\", \"version\": \"1.0.0\"}}")),
        };
        if !name_is_valid(&manifest.name) {
            return refuse(format!(
                "the name `{}` must be 1 to {NAME_CHARACTERS_MAX} small letters, digits and hyphens, beginning with a letter",
                manifest.name.escape_default()
            ));
        }
        if manifest.version.len() > VERSION_CHARACTERS_MAX || semver::Version::parse(&manifest.version).is_err() {
            return refuse(format!(
                "the version `{}` must be three numbers like `1.0.0`, at most {VERSION_CHARACTERS_MAX} characters",
                manifest.version.escape_default()
            ));
        }
        let description = manifest.description.as_deref().unwrap_or_default();
        if description.chars().count() > DESCRIPTION_CHARACTERS_MAX || description.chars().any(char::is_control) {
            return refuse(format!(
                "the description must be one line of at most {DESCRIPTION_CHARACTERS_MAX} characters"
            ));
        }
        Ok(manifest)
    }

    /// True when the plugin asked for this permission.
    #[must_use]
    pub fn permits(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

fn name_is_valid(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_CHARACTERS_MAX).contains(&name.len())
        && name.bytes().all(plain)
        && name.as_bytes()[0].is_ascii_lowercase()
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> String {
        Manifest::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_shortest_manifest_is_a_name_and_a_version() {
        let manifest = Manifest::parse(br#"{"name":"chat-filter","version":"1.2.3-beta.1"}"#).unwrap();
        assert_eq!(manifest.class, Class::Fast);
        assert!(!manifest.permits(Permission::Log));
    }

    #[test]
    fn every_key_is_read() {
        let json = br#"{"name":"x2","version":"0.1.0","description":"Does it.","permissions":["log"],"class":"slow"}"#;
        let manifest = Manifest::parse(json).unwrap();
        assert!(manifest.permits(Permission::Log));
        assert_eq!(manifest.class, Class::Slow);
        assert_eq!(Manifest::parse(&serde_json::to_vec(&manifest).unwrap()).unwrap(), manifest);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(problem("{}").contains("missing field `name`"));
        assert!(problem(r#"{"name":"Chat Filter","version":"1.0.0"}"#).contains("small letters"));
        assert!(problem(r#"{"name":"a-","version":"1.0.0"}"#).contains("small letters"));
        assert!(problem(r#"{"name":"a","version":"1.0"}"#).contains("three numbers"));
        assert!(problem(r#"{"name":"a","version":"1.0.0","permissions":["net"]}"#).contains("`net`"));
        assert!(problem(r#"{"name":"a","version":"1.0.0","licence":"MIT"}"#).contains("`licence`"));
        assert!(problem(r#"{"name":"a","version":"1.0.0","description":"a\nb"}"#).contains("one line"));
        assert!(problem(&" ".repeat(20_000)).contains("at most"));
    }
}
