//! Where a plugin is put on to be tested.

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use realm_plugin_host::{Host, Limits, LoadError, Permission, Plugin};

use crate::{FakeRealm, Subject, subject::Failure};

/// A component, the realm around it and its settings, before it starts.
#[derive(Debug, Clone)]
pub struct Stage {
    bytes: Vec<u8>,
    configuration: String,
    realm: FakeRealm,
}

impl Stage {
    /// The component in a file.
    ///
    /// # Panics
    /// When the file cannot be read: the message says how to build it.
    #[must_use]
    pub fn of_file(file: impl AsRef<Path>) -> Self {
        let file = file.as_ref();
        let bytes = fs::read(file).unwrap_or_else(|error| {
            panic!("{} cannot be read ({error}); build the plugin first: `realm plugin build`", file.display())
        });
        Self::of_bytes(bytes)
    }

    /// A component.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes, configuration: "{}".to_owned(), realm: FakeRealm::default() }
    }

    /// Its table of `realm.toml`, as JSON.
    #[must_use]
    pub fn configuration(mut self, json: &str) -> Self {
        json.clone_into(&mut self.configuration);
        self
    }

    /// Calls that need this permission are no surprise; every other fails the call in which it happens.
    #[must_use]
    pub fn expect(self, permission: Permission) -> Self {
        self.realm.expect(permission);
        self
    }

    /// Nothing that its manifest asks permission for is a surprise: for a rehearsal or a measurement, not for a test.
    #[must_use]
    pub fn expect_what_it_may(self) -> Self {
        if let Ok(manifest) = host().manifest(&self.bytes) {
            manifest.permissions.iter().for_each(|permission| self.realm.expect(*permission));
        }
        self
    }

    /// The realm around it, to set its clock, its dice or what it knows.
    #[must_use]
    pub fn realm(&self) -> &FakeRealm {
        &self.realm
    }

    /// Loads and starts it.
    ///
    /// # Panics
    /// When the realm would refuse it, with the realm's sentence.
    #[must_use]
    pub fn start(self) -> Subject {
        self.try_start().unwrap_or_else(|failure| panic!("the plugin does not start: {failure}"))
    }

    /// Loads and starts it.
    ///
    /// # Errors
    /// What the realm would say.
    pub fn try_start(self) -> Result<Subject, Failure> {
        let plugin = self.load().map_err(Failure::Load)?;
        let instance = plugin.instantiate(&self.configuration).map_err(Failure::Call);
        Subject::new(plugin, instance?, self.realm, self.configuration).without_surprise()
    }

    fn load(&self) -> Result<Plugin, LoadError> {
        host().load(&self.bytes, Arc::new(self.realm.clone()))
    }
}

/// One engine for all tests of a process, with the limits of a realm.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new(Limits::default(), None).expect("plugins can be run on this machine"))
}
