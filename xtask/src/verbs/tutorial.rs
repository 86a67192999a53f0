//! The tutorial for plugin authors, command by command, in a copy of the tree: what a page shows has to work.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    layout::Layout,
    process::{output, run, say},
};

const PAGE: &str = "docs/plugins/tutorial.md";
const LIST_DEADLINE: Duration = Duration::from_secs(60);

/// Runs the commands of the page; the copy is removed when all of them worked.
pub(super) fn follow(layout: &Layout) -> Result<()> {
    let page = layout.root.join(PAGE);
    let text = fs::read_to_string(&page).with_context(|| format!("{} cannot be read", page.display()))?;
    let commands = shell_blocks(&text);
    if commands.is_empty() {
        bail!("{PAGE} shows no commands");
    }
    let copy = layout.target.join("tutorial");
    copy_tree(layout, &copy)?;
    let mut shell = Command::new("bash");
    shell.args(["-e", "-u", "-o", "pipefail", "-c", &commands.join("\n")]).current_dir(&copy);
    say(&format!("following {PAGE} ({} blocks of commands)", commands.len()));
    run(shell.env_remove("CARGO_TARGET_DIR"))
        .with_context(|| format!("{PAGE} does not work; its tree is in {}", copy.display()))?;

    // The author's plugin is none of this tree's.
    for kind in ["wasm", "key"] {
        let built = layout.components().join(format!("first-filter.{kind}"));
        fs::remove_file(&built).with_context(|| format!("{PAGE} has not made {}", built.display()))?;
    }
    fs::remove_dir_all(&copy).with_context(|| format!("{} cannot be removed", copy.display()))
}

/// The blocks marked `sh` of a page.
fn shell_blocks(page: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut language = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(name), None) => {
                language = Some(name);
                if name == "sh" {
                    blocks.push(String::new());
                }
            }
            (Some(_), Some(_)) => language = None,
            (None, Some("sh")) => {
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

/// What git tracks or would add, with the build directory under its usual name.
fn copy_tree(layout: &Layout, copy: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("{} cannot be removed", copy.display()))?;
    }
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(&layout.root);
    for file in output(&mut git, LIST_DEADLINE)?.lines().map(PathBuf::from) {
        let (from, to) = (layout.root.join(&file), copy.join(&file));
        if !from.is_file() {
            continue;
        }
        let folder = to.parent().context("a file stands in a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        fs::copy(&from, &to).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    let rules = layout.tutorial_rules();
    fs::create_dir_all(&rules).with_context(|| format!("{} cannot be made", rules.display()))?;
    #[cfg(unix)]
    for (built, link) in [(&layout.target, "target"), (&rules, "plugins/target")] {
        std::os::unix::fs::symlink(built, copy.join(link)).context("a build directory cannot be linked")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shell_blocks_are_commands() {
        let page = "text\n```sh\none\ntwo\n```\n```rust\nfn no() {}\n```\nmore\n```sh\nthree\n```\n";
        assert_eq!(shell_blocks(page), ["one\ntwo\n", "three\n"]);
        assert!(shell_blocks("no code").is_empty());
    }
}
