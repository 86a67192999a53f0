//! The verbs of moderation: one for every sanction, against accounts, addresses and networks.

use std::net::IpAddr;

use super::{Actor, Admin};
use crate::{
    accounts::{Permission, Role},
    moderation::{Kind, Order, Sanction, Target},
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
        let permission = match wish.kind {
            Kind::Ban => Permission::PlayersBan,
            Kind::Mute => Permission::PlayersMute,
            Kind::Flag => Permission::PlayersRead,
        };
        let by = self.allow(actor, permission, wish.reason.trim())?;
        let target = self.target(&wish.target).await?;
        if let Target::Account(account) = &target {
            let role = self.accounts.look_up(*account).await?.map_or(Role::Player, |(_, role)| role);
            let touched = match role {
                Role::Player => true,
                Role::Owner => false,
                Role::Moderator | Role::GameMaster | Role::Administrator => actor.may(Permission::RolesGrant),
            };
            if !touched {
                let sentence = "This account is one of staff, and may not be sanctioned by you; ask the realm's owner.";
                return Err(Refusal::new(Code::Forbidden, sentence));
            }
        }
        if wish.reason.trim().is_empty() || wish.seconds == Some(0) {
            let sentence = "Say why, in a sentence for the player, and for how long: at least a second.";
            return Err(Refusal::new(Code::SanctionInvalid, sentence));
        }
        let length_ms = wish.seconds.map(|seconds| i64::try_from(seconds.min(SECONDS_MAX)).unwrap_or(i64::MAX) * 1_000);
        let until_ms = length_ms.map(|length_ms| self.moderation.now_ms().saturating_add(length_ms));
        let order = Order { kind: wish.kind, target, reason: wish.reason.trim().to_owned(), until_ms };
        Ok(self.moderation.sanction(order, &actor.to_string(), Some(by)).await?)
    }

    /// Takes a sanction back.
    ///
    /// # Errors
    /// When none of this number is in force.
    pub async fn lift(&self, actor: &Actor, number: i64) -> Result<Sanction, Refusal> {
        let by = self.allow(actor, Permission::PlayersBan, "")?;
        let lifted = self.moderation.lift(number, &actor.to_string(), Some(by)).await?;
        lifted.ok_or_else(|| {
            let sentence = format!("No sanction {number} is in force; `realm sanction list` shows those that are.");
            Refusal::new(Code::NotFound, sentence)
        })
    }

    /// Sanctions, the newest first: against one target, or all.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn sanctions(&self, target: Option<&str>) -> Result<Vec<Sanction>, Refusal> {
        let target = match target {
            Some(target) => Some(self.target(target).await?),
            None => None,
        };
        Ok(self.moderation.list(target.as_ref()).await?)
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

    /// The account of a name, or the network of an address.
    async fn target(&self, text: &str) -> Result<Target, Refusal> {
        let text = text.trim();
        let shown: String = text.chars().take(TARGET_CHARACTERS_MAX).collect();
        if let Ok(network) = text.parse() {
            return Ok(Target::Network(network));
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
