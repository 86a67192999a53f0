//! WASI 0.2 with nothing granted, so that guests of every toolchain load: no files, no network, no environment; the clock
//! and the dice are the host's. What a runtime asks at its start is answered; everything else is there and traps.
//!
//! Nothing here waits: a guest that sleeps would hold a tick's thread where no deadline reaches it.

mod answers;
mod handle;

use wasmtime::{
    Engine, Error, Result,
    component::{Component, Linker, LinkerInstance, types::ComponentItem},
};

use crate::state::State;

/// Beginning of the names of WASI's interfaces.
const PREFIX: &str = "wasi:";

/// A plugin called something of WASI that no plugin is granted.
#[derive(Debug, thiserror::Error)]
#[error("called `{0}` of WASI, of which plugins are granted nothing")]
struct NotGranted(String);

/// True for an interface of WASI 0.2.
pub(crate) fn is_offered(import: &str) -> bool {
    let version = import.strip_prefix(PREFIX).and_then(|name| name.split_once('@')).map(|(_, version)| version);
    version
        .and_then(|version| semver::Version::parse(version).ok())
        .is_some_and(|version| (version.major, version.minor) == (0, 2) && version.pre.is_empty())
}

/// Defines every function and resource of WASI that the component imports.
pub(crate) fn offer(linker: &mut Linker<State>, component: &Component, engine: &Engine) -> Result<()> {
    for (interface, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else { continue };
        if !is_offered(interface) {
            continue;
        }
        let mut offered = linker.instance(interface)?;
        let short = interface.split('@').next().unwrap_or(interface);
        for (name, export) in instance.exports(engine) {
            match export.ty {
                ComponentItem::ComponentFunc(_) if answers::define(&mut offered, short, name)? => {}
                ComponentItem::ComponentFunc(_) => refuse(&mut offered, short, name)?,
                ComponentItem::Resource(_) => handle::define(&mut offered, name)?,
                _ => {}
            }
        }
    }
    Ok(())
}

fn refuse(offered: &mut LinkerInstance<'_, State>, interface: &str, name: &str) -> Result<()> {
    let full = format!("{interface}#{name}");
    offered.func_new(name, move |_, _, _, _| Err(Error::from(NotGranted(full.clone()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_second_version_is_offered() {
        assert!(is_offered("wasi:io/streams@0.2.0") && is_offered("wasi:http/types@0.2.12"));
        assert!(!is_offered("wasi:io/streams@0.3.0") && !is_offered("wasi:io/streams@0.2.0-rc-1"));
        assert!(!is_offered("wasi:io/streams") && !is_offered("wasix:io/streams@0.2.0"));
    }
}
