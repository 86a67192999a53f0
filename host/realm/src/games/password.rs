//! A game's password: kept as a digest, compared in constant time.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::types::{Code, Refusal};

/// The longest password of a game, in bytes.
const PASSWORD_BYTES_MAX: usize = 64;

/// What a game asks of who joins.
#[derive(Clone)]
pub(super) struct Password([u8; 32]);

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

impl Password {
    /// The password of a new game; empty is none.
    pub(super) fn new(text: &str) -> Result<Option<Self>, Refusal> {
        if text.len() > PASSWORD_BYTES_MAX {
            let sentence = format!("A game's password has at most {PASSWORD_BYTES_MAX} bytes; choose a shorter one.");
            return Err(Refusal::new(Code::GameSettingsInvalid, sentence));
        }
        Ok((!text.is_empty()).then(|| Self(digest(text))))
    }

    /// Compares what somebody wrote; "none was given" and "it is another one" are different answers.
    pub(super) fn check(&self, text: &str) -> Result<(), Refusal> {
        if text.is_empty() {
            return Err(Refusal::new(
                Code::GamePasswordRequired,
                "This game asks for a password; join again with the password its players use.",
            ));
        }
        if bool::from(self.0.ct_eq(&digest(text))) {
            return Ok(());
        }
        Err(Refusal::new(Code::GamePasswordWrong, "The game's password is another one; ask its players."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_wrong_and_right_are_told_apart() {
        let password = Password::new("open sesame").unwrap().unwrap();
        assert_eq!(password.check("").unwrap_err().code, Code::GamePasswordRequired);
        assert_eq!(password.check("open").unwrap_err().code, Code::GamePasswordWrong);
        assert_eq!(password.check("open sesame"), Ok(()));
        assert!(Password::new("").unwrap().is_none());
        assert!(Password::new(&"x".repeat(65)).is_err());
    }
}
