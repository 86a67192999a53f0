//! Checks against the schema that the `Config` types themselves give: keys, nearest keys, ranges, places.

use serde_json::Value;

use super::{Config, ConfigError};

/// The JSON Schema of the configuration.
pub(super) struct Schema(Value);

impl Schema {
    /// The schema of [`Config`].
    pub(super) fn of_config() -> Self {
        Self(schemars::schema_for!(Config).to_value())
    }

    /// The sections in order of declaration: name, schema of the section.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.properties(&self.0).map(|(name, section)| (name, self.resolve(section)))
    }

    /// The keys of a section in order of declaration.
    pub(super) fn properties<'a>(&'a self, section: &'a Value) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let properties = self.resolve(section).get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return schema };
        self.0.pointer(reference.trim_start_matches('#')).unwrap_or(schema)
    }

    /// Walks the keys of a file and refuses the first that does not exist.
    pub(super) fn check_keys(&self, text: &str, name: &str) -> Result<(), ConfigError> {
        let table = toml::de::DeTable::parse(text).map_err(|error| ConfigError::Malformed {
            file: name.to_owned(),
            problem: error.to_string().trim().to_owned(),
        })?;
        self.check_table(&self.0, table.get_ref(), "", &|offset| format!("{name} line {}", line_of(text, offset)))
    }

    fn check_table(
        &self,
        schema: &Value,
        table: &toml::de::DeTable<'_>,
        path: &str,
        place: &dyn Fn(usize) -> String,
    ) -> Result<(), ConfigError> {
        let schema = self.resolve(schema);
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
        for (key, value) in table {
            let full = join(path, key.get_ref());
            let Some(inner) = properties.get(key.get_ref().as_ref()) else {
                return Err(unknown(properties.keys(), path, &full, place(key.span().start)));
            };
            match value.get_ref() {
                toml::de::DeValue::Table(table) => self.check_table(inner, table, &full, place)?,
                toml::de::DeValue::Array(several) => {
                    for one in several {
                        if let toml::de::DeValue::Table(table) = one.get_ref() {
                            self.check_table(inner, table, &full, place)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Checks that a path from an environment variable exists; true when its value is text.
    pub(super) fn check_path(&self, path: &[String], variable: &str) -> Result<bool, ConfigError> {
        let mut schema = &self.0;
        let mut walked = String::new();
        for part in path {
            let resolved = self.resolve(schema);
            let Some(properties) = resolved.get("properties").and_then(Value::as_object) else {
                // A free table, such as a plugin's configuration: any key goes.
                return Ok(false);
            };
            let full = join(&walked, part);
            schema = properties
                .get(part.as_str())
                .ok_or_else(|| unknown(properties.keys(), &walked, &full, variable.to_owned()))?;
            walked = full;
        }
        Ok(self.resolve(schema).get("type").and_then(Value::as_str) == Some("string"))
    }

    /// Refuses the first value outside the range that its field declares.
    /// The place is asked for with the number of the section among those of its name.
    pub(super) fn check_ranges(
        &self,
        config: &Config,
        place: impl Fn(&[&str], usize) -> String,
    ) -> Result<(), ConfigError> {
        let values = serde_json::to_value(config).expect("the configuration is plain values");
        for (section_name, section) in self.sections() {
            let of_that_name = match &values[section_name] {
                Value::Array(several) => several.as_slice(),
                one => std::slice::from_ref(one),
            };
            for (index, section_values) in of_that_name.iter().enumerate() {
                for (key, schema) in self.properties(section) {
                    let value = &section_values[key];
                    if let Some(rule) = broken_rule(schema, value) {
                        return Err(ConfigError::OutOfRange {
                            place: place(&[section_name, key], index),
                            key: format!("{section_name}.{key}"),
                            value: value.to_string(),
                            rule,
                        });
                    }
                }
            }
        }
        Ok(())
    }
}

/// The range of a number or the length of a text, in words; `None` when the schema gives none.
pub(super) fn range_in_words(schema: &Value) -> Option<String> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let (what, low, high) = match (bound("minimum"), bound("maximum"), bound("minLength"), bound("maxLength")) {
        (None, None, None, None) => return None,
        (low, high, None, None) => ("a number", low, high),
        (_, _, low, high) => ("a text", low, high),
    };
    let unit = if what == "a text" { " characters" } else { "" };
    match (low, high) {
        (Some(low), Some(high)) => {
            Some(format!("{what} {}{low} to {high}{unit}", if unit.is_empty() { "from " } else { "of " }))
        }
        (Some(low), None) if low > 0.0 => Some(format!("{what} of at least {low}{unit}")),
        (None, Some(high)) => Some(format!("{what} of at most {high}{unit}")),
        _ => None,
    }
}

fn broken_rule(schema: &Value, value: &Value) -> Option<String> {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let (measure, low, high) = match value {
        Value::Number(number) => (number.as_f64()?, bound("minimum"), bound("maximum")),
        #[allow(clippy::cast_precision_loss, reason = "lengths of configuration texts are small")]
        Value::String(text) => (text.chars().count() as f64, bound("minLength"), bound("maxLength")),
        _ => return None,
    };
    let broken = low.is_some_and(|low| measure < low) || high.is_some_and(|high| measure > high);
    broken.then(|| format!("write {}", range_in_words(schema).unwrap_or_else(|| "another value".to_owned())))
}

/// File and line of a key, or the environment variable that set it, or the file alone. Of several sections of one name `index` is meant.
pub(super) fn place_of(text: &str, name: &str, path: &[&str], index: usize, overrides: &[(String, String)]) -> String {
    let variable = format!("{}{}", super::ENVIRONMENT_PREFIX, path.join("__").to_uppercase());
    if overrides.iter().any(|(key, _)| *key == variable) {
        return variable;
    }
    let found = toml::de::DeTable::parse(text).ok().and_then(|table| {
        let section = table.get_ref().get(path[0])?;
        let keys = match section.get_ref() {
            toml::de::DeValue::Table(keys) => keys,
            toml::de::DeValue::Array(several) => match several.get(index)?.get_ref() {
                toml::de::DeValue::Table(keys) => keys,
                _ => return None,
            },
            _ => return None,
        };
        keys.iter().find(|(key, _)| key.get_ref() == path[1]).map(|(key, _)| key.span().start)
    });
    found.map_or_else(|| name.to_owned(), |offset| format!("{name} line {}", line_of(text, offset)))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn unknown<'a>(known: impl Iterator<Item = &'a String>, path: &str, full: &str, place: String) -> ConfigError {
    let key = full.rsplit('.').next().unwrap_or(full);
    let nearest = known
        .map(|candidate| (strsim::damerau_levenshtein(candidate, key), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len().max(key.len()) / 2)
        .map(|(_, candidate)| join(path, candidate));
    ConfigError::UnknownKey { place, key: full.to_owned(), nearest }
}
