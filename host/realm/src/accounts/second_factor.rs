//! The second factor: an authenticator's codes, and recovery codes for the day on which it is lost.

use std::net::IpAddr;

use super::{Accounts, AccountsError, Identity, codes::Origin, login::KNOWN_NETWORKS_MS, secret, store, totp};
use crate::types::{AccountId, in_task};

/// Recovery codes of an account; each is taken once.
const RECOVERY_CODES: usize = 10;
/// Random bytes of a recovery code: nobody finds it from its hash.
const RECOVERY_BYTES: usize = 10;
/// Letters and digits of one.
const RECOVERY_CHARACTERS: usize = RECOVERY_BYTES * 8 / 5;

/// What an authenticator is told when it is set up.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret, in base32, to be typed.
    pub secret: String,
    /// The same as an address (`otpauth://…`), to be shown as a picture.
    pub address: String,
}

impl Accounts {
    /// Begins to set a second factor up. Nothing asks for it before [`Self::confirm_second_factor`]; beginning again voids the secret
    /// of before.
    ///
    /// # Errors
    /// When the password is wrong, or a second factor is set up already.
    pub async fn begin_second_factor(
        &self,
        who: &Identity,
        password: &str,
        peer: IpAddr,
    ) -> Result<Enrolment, AccountsError> {
        let account = self.confirm_password(who, password, peer).await?;
        let (secret, now_ms) = (secret::random::<{ totp::SECRET_BYTES }>(), self.inner.storage.now_ms());
        let (id, hex) = (account.id, secret::hex(&secret));
        self.inner
            .storage
            .write::<_, AccountsError, _>(move |connection| {
                Box::pin(async move {
                    if store::factors::begin(connection, id, &hex, now_ms).await? {
                        return Ok(());
                    }
                    Err(AccountsError::SecondFactorState("A second factor is set up already; remove it first."))
                })
            })
            .await?;
        Ok(Enrolment {
            secret: totp::base32(&secret),
            address: totp::address(self.inner.signing.realm(), account.name.as_str(), &secret),
        })
    }

    /// Sets the second factor up, when the code proves that the authenticator has the secret. From now on every log-in asks for it.
    /// Answers with the recovery codes, which are shown this once.
    ///
    /// # Errors
    /// When nothing was begun, the code is wrong, or too many were.
    pub async fn confirm_second_factor(&self, who: &Identity, code: &str) -> Result<Vec<String>, AccountsError> {
        let now_ms = self.inner.storage.now_ms();
        let nobody_waits = std::future::ready(Ok(true));
        let attempt = self.inner.codes.begin(who.account, Origin::Session(who.session), now_ms, nobody_waits).await?;
        let (codes, hashes) = new_recovery_codes(who.account);
        let (account, given) = (who.account, code.trim().to_owned());
        let confirmed = self
            .inner
            .storage
            .write::<_, AccountsError, _>(move |connection| {
                Box::pin(async move {
                    let factor = store::factors::find(connection, account).await?.filter(|factor| !factor.confirmed);
                    let nothing = AccountsError::SecondFactorState("No second factor is waiting to be confirmed.");
                    let factor = factor.ok_or(nothing)?;
                    let step = totp::step(&factor.secret, &given, now_ms, factor.step_last);
                    let step = step.ok_or(AccountsError::SecondFactorWrong)?;
                    store::factors::confirm(connection, account, step, now_ms).await?;
                    Ok(store::factors::replace_recovery_codes(connection, account, &hashes).await?)
                })
            })
            .await;
        match &confirmed {
            Ok(()) => attempt.right(),
            Err(AccountsError::SecondFactorWrong) => attempt.wrong(now_ms),
            Err(_) => {}
        }
        confirmed?;
        tracing::info!(account = %who.account, "second factor set up");
        Ok(codes)
    }

    /// Removes the second factor with its recovery codes.
    ///
    /// # Errors
    /// When the password or the code is wrong, or there is no second factor.
    pub async fn remove_second_factor(
        &self,
        who: &Identity,
        password: &str,
        code: &str,
        peer: IpAddr,
    ) -> Result<(), AccountsError> {
        let account = self.confirm_password(who, password, peer).await?;
        if !account.second_factor {
            return Err(AccountsError::SecondFactorState("No second factor is set up."));
        }
        self.prove_second_factor(&account, code, Origin::Session(who.session)).await?;
        let accounts = self.clone();
        in_task(async move {
            let id = account.id;
            accounts
                .inner
                .storage
                .write::<_, AccountsError, _>(move |connection| {
                    Box::pin(async move { Ok(store::factors::remove(connection, id).await?) })
                })
                .await?;
            tracing::info!(account = %id, "second factor removed");
            // Sessions that were opened with it may do what those without it may not.
            if accounts.inner.config.second_factor_required_for_staff && account.role.is_staff() {
                accounts.end_sessions(id).await?;
            }
            Ok(())
        })
        .await
    }

    /// Makes new recovery codes; the old ones are void.
    ///
    /// # Errors
    /// When the password or the code is wrong, or there is no second factor.
    pub async fn renew_recovery_codes(
        &self,
        who: &Identity,
        password: &str,
        code: &str,
        peer: IpAddr,
    ) -> Result<Vec<String>, AccountsError> {
        let account = self.confirm_password(who, password, peer).await?;
        if !account.second_factor {
            return Err(AccountsError::SecondFactorState("No second factor is set up."));
        }
        self.prove_second_factor(&account, code, Origin::Session(who.session)).await?;
        let (codes, hashes) = new_recovery_codes(account.id);
        let id = account.id;
        self.inner
            .storage
            .write::<_, AccountsError, _>(move |connection| {
                Box::pin(async move { Ok(store::factors::replace_recovery_codes(connection, id, &hashes).await?) })
            })
            .await?;
        Ok(codes)
    }

    /// Checks a code of the authenticator or a recovery code, and uses it up.
    pub(super) async fn prove_second_factor(
        &self,
        account: &store::Account,
        given: &str,
        origin: Origin,
    ) -> Result<(), AccountsError> {
        let (inner, id) = (&self.inner, account.id);
        let given = given.trim().to_owned();
        if given.is_empty() {
            return Err(AccountsError::SecondFactorRequired);
        }
        let now_ms = inner.storage.now_ms();
        if is_recovery_code(&given) {
            let hash = recovery_hash(id, &given);
            let used = inner.storage.write::<_, AccountsError, _>(move |connection| {
                Box::pin(async move { Ok(store::factors::use_recovery_code(connection, id, &hash).await?) })
            });
            if !used.await? {
                return Err(AccountsError::SecondFactorWrong);
            }
            inner.codes.recovered(id, origin);
            return Ok(());
        }
        let known = async {
            let Origin::Network(network) = origin else { return Ok(true) };
            let since_ms = now_ms - KNOWN_NETWORKS_MS;
            let (readers, name) = (inner.storage.reader(), account.name.folded());
            store::own::knows_network(readers, name, &network.to_string(), since_ms).await
        };
        let attempt = inner.codes.begin(id, origin, now_ms, known).await?;
        let proven = inner
            .storage
            .write::<_, AccountsError, _>(move |connection| {
                Box::pin(async move {
                    let Some(factor) = store::factors::find(connection, id).await? else { return Ok(true) };
                    match totp::step(&factor.secret, &given, now_ms, factor.step_last) {
                        Some(step) => Ok(store::factors::use_step(connection, id, step).await?),
                        None => Ok(false),
                    }
                })
            })
            .await?;
        if proven {
            attempt.right();
            return Ok(());
        }
        attempt.wrong(now_ms);
        if let Origin::Network(network) = origin {
            inner.guessing.wrong_code(network, now_ms);
        }
        Err(AccountsError::SecondFactorWrong)
    }
}

/// Codes to be shown, and what is stored of them.
fn new_recovery_codes(account: AccountId) -> (Vec<String>, Vec<String>) {
    let code = || {
        let letters = totp::base32(&secret::random::<RECOVERY_BYTES>()).to_lowercase();
        [&letters[..4], &letters[4..8], &letters[8..12], &letters[12..]].join("-")
    };
    let codes: Vec<String> = std::iter::repeat_with(code).take(RECOVERY_CODES).collect();
    let hashes = codes.iter().map(|code| recovery_hash(account, code)).collect();
    (codes, hashes)
}

/// A recovery code without what people type between its letters; nobody needs more of a text that is none.
fn plain(given: &str) -> String {
    let letters = given.chars().filter(char::is_ascii_alphanumeric).take(RECOVERY_CHARACTERS + 1);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Has it the length of a recovery code? Such a one is not guessed: everything else counts as a code of the authenticator.
fn is_recovery_code(given: &str) -> bool {
    plain(given).len() == RECOVERY_CHARACTERS
}

fn recovery_hash(account: AccountId, given: &str) -> String {
    secret::hash(&format!("{account}:{}", plain(given)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_told_from_codes_of_the_authenticator() {
        let (codes, hashes) = new_recovery_codes(AccountId::from_sql(7));
        assert_eq!((codes.len(), hashes.len()), (RECOVERY_CODES, RECOVERY_CODES));
        for (code, hash) in codes.iter().zip(&hashes) {
            let typed = code.to_uppercase().replace('-', " ");
            assert!(is_recovery_code(code) && is_recovery_code(&typed), "{code}");
            assert_eq!(&recovery_hash(AccountId::from_sql(7), &typed), hash);
        }
        let long = "a".repeat(1_000_000);
        for given in ["287082", "000000x", "abcd-efgh-ijkl-mno", "abcd-efgh-ijkl-mnopq", long.as_str()] {
            assert!(!is_recovery_code(given), "{}", &given[..given.len().min(20)]);
        }
    }
}
