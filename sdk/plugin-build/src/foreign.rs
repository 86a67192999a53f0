//! A plugin of any other toolchain becomes a component: `plugin.toml` names the hooks and the commands that build it.
//!
//! 1. install the Python packages that it names, once         2. write the world of its hooks
//! 3. run its commands                                        4. make a component of a core module, with WASI's adapter
//! 5. add the manifest, which stands in `plugin.toml`

use std::{env, fs, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::{
    component::with_manifest,
    contract::{self, Contract},
    process::{output, run_within, say},
};

/// The file that makes a folder such a plugin.
pub const FILE: &str = "plugin.toml";
const INSTALL_DEADLINE: Duration = Duration::from_secs(1_200);
const BUILD_DEADLINE: Duration = Duration::from_secs(600);
/// What stands in commands for the folder with the contract and the plugin's world.
const WIT: &str = "{wit}";
/// What stands in commands for the file that has to be made.
const OUT: &str = "{out}";

/// What `plugin.toml` says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Its name.
    pub name: String,
    version: String,
    #[serde(default)]
    description: String,
    /// Interfaces that it exports.
    hooks: Vec<String>,
    /// Interfaces that it imports, each a permission, and `moderate`.
    #[serde(default)]
    permissions: Vec<String>,
    /// `fast` or `slow`.
    class: String,
    build: Build,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    /// Packages of PyPI, each with its version, that the commands need.
    #[serde(default)]
    python: Vec<String>,
    /// The programs to run in the plugin's folder, one after the other, each with its arguments.
    commands: Vec<Vec<String>>,
    /// Its tools are large: the tree builds it by name and in the long tests alone.
    #[serde(default)]
    heavy: bool,
    /// Commands that test the rule alone.
    #[serde(default)]
    tests: Vec<Vec<String>>,
}

impl Package {
    /// Reads `plugin.toml` of a folder.
    ///
    /// # Errors
    /// When a key is missing or wrong; the text names it.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::of(&text).with_context(|| format!("{} does not describe a plugin", file.display()))
    }

    fn of(text: &str) -> Result<Self> {
        let package: Self = toml::from_str(text)?;
        let hooks = Contract::own().hooks();
        if let Some(unknown) = package.hooks.iter().find(|hook| !hooks.contains(hook)) {
            bail!("`hooks` names `{unknown}`; the hooks are {}", hooks.join(", "));
        }
        if package.build.commands.iter().chain(&package.build.tests).any(Vec::is_empty) {
            bail!("`build.commands` and `build.tests` are lists of lists: a program and its arguments");
        }
        if !package.build.commands.iter().flatten().any(|part| part.contains(OUT)) {
            bail!("no command of `build.commands` names the file to make: write {OUT} where it belongs");
        }
        Ok(package)
    }

    /// True when its tools are so large that only who names it wants to build it.
    #[must_use]
    pub fn is_heavy(&self) -> bool {
        self.build.heavy
    }

    fn manifest(&self) -> String {
        let Self { name, version, description, permissions, class, .. } = self;
        json!({ "name": name, "version": version, "description": description, "permissions": permissions, "class": class })
            .to_string()
    }
}

/// Makes the component of a package; gives its bytes. `base` is where tools are installed, `scratch` may be written over.
///
/// # Errors
/// When the package is wrong, a tool cannot be installed, or a command fails.
pub fn build(base: &Path, folder: &Path, scratch: &Path) -> Result<Vec<u8>> {
    let package = Package::read(folder)?;
    let path = tools(base, &package.build.python)?;
    let (wit, out) = (scratch.join("wit"), scratch.join("plugin.wasm"));
    let world = contract::world(&package.hooks, &package.permissions);
    contract::write_world(&world, &wit)?;
    if out.exists() {
        fs::remove_file(&out).with_context(|| format!("{} cannot be removed", out.display()))?;
    }
    for parts in &package.build.commands {
        let filled =
            |part: &String| part.replace(WIT, &wit.display().to_string()).replace(OUT, &out.display().to_string());
        let parts: Vec<String> = parts.iter().map(filled).collect();
        run(&parts, folder, &path).with_context(|| format!("the plugin {} cannot be built", package.name))?;
    }
    let bytes = fs::read(&out)
        .with_context(|| format!("the commands of {FILE} ended well, and made no file {OUT}: {}", out.display()))?;
    let component = if wasmparser::Parser::is_core_wasm(&bytes) { encode(bytes, &world)? } else { bytes };
    Ok(with_manifest(&component, &package.manifest()))
}

/// Runs the tests of the rule alone, where the package has some.
///
/// # Errors
/// When one fails.
pub fn test(base: &Path, folder: &Path) -> Result<()> {
    let package = Package::read(folder)?;
    if package.build.tests.is_empty() {
        say(&format!("{FILE} names no `build.tests`"));
        return Ok(());
    }
    let path = tools(base, &package.build.python)?;
    package.build.tests.iter().try_for_each(|parts| run(parts, folder, &path))
}

fn run(parts: &[String], folder: &Path, path: &std::ffi::OsStr) -> Result<()> {
    let [program, arguments @ ..] = parts else { bail!("a command without a program") };
    // Where the program is looked for is the path of its own environment, not of this process.
    let found = env::split_paths(path).map(|place| place.join(program)).find(|file| file.is_file());
    let found = found.with_context(|| format!("`{program}` is not installed, or not on the path"))?;
    output(Command::new(found).args(arguments).env("PATH", path).current_dir(folder), BUILD_DEADLINE).map(drop)
}

/// The path on which the commands find their programs: an environment with the Python packages first, made when it is missing.
fn tools(base: &Path, packages: &[String]) -> Result<std::ffi::OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    if packages.is_empty() {
        return Ok(path);
    }
    let hash = Sha256::digest(packages.join("\n").as_bytes());
    let key: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let folder = base.join(format!("python-{key}"));
    let programs = folder.join("bin");
    if !folder.join("installed").is_file() {
        say(&format!("pip install: {} into {}, once", packages.join(" "), folder.display()));
        let mut make = Command::new("python3");
        output(make.args(["-m", "venv", "--clear"]).arg(&folder), INSTALL_DEADLINE)
            .context("Python cannot make an environment for the tools: install version 3.10 or newer, with its `venv` (on Debian: `apt-get install python3-venv`)")?;
        let mut pip = Command::new(programs.join("pip"));
        pip.args([
            "install",
            "--quiet",
            "--retries",
            "10",
            "--timeout",
            "60",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
        ])
        .args(packages);
        run_within(&mut pip, INSTALL_DEADLINE)
            .context("pip could not install the tools: is the registry reachable?")?;
        fs::write(folder.join("installed"), "").with_context(|| format!("{} cannot be written", folder.display()))?;
    }
    env::join_paths(std::iter::once(programs).chain(env::split_paths(&path))).context("the path is odd")
}

/// Makes a component of a core module: its exports are those that the world names, and what it imports of the older WASI is led to
/// WASI 0.2.
fn encode(mut module: Vec<u8>, world: &str) -> Result<Vec<u8>> {
    let (resolve, world) = contract::with_world(world)?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .encode()
        .context("the module does not export what its hooks need")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        name = "calm"
        version = "1.0.0"
        hooks = ["ladder"]
        class = "fast"
        [build]
        commands = [["cp", "made.wasm", "{out}"]]
    "#;

    #[test]
    fn what_is_wrong_is_named() {
        assert!(Package::of(GOOD).is_ok());
        for (before, after, wanted) in [
            ("\"ladder\"", "\"weather\"", "names `weather`"),
            ("{out}", "x", "write {out}"),
            ("[[\"cp\", \"made.wasm\", \"{out}\"]]", "[[], [\"{out}\"]]", "lists of lists"),
            ("class", "klass", "klass"),
            ("version = \"1.0.0\"", "", "version"),
        ] {
            let error = format!("{:#}", Package::of(&GOOD.replace(before, after)).unwrap_err());
            assert!(error.contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_core_module_of_any_toolchain_becomes_a_plugin() {
        let place = tempfile::tempdir().unwrap();
        let character = "(param i64 i32 i32 i32 i64 i32 i32 i64)";
        // It asks the older WASI for the time, as C's library would.
        let module = format!(
            r#"(module
                (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
                (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
                (func (export "realm:plugin/ladder@0.1.0#eligible") {character} (result i32) (i32.const 16))
                (func (export "realm:plugin/ladder@0.1.0#score") {character} (result i64) (i64.const 7))
                (func (export "realm:plugin/ladder@0.1.0#tie-break") {character} (result i64) (i64.const 0))
                (func (export "realm:plugin/ladder@0.1.0#season-end") (param i32 i32 i32 i64 i64 i32 i32) (result i32)
                    (i32.const 16)))"#
        );
        fs::write(place.path().join(FILE), GOOD).unwrap();
        fs::write(place.path().join("made.wasm"), wat::parse_str(&module).unwrap()).unwrap();
        let made = || build(place.path(), place.path(), &place.path().join("dist"));
        let description = crate::component::describe(&made().unwrap()).unwrap();
        assert_eq!((description.name.as_str(), &description.hooks[..]), ("calm", &["ladder".to_owned()][..]));

        fs::write(place.path().join("made.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
        let error = format!("{:#}", made().unwrap_err());
        assert!(error.contains("does not export what its hooks need") && error.contains("ladder"), "{error}");
        fs::write(place.path().join(FILE), GOOD.replace("\"cp\"", "\"no-such-compiler\"")).unwrap();
        assert!(format!("{:#}", made().unwrap_err()).contains("`no-such-compiler` is not installed"));
    }
}
