//! Names that people choose: kept as typed, unique by a folded form.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use unicode_script::{Script, UnicodeScript as _};

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Too short or too long.
    #[error("{what} has {min} to {max} characters; this one has {length}")]
    Length {
        /// What was named.
        what: &'static str,
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
        /// How many there were.
        length: usize,
    },
    /// It does not begin with a letter.
    #[error("{0} begins with a letter")]
    Beginning(&'static str),
    /// A character that is not allowed.
    #[error("{0} holds letters, digits, '-' and '_'; '{1}' is none of them")]
    Character(&'static str, char),
    /// Letters of more than one script.
    #[error("{0} holds letters of one script; this one mixes {1} and {2}")]
    MixedScripts(&'static str, &'static str, &'static str),
}

/// Checks a name and returns its folded form: two names with the same form look the same to people.
fn fold(name: &str, what: &'static str, max: usize, spaces: bool) -> Result<String, NameError> {
    let length = name.chars().count();
    if !(2..=max).contains(&length) {
        return Err(NameError::Length { what, min: 2, max, length });
    }
    if !name.starts_with(char::is_alphabetic) {
        return Err(NameError::Beginning(what));
    }
    let mut script: Option<Script> = None;
    for character in name.chars() {
        if !(character.is_alphanumeric() || matches!(character, '-' | '_') || (spaces && character == ' ')) {
            return Err(NameError::Character(what, character));
        }
        let own = character.script();
        if character.is_alphabetic() && !matches!(own, Script::Common | Script::Inherited) {
            match script {
                Some(first) if first != own => {
                    return Err(NameError::MixedScripts(what, first.full_name(), own.full_name()));
                }
                _ => script = Some(own),
            }
        }
    }
    // Small letters first: an 'm' has look-alikes that an 'M' has not, and case must never count.
    let narrow: String = name.nfkc().flat_map(char::to_lowercase).collect();
    // A capital I looks like a small L, and so both, and the digits 1 and 0, fold to one form whatever their case.
    let alike = |character| match character {
        'i' | '1' => 'l',
        '0' => 'o',
        other => other,
    };
    Ok(unicode_security::skeleton(&narrow).flat_map(char::to_lowercase).map(alike).collect())
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident, $what:literal, $max:literal, $spaces:literal) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub struct $name {
            typed: String,
            folded: String,
        }

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// When the name breaks a rule; the message says which.
            pub fn new(typed: impl Into<String>) -> Result<Self, NameError> {
                let typed = typed.into();
                let folded = fold(&typed, $what, $max, $spaces)?;
                Ok(Self { typed, folded })
            }

            /// The name as it was typed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.typed
            }

            /// The form by which the name is unique: case, width and look-alikes do not count.
            #[must_use]
            pub fn folded(&self) -> &str {
                &self.folded
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.typed.fmt(formatter)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.typed, formatter)
            }
        }
        /// Equal when the folded forms are.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.folded == other.folded
            }
        }
        impl Eq for $name {}
        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.folded.hash(state);
            }
        }
    };
}

name!(
    /// The name of an account: 2 to 16 characters.
    AccountName, "an account name", 16, false
);
name!(
    /// The name of a character: 2 to 16 characters.
    CharacterName, "a character name", 16, false
);
name!(
    /// The name of a channel: 2 to 32 characters, spaces allowed inside.
    ChannelName, "a channel name", 32, true
);
name!(
    /// The name of a game: 2 to 32 characters, spaces allowed inside.
    GameName, "a game name", 32, true
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_width_and_look_alikes_fold_to_one_form() {
        let plain = AccountName::new("Paladin").unwrap();
        for other in ["paladin", "PALADIN", "Ｐaladin", "PaIadin"] {
            assert_eq!(plain, AccountName::new(other).unwrap(), "{other}");
        }
        assert_ne!(plain, AccountName::new("Paladine").unwrap());
        for name in ["Market", "Wirt", "Ёлка", "Вымпел"] {
            let plain = ChannelName::new(name).unwrap();
            assert_eq!(plain, ChannelName::new(name.to_uppercase()).unwrap(), "{name}");
            assert_eq!(plain, ChannelName::new(name.to_lowercase()).unwrap(), "{name}");
        }
    }

    #[test]
    fn illegal_names_are_refused_with_the_rule_they_break() {
        assert!(matches!(AccountName::new("x"), Err(NameError::Length { length: 1, .. })));
        assert!(matches!(AccountName::new("abcdefghijklmnopq"), Err(NameError::Length { length: 17, .. })));
        assert!(matches!(AccountName::new("1abc"), Err(NameError::Beginning(_))));
        assert!(matches!(AccountName::new("a b"), Err(NameError::Character(_, ' '))));
        assert!(
            matches!(AccountName::new("pаladin"), Err(NameError::MixedScripts(..))),
            "a Cyrillic letter among Latin ones"
        );
        assert!(AccountName::new("Ёлка-7").is_ok());
        assert!(ChannelName::new("Trade Hall").is_ok());
    }
}
