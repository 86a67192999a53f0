//! Plugins: from sources to components, and from components into a realm's folder.
//!
//! Every folder of `plugins/` becomes `plugins/NAME.wasm` in the build directory, every folder of `plugins/examples/`
//! `plugins/examples/NAME.wasm`. What is unchanged is not built again.

mod fingerprint;
mod install;
mod source;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use realm_plugin_build::{
    component::{self, Description},
    foreign, javascript, rust,
};

pub(crate) use install::install_defaults;

use self::source::{Language, Source};
use crate::{
    layout::Layout,
    process::{say, seconds},
    toolchain::Toolchain,
};

/// The rules of a new realm. Each answers the hook of its name.
pub(crate) const DEFAULT_PLUGINS: [&str; 4] = ["anti-cheat", "chat-filter", "ladder", "matchmaking"];

/// The largest file of class `fast`.
const FAST_BYTES_MAX: usize = 4 << 20;
/// The largest file of class `slow`.
const SLOW_BYTES_MAX: usize = 32 << 20;

/// Builds the plugins named, or all but the examples; gives the folder of the components.
pub(crate) fn build(layout: &Layout, names: &[String]) -> Result<PathBuf> {
    build_of(
        layout,
        &source::find(layout)?,
        |source| if names.is_empty() { !source.is_example } else { names.contains(&source.name) },
        names,
    )
}

/// Builds every plugin, the examples too; for them Node and Python are needed. Those with large tools are built in the long run.
pub(crate) fn build_all(layout: &Layout, long: bool) -> Result<PathBuf> {
    build_of(layout, &source::find(layout)?, |source| long || !source.is_heavy(layout), &[])
}

fn build_of(layout: &Layout, known: &[Source], wanted: impl Fn(&Source) -> bool, names: &[String]) -> Result<PathBuf> {
    let start = Instant::now();
    let folder = layout.components();
    fs::create_dir_all(layout.example_components()).with_context(|| format!("{} cannot be made", folder.display()))?;
    let _lock = lock(&folder)?;
    if let Some(unknown) = names.iter().find(|name| !known.iter().any(|source| source.name == **name)) {
        let known: Vec<_> = known.iter().map(|source| source.name.as_str()).collect();
        bail!("there is no plugin `{unknown}`; the folders of plugins/ are: {}", known.join(", "));
    }

    let common = fingerprint::common(layout)?;
    let mut stale = Vec::new();
    for source in known.iter().filter(|source| wanted(source)) {
        if !is_fresh(layout, source, &common)? {
            stale.push(source);
        }
    }
    let mut rust = None;
    for (index, source) in stale.iter().enumerate() {
        say(&format!("building plugin {} ({} of {})", source.name, index + 1, stale.len()));
        build_one(layout, source, &mut rust)?;
    }
    for source in known.iter().filter(|source| wanted(source)) {
        let description = component::describe(&fs::read(source.component(layout))?)?;
        let state = if stale.iter().any(|built| built.name == source.name) { "built" } else { "unchanged" };
        say(&format!("plugin {description}, {state}"));
    }
    for (folder, examples) in [(&folder, false), (&layout.example_components(), true)] {
        let of_folder = known.iter().filter(|source| source.is_example == examples);
        remove_orphans(folder, &of_folder.map(|source| source.name.clone()).collect::<Vec<_>>())?;
    }
    say(&format!("plugins are in {} ({})", folder.display(), seconds(start.elapsed())));
    Ok(folder)
}

/// Makes the component of one plugin. `rust` is the compiler, looked for when the first plugin needs it.
fn build_one(layout: &Layout, source: &Source, rust: &mut Option<Toolchain>) -> Result<()> {
    let (name, folder) = (&source.name, source.folder(layout));
    let bytes = match source.language {
        Language::Rust => {
            let toolchain = match rust {
                Some(found) => found,
                none => none.insert(Toolchain::find(&layout.guest_toolchain())?),
            };
            let package = rust::Package { folder: &folder, name, target: &layout.guests(), root: &layout.root };
            rust::build(toolchain, package)?
        }
        Language::JavaScript => {
            let toolchain = javascript::Toolchain::find(&layout.guest_toolchain())?;
            javascript::build(&toolchain, &folder, &layout.guests().join("javascript").join(name))?
        }
        Language::Foreign => {
            foreign::build(&layout.guest_toolchain(), &folder, &layout.guests().join("foreign").join(name))?
        }
    };
    check(name, &bytes)?;

    replace(&source.component(layout), &bytes)?;
    // Read again: a new dependency has changed the lock file just now.
    let key = fingerprint::of_plugin(layout, &folder, &fingerprint::common(layout)?)?;
    replace(&source.key(layout), fingerprint::record(&key, &bytes).as_bytes())
}

/// Stops a component that the realm would refuse, or that is not what its folder says.
fn check(name: &str, bytes: &[u8]) -> Result<Description> {
    let description = component::describe(bytes)?;
    let bytes_max = if description.slow { SLOW_BYTES_MAX } else { FAST_BYTES_MAX };
    if bytes.len() > bytes_max {
        bail!("the plugin {name} has {} bytes; in its class the realm takes at most {bytes_max}", bytes.len());
    }
    if description.name != name {
        bail!("the plugin in the folder {name} calls itself `{}`: name it like its folder", description.name);
    }
    if description.hooks.iter().all(|hook| hook == "lifecycle") {
        bail!("the plugin {name} answers no hook: add a `realm_plugin::export_…!` line");
    }
    if DEFAULT_PLUGINS.contains(&name) && !description.hooks.iter().any(|hook| hook == name) {
        bail!("the plugin {name} does not answer the hook {name}; it answers {}", description.hooks.join(", "));
    }
    Ok(description)
}

/// True when the component was built from what the tree holds now.
fn is_fresh(layout: &Layout, source: &Source, common: &str) -> Result<bool> {
    let (Ok(bytes), Ok(recorded)) = (fs::read(source.component(layout)), fs::read_to_string(source.key(layout))) else {
        return Ok(false);
    };
    let key = fingerprint::of_plugin(layout, &source.folder(layout), common)?;
    Ok(recorded == fingerprint::record(&key, &bytes) && check(&source.name, &bytes).is_ok())
}

/// Removes components whose sources are gone.
fn remove_orphans(folder: &Path, known: &[String]) -> Result<()> {
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let ours = path.extension().is_some_and(|extension| extension == "wasm" || extension == "key");
        if ours && !known.contains(&stem) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// One build of plugins at a time; a second one waits and says so.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    if file.try_lock().is_err() {
        say("waiting for another build of the plugins");
        file.lock().context("the lock on the plugins cannot be taken")?;
    }
    Ok(file)
}

/// Writes a file so that a reader sees the old one or the new one, never half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.new"));
    fs::write(&new, bytes).with_context(|| format!("{} cannot be written", new.display()))?;
    fs::rename(&new, path).with_context(|| format!("{} cannot be replaced", path.display()))
}
