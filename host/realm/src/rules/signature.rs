//! Who vouches for a plugin: detached signatures in the format of `minisign`, checked against the keys in `realm.toml`.
//!
//! The signature of `NAME.wasm` lies beside it as `NAME.wasm.minisig`. Version and name stand in the signed bytes, so a signature
//! is for one version of one plugin; which version was signed last is kept in the data folder, and an older one is refused.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use minisign::{PublicKey, SignatureBox};
use semver::Version;

use super::Config;

/// What is added to a plugin file's name.
pub(super) const SUFFIX: &str = ".minisig";
/// Longest signature file, in bytes: four short lines.
pub(super) const SIGNATURE_BYTES_MAX: u64 = 4_096;
/// Most plugins whose last signed version is remembered.
const REMEMBERED_MAX: usize = 1_024;
/// Which version of each plugin was signed last; in the data folder.
const RECORD: &str = "signed-plugins.json";

/// Why a signature does not count. Each text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureError {
    #[error(
        "it is not signed, and `[plugins] require_signed` is on; sign it with `realm plugin sign` and put the `.minisig` file beside it"
    )]
    Missing,
    #[error("its signature file is no signature of minisign ({0}); sign the plugin again")]
    Malformed(String),
    #[error(
        "it is signed with a key that is not in `[plugins] keys`; add the signer's public key there, or sign it with a key of yours"
    )]
    UnknownKey,
    #[error("its signature is for other bytes: the file or the signature was changed; copy both again")]
    Mismatch,
    #[error(
        "version {version} is older than {newest}, the last that was signed; give it a higher version, or go back with `realm plugin rollback`"
    )]
    Older {
        /// The version of the file.
        version: String,
        /// The newest that has been at work.
        newest: String,
    },
}

/// Reads the keys of `[plugins] keys`.
///
/// # Errors
/// A sentence that names the key.
pub(super) fn read_keys(keys: &[String]) -> Result<Vec<PublicKey>, String> {
    let read = |key: &String| {
        PublicKey::from_base64(key.trim()).map_err(|error| {
            format!(
                "[plugins] keys: `{}` is no public key of minisign ({error}); write the second line of a `.pub` file",
                key.escape_default()
            )
        })
    };
    keys.iter().map(read).collect()
}

/// Would a realm with this configuration over this data folder take the file? `Ok(false)`: nobody vouches for it, and nobody has to.
///
/// # Errors
/// The realm's sentence.
pub(super) fn check_once(
    config: &Config,
    data: &Path,
    bytes: &[u8],
    signature: Option<&str>,
    (name, version): (&str, &str),
) -> Result<bool, String> {
    let seals =
        Seals::open(read_keys(&config.keys)?, config.require_signed, data).map_err(|error| error.to_string())?;
    seals.check(bytes, signature, name, version).map_err(|error| error.to_string())
}

/// Checks signatures and remembers what was signed last. By default it knows no key and asks for none.
#[derive(Default)]
pub(super) struct Seals {
    keys: Vec<PublicKey>,
    required: bool,
    record: PathBuf,
    newest: BTreeMap<String, Version>,
}

impl Seals {
    /// `keys` were read by [`read_keys`]; `data` is where the record is kept.
    pub(super) fn open(keys: Vec<PublicKey>, required: bool, data: &Path) -> io::Result<Self> {
        let record = data.join(RECORD);
        let newest = match fs::read(&record) {
            Ok(bytes) => serde_json::from_slice::<BTreeMap<String, String>>(&bytes)
                .map_err(|error| {
                    io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged: {error}", record.display()))
                })?
                .into_iter()
                .filter_map(|(name, version)| Some((name, Version::parse(&version).ok()?)))
                .collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { keys, required, record, newest })
    }

    /// Does anybody vouch for these bytes? `Ok(false)`: nobody does, and nobody has to.
    ///
    /// # Errors
    /// When a signature is wrong, missing or for a version that is too old.
    pub(super) fn check(
        &self,
        bytes: &[u8],
        signature: Option<&str>,
        name: &str,
        version: &str,
    ) -> Result<bool, SignatureError> {
        let Some(signature) = signature.filter(|_| !self.keys.is_empty()) else {
            return if self.required { Err(SignatureError::Missing) } else { Ok(false) };
        };
        let signature =
            SignatureBox::from_string(signature).map_err(|error| SignatureError::Malformed(error.to_string()))?;
        let signer =
            self.keys.iter().find(|key| key.keynum() == signature.keynum()).ok_or(SignatureError::UnknownKey)?;
        minisign::verify(signer, &signature, io::Cursor::new(bytes), true, false, false)
            .map_err(|_| SignatureError::Mismatch)?;
        if let (Some(newest), Ok(found)) = (self.newest.get(name), Version::parse(version))
            && found < *newest
        {
            return Err(SignatureError::Older { version: version.to_owned(), newest: newest.to_string() });
        }
        Ok(true)
    }

    /// Remembers that a signed version has come to work.
    pub(super) fn note(&mut self, name: &str, version: &str) {
        let Ok(version) = Version::parse(version) else { return };
        let known = self.newest.get(name);
        if known.is_some_and(|newest| *newest >= version) || (known.is_none() && self.newest.len() >= REMEMBERED_MAX) {
            return;
        }
        self.newest.insert(name.to_owned(), version);
        if let Err(error) = self.write() {
            let file = self.record.display();
            tracing::warn!("{file} cannot be written: {error}; after a restart an older signed version would be taken");
        }
    }

    fn write(&self) -> io::Result<()> {
        let texts: BTreeMap<&String, String> =
            self.newest.iter().map(|(name, version)| (name, version.to_string())).collect();
        let new = self.record.with_extension("json.new");
        fs::write(&new, serde_json::to_vec_pretty(&texts)?)?;
        fs::rename(&new, &self.record)
    }
}

#[cfg(test)]
mod tests {
    use minisign::KeyPair;

    use super::*;

    const BYTES: &[u8] = b"the bytes of a plugin";

    fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
        minisign::sign(Some(&pair.pk), &pair.sk, io::Cursor::new(bytes), None, None).unwrap().to_string()
    }

    fn seals(pairs: &[&KeyPair], required: bool, data: &Path) -> Seals {
        let keys: Vec<String> = pairs.iter().map(|pair| pair.pk.to_base64()).collect();
        Seals::open(read_keys(&keys).unwrap(), required, data).unwrap()
    }

    #[test]
    fn what_was_changed_or_signed_by_a_stranger_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let (own, other) =
            (KeyPair::generate_unencrypted_keypair().unwrap(), KeyPair::generate_unencrypted_keypair().unwrap());
        let seals = seals(&[&own], true, data.path());
        let good = sign(&own, BYTES);
        assert_eq!(seals.check(BYTES, Some(&good), "a", "1.0.0"), Ok(true));
        for at in 0..BYTES.len() {
            let mut changed = BYTES.to_vec();
            changed[at] ^= 1;
            assert_eq!(seals.check(&changed, Some(&good), "a", "1.0.0"), Err(SignatureError::Mismatch), "byte {at}");
        }
        assert_eq!(seals.check(BYTES, Some(&sign(&other, BYTES)), "a", "1.0.0"), Err(SignatureError::UnknownKey));
        assert_eq!(seals.check(BYTES, None, "a", "1.0.0"), Err(SignatureError::Missing));
        assert!(matches!(seals.check(BYTES, Some("nonsense"), "a", "1.0.0"), Err(SignatureError::Malformed(_))));
    }

    #[test]
    fn no_change_of_a_signature_file_turns_it_into_another_good_one() {
        let data = tempfile::tempdir().unwrap();
        let own = KeyPair::generate_unencrypted_keypair().unwrap();
        let (seals, good) = (seals(&[&own], true, data.path()), sign(&own, BYTES));
        let second_line = good.find('\n').unwrap() + 1;
        let last_line = good.trim_end().rfind('\n').unwrap() + 1;
        for at in [second_line + 20, second_line + 60, last_line + 10, last_line + 60] {
            let mut changed = good.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(seals.check(BYTES, Some(&changed), "a", "1.0.0").is_err(), "character {at}");
        }
    }

    #[test]
    fn what_the_ordinary_tool_signed_is_good() {
        // Made by the tool `minisign`, over the four bytes `test`.
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned();
        let signature = "untrusted comment: signature from minisign secret key\n\
             RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
             trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
             wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";
        let data = tempfile::tempdir().unwrap();
        let seals = Seals::open(read_keys(&[key]).unwrap(), true, data.path()).unwrap();
        assert_eq!(seals.check(b"test", Some(signature), "a", "1.0.0"), Ok(true));
        assert_eq!(seals.check(b"tesT", Some(signature), "a", "1.0.0"), Err(SignatureError::Mismatch));
    }

    #[test]
    fn an_older_version_is_refused_also_after_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let own = KeyPair::generate_unencrypted_keypair().unwrap();
        let good = sign(&own, BYTES);
        let mut first = seals(&[&own], false, data.path());
        first.note("a", "1.10.0");
        first.note("a", "1.9.0");
        let again = seals(&[&own], false, data.path());
        let error = again.check(BYTES, Some(&good), "a", "1.9.9").unwrap_err();
        assert_eq!(error, SignatureError::Older { version: "1.9.9".to_owned(), newest: "1.10.0".to_owned() });
        assert_eq!(again.check(BYTES, Some(&good), "a", "1.10.0"), Ok(true));
        assert_eq!(again.check(BYTES, Some(&good), "b", "0.1.0"), Ok(true), "another plugin has its own versions");
    }

    #[test]
    fn unsigned_files_are_welcome_where_nothing_else_is_asked() {
        let data = tempfile::tempdir().unwrap();
        let own = KeyPair::generate_unencrypted_keypair().unwrap();
        assert_eq!(seals(&[&own], false, data.path()).check(BYTES, None, "a", "1.0.0"), Ok(false));
        assert!(read_keys(&["nonsense".to_owned()]).unwrap_err().contains("[plugins] keys: `nonsense`"));
    }
}
