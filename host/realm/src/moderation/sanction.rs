//! What a sanction is: against whom, of which kind, why and for how long.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Decider, Mute};
use crate::types::{AccountId, rfc3339};

/// The longest reason, in characters; the rest is cut.
const REASON_CHARACTERS_MAX: usize = 500;
/// Larger networks hold too many who did nothing.
const PREFIX_V4_MIN: u8 = 8;
/// The same for IPv6.
const PREFIX_V6_MIN: u8 = 16;

/// What a sanction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nobody comes in.
    Ban,
    /// The account may not talk.
    Mute,
    /// Staff shall look at the account.
    Flag,
}

impl Kind {
    /// As it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Mute => "mute",
            Self::Flag => "flag",
        }
    }

    pub(super) fn from_str(text: &str) -> Option<Self> {
        [Self::Ban, Self::Mute, Self::Flag].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Against whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An account.
    Account(AccountId),
    /// An address, or a network of addresses.
    Network(IpNet),
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(formatter, "account {account}"),
            Self::Network(network) => write!(formatter, "{network}"),
        }
    }
}

/// What shall be in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// What it does.
    pub kind: Kind,
    /// Against whom.
    pub target: Target,
    /// What the player is told; cut at 500 characters.
    pub reason: String,
    /// When it ends, in milliseconds since 1970; `None` for never. A mute has an end.
    pub until_ms: Option<i64>,
}

impl Order {
    /// Is it one that can be carried out? The text says what to do instead.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if let Target::Network(network) = self.target {
            if self.kind != Kind::Ban {
                return Err("A network can only be banned; mute and flag accounts.");
            }
            let prefix_min = if network.addr().is_ipv4() { PREFIX_V4_MIN } else { PREFIX_V6_MIN };
            if network.prefix_len() < prefix_min {
                return Err("The network is too large: ban at most a /8 of IPv4 or a /16 of IPv6.");
            }
            let mapped = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped().into();
            let loopback = [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into(), mapped];
            if network.addr().is_loopback() || loopback.iter().any(|address| network.contains(address)) {
                return Err("This machine's own address cannot be banned: the realm's verbs come from there.");
            }
        }
        if self.kind == Kind::Mute && self.until_ms.is_none() {
            return Err("A mute has an end: say how long it lasts.");
        }
        Ok(())
    }

    /// As it is stored: the reason not too long, a network by its first address.
    pub(super) fn tidy(&mut self) {
        if let Target::Network(network) = &mut self.target {
            *network = network.trunc();
        }
        if let Some((end, _)) = self.reason.char_indices().nth(REASON_CHARACTERS_MAX) {
            self.reason.truncate(end);
        }
    }
}

/// A sanction as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    /// By which people speak of it; counts up from 1.
    pub number: i64,
    /// What it does.
    pub kind: Kind,
    /// Against whom.
    pub target: Target,
    /// What the player is told.
    pub reason: String,
    /// Who decided.
    pub decided_by: Decider,
    /// When, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it ends; `None` for never.
    pub until_ms: Option<i64>,
    /// Who took it back.
    pub lifted_by: Option<Decider>,
    /// When.
    pub lifted_ms: Option<i64>,
}

impl Sanction {
    /// Is it in force at a time?
    #[must_use]
    pub fn in_force(&self, now_ms: i64) -> bool {
        self.lifted_ms.is_none() && self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }

    /// What its target is told, when it is a ban.
    #[must_use]
    pub fn ban(self) -> Ban {
        Ban { number: self.number, reason: self.reason, until_ms: self.until_ms }
    }

    pub(super) fn mute(&self) -> Mute {
        Mute { number: self.number, reason: self.reason.clone(), until_ms: self.until_ms.unwrap_or(i64::MAX) }
    }
}

/// A ban that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// By which people speak of it; 0 for one that is not stored.
    pub number: i64,
    /// What the player is told.
    pub reason: String,
    /// When it ends, in milliseconds since 1970; `None` for never.
    pub until_ms: Option<i64>,
}

impl Ban {
    /// One that is to be stored.
    #[must_use]
    pub fn new(reason: impl Into<String>, until_ms: Option<i64>) -> Self {
        Self { number: 0, reason: reason.into(), until_ms }
    }

    /// What the banned player is told: why, until when, and the number to ask about.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { number, reason, until_ms } = self;
        sentence("This account is banned", *until_ms, reason, *number)
    }
}

/// What somebody is told about a sanction.
pub(super) fn sentence(beginning: &str, until_ms: Option<i64>, reason: &str, number: i64) -> String {
    let until = match until_ms {
        Some(until_ms) => format!("until {}", rfc3339(until_ms)),
        None => "for good".to_owned(),
    };
    let number = if number > 0 { format!(" (sanction {number})") } else { String::new() };
    format!("{beginning} {until}: {}{number}.", reason.trim_end_matches('.'))
}
