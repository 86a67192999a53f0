//! `realm.toml` and `docs/configuration.md`, written from the doc comments of the `Config` types.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    Config,
    schema::{Schema, range_in_words},
};

/// The documented example: every key with its default and a comment. It stands in the tree as `realm.toml`.
#[must_use]
pub fn example_toml() -> String {
    let mut out = String::from(
        "# The configuration of the realm. Every key is shown with its default: delete what you do not change.\n\
         # REALM__SECTION__KEY in the environment overrides a key. `realm check` tells what is wrong with this file.\n",
    );
    let schema = Schema::of_config();
    let defaults = toml::Table::try_from(Config::default()).expect("the configuration is a table of plain values");
    for (name, section) in schema.sections() {
        out.push('\n');
        for line in wrap(&first_sentence(section), 116) {
            let _ = writeln!(out, "# {line}");
        }
        let _ = writeln!(out, "[{name}]");
        for (key, key_schema) in schema.properties(section) {
            for line in wrap(&description(key_schema), 116) {
                let _ = writeln!(out, "# {line}");
            }
            match &defaults[name][key] {
                toml::Value::Table(_) => {
                    let _ = writeln!(out, "# [{name}.{key}.NAME]");
                }
                value => {
                    let _ = writeln!(out, "{key} = {value}");
                }
            }
        }
    }
    out
}

/// `docs/configuration.md`.
#[must_use]
pub fn manual_markdown() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         Written by `cargo xtask docs` from the doc comments of the code; do not edit by hand.\n\n\
         The realm reads `realm.toml` in the folder where it starts, or the file given with `--config`. No file is needed: every key\n\
         has a default. A key that does not exist, or a value out of its range, is an error that names the line and the nearest key.\n\
         `REALM__SECTION__KEY` in the environment overrides a key, for example `REALM__NET__HTTPS=0.0.0.0:8443`.\n\
         `realm check` reads everything and says what is wrong without starting.\n",
    );
    let schema = Schema::of_config();
    let defaults = toml::Table::try_from(Config::default()).expect("the configuration is a table of plain values");
    for (name, section) in schema.sections() {
        let _ = writeln!(
            out,
            "\n## `[{name}]`\n\n{}\n\n| key | default | meaning |\n|---|---|---|",
            first_sentence(section)
        );
        for (key, key_schema) in schema.properties(section) {
            let range = range_in_words(key_schema).map(|words| format!(" Takes {words}.")).unwrap_or_default();
            let _ = writeln!(out, "| `{key}` | `{}` | {}{range} |", defaults[name][key], description(key_schema));
        }
    }
    out
}

fn description(schema: &Value) -> String {
    schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The comment of a section without the name that its type's comment begins with.
fn first_sentence(section: &Value) -> String {
    let text = description(section);
    let text = text.split_once("`: ").map_or(text.as_str(), |(_, rest)| rest).to_owned();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().collect::<String>() + characters.as_str()).unwrap_or_default()
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
