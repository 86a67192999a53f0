//! The contract between realm and plugin, `realm:plugin`, as this program was built with it.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use wit_parser::{InterfaceId, PackageId, Resolve, SourceMap, World, WorldId, WorldItem};

use crate::carried::CONTRACT;

/// Name of the package.
pub const PACKAGE: &str = "realm:plugin";

/// The world that holds every hook and every import.
const EVERYTHING: &str = "every-hook";

/// The world that one plugin is built for, where no SDK brings its own.
pub(crate) const WORLD: &str = "this-plugin";

/// The text of that world: the hooks, and of the imports those that the contract has by the permissions' names.
pub(crate) fn world(hooks: &[String], permissions: &[String]) -> String {
    let contract = Contract::own();
    let mut world = format!("package {PACKAGE}@{};\n\nworld {WORLD} {{\n", contract.version());
    for import in contract.imports().iter().filter(|import| permissions.contains(import)) {
        world.push_str(&format!("  import {import};\n"));
    }
    for hook in hooks {
        world.push_str(&format!("  export {hook};\n"));
    }
    world.push_str("}\n");
    world
}

/// The contract and the world of one plugin, in a folder of their own.
pub(crate) fn write_world(world: &str, wit: &Path) -> Result<()> {
    if wit.exists() {
        fs::remove_dir_all(wit).with_context(|| format!("{} cannot be removed", wit.display()))?;
    }
    fs::create_dir_all(wit).with_context(|| format!("{} cannot be made", wit.display()))?;
    let write = |name: &str, text: &str| {
        fs::write(wit.join(name), text).with_context(|| format!("{} cannot be written", wit.display()))
    };
    for (path, text) in CONTRACT {
        write(path.rsplit('/').next().unwrap_or(path), text)?;
    }
    write("this-plugin.wit", world)
}

/// The contract together with the world of one plugin, parsed.
pub(crate) fn with_world(world: &str) -> Result<(Resolve, WorldId)> {
    let mut sources = SourceMap::new();
    CONTRACT.iter().for_each(|(path, text)| sources.push_str(path, *text));
    sources.push_str("this-plugin.wit", world);
    let group = sources.parse().map_err(|(_, error)| anyhow!("{error}"))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group)?;
    let world = resolve.select_world(&[package], Some(WORLD))?;
    Ok((resolve, world))
}

/// The contract, parsed.
pub struct Contract {
    pub(crate) resolve: Resolve,
    package: PackageId,
}

impl Contract {
    /// The contract that this program speaks.
    #[must_use]
    pub fn own() -> Self {
        let mut sources = SourceMap::new();
        for (path, text) in CONTRACT {
            sources.push_str(path, *text);
        }
        let mut resolve = Resolve::default();
        let group = sources.parse().unwrap_or_else(|(_, error)| panic!("the contract in wit/ is well-formed: {error}"));
        let package = resolve.push_group(group).expect("the contract in wit/ stands on its own");
        Self { resolve, package }
    }

    /// Version of the package, for example `0.1.0`.
    #[must_use]
    pub fn version(&self) -> String {
        self.resolve.packages[self.package].name.version.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// Names of the interfaces that a plugin may export, `lifecycle` among them, sorted.
    #[must_use]
    pub fn hooks(&self) -> Vec<String> {
        self.names(self.everything().exports.values())
    }

    /// Names of the interfaces that a plugin may import, without those that hold types only, sorted.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let mut names = self.names(self.everything().imports.values());
        names.retain(|name| self.interface(name).is_some_and(|id| !self.resolve.interfaces[id].functions.is_empty()));
        names
    }

    /// Names of all its interfaces, those that hold types only included.
    pub(crate) fn interfaces(&self) -> Vec<String> {
        self.resolve.packages[self.package].interfaces.keys().cloned().collect()
    }

    /// Names of the functions of an interface, in their order; none when there is no such interface.
    #[must_use]
    pub fn functions(&self, interface: &str) -> Vec<String> {
        let found = self.interface(interface);
        found.map(|id| self.resolve.interfaces[id].functions.keys().cloned().collect()).unwrap_or_default()
    }

    /// The text of an interface's file in `wit/`; `None` when no file is named like it.
    #[must_use]
    pub fn text(&self, interface: &str) -> Option<&'static str> {
        let path = format!("wit/{interface}.wit");
        CONTRACT.iter().find(|(name, _)| *name == path).map(|(_, text)| *text)
    }

    pub(crate) fn interface(&self, name: &str) -> Option<InterfaceId> {
        self.resolve.packages[self.package].interfaces.get(name).copied()
    }

    /// The world of everything.
    fn everything(&self) -> &World {
        let world = self.resolve.packages[self.package].worlds.get(EVERYTHING);
        &self.resolve.worlds[*world.expect("the contract has a world of everything")]
    }

    fn names<'a>(&self, items: impl Iterator<Item = &'a WorldItem>) -> Vec<String> {
        let mut names: Vec<String> = items
            .filter_map(|item| match item {
                WorldItem::Interface { id, .. } => self.resolve.interfaces[*id].name.clone(),
                _ => None,
            })
            .collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_names_its_hooks_and_imports() {
        let contract = Contract::own();
        assert!(contract.version().starts_with("0."), "{}", contract.version());
        let hooks = contract.hooks();
        for hook in ["anti-cheat", "chat-filter", "ladder", "lifecycle", "matchmaking"] {
            assert!(hooks.iter().any(|name| name == hook), "{hook}");
            assert!(contract.text(hook).unwrap().contains(&format!("interface {hook} {{")), "{hook}");
        }
        assert!(contract.imports().iter().any(|name| name == "log"));
    }
}
