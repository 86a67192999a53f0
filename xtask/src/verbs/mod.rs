//! The verbs that start other programs: the server, the tests, the checks.

mod bench;
mod ci;
mod disk;
mod fuzz;
mod packages;
mod postgres;
mod schemathesis;
mod server;
mod test;
mod tls_scan;
mod tutorial;

pub(crate) use bench::{bench, bench_load};
pub(crate) use ci::ci;
pub(crate) use fuzz::{fuzz, fuzz_again};
pub(crate) use server::{docs, run};
pub(crate) use test::test;

/// Tells tests and benchmarks where the built components are.
const PLUGINS_VARIABLE: &str = "REALM_PLUGINS_DIR";
