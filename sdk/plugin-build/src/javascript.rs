//! A JavaScript or TypeScript package becomes a component: QuickJS with the program in it, by npm's `componentize-qjs`.
//!
//! 1. install the toolchain once, as its lock file says      2. write the world of the hooks that the package names
//! 3. bundle the package into one file                       4. make the component
//! 5. add the manifest, which stands in `package.json`

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    carried::{JAVASCRIPT_SDK, text},
    component::with_manifest,
    contract::{Contract, WORLD, world, write_world},
    process::{output, run, run_within, say},
};

/// What is installed by npm: the package and its lock file.
const TOOLCHAIN_FILES: [&str; 2] = ["package.json", "package-lock.json"];
const VERSION_DEADLINE: Duration = Duration::from_secs(30);
const INSTALL_DEADLINE: Duration = Duration::from_secs(600);
const BUILD_DEADLINE: Duration = Duration::from_secs(300);
/// Makes one file of a package, and JavaScript of TypeScript.
const BUNDLE: &str = "esbuild";
/// Finds what does not fit in TypeScript.
const CHECK: &str = "tsc";
/// Puts that file into QuickJS.
const COMPONENTIZE: &str = "componentize-qjs";
/// The oldest Node that the toolchain runs with.
const NODE_LEAST: u32 = 20;

/// What `package.json` says of a plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The file that exports the hooks.
    pub entry: PathBuf,
    /// Interfaces that it exports.
    pub hooks: Vec<String>,
    /// Interfaces that it imports, each a permission.
    pub permissions: Vec<String>,
    /// The manifest of the component.
    manifest: Value,
}

impl Package {
    /// True when it is written in TypeScript.
    #[must_use]
    pub fn is_typescript(&self) -> bool {
        self.entry.extension().is_some_and(|kind| kind == "ts" || kind == "mts")
    }

    /// Reads `package.json` of a folder.
    ///
    /// # Errors
    /// When a key is missing or wrong; the text names it and says what to write.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("package.json");
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let package: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
        Self::of(&package).with_context(|| format!("{} does not describe a plugin", file.display()))
    }

    fn of(package: &Value) -> Result<Self> {
        let realm = &package["realm"];
        let text = |of: &Value, key: &str| {
            of[key].as_str().map(str::to_owned).with_context(|| format!("`{key}` is missing; write a text"))
        };
        let list = |key: &str| -> Result<Vec<String>> {
            let Value::Array(values) = &realm[key] else {
                bail!("`realm.{key}` is missing; write a list like [\"log\"], or []");
            };
            let of_texts: Option<Vec<String>> = values.iter().map(|value| value.as_str().map(str::to_owned)).collect();
            of_texts.with_context(|| format!("`realm.{key}` holds something that is no text"))
        };
        let contract = Contract::own();
        let (hooks, permissions) = (list("hooks")?, list("permissions")?);
        if let Some(unknown) = hooks.iter().find(|hook| !contract.hooks().contains(hook)) {
            bail!("`realm.hooks` names `{unknown}`; the hooks are {}", contract.hooks().join(", "));
        }
        if hooks.iter().all(|hook| hook == "lifecycle") {
            bail!("`realm.hooks` names no hook: a plugin answers at least one");
        }
        if let Some((hook, why)) = hooks.iter().find_map(|hook| refusal(hook).map(|why| (hook, why))) {
            bail!("the hook `{hook}` cannot be answered in JavaScript: {why}; write it in Rust");
        }
        let class = realm["class"].as_str().unwrap_or("slow");
        let (name, version) = (text(package, "name")?, text(package, "version")?);
        let mut manifest = json!({ "name": name, "version": version, "permissions": permissions, "class": class });
        if let Some(description) = package["description"].as_str() {
            manifest["description"] = json!(description);
        }
        Ok(Self { name, entry: text(realm, "plugin")?.into(), hooks, permissions, manifest })
    }

    /// The module that the realm enters by: every function of the package, and what it throws by mistake is told in the log before
    /// the instance dies of it. What is thrown on purpose, a variant, goes through.
    fn door(&self, entry: &Path) -> String {
        let (contract, entry) = (Contract::own(), json!(entry));
        let told = self.permissions.iter().any(|permission| permission == "log");
        let mut door = format!("import * as plugin from {entry};\n");
        if told {
            door.push_str(&format!("import {{ write }} from 'realm:plugin/log@{}';\n", contract.version()));
        }
        let tell = if told {
            "if (error instanceof Error) write('error', `${place}: ${error.message} ${error.stack}`);"
        } else {
            ""
        };
        door.push_str(&format!(
            "const call = (place, of, name) => (...given) => {{\n  try {{\n    return of[name](...given);\n  }} catch (error) {{\n    \
             {tell}\n    throw error;\n  }}\n}};\n"
        ));
        for hook in &self.hooks {
            let name = camel(hook);
            door.push_str(&format!("export const {name} = {{\n"));
            for function in contract.functions(hook) {
                let (function, shown) = (camel(&function), json!(format!("{hook} {function}")));
                door.push_str(&format!("  {function}: call({shown}, plugin.{name}, '{function}'),\n"));
            }
            door.push_str("};\n");
        }
        door
    }
}

/// Why a hook cannot be answered in JavaScript; `None` when it can.
pub(crate) fn refusal(hook: &str) -> Option<&'static str> {
    match hook {
        "anti-cheat" => Some("it is asked in every tick, for which the engine is too slow"),
        _ => None,
    }
}

/// `chat-filter` as the name of a type: `ChatFilter`.
pub(crate) fn pascal(name: &str) -> String {
    let name = camel(name);
    let (head, tail) = name.split_at(usize::from(!name.is_empty()));
    head.to_uppercase() + tail
}

/// `save-state` as JavaScript has it: `saveState`.
pub(crate) fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| {
        let (head, tail) = part.split_at(usize::from(!part.is_empty()));
        name + &head.to_uppercase() + tail
    })
}

/// The programs that make a component, installed as the lock file of this program says.
#[derive(Debug)]
pub struct Toolchain {
    programs: PathBuf,
}

impl Toolchain {
    /// Takes what is installed below `base`, or lets npm install it there, once for all plugins.
    ///
    /// # Errors
    /// When Node is missing or too old, or npm cannot install.
    pub fn find(base: &Path) -> Result<Self> {
        let node = output(Command::new("node").arg("--version"), VERSION_DEADLINE)
            .context("Node.js is missing: install version 20 or newer (on Debian: `apt-get install nodejs npm`)")?;
        let major = node.trim().trim_start_matches('v').split('.').next().and_then(|number| number.parse::<u32>().ok());
        if major.is_none_or(|major| major < NODE_LEAST) {
            bail!("Node.js {} is too old: install version {NODE_LEAST} or newer", node.trim());
        }
        let files = TOOLCHAIN_FILES.map(|name| (name, text(JAVASCRIPT_SDK, &format!("sdk/plugin-js/{name}"))));
        let mut hash = Sha256::new();
        files.iter().for_each(|(_, text)| hash.update(text));
        let key: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let folder = base.join(format!("javascript-{key}"));
        let programs = folder.join("node_modules/.bin");
        if folder.join("installed").is_file()
            && [BUNDLE, CHECK, COMPONENTIZE].iter().all(|name| programs.join(name).exists())
        {
            return Ok(Self { programs });
        }
        fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        for (name, text) in files {
            fs::write(folder.join(name), text).with_context(|| format!("{} cannot be written", folder.display()))?;
        }
        say(&format!("npm install: the JavaScript toolchain goes into {}, once (about 80 MB)", folder.display()));
        let mut npm = Command::new("npm");
        // `install` and not `ci`: that insists on every platform's binding, of which this machine needs one. The lock file holds
        // all the same.
        npm.args(["install", "--no-save", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"]);
        npm.args(["--fetch-retries=6", "--fetch-timeout=120000"]);
        npm.current_dir(&folder);
        run_within(&mut npm, INSTALL_DEADLINE)
            .context("npm could not install the JavaScript toolchain: is the registry reachable?")?;
        fs::write(folder.join("installed"), "").with_context(|| format!("{} cannot be written", folder.display()))?;
        Ok(Self { programs })
    }

    fn command(&self, program: &str) -> Command {
        Command::new(self.programs.join(program))
    }
}

/// Makes the component of a package; gives its bytes. `scratch` is a folder that may be written over.
///
/// # Errors
/// When the package is wrong or one of the programs refuses it.
pub fn build(toolchain: &Toolchain, folder: &Path, scratch: &Path) -> Result<Vec<u8>> {
    let package = Package::read(folder)?;
    let entry = folder.join(&package.entry);
    if !entry.is_file() {
        bail!("`realm.plugin` of package.json names {}, which is no file", entry.display());
    }
    check_types(toolchain, &package, folder)?;
    let wit = scratch.join("wit");
    write_world(&world(&package.hooks, &package.permissions), &wit)?;
    let (door, bundle) = (scratch.join("door.js"), scratch.join("plugin.js"));
    fs::write(&door, package.door(&entry)).with_context(|| format!("{} cannot be written", door.display()))?;
    let mut command = toolchain.command(BUNDLE);
    command.arg(&door).args(["--bundle", "--format=esm", "--external:realm:*", "--log-level=warning"]);
    command.arg(format!("--outfile={}", bundle.display())).current_dir(folder);
    output(&mut command, BUILD_DEADLINE).with_context(|| format!("the plugin {} cannot be bundled", package.name))?;
    let raw = scratch.join("plugin.wasm");
    let mut command = toolchain.command(COMPONENTIZE);
    command.arg("--wit").arg(&wit).args(["--world", WORLD, "--stub-wasi", "--sync", "--js"]).arg(&bundle);
    command.arg("--output").arg(&raw).current_dir(folder);
    output(&mut command, BUILD_DEADLINE)
        .with_context(|| format!("the plugin {} cannot be made a component", package.name))?;
    let bytes = fs::read(&raw).with_context(|| format!("{} was not written", raw.display()))?;
    Ok(with_manifest(&bytes, &package.manifest.to_string()))
}

/// Finds what does not fit, where types are written: the bundle is made without looking at them.
fn check_types(toolchain: &Toolchain, package: &Package, folder: &Path) -> Result<()> {
    if !package.is_typescript() {
        return Ok(());
    }
    if !folder.join("tsconfig.json").is_file() {
        bail!(
            "{} has no tsconfig.json, by which its types are checked; `realm plugin new NAME --lang ts` makes one",
            folder.display()
        );
    }
    let mut command = toolchain.command(CHECK);
    command.args(["--noEmit", "--pretty", "false", "--project", "."]).current_dir(folder);
    say("tsc: checking the types");
    run_within(&mut command, BUILD_DEADLINE)
        .with_context(|| format!("the types of the plugin {} do not fit", package.name))
}

/// Runs the tests of a package in Node: by its own `npm test`, or, where they need TypeScript, bundled first. `scratch` is a folder
/// that may be written over.
///
/// # Errors
/// When a test fails, or a program refuses them.
pub fn test(toolchain: impl FnOnce() -> Result<Toolchain>, folder: &Path, scratch: &Path) -> Result<()> {
    let package = Package::read(folder)?;
    if !package.is_typescript() {
        return run(Command::new("npm").arg("test").current_dir(folder));
    }
    let toolchain = toolchain()?;
    let bundled = scratch.join("test");
    if bundled.exists() {
        fs::remove_dir_all(&bundled).with_context(|| format!("{} cannot be removed", bundled.display()))?;
    }
    let tests = tests_of(&folder.join("test"))?;
    let mut command = toolchain.command(BUNDLE);
    command.args(&tests).args(["--bundle", "--format=esm", "--platform=node", "--external:realm:*"]);
    command.args(["--log-level=warning", "--out-extension:.js=.mjs"]).arg(format!("--outdir={}", bundled.display()));
    output(command.current_dir(folder), BUILD_DEADLINE).context("the tests cannot be bundled")?;
    let mut node = Command::new("node");
    node.args(["--import", "./sdk/plugin-js/fake-host.mjs", "--test"]).args(tests_of(&bundled)?);
    run(node.current_dir(folder))
}

/// The test files right in a folder.
fn tests_of(place: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(place).with_context(|| format!("{} cannot be read", place.display()))?;
    let is_test = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().contains(".test.")) && path.is_file()
    };
    let mut tests: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_test).collect();
    tests.sort();
    if tests.is_empty() {
        bail!("{} holds no tests: name them NAME.test.ts", place.display());
    }
    Ok(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(realm: &Value) -> Result<Package> {
        Package::of(&json!({ "name": "one", "version": "1.0.0", "realm": realm }))
    }

    #[test]
    fn the_manifest_and_the_world_stand_in_package_json() {
        let found = package(&json!({ "plugin": "a.js", "hooks": ["chat-filter"], "permissions": ["log"] })).unwrap();
        assert_eq!(found.manifest["class"], "slow");
        assert_eq!(found.manifest["name"], "one");
        let world = world(&found.hooks, &found.permissions);
        assert!(world.contains("import log;") && world.contains("export chat-filter;"), "{world}");
        assert!(!world.contains("ladder"), "{world}");
        let door = found.door(Path::new("/x/a.js"));
        assert!(door.contains("filter: call(\"chat-filter filter\", plugin.chatFilter, 'filter'),"), "{door}");
        assert_eq!([camel("save-state"), camel("filter"), camel("get-u64")], ["saveState", "filter", "getU64"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (json!({ "plugin": "a.js", "hooks": ["weather"], "permissions": [] }), "names `weather`"),
            (json!({ "plugin": "a.js", "hooks": ["lifecycle"], "permissions": [] }), "names no hook"),
            (json!({ "plugin": "a.js", "hooks": ["anti-cheat"], "permissions": [] }), "write it in Rust"),
            (json!({ "hooks": ["ladder"], "permissions": [] }), "`plugin` is missing"),
            (json!({ "plugin": "a.js", "hooks": ["ladder"] }), "`realm.permissions` is missing"),
            (json!({ "plugin": "a.js", "permissions": [] }), "`realm.hooks` is missing"),
        ];
        for (realm, wanted) in cases {
            let error = format!("{:#}", package(&realm).unwrap_err());
            assert!(error.contains(wanted), "{error}");
        }
    }
}
