//! Every connection is an open file, and systems allow few of them unless asked.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Config;

/// Database, plugins, logs and whatever else is open.
const OTHERS: usize = 256;

/// Raises this process's limit of open files as far as the doors need it and the system allows it; says so when that is too little.
pub(super) fn make_room(config: &Config) {
    let wanted = [config.connections_max, config.arrivals_max, config.handshakes_max, config.turned_away_max, OTHERS];
    let wanted = wanted.iter().fold(0, |sum: u64, part| sum.saturating_add(*part as u64));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` is "no limit".
    let Some(now) = current.filter(|now| *now < wanted) else { return };
    let allowed = maximum.map_or(wanted, |maximum| wanted.min(maximum));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed.max(now)), maximum });
    let have = if raised.is_ok() { allowed.max(now) } else { now };
    if have < wanted {
        tracing::warn!(
            "this process may open {have} files and the limits of [net] ask for {wanted}: raise the system's limit (`ulimit -Hn`, \
             LimitNOFILE= of systemd), or lower [net] connections_max and arrivals_max"
        );
    }
}
