//! Accounts with sessions, written into the database before the realm starts: Argon2 is not what is measured.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use realm::types::AccountName;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, SqliteConnection};

/// Letters that look like nothing else.
const LETTERS: [char; 8] = ['b', 'd', 'f', 'h', 'k', 'r', 't', 'w'];
/// Life of the tokens: longer than any measurement.
const TOKEN_SECONDS: i64 = 4 * 3_600;
const SESSION_MS: i64 = 86_400_000;

/// Somebody who is logged in over REST.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: String,
    /// Access token.
    pub token: String,
}

/// A word for a number, of which no two look the same.
pub fn word(mut number: usize) -> String {
    let mut word = String::new();
    for _ in 0..6 {
        word.push(LETTERS[number % LETTERS.len()]);
        number /= LETTERS.len();
    }
    word
}

/// Writes so many people into the migrated database of a data folder. No realm may run over it.
pub fn seed(data: &Path, count: usize) -> Vec<Person> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let signer = Signer::load_or_make(data);
    let now_ms = now_ms();
    let people: Vec<(u64, Person)> = (0..count)
        .map(|number| {
            // Keys of a time long past, so that the realm makes none like them.
            let key = 1_000_000 + 2 * number as u64;
            let name = format!("Load-{}", word(number));
            (key, Person { token: signer.sign(key, key + 1, now_ms), name })
        })
        .collect();
    runtime.block_on(write(data, &people, now_ms)).expect("the database takes the accounts");
    people.into_iter().map(|(_, person)| person).collect()
}

async fn write(data: &Path, people: &[(u64, Person)], now_ms: i64) -> Result<(), sqlx::Error> {
    let url = format!("sqlite://{}", data.join("realm.sqlite").display());
    let mut connection = SqliteConnection::connect(&url).await?;
    let mut transaction = connection.begin().await?;
    for (key, person) in people {
        let (key, name) =
            (i64::try_from(*key).expect("a small key"), AccountName::new(&person.name).expect("a legal name"));
        // Nobody logs in with a password here.
        sqlx::query(
            "INSERT INTO accounts (id, name, folded, password, role, created_ms, version) VALUES ($1, $2, $3, '-', 'player', $4, 1)",
        )
        .bind(key)
        .bind(name.as_str())
        .bind(name.folded())
        .bind(now_ms)
        .execute(&mut *transaction)
        .await?;
        sqlx::query(
            "INSERT INTO token_sessions (id, account, created_ms, active_ms, expires_ms, rotation) VALUES ($1, $2, $3, $3, $4, 1)",
        )
        .bind(key + 1)
        .bind(key)
        .bind(now_ms)
        .bind(now_ms + SESSION_MS)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    connection.close().await
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("a time")
}

/// Signs access tokens with the key of the data folder, as the realm would.
struct Signer {
    key: EncodingKey,
    kid: String,
    realm: String,
}

impl Signer {
    fn load_or_make(data: &Path) -> Self {
        // An error means that somebody chose a provider before; the same one is the only one built in.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let folder = data.join("keys");
        fs::create_dir_all(&folder).expect("a folder for the key");
        let file = folder.join("access-tokens.pem");
        if !file.exists() {
            let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
            let mut output =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).expect("a new file");
            output.write_all(pair.serialize_pem().as_bytes()).expect("room for a small file");
        }
        let pem = fs::read_to_string(&file).expect("the key of access tokens");
        let pair = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(&pem, &rcgen::PKCS_ED25519).expect("an Ed25519 key");
        let kid = Sha256::digest(pair.public_key_raw())[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let realm = realm::config::Config::default().realm.home().key.clone();
        Self { key: EncodingKey::from_ed_der(pair.serialized_der()), kid, realm }
    }

    fn sign(&self, account: u64, session: u64, now_ms: i64) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = json!({
            "sub": account.to_string(),
            "sid": session.to_string(),
            "realm": self.realm,
            "aud": "realm",
            "exp": now_ms / 1_000 + TOKEN_SECONDS,
            "iat": now_ms / 1_000,
        });
        jsonwebtoken::encode(&header, &claims, &self.key).expect("a token is signed")
    }
}
