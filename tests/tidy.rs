//! The rules of the house that a test can hold. Every message names the remedy.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// Files that git tracks or would add, relative to the root.
fn tree_files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the tree");
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    text.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect()
}

fn sources_under(folder: &str) -> Vec<(PathBuf, String)> {
    let wanted = |path: &PathBuf| path.starts_with(folder) && path.extension().is_some_and(|kind| kind == "rs");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).expect("a source file is readable");
        (path, text)
    };
    tree_files().into_iter().filter(wanted).map(read).collect()
}

/// A file without its unit tests and comments: what the rules are about.
fn code(text: &str) -> String {
    let production = text.split("#[cfg(test)]").next().unwrap_or_default();
    let without_comment = |line: &str| match line.find("//") {
        Some(at) if !line[..at].contains('"') => line[..at].to_owned(),
        _ => line.to_owned(),
    };
    production.lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

fn report(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}

/// Module of `host/realm/src` → what it may import beside `types` and `telemetry`. The table of ARCHITECTURE.md.
const IMPORTS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("telemetry", &[]),
    ("storage", &[]),
    ("hooks", &[]),
    ("rules", &["storage", "hooks"]),
    ("audit", &["storage"]),
    ("once", &["storage"]),
    ("moderation", &["storage", "audit"]),
    ("accounts", &["storage", "moderation", "audit", "once"]),
    ("characters", &["storage", "hooks", "accounts", "audit", "once"]),
    ("items", &["storage", "hooks", "characters", "audit", "once"]),
    ("mail", &["storage", "hooks", "characters", "moderation", "audit", "once", "items"]),
    ("market", &["storage", "audit", "once", "items", "mail"]),
    ("chat", &["storage", "hooks", "moderation"]),
    ("ladder", &["storage", "hooks", "characters", "audit", "once"]),
    ("games", &["storage", "hooks", "characters", "items", "ladder", "moderation", "once"]),
    ("trade", &["storage", "audit", "once", "items"]),
    ("realms", &["characters", "chat", "games", "items", "ladder", "mail", "market", "trade"]),
    (
        "session",
        &[
            "accounts",
            "audit",
            "characters",
            "chat",
            "games",
            "hooks",
            "ladder",
            "mail",
            "moderation",
            "realms",
            "rules",
            "trade",
        ],
    ),
    ("admin", &["accounts", "audit", "games", "hooks", "moderation", "rules"]),
    (
        "api",
        &[
            "accounts",
            "admin",
            "audit",
            "characters",
            "chat",
            "config",
            "games",
            "hooks",
            "items",
            "ladder",
            "mail",
            "market",
            "moderation",
            "once",
            "realms",
            "rules",
            "session",
        ],
    ),
    ("net", &[]),
];

#[test]
fn modules_import_only_what_the_table_allows() {
    let mut broken = Vec::new();
    for (module, allowed) in IMPORTS {
        for (path, text) in sources_under(&format!("host/realm/src/{module}")) {
            if is_test_file(&path) {
                continue;
            }
            for imported in imported_modules(&code(&text)) {
                let fine = imported == *module
                    || imported == "types"
                    || imported == "telemetry"
                    || allowed.contains(&imported.as_str());
                if !fine {
                    broken.push(format!("{}: imports crate::{imported}", path.display()));
                }
            }
        }
    }
    report(
        "A module imports another that the table of ARCHITECTURE.md does not allow. Move the piece to the room it belongs to, hand it in \
         as an argument from lib.rs, or change the table there and here, with the reason:",
        &broken,
    );
}

/// Names behind `crate::`, in paths and in `use crate::{…}` groups.
fn imported_modules(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            let mut take = true;
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                match character {
                    ',' if depth == 1 => {
                        found.push(std::mem::take(&mut name));
                        take = true;
                    }
                    ':' if depth == 1 => take = false,
                    c if depth == 1 && take && (c.is_alphanumeric() || c == '_') => name.push(c),
                    _ => {}
                }
            }
            found.push(name);
        } else {
            found.push(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    found.retain(|name| name.starts_with(|c: char| c.is_lowercase()));
    found
}

#[test]
fn every_module_of_the_realm_stands_in_the_table() {
    let folders: Vec<String> = fs::read_dir(root().join("host/realm/src"))
        .expect("the realm has sources")
        .filter_map(|entry| entry.ok().filter(|entry| entry.path().is_dir()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !["cli", "config"].contains(&name.as_str()))
        .filter(|name| !IMPORTS.iter().any(|(module, _)| module == name))
        .collect();
    report("A folder of host/realm/src has no row in the import table; add one here and in ARCHITECTURE.md:", &folders);
}

/// A file that holds nothing but tests.
fn is_test_file(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name == "tests.rs"
        || name == "testing.rs"
        || name.ends_with("_tests.rs")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// Reports files under `folder` that name one of `words`, except those that `allowed` accepts.
fn forbid(rule: &str, folder: &str, words: &[&str], allowed: impl Fn(&str) -> bool) {
    let mut broken = Vec::new();
    for (path, text) in sources_under(folder) {
        let name = path.to_string_lossy().replace('\\', "/");
        if allowed(&name) || is_test_file(&path) {
            continue;
        }
        let code = code(&text);
        for word in words.iter().filter(|word| code.contains(**word)) {
            broken.push(format!("{name}: {word}"));
        }
    }
    report(rule, &broken);
}

#[test]
fn only_net_touches_sockets() {
    forbid(
        "Only net/ opens sockets (telemetry/ has its loopback port, cli/ the client library). Hand the feature a Link, a Connection or an \
         EventStream instead:",
        "host/realm/src",
        &["TcpListener", "TcpStream", "UdpSocket", "tokio_rustls", "socket2"],
        |name| name.contains("/src/net/") || name.contains("/src/telemetry/"),
    );
}

#[test]
fn sql_stands_only_in_stores() {
    forbid(
        "SQL and sqlx stand only in store.rs files and storage/. Put the query into the feature's store.rs as a function with typed arguments:",
        "host/realm/src",
        &["sqlx::", "sqlx ", "\"SELECT ", "\"INSERT INTO", "\"DELETE FROM"],
        |name| name.contains("/src/storage/") || name.ends_with("/store.rs") || name.contains("/store/"),
    );
}

/// Words that one of the two databases does not know, or understands otherwise, and what to write.
const DIALECT: &[(&str, &str)] = &[
    ("AUTOINCREMENT", "keys come from storage.ids()"),
    ("SERIAL", "keys come from storage.ids()"),
    ("ROWID", "name the primary key"),
    ("PRAGMA", "it belongs into storage/sqlite.rs"),
    ("SQLITE_", "it belongs into storage/"),
    ("PG_", "it belongs into storage/"),
    ("INFORMATION_SCHEMA", "it belongs into storage/"),
    ("OR IGNORE", "ON CONFLICT ... DO NOTHING"),
    ("OR REPLACE", "ON CONFLICT ... DO UPDATE"),
    ("FOR UPDATE", "the row's version says whether somebody else was faster; writes come one at a time"),
    ("LIKE", "it minds case in one of them; compare a folded column"),
    ("ILIKE", "compare a folded column"),
    ("GLOB", "compare a folded column"),
    ("IFNULL(", "COALESCE"),
    ("NOW()", "bind storage.now_ms()"),
    ("CURRENT_TIMESTAMP", "bind storage.now_ms()"),
    ("DATETIME", "times are BIGINT, milliseconds since 1970"),
    ("JSON", "keep JSON as TEXT, and read it in Rust"),
    ("BLOB", "bytes are hexadecimal TEXT"),
    ("BYTEA", "bytes are hexadecimal TEXT"),
    ("VARCHAR", "TEXT"),
    ("INTEGER", "BIGINT"),
    ("INT", "BIGINT"),
    ("BOOLEAN", "flags are BIGINT, 0 or 1"),
    ("DOUBLE PRECISION", "scale it into a BIGINT"),
    ("REAL", "scale it into a BIGINT"),
    ("NUMERIC", "scale it into a BIGINT"),
    ("DISTINCT ON", "GROUP BY"),
    ("RETURNING *", "name the columns"),
    ("SELECT *", "name the columns"),
    ("VALUES (?", "$1, $2 ..."),
    ("= ?", "$1, $2 ..."),
];

/// SQL without its comments, in capitals.
fn plain_sql(text: &str) -> String {
    text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n").to_uppercase()
}

/// Does a word stand in a text, and not as a part of another?
fn stands_in(text: &str, word: &str) -> bool {
    let letter = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let free = |outside: Option<char>, edge: Option<char>| {
        !(outside.is_some_and(letter) && edge.is_some_and(|edge| edge.is_ascii_alphanumeric()))
    };
    text.match_indices(word).any(|(at, _)| {
        let after = text[at + word.len()..].chars().next();
        free(text[..at].chars().next_back(), word.chars().next()) && free(after, word.chars().next_back())
    })
}

#[test]
fn a_word_of_one_database_is_found_and_a_part_of_another_word_is_not() {
    for (text, word, found) in [
        ("UPDATE A SET REALM = $1", "REAL", false),
        ("X REAL NOT NULL", "REAL", true),
        ("SELECT PG_SLEEP(1)", "PG_", true),
        ("A LIKE $1", "LIKE", true),
        ("SELECT NOW() AS T", "NOW()", true),
        ("WHERE A = ?", "= ?", true),
    ] {
        assert_eq!(stands_in(text, word), found, "{word} in {text}");
    }
}

/// The string literals of a source file that are SQL.
fn statements(text: &str) -> Vec<String> {
    let verbs = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "];
    let literals = text.split('"').skip(1).step_by(2).map(plain_sql);
    literals.filter(|literal| verbs.iter().any(|verb| literal.contains(verb))).collect()
}

#[test]
fn one_text_of_sql_serves_both_databases() {
    let stores = sources_under("host/realm/src").into_iter().filter(|(path, _)| {
        let name = path.to_string_lossy();
        !is_test_file(path) && (name.ends_with("/store.rs") || name.contains("/store/"))
    });
    let mut texts: Vec<(PathBuf, String)> = Vec::new();
    for (path, text) in stores {
        texts.extend(statements(&code(&text)).into_iter().map(|statement| (path.clone(), statement)));
    }
    assert!(texts.len() > 30, "the stores hold statements");
    let migrations = tree_files().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "sql"));
    for path in migrations {
        let text = fs::read_to_string(root().join(&path)).expect("a migration is readable");
        texts.push((path, plain_sql(&text)));
    }
    let mut broken = Vec::new();
    for (path, text) in &texts {
        for (word, instead) in DIALECT.iter().filter(|(word, _)| stands_in(text, word)) {
            broken.push(format!("{}: {word}: {instead}", path.display()));
        }
        // Sums are of another type in one of them.
        for aggregate in ["SUM(", "AVG(", "COUNT("] {
            let bare = text.match_indices(aggregate).any(|(at, _)| !text[..at].ends_with("CAST("));
            if bare {
                broken.push(format!("{}: {aggregate}...): CAST({aggregate}...) AS BIGINT)", path.display()));
            }
        }
    }
    report("A statement is not understood alike by SQLite and PostgreSQL; write instead:", &broken);
}

#[test]
fn only_the_plugin_host_names_wasmtime() {
    forbid(
        "Only host/plugin-host names wasmtime; everybody else goes through hooks/:",
        "host/realm/src",
        &["wasmtime"],
        |_| false,
    );
    for manifest in tree_files().iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = fs::read_to_string(root().join(manifest)).expect("a manifest is readable");
        let fine = manifest.starts_with("host/plugin-host") || manifest == Path::new("Cargo.toml");
        assert!(
            fine || !text.contains("wasmtime"),
            "{} depends on wasmtime; depend on realm-plugin-host",
            manifest.display()
        );
    }
}

#[test]
fn the_world_is_pure() {
    forbid(
        "realm-world does no I/O, reads no clock, spawns nothing, has no floats and iterates in a fixed order. Hand the value in as an \
         argument, use integers, use a Vec or BTreeMap:",
        "host/world/src",
        &["std::time", "std::net", "std::thread", "HashMap", "HashSet", "f32", "f64", "println!", "std::env"],
        |_| false,
    );
}

#[test]
fn queues_are_bounded_and_state_has_one_owner() {
    for folder in ["host", "sdk"] {
        forbid(
            "Every queue that the outside can feed has a limit, and state has one owner: use a bounded channel, a task or a handle:",
            folder,
            &["unbounded_channel", "unbounded()", "Arc<Mutex<HashMap", "Arc<RwLock<HashMap", "mpsc::channel()"],
            |_| false,
        );
    }
}

#[test]
fn tests_wait_for_conditions_and_never_sleep() {
    let mut broken = Vec::new();
    for folder in ["host", "sdk", "tests", "plugins"] {
        for (path, text) in sources_under(folder) {
            if path.ends_with("tests/tidy.rs") {
                continue;
            }
            let tests = if is_test_file(&path) {
                text.as_str()
            } else {
                text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
            };
            if tests.contains("thread::sleep(") || tests.contains("time::sleep(") {
                broken.push(path.display().to_string());
            }
        }
    }
    report(
        "A test sleeps. Wait for the condition itself, with a deadline (harness::eventually, Lobby::wait_for):",
        &broken,
    );
}

#[test]
fn nothing_in_the_tree_names_one_machine() {
    let words = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/tmp/", "bash")];
    let mut broken = Vec::new();
    for path in tree_files() {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for word in words.iter().filter(|word| text.contains(**word)) {
            broken.push(format!("{}: {word}", path.display()));
        }
    }
    report("A file names a path of one machine; make it relative to the tree or an argument:", &broken);
}

#[test]
fn no_built_plugin_is_committed() {
    let built: Vec<String> = tree_files()
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "wasm" || kind == "cwasm"))
        .map(|path| path.display().to_string())
        .collect();
    report("Built plugins are made by `cargo xtask plugins` and never committed; remove:", &built);
}

#[test]
fn files_stay_small_enough_to_read() {
    let mut lengths: Vec<(usize, String)> = ["host", "sdk", "xtask", "plugins"]
        .iter()
        .flat_map(|folder| sources_under(folder))
        .filter(|(path, _)| !is_test_file(path))
        .map(|(path, text)| {
            (text.split("#[cfg(test)]").next().unwrap_or_default().lines().count(), path.display().to_string())
        })
        .collect();
    lengths.sort();
    let at = |percent: usize| lengths[(lengths.len() - 1) * percent / 100].0;
    let longest: Vec<String> = lengths.iter().rev().take(8).map(|(lines, path)| format!("{lines} {path}")).collect();
    assert!(
        at(50) <= 200 && at(90) <= 400,
        "Half of the files have at most 200 lines without tests and nine in ten at most 400; now {} and {}. Split by idea the longest:\n  {}",
        at(50),
        at(90),
        longest.join("\n  ")
    );
}

#[test]
fn the_architecture_names_only_folders_that_exist() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("there is an ARCHITECTURE.md");
    let section =
        text.split("## 2. Inside").nth(1).and_then(|rest| rest.split("## 3.").next()).expect("section 2 is there");
    let block = section.split("```").nth(1).expect("section 2 has a block of folders");
    let mut missing = Vec::new();
    for word in block.split_whitespace().filter(|word| word.ends_with('/')) {
        if !root().join("host/realm/src").join(word).is_dir() {
            missing.push(word.to_owned());
        }
    }
    report("ARCHITECTURE.md names folders that are gone; correct it:", &missing);
}
