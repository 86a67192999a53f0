//! Where a plugin is put on to be tested.

use std::{
    fs,
    path::Path,
    sync::{Arc, OnceLock},
};

use realm_plugin_host::{
    Host, Limits, LoadError, Manifest, Permission, Plugin,
    tape::{AsRecorded, RecordedCall, ask_again},
};

use crate::{FakeRealm, Replayed, Subject, Tape, subject::Failure};

/// How often a test asks a recording: of each call the quickest counts, because a machine has other things to do.
const ROUNDS: usize = 3;

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
        self.expect_of_runtime(plugin.manifest());
        let instance = plugin.instantiate(&self.configuration).map_err(Failure::Call);
        Subject::new(plugin, instance?, self.realm, self.configuration).without_surprise()
    }

    /// What it says about itself.
    ///
    /// # Errors
    /// When it is no component, or its manifest cannot be read.
    pub fn manifest(&self) -> Result<Manifest, Failure> {
        host().manifest(&self.bytes).map_err(Failure::Load)
    }

    /// Asks it, three times from the beginning, everything that a realm has recorded of the plugin of its name. The realm around it
    /// answers as it did then; what the plugin asks beyond, without an [`Stage::expect`] for it, is noted.
    ///
    /// # Panics
    /// When the realm would refuse it, or the recording holds no call of a plugin of its name.
    #[must_use]
    pub fn replay(&self, tape: &Tape) -> Replayed {
        let once =
            || self.try_replay(tape.calls()).unwrap_or_else(|failure| panic!("it cannot be replayed: {failure}"));
        let mut replayed = once();
        assert!(
            replayed.report().calls > 0,
            "the recording holds no call of {}, but {} of other plugins",
            replayed.report().plugin,
            replayed.report().others
        );
        for _ in 1..ROUNDS {
            replayed.keep_quicker(&once());
        }
        replayed
    }

    /// The same once, with calls from anywhere.
    ///
    /// # Errors
    /// When the realm would refuse it, or it does not start.
    pub fn try_replay(&self, calls: impl Iterator<Item = RecordedCall>) -> Result<Replayed, Failure> {
        self.expect_of_runtime(&self.manifest()?);
        let services = Arc::new(AsRecorded::expecting(&self.realm.expected()));
        let plugin = host().load(&self.bytes, Arc::clone(&services) as Arc<_>).map_err(Failure::Load)?;
        ask_again(calls, &plugin, &services, &self.configuration).map(Replayed::new).map_err(Failure::Call)
    }

    /// Clock and dice of a plugin that has no permission for them can only be those of WASI, which a language's runtime asks for.
    fn expect_of_runtime(&self, manifest: &Manifest) {
        for permission in [Permission::Clock, Permission::Random] {
            if !manifest.permits(permission) {
                self.realm.expect(permission);
            }
        }
    }

    fn load(&self) -> Result<Plugin, LoadError> {
        host().load(&self.bytes, Arc::new(self.realm.clone()))
    }
}

/// One engine for all tests of a process, with the limits of a realm but for one: a machine that stands still fails no test.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new(Limits::unhurried(), None).expect("plugins can be run on this machine"))
}
