//! What the tests of accounts begin with; one file a subject.

mod account_keys;
mod entering;
mod guessing;
mod passwords;
mod second_factors;
mod sessions;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::{Accounts, AccountsError, Config, Identity, Proof, Role, Tokens, store, totp};
use crate::{
    moderation::{Ban, Decider, Moderation},
    storage::{
        Storage, StorageError,
        testing::{self, FakeClock, Fault, Home, each_database, hold, open, queued, unreliable},
    },
    types::{AccountName, Code, Refusal, SessionId},
};

pub(super) const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
pub(super) const PASSWORD: &str = "four lanterns by the sea";
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A test that waits longer has found a fault.
const DEADLINE: Duration = Duration::from_secs(20);

fn elsewhere(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))
}

/// Waits until a token session has ended.
async fn until_ended(accounts: &Accounts, tokens: &Tokens) {
    let ended = async {
        while accounts.authenticate(&tokens.access).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, ended).await.expect("the session ends");
}

/// Begins a verb and drops it when its write waits, as a client does that goes away; then lets the write be stored.
async fn cut_off<T: Send + 'static>(storage: &Storage, verb: impl Future<Output = T> + Send + 'static) {
    let gate = hold(storage).await;
    let verb = tokio::spawn(verb);
    while queued(storage) == 0 {
        tokio::task::yield_now().await;
    }
    verb.abort();
    assert!(verb.await.is_err_and(|error| error.is_cancelled()));
    gate.send(()).unwrap();
}

pub(super) struct Realm {
    pub(super) storage: Storage,
    pub(super) moderation: Moderation,
    pub(super) accounts: Accounts,
}

impl Realm {
    pub(super) async fn start(home: &Home, clock: &Arc<FakeClock>, config: &Config) -> Self {
        Self::start_over(open(home, clock).await, home.path(), config).await
    }

    async fn start_over(storage: Storage, folder: &Path, config: &Config) -> Self {
        let moderation = Moderation::new(storage.clone());
        let accounts = Accounts::start(config, folder, "main", storage.clone(), moderation.clone()).await.unwrap();
        Self { storage, moderation, accounts }
    }

    pub(super) async fn register(&self, text: &str) {
        self.accounts.register(name(text), PASSWORD, PEER).await.unwrap();
    }

    pub(super) async fn login(&self, text: &str) -> Tokens {
        self.accounts.login(text, PASSWORD, PEER).await.unwrap()
    }

    /// What is stored of the second factor.
    async fn factor(&self, who: &Identity) -> store::factors::Factor {
        let account = who.account;
        self.storage
            .write::<_, StorageError, _>(move |connection| {
                Box::pin(async move { Ok(store::factors::find(connection, account).await?.expect("a second factor")) })
            })
            .await
            .unwrap()
    }

    /// Sets a second factor up; its secret.
    pub(super) async fn second_factor(&self, who: &Identity) -> Vec<u8> {
        self.accounts.begin_second_factor(who, PASSWORD, PEER).await.unwrap();
        let secret = self.factor(who).await.secret;
        let code = totp::shown(&secret, self.storage.now_ms());
        assert_eq!(self.accounts.confirm_second_factor(who, &code).await.unwrap().len(), 10);
        secret
    }

    /// The hash of an account's password as it is stored.
    async fn hash_of(&self, text: &str) -> String {
        store::find_account(self.storage.reader(), &name(text)).await.unwrap().unwrap().password
    }
}

pub(super) fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}
