//! The verbs of moderation: one for every sanction, against accounts, addresses and networks.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Actor, Admin};
use crate::{
    accounts::{Permission, Role},
    moderation::{Decider, Kind, Order, Sanction, Target},
    types::{AccountName, Code, Refusal},
};

/// The longest that a sanction with an end lasts: a hundred years.
const SECONDS_MAX: u64 = 100 * 366 * 86_400;
/// The longest name of a target.
const TARGET_CHARACTERS_MAX: usize = 64;

/// What staff ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanctionWish {
    /// What it does.
    pub kind: Kind,
    /// An account's name, an address, or a network such as `192.0.2.0/24`.
    pub target: String,
    /// What the player is told.
    pub reason: String,
    /// How long it lasts, in seconds; `None` for good.
    pub seconds: Option<u64>,
}

impl Admin {
    /// Sanctions an account or a network. Whoever it concerns is connected still: the caller ends that.
    ///
    /// # Errors
    /// When there is no such account, it is one of staff that the actor may not touch, or the wish makes no sense.
    pub async fn sanction(&self, actor: &Actor, wish: SanctionWish) -> Result<Sanction, Refusal> {
        let by = self.allow(actor, needed(wish.kind), wish.reason.trim())?;
        let target = self.target(&wish.target).await?;
        self.may_touch(actor, &target, false).await?;
        if wish.reason.trim().is_empty() || wish.seconds == Some(0) {
            let sentence = "Say why, in a sentence for the player, and for how long: at least a second.";
            return Err(Refusal::new(Code::SanctionInvalid, sentence));
        }
        let length_ms = wish.seconds.map(|seconds| i64::try_from(seconds.min(SECONDS_MAX)).unwrap_or(i64::MAX) * 1_000);
        let until_ms = length_ms.map(|length_ms| self.moderation.now_ms().saturating_add(length_ms));
        let order = Order { kind: wish.kind, target, reason: wish.reason.trim().to_owned(), until_ms };
        Ok(self.moderation.sanction(order, Decider::from(actor.who()), Some(by)).await?)
    }

    /// Staff are sanctioned, and freed, by those alone who could take their role from them. The owner is sanctioned by nobody but rules, and
    /// freed like staff.
    async fn may_touch(&self, actor: &Actor, target: &Target, freeing: bool) -> Result<(), Refusal> {
        let Target::Account(account) = target else { return Ok(()) };
        let role = self.accounts.look_up(*account).await?.map_or(Role::Player, |(_, role)| role);
        let may = match role {
            Role::Player => true,
            Role::Owner => freeing && actor.may(Permission::RolesGrant),
            Role::Moderator | Role::GameMaster | Role::Administrator => actor.may(Permission::RolesGrant),
        };
        if may {
            return Ok(());
        }
        let sentence =
            "This account is one of staff, and its sanctions are not for you to decide; ask the realm's owner.";
        Err(Refusal::new(Code::Forbidden, sentence))
    }

    /// Takes a sanction back; who may speak one of its kind against its target may. That there is none, whoever may see sanctions is told.
    ///
    /// # Errors
    /// When none of this number is in force, or it is not the actor's to decide.
    pub async fn lift(&self, actor: &Actor, number: i64) -> Result<Sanction, Refusal> {
        let known = self.moderation.find(number).await?;
        let by = self.allow(actor, known.as_ref().map_or(Permission::PlayersRead, |known| needed(known.kind)), "")?;
        if let Some(known) = &known {
            self.may_touch(actor, &known.target, true).await?;
        }
        let lifted = self.moderation.lift(number, Decider::from(actor.who()), Some(by)).await?;
        lifted.ok_or_else(|| {
            let sentence = format!("No sanction {number} is in force; `realm sanction list` shows those that are.");
            Refusal::new(Code::NotFound, sentence)
        })
    }

    /// Sanctions, the newest first: against one target, or all; of those before a number, so many.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn sanctions(
        &self,
        target: Option<&str>,
        before: Option<i64>,
        count: u32,
    ) -> Result<Vec<Sanction>, Refusal> {
        let target = match target {
            Some(target) => Some(self.target(target).await?),
            None => None,
        };
        Ok(self.moderation.list(target.as_ref(), before, count).await?)
    }

    /// How a target is called: an account by its name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn target_name(&self, target: &Target) -> Result<String, Refusal> {
        Ok(match target {
            Target::Network(network) => network.to_string(),
            Target::Account(account) => {
                self.accounts.look_up(*account).await?.map_or_else(|| account.to_string(), |(name, _)| name.to_string())
            }
        })
    }

    /// The name of the account that decided, if it was one and is there still.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn decider_name(&self, decider: &Decider) -> Result<Option<String>, Refusal> {
        let Some(account) = decider.account() else { return Ok(None) };
        Ok(self.accounts.look_up(account).await?.map(|(name, _)| name.to_string()))
    }

    /// The account of a name, or the network of an address.
    async fn target(&self, text: &str) -> Result<Target, Refusal> {
        let text = text.trim();
        let shown: String = text.chars().take(TARGET_CHARACTERS_MAX).collect();
        if let Ok(network) = text.parse() {
            return Ok(Target::Network(as_doors_see_it(network)));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Target::Network(address.to_canonical().into()));
        }
        let unknown = || {
            let sentence = format!(
                "There is no account \"{shown}\", and it is no address or network such as 192.0.2.7 or 2001:db8::/48 either."
            );
            Refusal::new(Code::SanctionInvalid, sentence)
        };
        let name = AccountName::new(text).map_err(|_| unknown())?;
        self.accounts.find(&name).await?.map(Target::Account).ok_or_else(unknown)
    }
}

/// The permission for a kind of sanction.
fn needed(kind: Kind) -> Permission {
    match kind {
        Kind::Ban => Permission::PlayersBan,
        Kind::Mute => Permission::PlayersMute,
        Kind::Flag => Permission::PlayersRead,
    }
}

/// IPv4 written as IPv6 is IPv4 to the doors. A larger network around it stays as it is, and is refused for its size.
fn as_doors_see_it(network: IpNet) -> IpNet {
    const MAPPED_BITS: u8 = 96;
    match (network.addr(), network.prefix_len().checked_sub(MAPPED_BITS)) {
        (IpAddr::V6(address), Some(length)) => {
            let mapped = address.to_ipv4_mapped().and_then(|address| IpNet::new(address.into(), length).ok());
            mapped.unwrap_or(network)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_written_as_ipv6_is_banned_as_ipv4() {
        let seen = |text: &str| as_doors_see_it(text.parse().unwrap()).to_string();
        assert_eq!(seen("::ffff:198.51.100.0/120"), "198.51.100.0/24");
        assert_eq!(seen("::ffff:198.51.100.7/128"), "198.51.100.7/32");
        assert_eq!(seen("::ffff:0:0/96"), "0.0.0.0/0", "which is too large");
        assert_eq!(seen("2001:db8::/100"), "2001:db8::/100");
        assert_eq!(seen("198.51.100.0/24"), "198.51.100.0/24");
    }
}
