//! The configuration: one file, every key documented where the feature that uses it defines it.
//!
//! Composes each feature's `Config`. Unknown keys and values out of range are errors that name file, line, key and the
//! nearest valid key. `REALM__SECTION__KEY` in the environment overrides a key of the file.

mod reference;
mod schema;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    accounts, characters, chat, games, mail, market, net, realms::RealmConfigs, rules, session, storage, telemetry,
    trade,
};

pub use reference::{example_toml, manual_markdown};

/// `[node]`: which process of the service this is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NodeConfig {
    /// Number of this node, 0 to 1023; part of every key it makes, so no two nodes may share one.
    #[schemars(range(min = 0, max = 1023))]
    pub id: u16,
}

/// Every key of `realm.toml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which process of the service this is.
    pub node: NodeConfig,
    /// The realm, or the realms.
    pub realm: RealmConfigs,
    /// The three doors and their limits.
    pub net: net::Config,
    /// The certificate of all doors.
    pub tls: net::TlsConfig,
    /// Where the realm keeps what must not be lost.
    pub storage: storage::Config,
    /// Who may come in, and for how long.
    pub accounts: accounts::Config,
    /// What a connected player may do, and for how long a lost connection can come back.
    pub session: session::Config,
    /// What an account may have.
    pub characters: characters::Config,
    /// Channels and their limits.
    pub chat: chat::Config,
    /// Letters, and what they may carry.
    pub mail: mail::Config,
    /// What may be offered for how long, and what it costs.
    pub market: market::Config,
    /// The 25 Hz worlds.
    pub games: games::Config,
    /// Trades between two players.
    pub trade: trade::Config,
    /// The rules that players live under.
    pub plugins: rules::Config,
    /// Logs, metrics and health.
    pub telemetry: telemetry::Config,
}

/// Why the configuration cannot be used. Every message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {problem}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        problem: String,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("{file}: {problem}")]
    Malformed {
        /// The file, or the environment variable.
        file: String,
        /// What is wrong and where.
        problem: String,
    },
    /// A key that does not exist.
    #[error("{place}: there is no key \"{key}\"{}", .nearest.as_ref().map(|nearest| format!("; did you mean \"{nearest}\"?")).unwrap_or_default())]
    UnknownKey {
        /// File and line, or the environment variable.
        place: String,
        /// The key with its section.
        key: String,
        /// The most similar key that exists.
        nearest: Option<String>,
    },
    /// A value out of its range.
    #[error("{place}: {key} = {value}: {rule}")]
    OutOfRange {
        /// File and line, or the environment variable.
        place: String,
        /// The key with its section.
        key: String,
        /// The value that was given.
        value: String,
        /// What is allowed.
        rule: String,
    },
}

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file; `None` when there is none and the defaults hold.
    pub file: Option<PathBuf>,
}

/// Environment variables with this beginning override keys: `REALM__NET__HTTPS`.
pub const ENVIRONMENT_PREFIX: &str = "REALM__";

impl Config {
    /// Loads `file`, or the defaults when it is `None`, then applies the overrides among `environment`.
    ///
    /// # Errors
    /// The first problem, with its place and remedy.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, ConfigError> {
        let (text, name) = match file {
            Some(path) => {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ConfigError::Unreadable { file: name.clone(), problem: error.to_string() })?;
                (text, name)
            }
            None => (String::new(), "defaults".to_owned()),
        };
        let mut overrides: Vec<(String, String)> =
            environment.into_iter().filter(|(key, _)| key.starts_with(ENVIRONMENT_PREFIX)).collect();
        overrides.sort();
        let config = Self::parse(&text, &name, &overrides)?;
        Ok(Loaded { config, file: file.map(Path::to_owned) })
    }

    /// Reads the text of a configuration file called `name`, with overrides from the environment.
    ///
    /// # Errors
    /// The first problem, with its place and remedy.
    pub fn parse(text: &str, name: &str, overrides: &[(String, String)]) -> Result<Self, ConfigError> {
        let schema = schema::Schema::of_config();
        schema.check_keys(text, name)?;
        let mut config: Self = toml::from_str(text).map_err(|error| ConfigError::Malformed {
            file: name.to_owned(),
            problem: error.to_string().trim().to_owned(),
        })?;
        let sound = |config: &Self, place: &dyn Fn(&str) -> String| {
            config.plugins.check().map_err(|(key, problem)| ConfigError::Malformed { file: place(key), problem })
        };
        sound(&config, &|key| schema::place_of(text, name, &["plugins", key], 0, &[]))?;
        for (variable, value) in overrides {
            config = config.with_override(&schema, variable, value)?;
            sound(&config, &|_| variable.clone())?;
        }
        let place = |path: &[&str], index| schema::place_of(text, name, path, index, overrides);
        schema.check_ranges(&config, place)?;
        let refused = |key: [&str; 2], problem| ConfigError::Malformed { file: place(&key, 0), problem };
        config.net.check().map_err(|problem| refused(["net", "proxy_networks"], problem))?;
        config
            .realm
            .check()
            .map_err(|(index, key, problem)| ConfigError::Malformed { file: place(&["realm", key], index), problem })?;
        config.characters.check().map_err(|problem| refused(["characters", "lease_renew_ms"], problem))?;
        config.chat.check().map_err(|problem| refused(["chat", "channels"], problem))?;
        config.session.check().map_err(|problem| refused(["session", "client_version_min"], problem))?;
        let filter = config.telemetry.check().map_err(|error| error.to_string());
        filter.map_err(|problem| refused(["telemetry", "log"], problem))?;
        Ok(config)
    }

    fn with_override(self, schema: &schema::Schema, variable: &str, value: &str) -> Result<Self, ConfigError> {
        let path: Vec<String> =
            variable[ENVIRONMENT_PREFIX.len()..].split("__").map(|part| part.to_lowercase()).collect();
        let wants_text = schema.check_path(&path, variable)?;
        let parsed = if wants_text {
            toml::Value::String(value.to_owned())
        } else {
            toml::from_str::<toml::Table>(&format!("value = {value}"))
                .ok()
                .and_then(|mut table| table.remove("value"))
                .unwrap_or_else(|| toml::Value::String(value.to_owned()))
        };
        let mut table = toml::Table::try_from(&self).map_err(|error| ConfigError::Malformed {
            file: variable.to_owned(),
            problem: format!("nothing can be set beside a value of the file that is no plain value: {error}"),
        })?;
        let (last, sections) = path.split_last().expect("a split has at least one part");
        let mut place = &mut table;
        for section in sections {
            let entry = place.entry(section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let several = entry.is_array();
            place = entry.as_table_mut().ok_or_else(|| ConfigError::Malformed {
                file: variable.to_owned(),
                problem: if several {
                    format!("[[{section}]] stands several times, and nothing here says which is meant; write the key into the file")
                } else {
                    format!("{section} is not a section")
                },
            })?;
        }
        place.insert(last.clone(), parsed);
        table.try_into().map_err(|error: toml::de::Error| ConfigError::Malformed {
            file: variable.to_owned(),
            problem: format!("{value:?} does not fit {}: {}", path.join("."), error.message()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, "realm.toml", &[])
    }

    fn with_environment(variable: &str, value: &str) -> Result<Config, ConfigError> {
        Config::parse("", "realm.toml", &[(variable.to_owned(), value.to_owned())])
    }

    #[test]
    fn an_empty_file_is_the_defaults_and_the_example_is_the_defaults_too() {
        assert_eq!(parse("").unwrap(), Config::default());
        assert_eq!(parse(&example_toml()).unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_names_line_key_and_nearest_key() {
        let error = parse("[net]\nhttsp = \"0.0.0.0:1\"\n").unwrap_err();
        assert_eq!(error.to_string(), "realm.toml line 2: there is no key \"net.httsp\"; did you mean \"net.https\"?");
        let error = parse("[gmes]\n").unwrap_err();
        assert_eq!(error.to_string(), "realm.toml line 1: there is no key \"gmes\"; did you mean \"games\"?");
    }

    #[test]
    fn a_value_of_the_wrong_type_names_its_line() {
        let text = parse("[games]\ngames_max = \"many\"\n").unwrap_err().to_string();
        assert!(text.contains("line 2") && text.contains("games_max"), "{text}");
    }

    #[test]
    fn a_value_out_of_range_names_the_range() {
        let error = parse("[node]\nid = 5000\n").unwrap_err();
        assert_eq!(error.to_string(), "realm.toml line 2: node.id = 5000: write a number from 0 to 1023");
    }

    #[test]
    fn nothing_that_the_realm_needs_can_be_set_to_none() {
        for (section, key) in [
            ("net", "connections_max"),
            ("net", "body_bytes_max"),
            ("accounts", "password_threads"),
            ("accounts", "access_token_minutes"),
            ("characters", "characters_max"),
            ("chat", "members_max"),
            ("games", "tick_threads"),
            ("games", "games_max"),
            ("session", "request_burst"),
        ] {
            let text = parse(&format!("[{section}]\n{key} = 0\n")).unwrap_err().to_string();
            let place = format!("realm.toml line 2: {section}.{key} = 0: write a number from ");
            assert!(text.starts_with(&place), "{text}");
        }
    }

    #[test]
    fn a_name_or_version_that_is_none_is_refused_with_its_place() {
        let text = parse("[chat]\nchannels = [\"7 bells\"]\n").unwrap_err().to_string();
        assert!(text.starts_with("realm.toml line 2: [chat] channels: \"7 bells\": "), "{text}");
        let text = parse("[realm]\nkey = \"Main Realm\"\n").unwrap_err().to_string();
        assert!(text.starts_with("realm.toml line 2: [realm] key = \"Main Realm\" has other"), "{text}");
        let two = "[[realm]]\n[[realm]]\nname = \"Duskwall\"\nkey = \"main\"\n";
        let text = parse(two).unwrap_err().to_string();
        assert!(text.starts_with("realm.toml line 4: [[realm]] key = \"main\" stands at two realms"), "{text}");
        let text = parse("[characters]\nlease_ms = 3000\nlease_renew_ms = 1001\n").unwrap_err().to_string();
        assert!(
            text.starts_with("realm.toml line 3: [characters] lease_renew_ms = 1001: ") && text.contains("1000"),
            "{text}"
        );
        let text = parse("[telemetry]\nlog = \"realm=loud\"\n").unwrap_err().to_string();
        assert!(text.starts_with("realm.toml line 2: [telemetry] log = \"realm=loud\": "), "{text}");
        let text = parse("[net]\nproxy_networks = [\"10.0.0.0/33\"]\n").unwrap_err().to_string();
        assert!(text.starts_with("realm.toml line 2: [net] proxy_networks: \"10.0.0.0/33\" is no network"), "{text}");
        let text = with_environment("REALM__SESSION__CLIENT_VERSION_MIN", "new").unwrap_err().to_string();
        assert!(text.starts_with("REALM__SESSION__CLIENT_VERSION_MIN: [session] client_version_min"), "{text}");
    }

    #[test]
    fn a_number_that_is_none_is_refused_with_its_place() {
        let override_ = ("REALM__GAMES__GAMES_MAX".to_owned(), "7".to_owned());
        for (text, key) in [("words = nan", "words"), ("inner = { deep = [1.0, inf] }", "inner deep")] {
            let text = format!("[plugins.configuration.mine]\n{text}\n");
            for overrides in [&[][..], std::slice::from_ref(&override_)] {
                let error = Config::parse(&text, "realm.toml", overrides).unwrap_err();
                assert!(matches!(error, ConfigError::Malformed { .. }));
                let problem =
                    format!("[plugins.configuration.mine] {key}: `nan` and `inf` cannot be handed to a plugin");
                let error = error.to_string();
                assert!(error.starts_with("realm.toml") && error.contains(&problem), "{error}");
            }
        }
        let several = [("REALM__PLUGINS__CONFIGURATION__MINE".to_owned(), "{ words = nan }".to_owned()), override_];
        let mut sorted = several.to_vec();
        sorted.sort();
        sorted.reverse();
        let error = Config::parse("", "realm.toml", &sorted).unwrap_err().to_string();
        assert!(error.starts_with("REALM__PLUGINS__CONFIGURATION__MINE: "), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file_and_is_checked_as_strictly() {
        assert_eq!(with_environment("REALM__NET__HTTPS", "[::1]:0").unwrap().net.https, "[::1]:0");
        assert_eq!(with_environment("REALM__GAMES__GAMES_MAX", "7").unwrap().games.games_max, 7);
        let error = with_environment("REALM__NET__HTTSP", "x").unwrap_err();
        assert!(
            error.to_string().starts_with("REALM__NET__HTTSP: there is no key \"net.httsp\"; did you mean"),
            "{error}"
        );
        assert!(matches!(with_environment("REALM__GAMES__GAMES_MAX", "lots"), Err(ConfigError::Malformed { .. })));
    }

    #[test]
    fn one_realm_is_a_table_and_several_are_an_array() {
        let one = parse("[realm]\nname = \"Duskwall\"\n").unwrap();
        assert_eq!((one.realm.len(), one.realm.home().name.as_str()), (1, "Duskwall"));
        let text =
            "[[realm]]\nname = \"Duskwall\"\n[[realm]]\nkey = \"hard\"\nname = \"Nightgate\"\nhardcore_only = true\n";
        let two = parse(text).unwrap();
        let keys: Vec<_> = two.realm.iter().map(|realm| (realm.key.as_str(), realm.hardcore_only)).collect();
        assert_eq!(keys, [("main", false), ("hard", true)]);
        // Written out and read again, as an override does, they are the same.
        let games = [("REALM__GAMES__GAMES_MAX".to_owned(), "7".to_owned())];
        assert_eq!(Config::parse(text, "realm.toml", &games).unwrap().realm, two.realm);
        assert_eq!(with_environment("REALM__REALM__NAME", "Duskwall").unwrap().realm.home().name, "Duskwall");
        let which = [("REALM__REALM__NAME".to_owned(), "Duskwall".to_owned())];
        let error = Config::parse(text, "realm.toml", &which).unwrap_err().to_string();
        assert!(error.starts_with("REALM__REALM__NAME: [[realm]] stands several times"), "{error}");
    }

    #[test]
    fn a_mistake_in_one_of_several_realms_names_its_line() {
        let several =
            |second: &str| parse(&format!("[[realm]]\n[[realm]]\nkey = \"hard\"\n{second}\n")).unwrap_err().to_string();
        let text = several("hardcore = true");
        assert_eq!(
            text,
            "realm.toml line 4: there is no key \"realm.hardcore\"; did you mean \"realm.hardcore_only\"?"
        );
        let text = several("name = \"x\"");
        assert!(text.starts_with("realm.toml line 4: realm.name = \"x\": write a text of 2 to 32"), "{text}");
        let text = several("difficulty_max = \"easy\"");
        assert!(text.contains("line 4") && text.contains("nightmare"), "{text}");
        let text = several("description = \"The same name.\"");
        assert!(
            text.starts_with("realm.toml: [[realm]] name = \"Emberfall\" and key = \"hard\" mean another"),
            "{text}"
        );
        let text = parse("realm = []\n").unwrap_err().to_string();
        assert!(text.contains("at least one realm"), "{text}");
    }

    #[test]
    fn a_plugin_gets_a_table_of_its_own() {
        let config = parse("[plugins.configuration.chat-filter]\nwords = [\"x\"]\n").unwrap();
        assert_eq!(config.plugins.configuration["chat-filter"]["words"][0], "x");
    }
}
