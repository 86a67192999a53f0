//! Staff: who has which role, and giving one.

use std::sync::Arc;

use serde_json::json;

use super::{Accounts, AccountsError, Permissions, Role, store};
use crate::{
    audit::{self, By, Who},
    storage::StorageError,
    types::{AccountId, AccountName, in_task},
};

/// Most members of staff that are listed at once.
const STAFF_MAX: u32 = 1_000;

/// An account with a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffMember {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: AccountName,
    /// Its role.
    pub role: Role,
    /// What it may do beyond its role.
    pub extra: Permissions,
}

impl Accounts {
    /// Those who are more than players, in the order in which their accounts were made: so many, at most 1,000, behind the last one of
    /// the page before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn staff(&self, behind: Option<AccountId>, count: u32) -> Result<Vec<StaffMember>, StorageError> {
        let behind = behind.map_or(0, AccountId::to_sql);
        store::staff::list(self.inner.storage.reader(), behind, i64::from(count.min(STAFF_MAX))).await
    }

    /// `may` is what whoever gives it may do. Gives an account a role and single permissions beyond it, in place of what it had; a player with none is a player again. Its
    /// sessions end, so that no token says more than is so.
    ///
    /// # Errors
    /// When there is no such account, when it is the owner's or one's own, when the role is the owner's (that is made with the one-time
    /// token), or when what is given or taken is not all among what whoever gives it may do themselves.
    pub async fn grant(
        &self,
        by: By,
        may: Permissions,
        name: AccountName,
        role: Role,
        extra: Permissions,
    ) -> Result<StaffMember, AccountsError> {
        if role == Role::Owner {
            return Err(AccountsError::RoleRefused(
                "A realm has one owner, made with the one-time token; give another role.",
            ));
        }
        let extra = extra.without(role.permissions());
        let (inner, teller) = (Arc::clone(&self.inner), Arc::clone(&self.inner));
        in_task(async move {
            let now_ms = inner.storage.now_ms();
            let known = store::find_account(inner.storage.reader(), &name).await?.map(|account| account.id);
            let granted = inner
                .storage
                .write(move |connection| {
                    Box::pin(async move {
                        let before =
                            store::staff::find(connection, &name).await?.ok_or(AccountsError::AccountUnknown)?;
                        if before.role == Role::Owner {
                            return Err(AccountsError::RoleRefused(
                                "The owner's role cannot be taken; choose another account.",
                            ));
                        }
                        if by.who == Who::Account(before.account) {
                            return Err(AccountsError::RoleRefused("Nobody changes what they may do themselves."));
                        }
                        let touched = before.role.permissions().and(before.extra).and(role.permissions()).and(extra);
                        let beyond = touched.without(may);
                        if beyond != Permissions::default() {
                            return Err(AccountsError::GrantTooMuch(beyond));
                        }
                        store::staff::set(connection, before.account, role, extra).await?;
                        let sessions = store::delete_sessions_of(connection, before.account).await?;
                        teller.tell_ends(connection, &sessions).await?;
                        let told = |role: Role, extra: Permissions| json!({"role": role, "permissions": extra.names()});
                        let deed = by
                            .does("roles.grant", "account", before.account)
                            .changing(told(before.role, before.extra), told(role, extra));
                        audit::write(connection, &deed, now_ms).await?;
                        Ok((StaffMember { role, extra, ..before }, sessions))
                    })
                })
                .await;
            if let (Err(AccountsError::Storage(StorageError::Unconfirmed)), Some(account)) = (&granted, known) {
                // It may be so already; which sessions there were is not known.
                inner.sessions.end_of(account);
            }
            let (member, sessions) = granted?;
            inner.sessions.end(&sessions);
            tracing::info!(account = %member.account, role = role.as_str(), %extra, "a role was given");
            Ok(member)
        })
        .await
    }
}
