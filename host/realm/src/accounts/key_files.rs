//! The keys of access tokens on disk: a pair of Ed25519 in the data folder, made on the first start and replaced in time; of those before it
//! the public halves alone, until the last token that they signed has ended.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::secret;
use crate::storage::StorageError;

pub(super) const KEY_FILE: &str = "access-tokens.pem";
/// When the key was made, and the public halves of those before it.
pub(super) const NOTES_FILE: &str = "access-tokens.json";
/// Older keys that are remembered; a key lives longer than the tokens of the one before, so that one is usual.
pub(super) const RETIRED_MAX: usize = 4;
/// Clocks that read the key's end differ by so much.
pub(super) const RETIRED_LEEWAY_MS: i64 = 60_000;

/// The public half of a key that signs or signed access tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Names the key in the header of tokens.
    pub kid: String,
    /// The Ed25519 key, in base64url.
    pub x: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Retired {
    #[serde(flatten)]
    pub(super) key: PublicKey,
    /// Its last token has ended by then.
    pub(super) until_ms: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Notes {
    made_ms: i64,
    pub(super) retired: Vec<Retired>,
}

/// The pair that signs, and what is remembered of those before it.
pub(super) struct Keys {
    pub(super) key: PublicKey,
    pub(super) private: EncodingKey,
    pub(super) public: DecodingKey,
    pub(super) notes: Notes,
}

impl PublicKey {
    fn of(pair: &rcgen::KeyPair) -> Self {
        Self {
            kid: secret::hex(&Sha256::digest(pair.public_key_raw())[..8]),
            x: URL_SAFE_NO_PAD.encode(pair.public_key_raw()),
        }
    }

    pub(super) fn decoding(&self) -> Option<DecodingKey> {
        Some(DecodingKey::from_ed_der(&URL_SAFE_NO_PAD.decode(&self.x).ok()?))
    }
}

impl Notes {
    fn write(&self, folder: &Path) -> io::Result<()> {
        write_whole(&folder.join(NOTES_FILE), &serde_json::to_vec_pretty(self)?)
    }
}

impl Keys {
    /// Loads the key pair from a folder, or makes it.
    pub(super) fn load(folder: &Path, now_ms: i64) -> Result<Self, StorageError> {
        let file = folder.join(KEY_FILE);
        let unusable = |problem: io::Error| unusable(&file, &problem);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        let pem = match fs::read_to_string(&file) {
            Ok(pem) => pem,
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => make(&file).map_err(unusable)?,
            Err(problem) => return Err(unusable(problem)),
        };
        let permissions = fs::metadata(&file).map_err(unusable)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            tracing::warn!(file = %file.display(), "the key of access tokens was readable by others; closed it");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        }
        let notes = match fs::read(folder.join(NOTES_FILE)) {
            Ok(text) => serde_json::from_slice(&text).map_err(|problem| unusable(problem.into()))?,
            // A folder that is older than the notes: its key counts as made now.
            Err(_) => {
                let notes = Notes { made_ms: now_ms, retired: Vec::new() };
                notes.write(folder).map_err(unusable)?;
                notes
            }
        };
        Self::read(&file, &pem, notes)
    }

    /// The keys whose tokens may be valid, the one that signs first.
    pub(super) fn public_keys(&self, now_ms: i64) -> Vec<PublicKey> {
        let older = self.notes.retired.iter().filter(|old| now_ms < old.until_ms).map(|old| old.key.clone());
        std::iter::once(self.key.clone()).chain(older).collect()
    }

    /// Is the key older than that?
    pub(super) fn is_due(&self, now_ms: i64, key_ms: i64) -> bool {
        now_ms - self.notes.made_ms >= key_ms
    }

    /// Puts a new key in the place of this one, of which the public half is remembered while tokens of it may live.
    pub(super) fn replaced(&self, folder: &Path, now_ms: i64, token_ms: i64) -> Result<Self, StorageError> {
        let mut retired = self.notes.retired.clone();
        retired.retain(|old| now_ms < old.until_ms);
        retired.insert(0, Retired { key: self.key.clone(), until_ms: now_ms + token_ms + RETIRED_LEEWAY_MS });
        retired.truncate(RETIRED_MAX);
        let notes = Notes { made_ms: now_ms, retired };
        let file = folder.join(KEY_FILE);
        // The notes first: whoever dies between the two signs on with the old key, and nothing it signed is refused.
        let replaced = notes.write(folder).and_then(|()| make(&file));
        let pem = replaced.map_err(|problem| unusable(&file, &problem))?;
        Self::read(&file, &pem, notes)
    }

    fn read(file: &Path, pem: &str, notes: Notes) -> Result<Self, StorageError> {
        let pair = rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(pem, &rcgen::PKCS_ED25519).map_err(|_| {
            StorageError::Folder(format!(
                "the key of access tokens {} is no Ed25519 key; delete it, and the next start makes a new one",
                file.display()
            ))
        })?;
        Ok(Self {
            key: PublicKey::of(&pair),
            private: EncodingKey::from_ed_der(pair.serialized_der()),
            public: DecodingKey::from_ed_der(pair.public_key_raw()),
            notes,
        })
    }
}

fn unusable(file: &Path, problem: &io::Error) -> StorageError {
    StorageError::Folder(format!("the key of access tokens {} cannot be used: {problem}", file.display()))
}

fn make(file: &Path) -> io::Result<String> {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(io::Error::other)?;
    let pem = pair.serialize_pem();
    write_whole(file, pem.as_bytes())?;
    Ok(pem)
}

/// Writes beside the place, then moves it there: a crash leaves no half a file.
fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".new");
    let mut output = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    output.write_all(bytes)?;
    output.sync_all()?;
    fs::rename(&unfinished, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_key_file_is_named_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::write(folder.path().join("keys").join(KEY_FILE), "nonsense").unwrap();
        let refused = Keys::load(&folder.path().join("keys"), 0).err().unwrap();
        assert!(refused.to_string().contains("delete it"), "{refused}");
    }
}
