//! A new plugin: a folder that builds wherever a compiler is, with or without this tree.
//!
//! The folder carries the contract and the SDK that this program was built with. So a plugin is built against exactly what the
//! realm beside it speaks, nothing has to be published anywhere, and the author may read and change all of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{
    carried::{CONTRACT, JAVASCRIPT_SDK, RUST_SDK, TREE, text},
    contract::Contract,
    javascript, typescript,
};

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, with the SDK `realm-plugin`.
    Rust,
    /// JavaScript, in QuickJS.
    JavaScript,
    /// The same with types, which are checked at every build.
    TypeScript,
}

/// The hooks that there are templates for.
const RULES: &[Rule] = &[
    Rule {
        hook: "anti-cheat",
        what: "Finds steps that are longer than legs.",
        rust: include_str!("../templates/rust/anti-cheat.rs"),
        javascript: None,
    },
    Rule {
        hook: "chat-filter",
        what: "Refuses lines that shout.",
        rust: include_str!("../templates/rust/chat-filter.rs"),
        javascript: Some(JavaScript {
            rule: include_str!("../templates/javascript/chat-filter.js"),
            typed: include_str!("../templates/typescript/chat-filter.ts"),
            test: include_str!("../templates/javascript/chat-filter.test.js"),
            permissions: "[\"log\"]",
        }),
    },
    Rule {
        hook: "commands",
        what: "Gives players a die to throw.",
        rust: include_str!("../templates/rust/commands.rs"),
        javascript: Some(JavaScript {
            rule: include_str!("../templates/javascript/commands.js"),
            typed: include_str!("../templates/typescript/commands.ts"),
            test: include_str!("../templates/javascript/commands.test.js"),
            permissions: "[\"log\", \"random\"]",
        }),
    },
    Rule {
        hook: "events",
        what: "Tells everybody of great levels.",
        rust: include_str!("../templates/rust/events.rs"),
        javascript: Some(JavaScript {
            rule: include_str!("../templates/javascript/events.js"),
            typed: include_str!("../templates/typescript/events.ts"),
            test: include_str!("../templates/javascript/events.test.js"),
            permissions: "[\"log\"]",
        }),
    },
    Rule {
        hook: "ladder",
        what: "Ranks characters by experience, then by time.",
        rust: include_str!("../templates/rust/ladder.rs"),
        javascript: Some(JavaScript {
            rule: include_str!("../templates/javascript/ladder.js"),
            typed: include_str!("../templates/typescript/ladder.ts"),
            test: include_str!("../templates/javascript/ladder.test.js"),
            permissions: "[\"log\"]",
        }),
    },
    Rule {
        hook: "matchmaking",
        what: "Brings players of a level together.",
        rust: include_str!("../templates/rust/matchmaking.rs"),
        javascript: Some(JavaScript {
            rule: include_str!("../templates/javascript/matchmaking.js"),
            typed: include_str!("../templates/typescript/matchmaking.ts"),
            test: include_str!("../templates/javascript/matchmaking.test.js"),
            permissions: "[\"log\"]",
        }),
    },
];

struct Rule {
    hook: &'static str,
    what: &'static str,
    rust: &'static str,
    javascript: Option<JavaScript>,
}

struct JavaScript {
    rule: &'static str,
    /// The same in TypeScript.
    typed: &'static str,
    test: &'static str,
    /// As they stand in `package.json`.
    permissions: &'static str,
}

/// Names of the hooks that there are templates for.
#[must_use]
pub fn hooks() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.hook).collect()
}

/// The example of a hook in Rust, as a new plugin has it; `None` for hooks without a template.
#[must_use]
pub fn example(hook: &str, language: Language, name: &str) -> Option<String> {
    let rule = RULES.iter().find(|rule| rule.hook == hook)?;
    let text = match language {
        Language::Rust => rule.rust,
        Language::JavaScript => rule.javascript.as_ref()?.rule,
        Language::TypeScript => rule.javascript.as_ref()?.typed,
    };
    Some(fill(text, name, rule.what))
}

/// Makes the folder of a new plugin; gives the files that an author will edit.
///
/// # Errors
/// When the name is none, the hook has no template in that language, or the folder is there already.
pub fn create(folder: &Path, name: &str, hook: &str, language: Language) -> Result<Vec<PathBuf>> {
    check_name(name)?;
    let Some(rule) = RULES.iter().find(|rule| rule.hook == hook) else {
        bail!("there is no template for the hook `{hook}`; there are templates for {}", hooks().join(", "));
    };
    let files = match language {
        Language::Rust => of_rust(name, rule),
        Language::JavaScript => of_javascript(name, rule, false)?,
        Language::TypeScript => of_javascript(name, rule, true)?,
    };
    if folder.exists() {
        bail!("{} exists already; choose another name, or remove it", folder.display());
    }
    let mut own = Vec::new();
    for (path, text, edited) in files {
        let file = folder.join(&path);
        let place = file.parent().context("a file stands in a folder")?;
        fs::create_dir_all(place).with_context(|| format!("{} cannot be made", place.display()))?;
        fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
        if edited {
            own.push(file);
        }
    }
    Ok(own)
}

/// Path, text, and whether an author will edit it.
type File = (String, String, bool);

fn of_rust(name: &str, rule: &Rule) -> Vec<File> {
    let fill = |text: &str| fill(text, name, rule.what);
    let mut files = vec![
        ("Cargo.toml".to_owned(), fill(include_str!("../templates/rust/Cargo.toml.txt")), true),
        ("src/lib.rs".to_owned(), fill(rule.rust), true),
        ("README.md".to_owned(), fill(include_str!("../templates/rust/README.md.txt")), false),
        (".gitignore".to_owned(), "/target\n/dist\n".to_owned(), false),
        // The versions that this program's own rules were built with; Cargo drops what this plugin does not need.
        ("Cargo.lock".to_owned(), text(TREE, "plugins/Cargo.lock").to_owned(), false),
    ];
    for (path, text) in RUST_SDK {
        let alone = if path.ends_with("Cargo.toml") { without_workspace(text) } else { (*text).to_owned() };
        files.push(((*path).to_owned(), alone, false));
    }
    files.extend(contract());
    files
}

fn of_javascript(name: &str, rule: &Rule, typed: bool) -> Result<Vec<File>> {
    let Some(source) = &rule.javascript else {
        let why = javascript::refusal(rule.hook).unwrap_or("there is no template");
        bail!("the hook `{}` cannot be answered in JavaScript: {why}; write --lang rust", rule.hook);
    };
    let fill = |text: &str| {
        fill(text, name, rule.what).replace("{{hook}}", rule.hook).replace("{{permissions}}", source.permissions)
    };
    // The files are the same but for their ending.
    let fill = |text: &str| if typed { fill(text).replace("plugin.js", "plugin.ts") } else { fill(text) };
    let (ending, text) = if typed { ("ts", source.typed) } else { ("js", source.rule) };
    let mut files = vec![
        ("package.json".to_owned(), fill(include_str!("../templates/javascript/package.json.txt")), true),
        (format!("src/plugin.{ending}"), fill(text), true),
        ("test/plugin.test.js".to_owned(), fill(source.test), true),
        ("README.md".to_owned(), fill(include_str!("../templates/javascript/README.md.txt")), false),
        (".gitignore".to_owned(), "/node_modules\n/dist\n".to_owned(), false),
        (typescript::DECLARATIONS.to_owned(), typescript::declarations(), false),
    ];
    if typed {
        let config = include_str!("../templates/typescript/tsconfig.json.txt").to_owned();
        files.push(("tsconfig.json".to_owned(), config, false));
    }
    for (path, text) in JAVASCRIPT_SDK.iter().filter(|(path, _)| path.ends_with(".mjs")) {
        files.push(((*path).to_owned(), (*text).to_owned(), false));
    }
    files.extend(contract());
    Ok(files)
}

fn contract() -> impl Iterator<Item = File> {
    CONTRACT.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned(), false))
}

/// Puts names into a template.
fn fill(text: &str, name: &str, what: &str) -> String {
    text.replace("{{name}}", name)
        .replace("{{Type}}", &type_name(name))
        .replace("{{what}}", what)
        .replace("{{version}}", &Contract::own().version())
}

/// `first-filter` as a type: `FirstFilter`.
fn type_name(name: &str) -> String {
    let capital = |part: &str| {
        let (first, rest) = part.split_at(usize::from(!part.is_empty()));
        first.to_uppercase() + rest
    };
    name.split('-').map(capital).collect()
}

/// What the realm asks of a name, and what a package and a type of that name need.
fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fine = (1..=40).contains(&name.len())
        && name.bytes().all(plain)
        && name.as_bytes()[0].is_ascii_lowercase()
        && !name.ends_with('-');
    if !fine {
        bail!(
            "`{}` is no name for a plugin: write 1 to 40 small letters, digits and hyphens, beginning with a letter",
            name.escape_default()
        );
    }
    Ok(())
}

/// The SDK's `Cargo.toml` with what it takes from the workspace written out.
fn without_workspace(cargo: &str) -> String {
    let tree = text(TREE, "Cargo.toml");
    let mut alone = String::new();
    for line in cargo.lines() {
        if line.trim() == "[lints]" || line.trim() == "workspace = true" {
            continue;
        }
        match line.split_once(".workspace = true") {
            None => alone.push_str(line),
            Some((key, _)) => {
                let written = tree.lines().find(|line| line.starts_with(&format!("{key} = ")));
                alone.push_str(written.expect("the workspace has what its member takes from it"));
            }
        }
        alone.push('\n');
    }
    alone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_plugin_stands_on_its_own() {
        let place = tempfile::tempdir().unwrap();
        for hook in hooks() {
            let folder = place.path().join(hook);
            let own = create(&folder, "first-rule", hook, Language::Rust).unwrap();
            assert!(own.iter().all(|file| file.is_file()), "{own:?}");
            for file in ["Cargo.toml", "sdk/plugin-rust/Cargo.toml", "sdk/plugin-rust/src/lib.rs", "wit/worlds.wit"] {
                let text = fs::read_to_string(folder.join(file)).unwrap();
                assert!(!text.contains("workspace = true") && !text.contains("{{"), "{hook}: {file}");
            }
            let rule = fs::read_to_string(folder.join("src/lib.rs")).unwrap();
            assert!(rule.contains("FirstRule") && rule.contains("name: \"first-rule\"") && !rule.contains("{{"));
            let again = create(&folder, "first-rule", hook, Language::Rust).unwrap_err().to_string();
            assert!(again.contains("exists already"), "{again}");
        }
    }

    #[test]
    fn every_hook_of_the_contract_has_a_template() {
        let mut hooks = hooks();
        hooks.sort_unstable();
        let mut wanted = Contract::own().hooks();
        wanted.retain(|hook| hook != "lifecycle");
        assert_eq!(hooks, wanted);
    }

    #[test]
    fn a_bad_name_or_hook_is_refused_in_words() {
        let place = tempfile::tempdir().unwrap();
        let refused = |name: &str, hook: &str, language| {
            create(&place.path().join("new"), name, hook, language).unwrap_err().to_string()
        };
        for name in ["", "-a", "A", "a_b", "a-", "../a"] {
            assert!(refused(name, "chat-filter", Language::Rust).contains("no name for a plugin"), "{name}");
        }
        assert!(refused("a", "weather", Language::Rust).contains("there are templates for anti-cheat, chat-filter"));
        assert!(refused("a", "anti-cheat", Language::JavaScript).contains("--lang rust"));
        assert!(!place.path().join("new").exists());
    }
}
