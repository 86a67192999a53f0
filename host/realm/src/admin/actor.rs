//! Who uses a verb of staff, and whether they may.

use std::fmt;

use crate::{
    accounts::{Identity, Permission, Permissions},
    audit::Who,
    types::{Code, Refusal},
};

/// Who uses a verb of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Whoever runs the realm: may everything.
    Operator,
    /// An account: may what its role and its permissions say.
    Account(Identity),
}

impl Actor {
    /// Everything that they may do.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        match self {
            Self::Operator => Permissions::all(),
            Self::Account(identity) => identity.permissions(),
        }
    }

    /// May they do this?
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions().contains(permission)
    }

    /// Refuses whoever has not the permission.
    ///
    /// # Errors
    /// `FORBIDDEN`, with the permission's name.
    pub fn ask(&self, permission: Permission) -> Result<(), Refusal> {
        if self.may(permission) {
            return Ok(());
        }
        let name = permission.as_str();
        Err(Refusal::new(Code::Forbidden, format!("This needs the permission {name}; ask the realm's owner for it.")))
    }

    /// The same for the audit log.
    #[must_use]
    pub fn who(&self) -> Who {
        match self {
            Self::Operator => Who::Operator,
            Self::Account(identity) => Who::Account(identity.account),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => formatter.write_str("the operator"),
            Self::Account(identity) => write!(formatter, "{}", identity.name),
        }
    }
}
