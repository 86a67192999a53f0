//! What staff may do, by name. Pure.

use std::fmt;

macro_rules! permissions {
    ($($(#[doc = $meaning:literal])+ $variant:ident $text:literal,)*) => {
        /// One thing that staff may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($(#[doc = $meaning])+ $variant,)*
        }

        impl Permission {
            /// Every permission with its name and meaning.
            pub const ALL: &'static [(Permission, &'static str, &'static str)] =
                &[$((Permission::$variant, $text, concat!($($meaning),+)),)*];

            /// The name, for example `players.ban`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Permission::$variant => $text,)* }
            }

            /// The permission of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Permission::$variant),)* _ => None }
            }
        }
    };
}

permissions! {
    /// Look at accounts, their sessions and sanctions.
    PlayersRead "players.read",
    /// Ban accounts and addresses, and lift bans.
    PlayersBan "players.ban",
    /// Mute accounts, and lift mutes.
    PlayersMute "players.mute",
    /// End the sessions of accounts.
    PlayersKick "players.kick",
    /// Look at characters of any account.
    CharactersRead "characters.read",
    /// Give a character another name.
    CharactersRename "characters.rename",
    /// Give a character to another account.
    CharactersTransfer "characters.transfer",
    /// See the history of items.
    ItemsRead "items.read",
    /// Undo what went between an account's characters and others.
    ItemsRollback "items.rollback",
    /// Write letters of the realm, with gold and items that are made for them.
    MailSend "mail.send",
    /// Close games of others.
    GamesClose "games.close",
    /// See the plugins, their state and their lines.
    PluginsRead "plugins.read",
    /// Enable, disable, reload, promote and roll back plugins.
    PluginsReload "plugins.reload",
    /// End a season of the ladder.
    LadderSeasonEnd "ladder.season_end",
    /// Import, look at and revoke account keys.
    KeysManage "keys.manage",
    /// Read the audit log.
    AuditRead "audit.read",
    /// See who is staff, and what roles there are.
    RolesRead "roles.read",
    /// Give and take roles and permissions.
    RolesGrant "roles.grant",
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Permissions(u64);

impl Permissions {
    /// All that there are.
    #[must_use]
    pub fn all() -> Self {
        Permission::ALL.iter().map(|(permission, ..)| *permission).collect()
    }

    /// Is it in the set?
    #[must_use]
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & bit(permission) != 0
    }

    /// What is in either set.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// In the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().map(|(permission, ..)| *permission).filter(move |one| self.contains(*one))
    }

    /// Their names.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Permission::as_str).collect()
    }

    /// What is stored: names with spaces between. A name that this version does not know grants nothing.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        text.split(' ').filter_map(Permission::from_name).collect()
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.names().join(" "))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | bit(permission)))
    }
}

/// A place in the set; there is one for each.
fn bit(permission: Permission) -> u64 {
    const _: () = assert!(Permission::ALL.len() <= 64);
    1 << (permission as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_stored_and_read_as_its_names() {
        for (permission, name, meaning) in Permission::ALL {
            assert_eq!(Permission::from_name(name), Some(*permission));
            assert_eq!(permission.as_str(), *name);
            assert!(name.contains('.') && meaning.trim().ends_with('.'), "{name}: {meaning}");
        }
        let set: Permissions = [Permission::AuditRead, Permission::PlayersBan].into_iter().collect();
        assert_eq!(set.to_string(), "players.ban audit.read");
        assert_eq!(Permissions::stored(&set.to_string()), set);
        assert_eq!(Permissions::stored("players.ban world.destroy audit.read "), set);
        assert_eq!(Permissions::stored(""), Permissions::default());
        assert!(set.contains(Permission::AuditRead) && !set.contains(Permission::RolesGrant));
        assert_eq!(Permissions::all().without(set).and(set), Permissions::all());
    }
}
