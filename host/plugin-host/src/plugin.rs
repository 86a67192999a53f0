//! A plugin: compiled, linked, and ready to be instantiated as often as lanes need it.

use std::{fmt, sync::Arc, time::Duration};

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre};

use crate::{
    component::{inspect, manifest_of},
    engine::{Host, Inner},
    error::{CallError, LoadError},
    exports::Exports,
    hook::Hook,
    instance::Instance,
    limits::{PluginLimits, engine_size},
    log::{LogSink, PluginLog},
    manifest::{Class, Manifest, Permission},
    meter::thread_cpu,
    misfit,
    services::Services,
    state::State,
    wasi,
};

pub(crate) struct Compiled {
    pub(crate) host: Arc<Inner>,
    pub(crate) manifest: Manifest,
    pub(crate) limits: PluginLimits,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) instance: InstancePre<State>,
    pub(crate) exports: Exports,
    pub(crate) log: PluginLog,
    hooks: Vec<Hook>,
    sha256: String,
    size_bytes: usize,
}

impl Compiled {
    /// Most linear memory of one instance.
    pub(crate) fn memory_bytes_max(&self) -> usize {
        let of_class = self.host.limits.class(self.manifest.class).memory_bytes_max;
        self.limits.memory_bytes_max.map_or(of_class, engine_size)
    }
}

/// One version of a plugin; cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    compiled: Arc<Compiled>,
}

impl Host {
    /// Turns the bytes of a file into a plugin: checks them, reads the manifest, compiles and links. Nothing of it is run.
    /// What it imports is answered by `services`; it lives under the host's limits for plugins.
    ///
    /// Takes milliseconds to seconds of CPU; call it on a thread that nobody waits for.
    ///
    /// # Errors
    /// A sentence for the operator: what is wrong with the file and what to do.
    pub fn load(&self, bytes: &[u8], services: Arc<dyn Services>) -> Result<Plugin, LoadError> {
        self.load_under(bytes, services, self.inner().limits.plugin.clone())
    }

    /// The same under limits of the plugin's own.
    ///
    /// # Errors
    /// A sentence for the operator: what is wrong with the file or its limits and what to do.
    pub fn load_under(
        &self,
        bytes: &[u8],
        services: Arc<dyn Services>,
        limits: PluginLimits,
    ) -> Result<Plugin, LoadError> {
        let host = self.inner();
        limits.check(&host.limits).map_err(LoadError::Limits)?;
        check_size(bytes, Class::Slow, host)?;
        let outside = inspect(bytes)?;
        let manifest = outside.manifest;
        check_size(bytes, manifest.class, host)?;
        check_functions(outside.function_bytes, manifest.class, host)?;
        let component = compile(bytes, manifest.class, host)?;
        let link = |error: wasmtime::Error| LoadError::Link(misfit::in_words(&format!("{error:#}")));
        let instance = link_component(&component, host).map_err(link)?;
        let exports = Exports::find(&instance, &outside.hooks).map_err(link)?;
        let sink = Arc::clone(&services) as Arc<dyn LogSink>;
        let may_log = manifest.permits(Permission::Log);
        let log = PluginLog::new(&manifest.name, may_log, sink, &limits, Arc::clone(&host.log));
        Ok(Plugin {
            compiled: Arc::new(Compiled {
                host: Arc::clone(host),
                manifest,
                limits,
                services,
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

    /// The limits that its instances live under.
    #[must_use]
    pub fn limits(&self) -> &PluginLimits {
        &self.compiled.limits
    }

    /// Most linear memory of one of its instances.
    #[must_use]
    pub fn memory_bytes_max(&self) -> usize {
        self.compiled.memory_bytes_max()
    }

    /// True when it exports `lifecycle`, and so may have a state to carry over.
    #[must_use]
    pub fn has_lifecycle(&self) -> bool {
        self.compiled.exports.has_lifecycle()
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

/// Joins what a component imports to what the host offers: of `realm:plugin` the same for all, of WASI what it names.
fn link_component(component: &Component, host: &Inner) -> wasmtime::Result<InstancePre<State>> {
    let mut linker = host.linker.clone();
    wasi::offer(&mut linker, component, &host.engine)?;
    linker.instantiate_pre(component)
}

/// What grows faster than the size of a function is the compiler's work on it.
fn check_functions(bytes: usize, class: Class, host: &Inner) -> Result<(), LoadError> {
    let bytes_max = host.limits.class(class).function_bytes_max;
    if bytes > bytes_max {
        return Err(LoadError::FunctionTooLarge { bytes, bytes_max, class: class.as_str() });
    }
    Ok(())
}

/// Compiles on the calling thread and on no other. The compiler cannot be stopped on its way: what bounds it are the sizes
/// that were checked before, and a file that was late all the same is not taken.
fn compile(bytes: &[u8], class: Class, host: &Inner) -> Result<Component, LoadError> {
    let began = thread_cpu();
    let component =
        Component::from_binary(&host.engine, bytes).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
    let (used, deadline) = (thread_cpu().saturating_sub(began), host.limits.class(class).compile_deadline);
    if used > deadline {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        return Err(LoadError::CompileTooLong { cpu_ms: ms(used), cpu_ms_max: ms(deadline) });
    }
    Ok(component)
}
