//! Access tokens: JWT, EdDSA only, signed and checked with the keys of [`super::key_files`].

use std::path::{Path, PathBuf};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

use super::key_files::{Keys, PublicKey};
use crate::{
    storage::StorageError,
    types::{AccountId, SessionId},
};

/// The only audience.
const AUDIENCE: &str = "realm";
/// Longer texts are no tokens of ours.
const TOKEN_BYTES_MAX: usize = 1_024;
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
    folder: PathBuf,
    keys: ArcSwap<Keys>,
    validation: Validation,
}

impl Signing {
    /// Loads the key pair from `keys/` in the data folder, or makes it.
    pub(super) fn load(data: &Path, realm: &str, now_ms: i64) -> Result<Self, StorageError> {
        // An error means that somebody chose a provider before; the same one is the only one built in.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let folder = data.join("keys");
        let keys = Keys::load(&folder, now_ms)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        // Expiry is checked below against the realm's own clock.
        validation.validate_exp = false;
        Ok(Self { realm: realm.to_owned(), folder, keys: ArcSwap::from_pointee(keys), validation })
    }

    /// The realm whose tokens these are.
    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    /// A token of `account` in `session` from `now_ms` to `expires_ms`.
    pub(super) fn sign(
        &self,
        account: AccountId,
        session: SessionId,
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<String, StorageError> {
        let keys = self.keys.load();
        let header = Header { kid: Some(keys.key.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let claims = Claims {
            sub: account,
            sid: session,
            realm: self.realm.clone(),
            aud: AUDIENCE.to_owned(),
            exp: expires_ms / 1_000,
            iat: now_ms / 1_000,
        };
        jsonwebtoken::encode(&header, &claims, &keys.private)
            .map_err(|error| StorageError::Statement(format!("an access token could not be signed: {error}")))
    }

    /// The claims of a token that this realm signed and that has not expired.
    pub(super) fn verify(&self, token: &str, now_ms: i64) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let header = jsonwebtoken::decode_header(token).ok()?;
        let keys = self.keys.load();
        let kid = header.kid?;
        let older;
        let public = if kid == keys.key.kid {
            &keys.public
        } else {
            let retired = keys.notes.retired.iter().find(|old| old.key.kid == kid && now_ms < old.until_ms)?;
            older = retired.key.decoding()?;
            &older
        };
        let claims = jsonwebtoken::decode::<Claims>(token, public, &self.validation).ok()?.claims;
        (claims.realm == self.realm && now_ms / 1_000 < claims.exp).then_some(claims)
    }

    /// The keys whose tokens may be valid, the one that signs first.
    pub(super) fn public_keys(&self, now_ms: i64) -> Vec<PublicKey> {
        self.keys.load().public_keys(now_ms)
    }

    /// Puts a new key in the place of one that is older than `key_ms`. Tokens of the old one live `token_ms` at most. True when that was
    /// done.
    pub(super) fn rotate_when_due(&self, now_ms: i64, key_ms: i64, token_ms: i64) -> Result<bool, StorageError> {
        let keys = self.keys.load();
        if !keys.is_due(now_ms, key_ms) {
            return Ok(false);
        }
        self.keys.store(keys.replaced(&self.folder, now_ms, token_ms)?.into());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::{
        super::key_files::{KEY_FILE, NOTES_FILE, RETIRED_LEEWAY_MS, RETIRED_MAX},
        *,
    };

    const NOW_MS: i64 = 1_795_000_000_000;
    const DAY_MS: i64 = 86_400_000;
    const TOKEN_MS: i64 = 600_000;

    fn part(token: &str, index: usize) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
    }

    fn load(folder: &Path, realm: &str) -> Signing {
        Signing::load(folder, realm, NOW_MS).unwrap()
    }

    fn token_at(signing: &Signing, now_ms: i64) -> String {
        signing.sign(AccountId::from_raw(7), SessionId::from_raw(8), now_ms, now_ms + TOKEN_MS).unwrap()
    }

    fn token(signing: &Signing) -> String {
        token_at(signing, NOW_MS)
    }

    /// A token with any header and claims, signed as the header says.
    fn forged(header: &Value, claims: &Value, sign: impl FnOnce(&str) -> String) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(header), encode(claims));
        let signature = sign(&text);
        format!("{text}.{signature}")
    }

    #[test]
    fn tokens_carry_the_decided_claims_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let signing = load(folder.path(), "main");
        let token = token(&signing);
        assert_eq!(part(&token, 0), json!({"typ": "JWT", "alg": "EdDSA", "kid": signing.keys.load().key.kid}));
        assert_eq!(
            part(&token, 1),
            json!({"sub": "7", "sid": "8", "realm": "main", "aud": "realm", "exp": 1_795_000_600, "iat": 1_795_000_000})
        );
        let again = load(folder.path(), "main");
        assert_eq!(again.verify(&token, NOW_MS).unwrap().sid.raw(), 8);
        assert!(again.verify(&token, NOW_MS + 599_999).is_some());
        assert!(again.verify(&token, NOW_MS + 600_000).is_none(), "expired");
        let mode = fs::metadata(folder.path().join("keys").join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn forged_and_foreign_tokens_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let signing = load(folder.path(), "main");
        let genuine = token(&signing);
        let (head, rest) = genuine.split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        let keys = signing.keys.load();
        let (kid, claims) = (keys.key.kid.as_str(), part(&genuine, 1));
        let with = |member: &str, value: Value| {
            let mut claims = claims.clone();
            claims[member] = value;
            claims
        };
        let without = |member: &str| {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(member);
            claims
        };
        let ours = |text: &str| jsonwebtoken::crypto::sign(text.as_bytes(), &keys.private, Algorithm::EdDSA).unwrap();
        let hs256 = |secret: &[u8]| {
            let secret = EncodingKey::from_secret(secret);
            move |text: &str| jsonwebtoken::crypto::sign(text.as_bytes(), &secret, Algorithm::HS256).unwrap()
        };
        let kept = |_: &str| signature.to_owned();
        let no = |_: &str| String::new();
        let header = |alg: &str| json!({"typ": "JWT", "alg": alg, "kid": kid});
        let public = URL_SAFE_NO_PAD.decode(&keys.key.x).unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let thief = load(elsewhere.path(), "main");
        let thiefs = |text: &str| {
            jsonwebtoken::crypto::sign(text.as_bytes(), &thief.keys.load().private, Algorithm::EdDSA).unwrap()
        };
        assert!(signing.verify(&forged(&header("EdDSA"), &claims, ours), NOW_MS).is_some(), "the forger can sign");
        let refused = [
            ("nothing", String::new()),
            ("three words", "a.b.c".to_owned()),
            ("no signature", format!("{head}.{body}.")),
            ("two parts", format!("{head}.{body}")),
            ("four parts", format!("{genuine}.{signature}")),
            ("too long", format!("{genuine}{}", " ".repeat(TOKEN_BYTES_MAX))),
            ("padded", format!("{genuine}==")),
            ("half a signature", format!("{head}.{body}.{}", &signature[..signature.len() / 2])),
            ("alg none", forged(&header("none"), &claims, no)),
            ("alg None", forged(&header("None"), &claims, no)),
            ("alg NONE with our signature", forged(&header("NONE"), &claims, ours)),
            ("HS256 with the public key as its secret", forged(&header("HS256"), &claims, hs256(&public))),
            ("HS256 with the public key's text", forged(&header("HS256"), &claims, hs256(keys.key.x.as_bytes()))),
            ("HS256 over an empty secret", forged(&header("HS256"), &claims, hs256(b""))),
            ("RS256 in the header", forged(&header("RS256"), &claims, ours)),
            ("ES256 in the header", forged(&header("ES256"), &claims, ours)),
            ("no alg", forged(&json!({"typ": "JWT", "kid": kid}), &claims, ours)),
            ("no kid", forged(&json!({"alg": "EdDSA"}), &claims, ours)),
            ("an empty kid", forged(&json!({"alg": "EdDSA", "kid": ""}), &claims, ours)),
            ("a kid that is a path", forged(&json!({"alg": "EdDSA", "kid": "../../../dev/null"}), &claims, hs256(b""))),
            ("a kid that is a statement", forged(&json!({"alg": "EdDSA", "kid": "x' OR '1'='1"}), &claims, ours)),
            ("a kid that is a list", forged(&json!({"alg": "EdDSA", "kid": [kid]}), &claims, ours)),
            (
                "a key in the header",
                forged(
                    &json!({"alg": "EdDSA", "kid": kid, "jwk": {"kty": "OKP", "crv": "Ed25519", "x": thief.keys.load().key.x}}),
                    &claims,
                    thiefs,
                ),
            ),
            (
                "an address of keys in the header",
                forged(&json!({"alg": "EdDSA", "kid": kid, "jku": "https://thief.example/jwks"}), &claims, thiefs),
            ),
            ("another key under our kid", forged(&header("EdDSA"), &claims, thiefs)),
            ("another realm's key", token(&thief)),
            ("another realm of the same key", token(&load(folder.path(), "other"))),
            ("another account under a genuine signature", forged(&header("EdDSA"), &with("sub", json!("1")), kept)),
            ("another audience", forged(&header("EdDSA"), &with("aud", json!("treasury")), ours)),
            ("no audience", forged(&header("EdDSA"), &without("aud"), ours)),
            ("an end that is past", forged(&header("EdDSA"), &with("exp", json!(NOW_MS / 1_000)), ours)),
            ("no end", forged(&header("EdDSA"), &without("exp"), ours)),
            ("an end in words", forged(&header("EdDSA"), &with("exp", json!("never")), ours)),
            ("no account", forged(&header("EdDSA"), &without("sub"), ours)),
            ("no session", forged(&header("EdDSA"), &without("sid"), ours)),
        ];
        assert!(refused.len() >= 20);
        for (what, token) in refused {
            assert!(signing.verify(&token, NOW_MS).is_none(), "{what}: {token}");
        }
    }

    #[test]
    fn keys_are_replaced_in_time_and_tokens_of_the_old_one_hold_until_they_end() {
        let folder = tempfile::tempdir().unwrap();
        let signing = load(folder.path(), "main");
        let (first, due_ms) = (signing.public_keys(NOW_MS), NOW_MS + 90 * DAY_MS);
        assert!(!signing.rotate_when_due(due_ms - 1, 90 * DAY_MS, TOKEN_MS).unwrap());
        let old = token_at(&signing, due_ms - 1);
        assert!(signing.rotate_when_due(due_ms, 90 * DAY_MS, TOKEN_MS).unwrap());
        assert!(!signing.rotate_when_due(due_ms, 90 * DAY_MS, TOKEN_MS).unwrap(), "once is enough");
        let new = token_at(&signing, due_ms);
        assert_ne!(part(&old, 0)["kid"], part(&new, 0)["kid"]);
        let both = signing.public_keys(due_ms);
        assert_eq!(
            (both.len(), both[0].kid.as_str(), &both[1]),
            (2, part(&new, 0)["kid"].as_str().unwrap(), &first[0])
        );
        // A restart knows both, and the private half of the old one is gone.
        for signing in [&signing, &Signing::load(folder.path(), "main", due_ms).unwrap()] {
            assert!(signing.verify(&old, due_ms + TOKEN_MS - 2_000).is_some());
            assert!(signing.verify(&new, due_ms).is_some());
            assert_eq!(signing.public_keys(due_ms), both);
            let later_ms = due_ms + TOKEN_MS + RETIRED_LEEWAY_MS;
            assert_eq!(signing.public_keys(later_ms), both[..1]);
            assert!(signing.verify(&old, due_ms - 1).is_some() && signing.verify(&old, later_ms).is_none());
        }
        let mut names: Vec<_> =
            fs::read_dir(folder.path().join("keys")).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [NOTES_FILE, KEY_FILE]);
        for round in 1..10 {
            assert!(signing.rotate_when_due(due_ms + round, 1, TOKEN_MS).unwrap(), "the bound holds: {round}");
        }
        assert_eq!(signing.public_keys(due_ms + 10).len(), 1 + RETIRED_MAX);
    }
}
