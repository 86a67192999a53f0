//! Load on a real realm: the program itself over its own data folder, and clients that are as lean as they can be.
//!
//! `cargo xtask bench games`, `bench doors` and `bench plugins` measure with it in a release build; the tests run the same in small, and use its clients to
//! be slow, silent and rude.

#![allow(unreachable_pub, reason = "what benchmarks and tests may use is public among them")]

pub mod awake;
pub mod chorus;
pub mod crowd;
pub mod doors;
pub mod floor;
pub mod games;
pub mod histogram;
pub mod holdings;
pub mod http;
pub mod ladders;
pub mod ledgers;
pub mod logins;
pub mod machine;
pub mod metrics;
pub mod offers;
pub mod pipe;
pub mod player;
pub mod plugins;
pub mod report;
pub mod rooms;
pub mod saves;
pub mod seed;
pub mod server;
pub mod storm;
pub mod trades;

/// How much is measured, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// A smoke run of seconds: everything is done once, and no figure means anything.
    pub quick: bool,
    /// How often everything is made anew and measured.
    pub runs: usize,
    /// Give the server a core of its own and the load another.
    pub pinned: bool,
    /// For `games`: measure this many rooms with players only, and nothing else.
    pub rooms: Option<usize>,
    /// For `items`: measure the table of this number alone, from 1.
    pub table: Option<usize>,
}

impl Options {
    /// What the ordinary test runs.
    pub fn quick() -> Self {
        Self { quick: true, runs: 1, pinned: false, rooms: None, table: None }
    }
}

/// Tells whoever waits how far the measurement is.
#[allow(clippy::print_stderr, reason = "a measurement takes minutes")]
fn tell(what: &str) {
    eprintln!("{what}");
}
