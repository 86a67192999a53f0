//! `[accounts]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Permissions, Role};

/// `[accounts]`: who may come in, and for how long.
///
/// A network is one IPv4 address, or the /64 of an IPv6 address. Behind one may be a whole school: the defaults let a few hundred
/// players in, and keep one guesser from the time of the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// May anybody register?
    pub registration_open: bool,
    /// Threads that compute Argon2; each takes a whole core for about 35 ms a log-in.
    #[schemars(range(min = 1, max = 64))]
    pub password_threads: usize,
    /// Log-ins and registrations that may wait for such a thread; more are told to come back later.
    #[schemars(range(min = 1, max = 100_000))]
    pub password_queue_max: usize,
    /// Of these, those of one network (an IPv4 address, or the /64 of an IPv6 address); a place is left for others.
    #[schemars(range(min = 1, max = 100_000))]
    pub password_queue_per_network_max: usize,
    /// Log-ins by password and tries to register from one network: so many at once …
    #[schemars(range(min = 1, max = 1_000_000))]
    pub login_burst: u32,
    /// … and then so many a minute.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub login_per_minute: u32,
    /// Accounts that one network may make in an hour.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub registrations_per_hour: u32,
    /// Requests over HTTP without an access token from one network (the ladder, the list of realms): so many at once …
    #[schemars(range(min = 1, max = 1_000_000))]
    pub anonymous_burst: u32,
    /// … and then so many a minute. Requests with a token are counted by account, with the numbers of `[session]`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub anonymous_per_minute: u32,
    /// Life of an access token, in minutes.
    #[schemars(range(min = 1, max = 1_440))]
    pub access_token_minutes: u32,
    /// A session ends after this many hours without activity.
    #[schemars(range(min = 1, max = 8_760))]
    pub session_idle_hours: u32,
    /// A session ends after this many days in any case.
    #[schemars(range(min = 1, max = 3_650))]
    pub session_days_max: u32,
    /// Wrong passwords for one account from one network before it is locked for that network for a minute.
    #[schemars(range(min = 1, max = 1_000))]
    pub wrong_passwords_max: u32,
    /// Wrong passwords for one account from all networks before strangers are locked out of it for an hour. A network from which the
    /// account logged in within a month is no stranger.
    #[schemars(range(min = 1, max = 100_000))]
    pub wrong_passwords_per_account_max: u32,
    /// Wrong passwords and codes for all accounts from one network before it is refused, where a stranger, for ten minutes.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub wrong_passwords_per_network_max: u32,
    /// Memory of one Argon2 computation, in KiB. When this or `password_passes` is raised, passwords are hashed anew as people log in.
    #[schemars(range(min = 19_456, max = 1_048_576))]
    pub password_memory_kib: u32,
    /// Passes of one Argon2 computation.
    #[schemars(range(min = 2, max = 16))]
    pub password_passes: u32,
    /// The key that signs access tokens is replaced after this many days; tokens of the old one hold until they end.
    #[schemars(range(min = 2, max = 3_650))]
    pub signing_key_days: u32,
    /// Moderators and owners without a second factor are players until they have set one up and logged in with it.
    pub second_factor_required_for_staff: bool,
    /// Whoever registers or logs in as a player needs an account key: an invitation or a licence; see `realm key`.
    pub require_key: bool,
}

impl Config {
    /// What a session may do: staff without a second factor are players where one is required, and nobody has single permissions then.
    pub(super) fn in_force(&self, role: Role, extra: Permissions, second_factor: bool) -> (Role, Permissions) {
        let staff = role.is_staff() || extra != Permissions::default();
        if self.second_factor_required_for_staff && staff && !second_factor {
            return (Role::Player, Permissions::default());
        }
        (role, extra)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            registration_open: true,
            password_threads: 1,
            password_queue_max: 64,
            password_queue_per_network_max: 16,
            login_burst: 60,
            login_per_minute: 120,
            registrations_per_hour: 120,
            anonymous_burst: 200,
            anonymous_per_minute: 1_200,
            access_token_minutes: 10,
            session_idle_hours: 24,
            session_days_max: 30,
            wrong_passwords_max: 5,
            wrong_passwords_per_account_max: 10,
            wrong_passwords_per_network_max: 100,
            password_memory_kib: 19_456,
            password_passes: 2,
            signing_key_days: 90,
            second_factor_required_for_staff: false,
            require_key: false,
        }
    }
}
