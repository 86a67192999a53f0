//! Log-in: a name and a password become a token session.

use std::{net::IpAddr, sync::Arc};

use super::{
    Accounts, AccountsError, Identity, SESSIONS_PER_ACCOUNT_MAX, Tokens, codes::Origin, password, secret,
    sessions::Live, store,
};
use crate::types::{AccountId, AccountName, Network, SessionId, in_task};

/// Networks that an account is known from; a further one takes the place of the one that was seen longest ago.
const KNOWN_NETWORKS_MAX: i64 = 8;
/// A network is a stranger's again after this time without a log-in from there.
pub(super) const KNOWN_NETWORKS_MS: i64 = 30 * 86_400_000;

/// What a log-in may have to prove beside name and password; each may be empty.
#[derive(Clone, Default)]
pub struct Proof {
    /// A code of the authenticator, or a recovery code.
    pub second_factor: String,
    /// An account key that shall be the account's from now on.
    pub account_key: String,
}

/// Somebody who knows the password.
struct Proven {
    account: store::Account,
    network: Network,
    /// The password, when its hash is to be made anew.
    outdated: Option<String>,
}

impl Accounts {
    /// Checks name and password and opens a token session.
    ///
    /// # Errors
    /// As [`Self::login_with`].
    pub async fn login(&self, name: &str, password: &str, peer: IpAddr) -> Result<Tokens, AccountsError> {
        self.login_with(name, password, &Proof::default(), peer).await
    }

    /// Checks name, password and what else the account asks for, and opens a token session.
    ///
    /// # Errors
    /// A wrong name and a wrong password give one answer, after the same work. A ban, a missing second factor and a missing account
    /// key are told only to who knows the password. One network may try only so often.
    pub async fn login_with(
        &self,
        name: &str,
        password: &str,
        proof: &Proof,
        peer: IpAddr,
    ) -> Result<Tokens, AccountsError> {
        // A client that goes away while its password waits costs nothing more; once it is known to be right, what follows is
        // carried to its end.
        let proven = self.who(name, password, peer).await?;
        let (accounts, proof) = (self.clone(), proof.clone());
        in_task(async move {
            let Proven { account, network, outdated } = proven;
            if let Some(ban) = accounts.inner.moderation.ban_in_force(account.id).await? {
                return Err(AccountsError::Banned(ban));
            }
            if account.second_factor {
                accounts.prove_second_factor(&account, &proof.second_factor, Origin::Network(network)).await?;
            }
            let (id, hash) = (account.id, account.password.clone());
            let tokens = accounts.open_session(account, &proof.account_key, peer).await?;
            accounts.end_if_banned(tokens.identity.account).await?;
            if let Some(password) = outdated {
                accounts.hash_anew(id, hash, password, network).await;
            }
            Ok(tokens)
        })
        .await
    }

    /// The account of this name and password.
    async fn who(&self, name: &str, password: &str, peer: IpAddr) -> Result<Proven, AccountsError> {
        let inner = &self.inner;
        let network = inner.doorkeeper.admit(peer)?;
        let name = AccountName::new(name).ok();
        let folded = name.as_ref().map_or("", AccountName::folded);
        let now_ms = inner.storage.now_ms();
        let origin = network.to_string();
        let known = store::own::knows_network(inner.storage.reader(), folded, &origin, now_ms - KNOWN_NETWORKS_MS);
        let guess = inner.guessing.begin(folded, network, now_ms, known).await?;
        let place = inner.hashing.place(network)?;
        let account = match &name {
            Some(name) => store::find_account(inner.storage.reader(), name).await?,
            None => None,
        };
        let phc = account.as_ref().map(|account| account.password.clone());
        let given = password::given(password);
        let matches = match given.clone() {
            Some(password) => inner.hashing.verify(place, password, phc).await?,
            None => inner.hashing.verify(place, String::new(), None).await?,
        };
        match account.filter(|_| matches) {
            Some(account) => {
                guess.right();
                let outdated = given.filter(|_| inner.hashing.is_outdated(&account.password));
                Ok(Proven { account, network, outdated })
            }
            None => {
                guess.wrong(inner.storage.now_ms());
                Err(AccountsError::InvalidCredentials)
            }
        }
    }

    /// The parameters of Argon2 were raised: the password is at hand now, and its hash shall cost what others cost. A try that does not
    /// work is made again at the next log-in.
    async fn hash_anew(&self, account: AccountId, outdated: String, password: String, network: Network) {
        let anew = async {
            let place = self.inner.hashing.place(network)?;
            let hash = self.inner.hashing.hash(place, password).await?;
            self.inner
                .storage
                .write::<_, AccountsError, _>(move |connection| {
                    Box::pin(async move { Ok(store::own::hash_anew(connection, account, &outdated, &hash).await?) })
                })
                .await
        };
        if let Err(error) = anew.await {
            tracing::debug!(%account, %error, "a password was not hashed anew");
        }
    }

    async fn open_session(
        &self,
        account: store::Account,
        account_key: &str,
        peer: IpAddr,
    ) -> Result<Tokens, AccountsError> {
        if self.inner.sessions.is_full() {
            return Err(AccountsError::Busy);
        }
        let now_ms = self.inner.storage.now_ms();
        let session: SessionId = self.inner.storage.ids().next(now_ms);
        let expires_ms = now_ms + i64::from(self.inner.config.session_days_max) * 86_400_000;
        let key_needed = self.key_for_login(account.role, account_key);
        let (role_stored, extra_stored) = (account.role, account.extra);
        // Who has a second factor does not come here without it.
        let proven = account.second_factor;
        let (role, extra) = self.inner.config.in_force(account.role, account.extra, account.second_factor);
        let identity = Identity { account: account.id, name: account.name, session, role, extra };
        let refresh = secret::new_refresh();
        let live = Live::new(identity.clone(), Some(peer), now_ms, expires_ms);
        let (inner, hash, network) = (Arc::clone(&self.inner), secret::hash(&refresh), Network::of(peer).to_string());
        let password_version = account.password_version;
        let opened = self
            .inner
            .storage
            .write::<_, AccountsError, _>(move |connection| {
                Box::pin(async move {
                    let account = live.identity.account;
                    // The password may have been changed, or the account erased, while this one was checked.
                    if !store::set_last_login(connection, account, password_version, now_ms).await? {
                        return Err(AccountsError::InvalidCredentials);
                    }
                    // And so may the role: a session must not begin with more than is so.
                    if !store::staff::is_so(connection, account, role_stored, extra_stored).await? {
                        return Err(AccountsError::Busy);
                    }
                    if let Some(key) = key_needed {
                        key.prove(connection, account, now_ms).await?;
                    }
                    store::insert_session(connection, (session, proven), account, Some(peer), now_ms, expires_ms)
                        .await?;
                    store::insert_refresh(connection, &hash, session, 0).await?;
                    store::own::know_network(connection, account, &network, now_ms, KNOWN_NETWORKS_MAX).await?;
                    let oldest = store::delete_oldest_sessions(connection, account, SESSIONS_PER_ACCOUNT_MAX).await?;
                    inner.tell_ends(connection, &oldest).await?;
                    // Here and not after the commit: an `end_sessions` behind this in the queue must find it.
                    inner.sessions.insert(live);
                    Ok(oldest)
                })
            })
            .await;
        match opened {
            Ok(oldest) => self.inner.sessions.end(&oldest),
            Err(error) => {
                self.inner.sessions.end(&[session]);
                return Err(error);
            }
        }
        self.inner.tokens(&identity, now_ms, expires_ms, refresh)
    }

    /// A ban that was spoken while a log-in was on its way must find its session.
    pub(super) async fn end_if_banned(&self, account: AccountId) -> Result<(), AccountsError> {
        match self.inner.moderation.ban_in_force(account).await? {
            Some(ban) => {
                self.end_sessions(account).await?;
                Err(AccountsError::Banned(ban))
            }
            None => Ok(()),
        }
    }
}
