//! A plugin: compiled, linked, and ready to be instantiated as often as lanes need it.

use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};

use crate::{
    bindings::{anti_cheat, chat_filter, ladder, lifecycle, matchmaking},
    component::{inspect, manifest_of},
    engine::{Host, Inner},
    error::{CallError, LoadError},
    hook::Hook,
    instance::{Instance, State},
    log::{LogSink, PluginLog},
    manifest::{Class, Manifest, Permission},
};

/// Where the functions of each interface stand in a component; `None` for those that it does not export.
pub(crate) struct Exports {
    pub(crate) lifecycle: Option<lifecycle::GuestIndices>,
    pub(crate) anti_cheat: Option<anti_cheat::GuestIndices>,
    pub(crate) chat_filter: Option<chat_filter::GuestIndices>,
    pub(crate) ladder: Option<ladder::GuestIndices>,
    pub(crate) matchmaking: Option<matchmaking::GuestIndices>,
}

pub(crate) struct Compiled {
    pub(crate) host: Arc<Inner>,
    pub(crate) manifest: Manifest,
    pub(crate) instance: InstancePre<State>,
    pub(crate) exports: Exports,
    pub(crate) log: Arc<PluginLog>,
    hooks: Vec<Hook>,
    sha256: String,
    size_bytes: usize,
}

/// One version of a plugin; cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    compiled: Arc<Compiled>,
}

impl Host {
    /// Turns the bytes of a file into a plugin: checks them, reads the manifest, compiles and links. Nothing of it is run.
    ///
    /// Takes milliseconds to seconds of CPU; call it on a thread that nobody waits for.
    ///
    /// # Errors
    /// A sentence for the operator: what is wrong with the file and what to do.
    pub fn load(&self, bytes: &[u8], sink: Arc<dyn LogSink>) -> Result<Plugin, LoadError> {
        let host = self.inner();
        check_size(bytes, Class::Slow, host)?;
        let outside = inspect(bytes)?;
        check_size(bytes, outside.manifest.class, host)?;
        let component =
            Component::from_binary(&host.engine, bytes).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let link = |error: wasmtime::Error| LoadError::Link(format!("{error:#}"));
        let instance = host.linker.instantiate_pre(&component).map_err(link)?;
        let exports = find_exports(&instance, &outside.hooks).map_err(link)?;
        let manifest = outside.manifest;
        let log = Arc::new(PluginLog::new(&manifest.name, manifest.permits(Permission::Log), sink));
        Ok(Plugin {
            compiled: Arc::new(Compiled {
                host: Arc::clone(host),
                manifest,
                instance,
                exports,
                log,
                hooks: outside.hooks,
                sha256: sha256_hex(bytes),
                size_bytes: bytes.len(),
            }),
        })
    }

    /// The manifest of a file, even of one that cannot be loaded for another reason.
    ///
    /// # Errors
    /// When the file is no whole component or holds no manifest.
    pub fn manifest(&self, bytes: &[u8]) -> Result<Manifest, LoadError> {
        check_size(bytes, Class::Slow, self.inner())?;
        manifest_of(bytes)
    }
}

impl Plugin {
    /// Makes an instance and calls its `init` with `configuration`, a JSON text.
    ///
    /// # Errors
    /// When there is no room, the start or `init` fails, takes too long or says no.
    pub fn instantiate(&self, configuration: &str) -> Result<Instance, CallError> {
        Instance::new(Arc::clone(&self.compiled), configuration)
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.compiled.manifest
    }

    /// The hooks that it answers, sorted.
    #[must_use]
    pub fn hooks(&self) -> &[Hook] {
        &self.compiled.hooks
    }

    /// SHA-256 of the file, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.compiled.sha256
    }

    /// Size of the file, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.compiled.size_bytes
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = self.manifest();
        formatter.debug_tuple("Plugin").field(&manifest.name).field(&manifest.version).finish()
    }
}

/// SHA-256 of a file's bytes, in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_size(bytes: &[u8], class: Class, host: &Inner) -> Result<(), LoadError> {
    let bytes_max = host.limits.class(class).file_bytes_max;
    if bytes.len() > bytes_max {
        return Err(LoadError::TooLarge { bytes: bytes.len(), bytes_max, class: class.as_str() });
    }
    Ok(())
}

fn find_exports(instance: &InstancePre<State>, hooks: &[Hook]) -> wasmtime::Result<Exports> {
    let lifecycle_name = format!("{}/{}@{}", crate::hook::PACKAGE, crate::hook::LIFECYCLE, crate::INTERFACE_VERSION);
    let has_lifecycle = instance.component().get_export_index(None, &lifecycle_name).is_some();
    let mut exports = Exports {
        lifecycle: if has_lifecycle { Some(lifecycle::GuestIndices::new(instance)?) } else { None },
        anti_cheat: None,
        chat_filter: None,
        ladder: None,
        matchmaking: None,
    };
    for hook in hooks {
        match hook {
            Hook::AntiCheat => exports.anti_cheat = Some(anti_cheat::GuestIndices::new(instance)?),
            Hook::ChatFilter => exports.chat_filter = Some(chat_filter::GuestIndices::new(instance)?),
            Hook::Ladder => exports.ladder = Some(ladder::GuestIndices::new(instance)?),
            Hook::Matchmaking => exports.matchmaking = Some(matchmaking::GuestIndices::new(instance)?),
        }
    }
    Ok(exports)
}
