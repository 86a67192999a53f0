//! The documentation: generated parts are up to date, shown commands work, links lead somewhere.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use rustix::process::Signal;

use crate::harness::program::{Site, Up, run};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the tree").to_owned()
}

#[test]
fn generated_files_are_what_the_code_says() {
    let site = Site::empty();
    fs::create_dir(site.folder().join("docs")).unwrap();
    let wrote = site.run(&["docs", "."]).success();
    let paths: Vec<_> = wrote.lines().filter_map(|line| line.strip_prefix("wrote ./")).collect();
    let (reference, hooks) = paths.split_at(4);
    assert_eq!(reference, ["realm.toml", "docs/configuration.md", "docs/openapi.json", "docs/codes.md"]);
    let names = ["anti-cheat", "chat-filter", "commands", "events", "ladder", "lifecycle", "matchmaking"];
    assert_eq!(hooks, names.map(|hook| format!("docs/plugins/hooks/{hook}.md")));
    for path in paths {
        let (new, old) = (fs::read(site.folder().join(path)).unwrap(), fs::read(root().join(path)).unwrap_or_default());
        assert!(new == old, "{path} is not what the code says: run `cargo xtask docs` and commit it");
    }
}

/// The blocks of a page that are marked as `sh`, with their line numbers.
fn commands(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "```sh" {
            let block: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
            blocks.push((number + 1, block.join("\n")));
        }
    }
    blocks
}

#[test]
fn every_command_for_operators_works() {
    let page = fs::read_to_string(root().join("docs/operate.md")).unwrap();
    let blocks = commands(&page);
    assert!(blocks.len() >= 5, "the page shows commands: {blocks:?}");
    for (line, block) in blocks {
        let site = Site::new();
        let mut command = site.command("sh");
        if block.starts_with("realm up") {
            // `exec`, so that the signal reaches the realm and not a shell around it.
            let up = Up::start(command.args(["-euc", &format!("exec {block}")]));
            let (code, last) = up.end(Signal::INT);
            assert_eq!(code, Some(0), "docs/operate.md line {line}: {block}\n{last}");
            continue;
        }
        // Data to work on, and where it is needed a realm that runs.
        let up = site.up();
        command.env("TOKEN", up.token());
        let asks = [
            "realm owner ",
            "realm plugin ",
            "realm season ",
            "realm sanction ",
            "realm key ",
            "realm staff ",
            "realm audit list",
        ];
        let _running = if asks.iter().any(|verb| block.contains(verb)) {
            Some(up)
        } else {
            assert_eq!(up.end(Signal::TERM).0, Some(0));
            None
        };
        let ended = run(command.args(["-euc", &block]), "");
        assert_eq!(ended.code, Some(0), "docs/operate.md line {line}: {block}\n{}\n{}", ended.out, ended.errors);
    }
}

/// Commands of one program that a page shows, in code of a line or of a block, with their line numbers.
fn shown(page: &str, program: &str) -> Vec<(usize, String)> {
    let mut in_block = false;
    let mut found = Vec::new();
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = line.trim() == "```sh";
            continue;
        }
        let codes: Vec<&str> = if in_block { vec![line] } else { line.split('`').skip(1).step_by(2).collect() };
        for code in codes {
            let code = code.split(" # ").next().unwrap_or_default();
            let Some((before, arguments)) = code.split_once(&format!("{program} ")) else { continue };
            // At the beginning, by a path, behind a pipe, or behind variables: elsewhere it is a word of a sentence.
            let last = before.rsplit("| ").next().unwrap_or_default();
            let by_path = last.ends_with('/') && !last.contains(' ');
            let behind_variables = last.ends_with(' ') && last.split_whitespace().all(|word| word.contains('='));
            if last.is_empty() || by_path || behind_variables {
                found.push((number + 1, arguments.trim().to_owned()));
            }
        }
    }
    found
}

#[test]
fn every_verb_and_option_that_a_page_names_exists() {
    let (site, mut files, mut helps) = (Site::empty(), Vec::new(), HashMap::new());
    pages(&root(), &mut files);
    let verbs = fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
    let mut named = 0;
    for file in files {
        let page = fs::read_to_string(&file).unwrap();
        let place = |line| format!("{} line {line}", file.strip_prefix(root()).unwrap_or(&file).display());
        for (line, arguments) in shown(&page, "cargo xtask") {
            for verb in arguments.split(" | ").filter_map(|way| way.split_whitespace().next()) {
                let (first, rest) = verb.split_at(1);
                let variant = format!("    {}{rest}", first.to_uppercase());
                let there = verbs.lines().any(|line| line.starts_with(&variant) && line.ends_with(['{', ',']));
                assert!(there, "{}: `cargo xtask` has no verb {verb}", place(line));
                named += 1;
            }
        }
        for (line, arguments) in shown(&page, "realm") {
            let words: Vec<&str> = arguments.split_whitespace().collect();
            let verb: Vec<&str> =
                words.iter().take_while(|word| word.chars().all(|c| c.is_ascii_lowercase())).copied().collect();
            // A word after the verb may be an argument; the longest that the program knows counts.
            let help = (1..=verb.len().min(2)).rev().find_map(|count| {
                let asked = verb[..count].join(" ");
                let known = helps.entry(asked).or_insert_with(|| {
                    let ended = site.run(&[&verb[..count], &["--help"]].concat());
                    (ended.code == Some(0)).then_some(ended.out)
                });
                known.clone()
            });
            let help = help.unwrap_or_else(|| panic!("{}: `realm {arguments}`: there is no such verb", place(line)));
            for option in words.iter().filter(|word| word.starts_with("--")) {
                let option = option.split('=').next().unwrap_or(option);
                assert!(help.contains(option), "{}: `realm {arguments}`: there is no {option}", place(line));
            }
            named += 1;
        }
    }
    assert!(named >= 20, "the pages name commands: {named}");
}

#[test]
fn the_data_folder_holds_what_the_page_for_operators_says() {
    let page = fs::read_to_string(root().join("docs/operate.md")).unwrap();
    let (_, table) = page.split_once("| file | what |").expect("the page lists the data folder");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let listed: Vec<_> = rows.filter_map(|row| row.split('`').nth(1)).map(|name| name.trim_end_matches('/')).collect();
    let site = Site::new();
    let mut command = site.realm(&["up", "--data", "realm-data"]);
    let up = Up::start(command.env_remove("REALM__PLUGINS__CACHE_DIR"));
    for name in &listed {
        assert!(site.data().join(name).exists(), "docs/operate.md lists {name}, and the data folder has none");
    }
    for entry in fs::read_dir(site.data()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = listed.iter().any(|listed| name.strip_prefix(listed).is_some_and(|rest| !rest.starts_with('/')));
        assert!(known, "the data folder has {name}, and docs/operate.md does not list it");
    }
    drop(up);
}

/// Every Markdown file of the tree.
fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the tree") {
        let path = entry.expect("an entry of the folder").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            pages(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "md") {
            found.push(path);
        }
    }
}

/// Where the links of a page lead, with their line numbers; code is no link.
fn links(page: &str) -> Vec<(usize, String)> {
    let mut in_code = false;
    let mut found = Vec::new();
    for (number, line) in page.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        let targets = prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
        found.extend(targets.map(|target| (number + 1, target)));
    }
    found
}

/// The name under which a heading can be linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn links_between_pages_lead_to_files_and_headings_that_exist() {
    let mut files = Vec::new();
    pages(&root(), &mut files);
    let mut broken = Vec::new();
    let mut followed = 0;
    for file in files {
        for (line, target) in links(&fs::read_to_string(&file).unwrap()) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let there = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let exists = there.exists()
                && (heading.is_empty()
                    || fs::read_to_string(&there).is_ok_and(|page| {
                        page.lines()
                            .any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading)
                    }));
            if !exists {
                let file = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
                broken.push(format!("{file} line {line}: nothing is at {target}; correct the link or write the page"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(followed >= 5, "there are links to follow");
}
