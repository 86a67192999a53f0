//! Why an account verb was refused.

use super::Permissions;
use crate::{
    moderation::Ban,
    once::KeyRefused,
    storage::StorageError,
    types::{BrokenOff, Code, Refusal},
};

/// When to come back after [`AccountsError::Busy`].
const BUSY_RETRY_MS: u64 = 2_000;

/// Why an account verb was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// Wrong name or password; which is not told.
    #[error("wrong name or password")]
    InvalidCredentials,
    /// The access token proves nothing (any more).
    #[error("the access token is not valid (any more)")]
    TokenInvalid,
    /// The refresh token proves nothing (any more).
    #[error("the refresh token is not valid (any more)")]
    RefreshInvalid,
    /// The name is taken.
    #[error("the account name is taken")]
    Taken,
    /// The password breaks a rule.
    #[error("{0}")]
    InvalidPassword(String),
    /// The account is banned.
    #[error("the account is banned: {}", .0.reason)]
    Banned(Ban),
    /// Too many wrong passwords.
    #[error("too many wrong passwords")]
    Locked {
        /// When to come back.
        retry_after_ms: u64,
    },
    /// Too many wrong codes of a second factor.
    #[error("too many wrong codes of the second factor")]
    CodesLocked {
        /// When to come back.
        retry_after_ms: u64,
    },
    /// Too many log-ins wait already, in all or from this network.
    #[error("too many log-ins at once")]
    Busy,
    /// This network has tried too often.
    #[error("too many log-ins from one network")]
    TooMany {
        /// When to come back.
        retry_after_ms: u64,
    },
    /// A verb broke off.
    #[error(transparent)]
    BrokenOff(#[from] BrokenOff),
    /// Registration is closed.
    #[error("registration is closed on this realm")]
    RegistrationClosed,
    /// The one-time owner token is wrong or used, or there is an owner.
    #[error("the owner token is not valid (any more)")]
    OwnerTokenInvalid,
    /// There is no account of this name.
    #[error("there is no account of this name")]
    AccountUnknown,
    /// Whoever gives or takes a role may not do all of it themselves.
    #[error("it holds permissions that whoever gives it lacks: {0}")]
    GrantTooMuch(Permissions),
    /// The role cannot be given, or not to this account.
    #[error("{0}")]
    RoleRefused(&'static str),
    /// The key of the request cannot be taken.
    #[error(transparent)]
    KeyRefused(#[from] KeyRefused),
    /// The password that was to confirm an act is another one.
    #[error("the password is wrong")]
    PasswordWrong,
    /// The account has no such session.
    #[error("the account has no such session")]
    SessionUnknown,
    /// The account has a second factor, and nothing was given that proves it.
    #[error("a second factor is needed")]
    SecondFactorRequired,
    /// What was given proves the second factor no more, or never did.
    #[error("the code of the second factor is wrong or used")]
    SecondFactorWrong,
    /// Nothing can be done to a second factor as it is now; the text says why.
    #[error("{0}")]
    SecondFactorState(&'static str),
    /// The account key is unknown, used or revoked, or there is none and one is needed.
    #[error("{0}")]
    KeyInvalid(&'static str),
    /// The owner's account cannot be erased.
    #[error("the owner's account cannot be erased")]
    OwnerStays,
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<AccountsError> for Refusal {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::InvalidCredentials => Refusal::new(
                Code::InvalidCredentials,
                "The account name or the password is wrong; check both and try again.",
            ),
            AccountsError::TokenInvalid => Refusal::new(
                Code::TokenInvalid,
                "The access token is missing, expired or its session has ended; refresh it or log in again.",
            ),
            AccountsError::RefreshInvalid => {
                Refusal::new(Code::RefreshInvalid, "The refresh token is unknown, used up or expired; log in again.")
            }
            AccountsError::Taken => Refusal::new(
                Code::AccountTaken,
                "This account name is taken, or looks like one that is; choose another.",
            ),
            AccountsError::InvalidPassword(sentence) => Refusal::new(Code::InvalidPassword, sentence),
            AccountsError::Banned(ban) => Refusal::new(Code::AccountBanned, ban.sentence()),
            AccountsError::Locked { retry_after_ms } => Refusal::retry(
                Code::AccountLocked,
                format!(
                    "Too many wrong passwords for this account from your address; try again in {} seconds.",
                    retry_after_ms.div_ceil(1_000)
                ),
                retry_after_ms,
            ),
            AccountsError::CodesLocked { retry_after_ms } => Refusal::retry(
                Code::AccountLocked,
                format!(
                    "Too many wrong codes of the second factor; try again in {} seconds, or use a recovery code now.",
                    retry_after_ms.div_ceil(1_000)
                ),
                retry_after_ms,
            ),
            AccountsError::Busy => Refusal::retry(
                Code::RateLimited,
                "Too many people log in at this moment; try again in a few seconds.",
                BUSY_RETRY_MS,
            ),
            AccountsError::TooMany { retry_after_ms } => Refusal::retry(
                Code::RateLimited,
                format!(
                    "Too many log-ins or registrations from your network; try again in {} seconds.",
                    retry_after_ms.div_ceil(1_000)
                ),
                retry_after_ms,
            ),
            AccountsError::BrokenOff(error) => error.into(),
            AccountsError::RegistrationClosed => {
                Refusal::new(Code::Forbidden, "Registration is closed on this realm; ask its operator for an account.")
            }
            AccountsError::OwnerTokenInvalid => Refusal::new(
                Code::OwnerTokenInvalid,
                "The owner token is unknown or used, or the realm has an owner; restart the realm to see a new token while it has none.",
            ),
            AccountsError::AccountUnknown => {
                Refusal::new(Code::AccountUnknown, "There is no account of this name; check how it is written.")
            }
            AccountsError::GrantTooMuch(beyond) => Refusal::new(
                Code::Forbidden,
                format!(
                    "Nobody gives or takes more than they may do themselves; here that is {beyond}. Ask the realm's owner."
                ),
            ),
            AccountsError::RoleRefused(sentence) => Refusal::new(Code::RoleRefused, sentence),
            AccountsError::KeyRefused(error) => error.into(),
            AccountsError::PasswordWrong => {
                Refusal::new(Code::InvalidCredentials, "The password is wrong; check it and try again.")
            }
            AccountsError::SessionUnknown => {
                Refusal::new(Code::NotFound, "The account has no such session; it may have ended already.")
            }
            AccountsError::SecondFactorRequired => Refusal::new(
                Code::SecondFactorRequired,
                "This account has a second factor; log in again with \"second_factor\": the code of the authenticator, or a recovery code.",
            ),
            AccountsError::SecondFactorWrong => Refusal::new(
                Code::SecondFactorRequired,
                "The code is wrong, or was used before; wait for the next one, or use a recovery code.",
            ),
            AccountsError::SecondFactorState(sentence) => Refusal::new(Code::SecondFactorState, sentence),
            AccountsError::KeyInvalid(sentence) => Refusal::new(Code::InvalidCdkey, sentence),
            AccountsError::OwnerStays => Refusal::new(
                Code::Forbidden,
                "The owner's account cannot be erased, because nobody could run the realm; make somebody else the owner first.",
            ),
            AccountsError::Storage(error) => error.into(),
        }
    }
}
