//! What a password must be. Text in, verdict out.

use std::{collections::HashSet, sync::LazyLock};

use unicode_normalization::UnicodeNormalization as _;

use super::AccountsError;
use crate::types::AccountName;

const CHARACTERS_MIN: usize = 8;
const CHARACTERS_MAX: usize = 128;
/// No password that may be chosen is longer, in whatever form it is typed.
const BYTES_MAX: usize = 4 * 4 * CHARACTERS_MAX;

/// Well-known passwords, and words that people build theirs of by adding digits; one a line, in small letters.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// Runs of keys and letters; a password that is a part of one, in either direction, is no secret.
const RUNS: [&str; 6] = [
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
];

/// The form in which passwords are hashed: one for all ways to type the same letters.
pub(super) fn normalised(password: &str) -> String {
    password.nfc().collect()
}

/// The normalised form of what was given at a log-in; `None` for what nobody can have chosen.
pub(super) fn given(password: &str) -> Option<String> {
    (password.len() <= BYTES_MAX).then(|| normalised(password))
}

/// Checks a new password and gives its normalised form.
pub(super) fn chosen(password: &str, name: &AccountName) -> Result<String, AccountsError> {
    let refused = |sentence: &str| Err(AccountsError::InvalidPassword(sentence.to_owned()));
    let Some(password) = given(password).filter(|password| password.chars().count() <= CHARACTERS_MAX) else {
        return refused("A password has at most 128 characters; choose a shorter one.");
    };
    if password.chars().count() < CHARACTERS_MIN {
        return refused("A password has at least 8 characters; choose a longer one, for example four words.");
    }
    let lower = password.to_lowercase();
    let own_name = normalised(name.as_str()).to_lowercase();
    let word = lower.trim_end_matches(|c: char| c.is_ascii_digit() || c == '!' || c == '.');
    if word == own_name || AccountName::new(password.as_str()).is_ok_and(|same| same == *name) {
        return refused(
            "The password is the account's own name; choose one that nobody guesses, for example four words.",
        );
    }
    let distinct = lower.chars().collect::<HashSet<_>>().len();
    let reversed: String = lower.chars().rev().collect();
    let is_run = RUNS.iter().any(|run| run.contains(&lower) || run.contains(&reversed));
    if distinct <= 2 || is_run || COMMON.contains(lower.as_str()) || (!word.is_empty() && COMMON.contains(word)) {
        return refused(
            "The password is one of the common ones that are tried first; choose another, for example four words.",
        );
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(password: &str) -> Result<String, AccountsError> {
        chosen(password, &AccountName::new("Wanderer").unwrap())
    }

    #[test]
    fn length_counts_in_characters_after_normalisation() {
        assert!(verdict("äöüßéè").is_err(), "six characters");
        assert_eq!(verdict("e\u{301}a\u{300}-sept-lettres").unwrap(), "éà-sept-lettres");
        assert!(verdict(&"ab c".repeat(32)).is_ok(), "128 characters");
        assert!(verdict(&"ab c".repeat(33)).is_err());
        assert!(verdict(&"e\u{301}".repeat(10_000)).is_err());
        assert!(given(&"x".repeat(1_000_000)).is_none());
    }

    #[test]
    fn common_passwords_and_the_own_name_are_refused() {
        for password in [
            "password",
            "PassWord",
            "Password1",
            "password123!",
            "12345678",
            "87654321",
            "qwertyuiop",
            "poiuytrewq",
            "aaaaaaaa",
            "abababab",
            "iloveyou",
            "Dragon1234",
            "wanderer",
            "WANDERER",
            "wanderer2026",
            "1q2w3e4r",
            "letmein!!",
            "trustno1",
            "asdfghjkl",
        ] {
            assert!(matches!(verdict(password), Err(AccountsError::InvalidPassword(_))), "{password}");
        }
        for password in ["four words in a row", "7-green-lanterns", "wanderers rest", "xK3mPq9Zr"] {
            assert!(verdict(password).is_ok(), "{password}");
        }
    }
}
