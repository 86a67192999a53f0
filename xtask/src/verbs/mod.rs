//! The verbs that start other programs: the server, the tests, the checks.

mod ci;
mod server;
mod test;
mod tls_scan;
mod tutorial;

pub(crate) use ci::ci;
pub(crate) use server::{docs, run};
pub(crate) use test::{bench, test};

/// Tells tests and benchmarks where the built components are.
const PLUGINS_VARIABLE: &str = "REALM_PLUGINS_DIR";
