//! Accounts that are logged in without a password: written into the database of a realm that does not run, so that a test of many
//! clients does not measure Argon2.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, crypto::aws_lc};
use realm::{
    storage::{self, Storage, StorageError},
    types::{AccountId, AccountName, SessionId, SystemClock},
};
use serde_json::json;

/// Life of the tokens.
const SECONDS: u64 = 3_600;

/// The access tokens of so many accounts, which are logged in in the database of a realm that has run before. `known` is an access token that the realm itself made.
pub async fn seed(data: &Path, known: &str, accounts: usize) -> Vec<String> {
    let _ = aws_lc::DEFAULT_PROVIDER.install_default();
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis();
    let now_ms = i64::try_from(now_ms).expect("a time of this age");
    let storage = Storage::open(&storage::Config::default(), data, 0, Arc::new(SystemClock)).await.expect("a database");
    let made: Vec<(AccountId, SessionId, AccountName)> = (0..accounts)
        .map(|index| {
            let name = AccountName::new(format!("seed{index}")).expect("a legal name");
            (storage.ids().next(now_ms), storage.ids().next(now_ms), name)
        })
        .collect();
    let rows = made.clone();
    let written = storage.write::<_, StorageError, _>(move |connection| {
        Box::pin(async move {
            for (account, session, name) in rows {
                sqlx::query(
                    "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
                     VALUES ($1, $2, $3, '', 'player', $4, 1)",
                )
                .bind(account.to_sql())
                .bind(name.as_str())
                .bind(name.folded())
                .bind(now_ms)
                .execute(&mut *connection)
                .await?;
                sqlx::query(
                    "INSERT INTO token_sessions (id, account, created_ms, active_ms, expires_ms, rotation)
                     VALUES ($1, $2, $3, $3, $4, 0)",
                )
                .bind(session.to_sql())
                .bind(account.to_sql())
                .bind(now_ms)
                .bind(now_ms + 86_400_000)
                .execute(&mut *connection)
                .await?;
            }
            Ok(())
        })
    });
    written.await.expect("the accounts are written");
    storage.close().await;

    let pem = fs::read(data.join("keys/access-tokens.pem")).expect("a realm that has run has a key");
    let key = EncodingKey::from_ed_pem(&pem).expect("an Ed25519 key");
    let kid = jsonwebtoken::decode_header(known).expect("a token of the realm").kid;
    let seconds = u64::try_from(now_ms).expect("after 1970") / 1_000;
    let sign = |(account, session, _): (AccountId, SessionId, AccountName)| {
        let header = Header { kid: kid.clone(), ..Header::new(Algorithm::EdDSA) };
        let claims = json!({
            "sub": account, "sid": session, "realm": realm::config::Config::default().realm.name, "aud": "realm",
            "iat": seconds, "exp": seconds + SECONDS,
        });
        jsonwebtoken::encode(&header, &claims, &key).expect("a token")
    };
    made.into_iter().map(sign).collect()
}
