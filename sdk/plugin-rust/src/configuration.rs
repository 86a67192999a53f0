//! The plugin's own settings, from the operator's `realm.toml`.

use serde::de::DeserializeOwned;

use crate::InitError;

/// Reads the text given to [`Plugin::init`](crate::Plugin::init) into a type of the plugin's own.
///
/// Give the type `#[serde(default, deny_unknown_fields)]`: then every key is optional and a misspelt one is an error.
/// The error names the key and is what the operator reads.
pub fn read_configuration<T: DeserializeOwned>(configuration: &str) -> Result<T, InitError> {
    serde_json::from_str(configuration).map_err(|error| InitError::Configuration(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Settings {
        lines_max: u32,
    }

    #[test]
    fn an_empty_table_gives_the_defaults() {
        assert_eq!(read_configuration::<Settings>("{}"), Ok(Settings::default()));
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let Err(InitError::Configuration(text)) = read_configuration::<Settings>(r#"{"line_max": 3}"#) else {
            panic!("a misspelt key was accepted")
        };
        assert!(text.contains("`line_max`") && text.contains("`lines_max`"), "{text}");
    }
}
