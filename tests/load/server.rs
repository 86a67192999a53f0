//! The server of a measurement: the real program over a seeded data folder, on a core of its own.

use std::{
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use rustls::ClientConfig;

use super::{
    http::Https,
    machine::{Usage, on_core, resident_bytes},
    metrics::Metrics,
    pipe::{loopback, tls_config},
    seed::{Person, seed},
};
use crate::harness::program::{Site, Up};

/// What a server is to be like.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Accounts with a session.
    pub people: usize,
    /// `REALM__` variables without their head, and values.
    pub settings: Vec<(&'static str, String)>,
    /// Where it runs; `None`: wherever the system likes.
    pub core: Option<usize>,
}

/// A data folder that is ready to be started over.
pub struct Prepared {
    pub site: Site,
    pub people: Vec<Person>,
    setup: Setup,
}

impl Prepared {
    /// A data folder with the default plugins, a migrated database and people in it.
    pub fn new(setup: Setup) -> Self {
        let site = Site::new();
        site.run(&["migrate", "--data", "realm-data"]).success();
        let people = seed(&site.data(), setup.people);
        Self { site, people, setup }
    }

    /// Starts the realm.
    pub fn up(&self) -> Server {
        let mut command = self.site.realm(&["up", "--data", "realm-data"]);
        command.env("REALM__TELEMETRY__LOG", "warn");
        for (key, value) in &self.setup.settings {
            command.env(format!("REALM__{key}"), value);
        }
        let begin = Instant::now();
        let up = on_core(self.setup.core, || Up::start(&mut command));
        let banner_after = begin.elapsed();
        let note = fs::read_to_string(realm::Endpoint::file(&self.site.data())).expect("a running realm leaves a note");
        let note: realm::Endpoint = serde_json::from_str(&note).expect("the note is JSON");
        let metrics = up.banner().split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let metrics = metrics.and_then(|address| address.parse().ok()).expect("the banner names the metrics");
        let [https_config, frames_config] =
            [&b"http/1.1"[..], b"realm/1"].map(|protocol| tls_config(&self.site.data(), protocol));
        Server {
            process: up.process(),
            core: self.setup.core,
            up: Mutex::new(up),
            https: note.https,
            realm: note.realm,
            game: note.game,
            metrics,
            https_config,
            frames_config,
            banner_after,
        }
    }
}

/// A running server.
pub struct Server {
    /// Behind a lock only because the lines of a program may be read by one thread at a time.
    up: Mutex<Up>,
    process: u32,
    core: Option<usize>,
    pub https: SocketAddr,
    pub realm: SocketAddr,
    pub game: SocketAddr,
    metrics: SocketAddr,
    pub https_config: Arc<ClientConfig>,
    pub frames_config: Arc<ClientConfig>,
    /// From its start to the last line of its banner.
    pub banner_after: Duration,
}

impl Server {
    /// The core that it has for itself.
    pub fn core(&self) -> Option<usize> {
        self.core
    }

    pub fn usage(&self) -> Usage {
        Usage::of(self.process)
    }

    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(self.process)
    }

    pub fn metrics(&self) -> Metrics {
        Metrics::scrape(self.metrics)
    }

    /// A connection for requests, from one of many addresses.
    pub fn rest(&self, address: usize) -> Https {
        Https::new(&self.https_config, self.https, loopback(address))
    }

    /// The same, and gives what it has said since it was up.
    pub fn end_with_log(self) -> String {
        self.up.into_inner().unwrap_or_else(PoisonError::into_inner).end(Signal::TERM).1
    }

    /// Ends it as an operator does.
    pub fn end(self) -> Option<i32> {
        self.up.into_inner().unwrap_or_else(PoisonError::into_inner).end(Signal::TERM).0
    }
}
