//! Access tokens: JWT, EdDSA only. The key pair is made on the first start and kept in the data folder.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::secret;
use crate::{
    storage::StorageError,
    types::{AccountId, SessionId},
};

/// The only audience.
const AUDIENCE: &str = "realm";
/// Longer texts are no tokens of ours.
const TOKEN_BYTES_MAX: usize = 1_024;
const KEY_FILE: &str = "access-tokens.pem";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: AccountId,
    pub(super) sid: SessionId,
    pub(super) realm: String,
    pub(super) aud: String,
    /// Seconds since 1970.
    pub(super) exp: i64,
    /// Seconds since 1970.
    pub(super) iat: i64,
}

pub(super) struct Signing {
    realm: String,
    kid: String,
    private: EncodingKey,
    public: DecodingKey,
    validation: Validation,
}

impl Signing {
    /// Loads the key pair from `keys/` in the data folder, or makes it.
    pub(super) fn load(data: &Path, realm: &str) -> Result<Self, StorageError> {
        // An error means that somebody chose a provider before; the same one is the only one built in.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let folder = data.join("keys");
        let file = folder.join(KEY_FILE);
        let unusable = |problem: std::io::Error| {
            StorageError::Folder(format!("the key of access tokens {} cannot be used: {problem}", file.display()))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(unusable)?;
        let pem = match fs::read_to_string(&file) {
            Ok(pem) => pem,
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => make(&file).map_err(unusable)?,
            Err(problem) => return Err(unusable(problem)),
        };
        let permissions = fs::metadata(&file).map_err(unusable)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            tracing::warn!(file = %file.display(), "the key of access tokens was readable by others; closed it");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        }
        let pair = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(&pem, &rcgen::PKCS_ED25519).map_err(|_| {
            StorageError::Folder(format!(
                "the key of access tokens {} is no Ed25519 key; delete it, and the next start makes a new one",
                file.display()
            ))
        })?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        // Expiry is checked below against the realm's own clock.
        validation.validate_exp = false;
        Ok(Self {
            realm: realm.to_owned(),
            kid: secret::hex(&Sha256::digest(pair.public_key_raw())[..8]),
            private: EncodingKey::from_ed_der(pair.serialized_der()),
            public: DecodingKey::from_ed_der(pair.public_key_raw()),
            validation,
        })
    }

    /// A token of `account` in `session` from `now_ms` to `expires_ms`.
    pub(super) fn sign(
        &self,
        account: AccountId,
        session: SessionId,
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<String, StorageError> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            sub: account,
            sid: session,
            realm: self.realm.clone(),
            aud: AUDIENCE.to_owned(),
            exp: expires_ms / 1_000,
            iat: now_ms / 1_000,
        };
        jsonwebtoken::encode(&header, &claims, &self.private)
            .map_err(|error| StorageError::Statement(format!("an access token could not be signed: {error}")))
    }

    /// The claims of a token that this realm signed and that has not expired.
    pub(super) fn verify(&self, token: &str, now_ms: i64) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        if header.kid.as_deref() != Some(&self.kid) {
            return None;
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.public, &self.validation).ok()?.claims;
        (claims.realm == self.realm && now_ms / 1_000 < claims.exp).then_some(claims)
    }
}

/// Writes a new key beside its place, then moves it there: a crash leaves no half a key.
fn make(file: &Path) -> std::io::Result<String> {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(std::io::Error::other)?;
    let pem = pair.serialize_pem();
    let unfinished = file.with_extension("new");
    let mut output = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    output.write_all(pem.as_bytes())?;
    output.sync_all()?;
    fs::rename(&unfinished, file)?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    use super::*;

    const NOW_MS: i64 = 1_795_000_000_000;

    fn part(token: &str, index: usize) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn tokens_carry_the_decided_claims_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let signing = Signing::load(folder.path(), "main").unwrap();
        let token = signing.sign(AccountId::from_raw(7), SessionId::from_raw(8), NOW_MS, NOW_MS + 600_000).unwrap();
        assert_eq!(part(&token, 0), json!({"typ": "JWT", "alg": "EdDSA", "kid": signing.kid}));
        assert_eq!(
            part(&token, 1),
            json!({"sub": "7", "sid": "8", "realm": "main", "aud": "realm", "exp": 1_795_000_600, "iat": 1_795_000_000})
        );
        let again = Signing::load(folder.path(), "main").unwrap();
        assert_eq!(again.verify(&token, NOW_MS).unwrap().sid.raw(), 8);
        assert!(again.verify(&token, NOW_MS + 599_999).is_some());
        assert!(again.verify(&token, NOW_MS + 600_000).is_none(), "expired");
        let mode = fs::metadata(folder.path().join("keys").join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn forged_and_foreign_tokens_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let signing = Signing::load(folder.path(), "main").unwrap();
        let token = signing.sign(AccountId::from_raw(7), SessionId::from_raw(8), NOW_MS, NOW_MS + 600_000).unwrap();
        let (head, rest) = token.split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let other_folder = tempfile::tempdir().unwrap();
        let other_realm = Signing::load(folder.path(), "other").unwrap();
        let other_key = Signing::load(other_folder.path(), "main").unwrap();
        let mut claims = part(&token, 1);
        claims["sub"] = json!("1");
        let refused = [
            String::new(),
            "a.b.c".to_owned(),
            format!("{head}.{body}."),
            format!("{}.{body}.", encode(json!({"typ": "JWT", "alg": "none", "kid": signing.kid}))),
            format!("{}.{body}.{signature}", encode(json!({"alg": "HS256", "kid": signing.kid}))),
            format!("{}.{body}.{signature}", encode(json!({"alg": "EdDSA"}))),
            format!("{head}.{}.{signature}", encode(claims)),
            format!("{token}{}", " ".repeat(TOKEN_BYTES_MAX)),
            other_key.sign(AccountId::from_raw(7), SessionId::from_raw(8), NOW_MS, NOW_MS + 600_000).unwrap(),
            other_realm.sign(AccountId::from_raw(7), SessionId::from_raw(8), NOW_MS, NOW_MS + 600_000).unwrap(),
        ];
        for token in refused {
            assert!(signing.verify(&token, NOW_MS).is_none(), "{token}");
        }
    }

    #[test]
    fn a_broken_key_file_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join("keys").join(KEY_FILE), "nonsense").unwrap();
        let refused = Signing::load(folder.path(), "main").err().unwrap();
        assert!(refused.to_string().contains("delete it"), "{refused}");
    }
}
