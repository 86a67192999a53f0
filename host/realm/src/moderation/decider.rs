//! Who decided a sanction: told with its kind, because an account and a plugin may have the same name.

use std::fmt;

use crate::{audit::Who, types::AccountId};

/// Who decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decider {
    /// Whoever runs the realm.
    Operator,
    /// An account of staff.
    Account(AccountId),
    /// A plugin of this name, of its own accord.
    Plugin(String),
    /// A rule of the realm itself, of this name: it counts what plugins find.
    Rule(String),
}

impl Decider {
    /// The account, if it was one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Account(account) => Some(*account),
            Self::Operator | Self::Plugin(_) | Self::Rule(_) => None,
        }
    }

    /// As it is stored and told.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        if text == "operator" {
            return Some(Self::Operator);
        }
        match text.split_once(':')? {
            ("account", key) => key.parse().ok().map(Self::Account),
            ("plugin", name) => Some(Self::Plugin(name.to_owned())),
            ("rule", name) => Some(Self::Rule(name.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Decider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => formatter.write_str("operator"),
            Self::Account(account) => write!(formatter, "account:{account}"),
            Self::Plugin(name) => write!(formatter, "plugin:{name}"),
            Self::Rule(name) => write!(formatter, "rule:{name}"),
        }
    }
}

impl From<Who> for Decider {
    fn from(who: Who) -> Self {
        match who {
            Who::Operator => Self::Operator,
            Who::Account(account) => Self::Account(account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_and_a_plugin_of_one_name_are_told_apart() {
        for (decider, text) in [
            (Decider::Operator, "operator"),
            (Decider::Account(AccountId::from_sql(7)), "account:7"),
            (Decider::Plugin("anti-cheat".to_owned()), "plugin:anti-cheat"),
            (Decider::Plugin("account:7".to_owned()), "plugin:account:7"),
            (Decider::Rule("anti-cheat".to_owned()), "rule:anti-cheat"),
        ] {
            assert_eq!(decider.to_string(), text);
            assert_eq!(Decider::from_text(text), Some(decider));
        }
        for none in ["", "Keeper", "the operator", "account:", "account:Keeper", "guild:7"] {
            assert_eq!(Decider::from_text(none), None, "{none}");
        }
    }
}
