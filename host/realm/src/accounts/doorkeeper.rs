//! How often one network may ask for what costs a password's computation; asked before anything else is.

use std::net::IpAddr;

use super::{AccountsError, Config};
use crate::types::{Allowances, Network, UsedUp};

pub(super) struct Doorkeeper {
    tries: Allowances<Network>,
    registrations: Allowances<Network>,
}

impl Doorkeeper {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            tries: Allowances::per_minute(config.login_burst, config.login_per_minute),
            registrations: Allowances::per_hour(config.registrations_per_hour),
        }
    }

    /// Counts a log-in, a try to register or to become the owner.
    pub(super) fn admit(&self, peer: IpAddr) -> Result<Network, AccountsError> {
        let network = Network::of(peer);
        self.tries.take(&network).map_err(too_many)?;
        Ok(network)
    }

    /// Counts an account that is about to be made.
    pub(super) fn admit_registration(&self, network: Network) -> Result<(), AccountsError> {
        self.registrations.take(&network).map_err(too_many)
    }
}

fn too_many(UsedUp { retry_after_ms, .. }: UsedUp) -> AccountsError {
    metrics::counter!("realm_logins_limited_total").increment(1);
    AccountsError::TooMany { retry_after_ms }
}
