//! PostgreSQL for the tests: installed where it is missing, started in a temporary folder.

use anyhow::{Context as _, Result};
use realm_postgres::Cluster;

use super::packages;

/// A cluster that ends with this process.
pub(crate) fn start() -> Result<Cluster> {
    if !realm_postgres::is_installed() {
        packages::install("postgresql")?;
    }
    Cluster::start().context("PostgreSQL does not start for the tests")
}
