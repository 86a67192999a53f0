//! Plugins: from sources to components, and from components into a realm's folder.
//!
//! Every folder of `plugins/` becomes `plugins/NAME.wasm` in the build directory. What is unchanged is not built again.

mod component;
mod fingerprint;
mod install;

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};

pub(crate) use install::install_defaults;

use crate::{
    layout::Layout,
    plugins::component::Description,
    process::{run, say, seconds},
    toolchain::Toolchain,
};

/// The rules of a new realm. Each answers the hook of its name.
pub(crate) const DEFAULT_PLUGINS: [&str; 4] = ["anti-cheat", "chat-filter", "ladder", "matchmaking"];

/// The largest file of class `fast`.
const FAST_BYTES_MAX: usize = 4 << 20;
/// The largest file of class `slow`.
const SLOW_BYTES_MAX: usize = 32 << 20;

/// Builds the plugins named, or all; gives the folder of the components.
pub(crate) fn build(layout: &Layout, names: &[String]) -> Result<PathBuf> {
    let start = Instant::now();
    let folder = layout.components();
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let _lock = lock(&folder)?;
    let known = sources(layout)?;
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("there is no plugin `{unknown}`; the folders of plugins/ are: {}", known.join(", "));
    }
    let wanted = if names.is_empty() { &known } else { names };

    let common = fingerprint::common(layout)?;
    let mut stale = Vec::new();
    for name in wanted {
        if !is_fresh(layout, name, &common)? {
            stale.push(name);
        }
    }
    if !stale.is_empty() {
        let toolchain = Toolchain::find(layout)?;
        for (index, name) in stale.iter().enumerate() {
            say(&format!("building plugin {name} ({} of {})", index + 1, stale.len()));
            build_one(layout, &toolchain, name)?;
        }
    }
    for name in wanted {
        let description = component::describe(&fs::read(component_file(layout, name))?)?;
        let state = if stale.contains(&name) { "built" } else { "unchanged" };
        say(&format!("plugin {description}, {state}"));
    }
    remove_orphans(&folder, &known)?;
    say(&format!("plugins are in {} ({})", folder.display(), seconds(start.elapsed())));
    Ok(folder)
}

/// Compiles one plugin and makes the component of it.
fn build_one(layout: &Layout, toolchain: &Toolchain, name: &str) -> Result<()> {
    let mut command = toolchain.cargo()?;
    // `rustc --crate-type cdylib` and not `build`: Cargo leaves link-time optimisation out when an rlib is made as well.
    command
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib"])
        .args(toolchain.cargo_arguments())
        .arg("--manifest-path")
        .arg(layout.plugin_sources().join(name).join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", layout.guests())
        .env("CARGO_ENCODED_RUSTFLAGS", without_machine_paths(layout, toolchain));
    run(&mut command).with_context(|| format!("the plugin {name} does not compile"))?;

    let module =
        layout.guests().join(crate::toolchain::TARGET).join("release").join(format!("{}.wasm", name.replace('-', "_")));
    let module = fs::read(&module)
        .with_context(|| format!("{} cannot be read: is the package named like its folder?", module.display()))?;
    let bytes = component::encode(&module).with_context(|| format!("the plugin {name} cannot be made a component"))?;
    check(name, &bytes)?;

    let file = component_file(layout, name);
    replace(&file, &bytes)?;
    // Read again: a new dependency has changed the lock file just now.
    let key = fingerprint::of_plugin(layout, name, &fingerprint::common(layout)?)?;
    replace(&key_file(layout, name), fingerprint::record(&key, &bytes).as_bytes())
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
fn is_fresh(layout: &Layout, name: &str, common: &str) -> Result<bool> {
    let (Ok(bytes), Ok(recorded)) =
        (fs::read(component_file(layout, name)), fs::read_to_string(key_file(layout, name)))
    else {
        return Ok(false);
    };
    let key = fingerprint::of_plugin(layout, name, common)?;
    Ok(recorded == fingerprint::record(&key, &bytes) && check(name, &bytes).is_ok())
}

/// Flags that keep the paths of this machine out of the components.
fn without_machine_paths(layout: &Layout, toolchain: &Toolchain) -> String {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut flags = vec![
        format!("--remap-path-prefix={}=cargo", cargo_home.display()),
        format!("--remap-path-prefix={}=realm", layout.root.display()),
    ];
    flags.extend(toolchain.sources().map(|folder| format!("--remap-path-prefix={}=rust", folder.display())));
    flags.join("\x1f")
}

/// The folders of `plugins/` that are packages, by name.
fn sources(layout: &Layout) -> Result<Vec<String>> {
    let folder = layout.plugin_sources();
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
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

fn component_file(layout: &Layout, name: &str) -> PathBuf {
    layout.components().join(format!("{name}.wasm"))
}

fn key_file(layout: &Layout, name: &str) -> PathBuf {
    layout.components().join(format!("{name}.key"))
}
