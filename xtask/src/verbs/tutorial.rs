//! The tutorial for plugin authors, command by command: what a page shows has to work.

use std::{env, fs, iter, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use realm_plugin_build::template::{self, Language};

use crate::{
    layout::Layout,
    process::{output, say},
};

const PAGE: &str = "docs/plugins/tutorial.md";

/// Building the first plugin builds its dependencies, natively and as guests.
const DEADLINE: Duration = Duration::from_secs(1_800);
/// The program `realm` as the tests have built it.
const PROGRAM: &str = "debug/realm-under-test";

/// Runs the commands of the page where nothing of this tree is; the folder is removed when all of them worked.
pub(super) fn follow(layout: &Layout, long: bool) -> Result<()> {
    let page = layout.root.join(PAGE);
    let text = fs::read_to_string(&page).with_context(|| format!("{} cannot be read", page.display()))?;
    let commands = blocks(&text, "sh");
    if commands.is_empty() {
        bail!("{PAGE} shows no commands");
    }
    let folder = layout.target.join("tutorial");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    let programs = folder.join("bin");
    fs::create_dir_all(&programs).with_context(|| format!("{} cannot be made", programs.display()))?;
    let program = layout.target.join(PROGRAM);
    if !program.is_file() {
        bail!("{} is not built: the tests of the workspace build it", program.display());
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(&program, programs.join("realm")).context("the program cannot be linked")?;

    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(iter::once(programs).chain(env::split_paths(&path))).context("the path is odd")?;
    let mut shell = Command::new("bash");
    shell.args(["-e", "-u", "-o", "pipefail", "-c", &commands.join("\n")]).current_dir(&folder);
    // Below the tree's own Cargo files nothing of them must be found; what was fetched and built before may be used.
    shell.env("PATH", path).env("REALM_TOOLCHAINS_DIR", layout.guest_toolchain());
    shell.env("CARGO_TARGET_DIR", layout.tutorial());
    say(&format!("following {PAGE} ({} blocks of commands)", commands.len()));
    let said = output(&mut shell, DEADLINE)
        .with_context(|| format!("{PAGE} does not work; its folder is {}", folder.display()))?;
    for line in blocks(&text, "text").iter().flat_map(|block| block.lines()) {
        if !said.lines().any(|said| said.trim() == line.trim()) {
            bail!("{PAGE} shows the line {line:?}, and its commands say:\n{said}");
        }
    }

    for built in [
        "first-filter/dist/first-filter.wasm",
        "first-filter/dist/first-filter.wasm.minisig",
        "polite/dist/polite.wasm",
    ] {
        if !folder.join(built).is_file() {
            bail!("{PAGE} has not made {built}");
        }
    }
    try_templates(layout, &folder, long)?;
    fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))
}

/// Every template builds, passes its own tests and bears a rehearsal in the real host. Those in Rust take minutes, and are compiled
/// natively by the tests of `realm-plugin-build` as well: as guests only in the long run.
fn try_templates(layout: &Layout, folder: &Path, long: bool) -> Result<()> {
    let hooks = template::hooks();
    let written = hooks.iter().flat_map(|hook| {
        let in_javascript = template::example(hook, Language::JavaScript, "x").map(|_| [(*hook, "js"), (*hook, "ts")]);
        long.then_some((*hook, "rust")).into_iter().chain(in_javascript.into_iter().flatten())
    });
    for (hook, language) in written {
        say(&format!("the template for {hook} in {language}"));
        let name = format!("{language}-{hook}");
        for arguments in [vec!["new", &name, "--hook", hook, "--lang", language], vec!["test", &name]] {
            let mut realm = Command::new(layout.target.join(PROGRAM));
            realm.arg("plugin").args(arguments).current_dir(folder);
            realm.env("REALM_TOOLCHAINS_DIR", layout.guest_toolchain()).env("CARGO_TARGET_DIR", layout.tutorial());
            output(&mut realm, DEADLINE)
                .with_context(|| format!("the template for {hook} in {language} does not work"))?;
        }
    }
    Ok(())
}

/// The blocks of a page that are marked with a word.
fn blocks(page: &str, mark: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut language = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(name), None) => {
                language = Some(name);
                if name == mark {
                    blocks.push(String::new());
                }
            }
            (Some(_), Some(_)) => language = None,
            (None, Some(name)) if name == mark => {
                if let Some(block) = blocks.last_mut() {
                    block.push_str(line);
                    block.push('\n');
                }
            }
            (None, _) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shell_blocks_are_commands() {
        let page = "text\n```sh\none\ntwo\n```\n```rust\nfn no() {}\n```\nmore\n```sh\nthree\n```\n";
        assert_eq!(blocks(page, "sh"), ["one\ntwo\n", "three\n"]);
        assert_eq!(blocks(page, "rust"), ["fn no() {}\n"]);
        assert!(blocks("no code", "sh").is_empty());
    }
}
