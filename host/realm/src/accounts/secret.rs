//! Random secrets that are shown once and stored as SHA-256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Characters of a refresh token: 256 bits in base64url.
pub(super) const REFRESH_CHARACTERS: usize = 43;

/// A refresh token: 256 bits, base64url.
pub(super) fn new_refresh() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// An owner token: 128 bits in groups that people can copy and a shell takes as it is.
pub(super) fn new_owner() -> String {
    let digits = hex(&random::<16>());
    [&digits[..8], &digits[8..16], &digits[16..24], &digits[24..]].join("-")
}

/// The form in which a secret is stored and looked up.
pub(super) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    bytes
}
