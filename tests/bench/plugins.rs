//! The built components, and a realm's own way to them.

use std::{env, fs, path::Path, path::PathBuf, rc::Rc, sync::Arc};

use realm::{
    hooks::Hooks,
    rules::{self, Rules},
    telemetry::{self, Telemetry},
};
use realm_plugin_host::{Host, Instance, Limits, NoLog};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Loaded components.
pub(crate) struct Components {
    folder: PathBuf,
    host: Host,
    /// Where the hooks are asked from, as the sessions do.
    pub(crate) runtime: Rc<Runtime>,
    pub(crate) hooks: Hooks,
    // Both live as long as the hooks are asked.
    _rules: Rules,
    _data: TempDir,
}

impl Components {
    /// Loads what `cargo xtask plugins` has built.
    pub(crate) fn load() -> Self {
        let folder = env::var_os("REALM_PLUGINS_DIR").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder").join("plugins"),
            PathBuf::from,
        );
        let data = tempfile::tempdir().expect("a temporary folder");
        let watched = data.path().join("plugins");
        fs::create_dir(&watched).expect("a plugin folder");
        for name in ["anti-cheat.wasm", "chat-filter.wasm"] {
            let copied = fs::copy(folder.join(name), watched.join(name));
            copied.unwrap_or_else(|error| {
                panic!("{name} is not in {} ({error}): run `cargo xtask bench`", folder.display())
            });
        }
        let runtime = Runtime::new().expect("a runtime");
        let (rules, hooks) = runtime.block_on(async {
            // Counting is part of what a call costs in a realm.
            let quiet = telemetry::Config { listen: String::new(), ..telemetry::Config::default() };
            Telemetry::start(&quiet, Arc::new(|| Ok(()))).await.expect("counting needs nothing");
            Rules::start(&rules::Config::default(), data.path()).await.expect("the rules start")
        });
        assert!(rules.status().iter().all(|plugin| plugin.problem.is_none()), "{:?}", rules.status());
        let host = Host::new(Limits::default(), None).expect("the engine starts");
        Self { folder, host, runtime: Rc::new(runtime), hooks, _rules: rules, _data: data }
    }

    /// An instance of a component with its default configuration.
    pub(crate) fn instance(&self, name: &str) -> Instance {
        let bytes = fs::read(self.folder.join(format!("{name}.wasm"))).expect("a built component");
        let plugin = self.host.load(&bytes, Arc::new(NoLog)).expect("a sound component");
        plugin.instantiate("{}").expect("an instance")
    }
}
