//! Roles: templates of what an account may do. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Permission, Permissions};

/// What an account may do; an account may have single permissions beyond those of its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Plays.
    Player,
    /// Keeps order among players.
    Moderator,
    /// Keeps order, and helps with characters and games.
    GameMaster,
    /// Everything but giving roles.
    Administrator,
    /// Everything.
    Owner,
}

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Role; 5] = [Role::Player, Role::Moderator, Role::GameMaster, Role::Administrator, Role::Owner];

    /// Everybody but players.
    #[must_use]
    pub fn is_staff(self) -> bool {
        self != Role::Player
    }

    /// The name in every API, in the database, and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Player => "player",
            Role::Moderator => "moderator",
            Role::GameMaster => "game-master",
            Role::Administrator => "administrator",
            Role::Owner => "owner",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// What the role may do.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        use Permission::{
            CharactersRead, CharactersRename, GamesClose, PlayersBan, PlayersKick, PlayersMute, PlayersRead,
            PluginsRead, RolesGrant, RolesRead,
        };
        let moderator = [PlayersRead, PlayersBan, PlayersMute, PlayersKick, GamesClose, PluginsRead, RolesRead];
        let moderator: Permissions = moderator.into_iter().collect();
        match self {
            Role::Player => Permissions::default(),
            Role::Moderator => moderator,
            Role::GameMaster => moderator.and([CharactersRead, CharactersRename].into_iter().collect()),
            Role::Administrator => Permissions::all().without([RolesGrant].into_iter().collect()),
            Role::Owner => Permissions::all(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_the_one_before_may_and_only_the_owner_gives_roles() {
        for (lower, higher) in Role::ALL.into_iter().zip(Role::ALL.into_iter().skip(1)) {
            let more = higher.permissions().without(lower.permissions());
            assert!(more != Permissions::default(), "{higher:?} may more than {lower:?}");
            assert_eq!(lower.permissions().without(higher.permissions()), Permissions::default());
            assert_eq!(higher == Role::Owner, higher.permissions().contains(Permission::RolesGrant));
        }
        assert_eq!(Role::Player.permissions(), Permissions::default());
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
    }
}
