//! The bans of networks that are in force, in memory: every connection asks for them.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use arc_swap::ArcSwap;
use ipnet::IpNet;

use super::sanction::sentence;

/// A ban of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkBan {
    /// By which people speak of it.
    pub number: i64,
    /// What whoever comes from there is told.
    pub reason: String,
    /// When it ends, in milliseconds since 1970; `None` for never.
    pub until_ms: Option<i64>,
}

impl NetworkBan {
    /// What whoever comes from there is told.
    #[must_use]
    pub fn sentence(&self) -> String {
        sentence("Your address is banned", self.until_ms, &self.reason, self.number)
    }
}

#[derive(Default)]
struct Table {
    by_network: HashMap<IpNet, NetworkBan>,
    /// Lengths of the prefixes that there are; at most 33 and 129.
    lengths_v4: BTreeSet<u8>,
    lengths_v6: BTreeSet<u8>,
}

/// Read by everybody, replaced as a whole. Bounded by [`Self::HELD_MAX`].
#[derive(Default)]
pub(super) struct NetworkBans(ArcSwap<Table>);

impl NetworkBans {
    /// Banned networks that the doors look up; those that were banned last count.
    pub(super) const HELD_MAX: i64 = 10_000;

    /// Of several bans of one network the longest counts.
    pub(super) fn replace(&self, bans: Vec<(IpNet, NetworkBan)>) {
        let mut table = Table::default();
        for (network, ban) in bans {
            let lengths = if network.addr().is_ipv4() { &mut table.lengths_v4 } else { &mut table.lengths_v6 };
            lengths.insert(network.prefix_len());
            let held = table.by_network.entry(network.trunc()).or_insert_with(|| ban.clone());
            if end(&ban) > end(held) {
                *held = ban;
            }
        }
        self.0.store(table.into());
    }

    /// The ban of the largest network that holds the address.
    pub(super) fn in_force(&self, address: IpAddr, now_ms: i64) -> Option<NetworkBan> {
        let (table, address) = (self.0.load(), address.to_canonical());
        let lengths = if address.is_ipv4() { &table.lengths_v4 } else { &table.lengths_v6 };
        let ban_of = |length: &u8| table.by_network.get(&IpNet::new(address, *length).ok()?.trunc());
        lengths.iter().filter_map(ban_of).find(|ban| now_ms < end(ban)).cloned()
    }
}

fn end(ban: &NetworkBan) -> i64 {
    ban.until_ms.unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(number: i64, until_ms: Option<i64>) -> NetworkBan {
        NetworkBan { number, reason: "spam".to_owned(), until_ms }
    }

    fn number(bans: &NetworkBans, address: &str, now_ms: i64) -> Option<i64> {
        bans.in_force(address.parse().unwrap(), now_ms).map(|ban| ban.number)
    }

    #[test]
    fn an_address_is_found_in_every_network_that_holds_it_until_the_ban_ends() {
        let bans = NetworkBans::default();
        let network = |text: &str| text.parse::<IpNet>().unwrap();
        bans.replace(vec![
            (network("192.0.2.7/32"), ban(1, None)),
            (network("198.51.0.0/16"), ban(2, Some(1_000))),
            (network("198.51.100.0/24"), ban(3, None)),
            (network("2001:db8:1::/48"), ban(4, None)),
            (network("192.0.2.7/32"), ban(5, Some(9))),
        ]);
        assert_eq!(number(&bans, "192.0.2.7", 5), Some(1), "the longer one counts");
        assert_eq!(number(&bans, "::ffff:192.0.2.7", 5), Some(1), "IPv4 written as IPv6");
        assert_eq!(number(&bans, "192.0.2.8", 5), None);
        assert_eq!(number(&bans, "198.51.100.1", 999), Some(2), "the larger network comes first");
        assert_eq!(number(&bans, "198.51.100.1", 1_000), Some(3), "which has ended");
        assert_eq!(number(&bans, "198.51.7.1", 1_000), None);
        assert_eq!(number(&bans, "2001:db8:1:ffff::1", 5), Some(4));
        assert_eq!(number(&bans, "2001:db8:2::1", 5), None);
    }
}
