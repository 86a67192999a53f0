//! What the realm answers about plugins, for people.

use std::fmt::Write as _;

use serde_json::Value;

/// Widest text of a column that may be cut, in characters.
const CELL_CHARACTERS_MAX: usize = 34;

/// The table of `list`.
pub(super) fn list(answer: &Value) -> String {
    let plugins = answer["plugins"].as_array().map(Vec::as_slice).unwrap_or_default();
    if plugins.is_empty() {
        return "No plugin is installed: everything is allowed. Drop a .wasm file into the plugin folder.\n".to_owned();
    }
    let head = ["#", "PLUGIN", "VERSION", "STATE", "HOOKS", "CALLS", "FAILURES", "BREAKER", "PERMISSIONS"];
    let mut rows = vec![head.map(str::to_owned)];
    for plugin in plugins {
        rows.push([
            plugin["order"].as_u64().map_or_else(|| "-".to_owned(), |place| place.to_string()),
            text(&plugin["name"]),
            or_dash(text(&plugin["version"])),
            state(plugin),
            or_dash(words(&plugin["hooks"])),
            number(&plugin["calls"]),
            number(&plugin["failures"]),
            breaker(plugin),
            permissions(plugin),
        ]);
    }
    let mut out = table(&rows, &[0, 5, 6]);
    for plugin in plugins {
        if let Some(problem) = plugin["problem"].as_str() {
            let _ = writeln!(out, "\n{}: {problem}", text(&plugin["file"]));
        }
        if plugin["state"] == "shadow" {
            let (alike, different) = (number(&plugin["shadow_alike"]), number(&plugin["shadow_different"]));
            let last = plugin["shadow_last_difference"].as_str().map(|last| format!("; last {last}"));
            let (name, last) = (text(&plugin["name"]), last.unwrap_or_default());
            let _ = writeln!(out, "\n{name}, shadow: {alike} answers alike, {different} different{last}");
        }
        if let Some(back) = plugin["rolled_back"].as_object() {
            let (name, from, to) = (text(&plugin["name"]), text(&back["from_version"]), text(&back["to_version"]));
            let _ = writeln!(out, "\n{name}: rolled back from {from} to {to}: {}", text(&back["why"]));
        }
    }
    out
}

/// The page of `inspect`.
pub(super) fn plugin(answer: &Value) -> String {
    let mut out = String::new();
    let mut row = |key: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "{key:<14} {value}");
        }
    };
    row("plugin", format!("{} {}", text(&answer["name"]), text(&answer["version"])));
    row("what", text(&answer["description"]));
    row("state", state(answer));
    row("problem", text(&answer["problem"]));
    if let Some(back) = answer["rolled_back"].as_object() {
        let (from, to) = (text(&back["from_version"]), text(&back["to_version"]));
        row("rolled back", format!("from {from} to {to}: {}", text(&back["why"])));
    }
    row("hooks", words(&answer["hooks"]));
    row("order", text(&answer["order"]));
    row("asks for", or_dash(words(&answer["permissions_asked"])));
    row("is granted", or_dash(words(&answer["permissions_granted"])));
    let size_kb = answer["size_bytes"].as_u64().unwrap_or_default().div_ceil(1_024);
    row("file", format!("{}, {size_kb} KB, class {}", text(&answer["file"]), text(&answer["class"])));
    row("sha256", text(&answer["sha256"]));
    row("loaded in", format!("{} ms", answer["load_ms"]));
    let memory_kb = answer["memory_bytes"].as_u64().unwrap_or_default().div_ceil(1_024);
    row("memory", format!("{memory_kb} KB in its largest instance"));
    let limits = answer["limits"].as_object().into_iter().flatten().filter(|(_, number)| !number.is_null());
    row("limits", limits.map(|(key, number)| format!("{key} {number}")).collect::<Vec<_>>().join(", "));
    row("games", number(&answer["games"]));
    row("breaker", breaker(answer));
    row("replaced", format!("{} instances that died", number(&answer["instances_replaced"])));
    row("last failure", text(&answer["last_failure"]));
    let functions = answer["functions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !functions.is_empty() {
        let head = ["FUNCTION", "CALLS", "MEAN µs", "FAILURES", "TRAPS", "LATE", "MEMORY", "NONSENSE", "AWAY"];
        let mut rows = vec![head.map(str::to_owned)];
        for function in functions {
            let count = |key: &str| number(&function[key]);
            rows.push([
                text(&function["function"]),
                count("calls"),
                function["mean_us"].to_string(),
                count("failures"),
                count("traps"),
                count("deadlines_missed"),
                count("memory_refused"),
                count("nonsense"),
                count("away"),
            ]);
        }
        let _ = write!(out, "\n{}", table(&rows, &[1, 2, 3, 4, 5, 6, 7, 8]));
    }
    let kept = answer["kept"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !kept.is_empty() {
        let mut rows = vec![["KEPT VERSION", "SHA256", ""].map(str::to_owned)];
        for version in kept {
            let sha256: String = text(&version["sha256"]).chars().take(16).collect();
            let good = if version["good"] == true { "good" } else { "not proven" };
            rows.push([text(&version["version"]), sha256, good.to_owned()]);
        }
        let _ = write!(out, "\n{}", table(&rows, &[]));
    }
    out
}

/// The lines of `logs`.
pub(super) fn lines(answer: &Value) -> String {
    let lines = answer["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = String::new();
    for line in lines {
        let (at, level, from) = (text(&line["at"]), text(&line["level"]), text(&line["from"]));
        let _ = writeln!(out, "{at}  {level:<5}  {from:<6}  {}", text(&line["text"]));
    }
    if lines.is_empty() { "Nothing was said by it or about it since the start.\n".to_owned() } else { out }
}

/// One line about what was done.
pub(super) fn outcome(answer: &Value) -> String {
    let name = text(&answer["name"]);
    let version = text(&answer["version"]);
    match version.as_str() {
        "" => format!("{name} is {}.\n", state(answer)),
        version => format!("{name} {version} is {}.\n", state(answer)),
    }
}

fn state(plugin: &Value) -> String {
    let state = text(&plugin["state"]).replace('-', " ");
    let newest_refused = state == "at work" && plugin["problem"].is_string();
    match (newest_refused, plugin["on_trial"] == true) {
        (true, _) => format!("{state}, file refused"),
        (false, true) => format!("{state}, on trial"),
        (false, false) => state,
    }
}

fn breaker(plugin: &Value) -> String {
    match plugin["breaker_pause_ms"].as_u64().unwrap_or_default() {
        0 => "closed".to_owned(),
        pause_ms => format!("open, {:.1} s", pause_ms as f64 / 1_000.0),
    }
}

/// What was asked for, with a mark at what is not granted.
fn permissions(plugin: &Value) -> String {
    let granted = plugin["permissions_granted"].as_array().map(Vec::as_slice).unwrap_or_default();
    let asked = plugin["permissions_asked"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |asked: &Value| {
        if granted.contains(asked) { text(asked) } else { format!("{} (not granted)", text(asked)) }
    };
    or_dash(asked.iter().map(word).collect::<Vec<_>>().join(", "))
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn words(value: &Value) -> String {
    let words = value.as_array().map(Vec::as_slice).unwrap_or_default();
    words.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

/// A number in groups of three digits.
fn number(value: &Value) -> String {
    let digits = value.as_u64().unwrap_or_default().to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Columns under each other, numbers to the right.
fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]], numbers: &[usize]) -> String {
    let shown = |cell: &String| -> String {
        match cell.chars().count() {
            0..=CELL_CHARACTERS_MAX => cell.clone(),
            _ => cell.chars().take(CELL_CHARACTERS_MAX - 1).chain(['…']).collect(),
        }
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = width(column);
            let _ = if numbers.contains(&column) {
                write!(line, "{cell:>width$}  ")
            } else {
                write!(line, "{cell:<width$}  ")
            };
        }
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_says_what_an_operator_asks() {
        let shown = list(&json!({"plugins": [
            {"name": "chat-filter", "version": "1.0.0", "state": "at-work", "hooks": ["chat-filter"], "order": 1,
             "calls": 1_234_567, "failures": 3, "breaker_pause_ms": 0, "on_trial": true,
             "permissions_asked": ["log"], "permissions_granted": ["log"]},
            {"name": "muter", "version": "", "state": "broken", "file": "muter.wasm", "problem": "permissions: it asks for more",
             "permissions_asked": ["log", "moderate"], "permissions_granted": ["log"], "breaker_pause_ms": 1_500},
        ]}));
        let rows: Vec<&str> = shown.lines().collect();
        assert!(rows[0].starts_with("#  PLUGIN") && rows[0].ends_with("PERMISSIONS"), "{shown}");
        assert!(rows[1].contains("at work, on trial") && rows[1].contains("1,234,567         3  closed"), "{shown}");
        assert!(rows[2].contains("open, 1.5 s") && rows[2].ends_with("log, moderate (not granted)"), "{shown}");
        assert!(shown.contains("\nmuter.wasm: permissions: it asks for more"), "{shown}");
        assert!(list(&json!({"plugins": []})).contains("everything is allowed"));
    }

    #[test]
    fn numbers_are_grouped() {
        for (number_, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(number(&json!(number_)), shown);
        }
    }
}
