//! The token by which a lost connection comes back to its session.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// 256 random bits as the client keeps them.
#[derive(Clone)]
pub(super) struct ResumeToken(String);

impl ResumeToken {
    /// A new token.
    pub(super) fn fresh() -> Self {
        let mut bits = [0_u8; 32];
        getrandom::fill(&mut bits).expect("the operating system gives random bytes");
        Self(URL_SAFE_NO_PAD.encode(bits))
    }

    /// The text for the client.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// What the registry keeps of it.
    pub(super) fn digest(&self) -> ResumeDigest {
        ResumeDigest::of(&self.0)
    }
}

/// The hash of a token: enough to recognise it, useless to whoever reads it.
#[derive(Debug, Clone)]
pub(super) struct ResumeDigest([u8; 32]);

impl ResumeDigest {
    fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// As it is kept while the realm does not run.
    pub(super) fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What [`Self::to_hex`] made; `None` for anything else.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let digits =
            text.as_bytes().chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        let bytes: Vec<u8> = digits.collect::<Option<_>>()?;
        text.len().is_multiple_of(2).then_some(())?;
        bytes.try_into().ok().map(Self)
    }

    /// True for the token it was made of; takes equally long for every other.
    pub(super) fn matches(&self, presented: &str) -> bool {
        self.0.ct_eq(&Self::of(presented).0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_outlives_the_realm_as_text() {
        let token = ResumeToken::fresh();
        let text = token.digest().to_hex();
        assert!(ResumeDigest::from_hex(&text).unwrap().matches(token.as_str()));
        for wrong in ["", "0", &text[1..], &text[2..], &"é".repeat(32), &"zz".repeat(32)] {
            assert!(ResumeDigest::from_hex(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_matches_itself_alone() {
        let (token, other) = (ResumeToken::fresh(), ResumeToken::fresh());
        assert_eq!(token.as_str().len(), 43);
        assert!(token.digest().matches(token.as_str()));
        assert!(!token.digest().matches(other.as_str()));
        assert!(!token.digest().matches(""));
    }
}
