//! Why a character verb was refused.

use crate::{
    once::KeyRefused,
    storage::StorageError,
    types::{Code, NameError, Refusal},
};

/// Why a character verb was refused.
#[derive(Debug, thiserror::Error)]
pub enum CharactersError {
    /// The name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name is taken.
    #[error("a character of this name exists")]
    NameTaken,
    /// No such class.
    #[error("there is no class \"{0}\"; choose Amazon, Sorceress, Necromancer, Paladin, Barbarian, Druid or Assassin")]
    ClassUnknown(String),
    /// As many as allowed.
    #[error("this account has as many characters as it may have ({0}); delete one first")]
    Limit(u32),
    /// Too many were deleted in the last 30 days.
    #[error(
        "this account has deleted as many characters as it may; there is room for a new one 30 days after the oldest of them was deleted"
    )]
    LimitDeleted,
    /// Not this account's, or deleted.
    #[error("this account has no such character")]
    Unknown,
    /// It is in a game.
    #[error("the character is in a game; leave it first")]
    Busy,
    /// It is hardcore and dead: no game takes it any more.
    #[error("this hardcore character is dead for good; choose another")]
    Dead,
    /// The lease is no longer this holder's: nothing was written.
    #[error("the character was taken over elsewhere")]
    Fenced,
    /// This node could not renew its leases in time: nothing was written.
    #[error("this node could not renew its right to the character in time")]
    Lapsed,
    /// A rule of the realm refuses the character.
    #[error("a rule of this realm refuses the character: {0}")]
    Refused(String),
    /// The realm has hardcore characters alone.
    #[error("this realm has hardcore characters alone; make a character that is hardcore")]
    HardcoreOnly,
    /// It was changed meanwhile.
    #[error("the character was changed meanwhile")]
    Stale,
    /// The points cannot be spent so.
    #[error("{0}")]
    Points(String),
    /// The profile breaks a rule.
    #[error("{0}")]
    Profile(String),
    /// The key of the request cannot be taken.
    #[error(transparent)]
    KeyRefused(#[from] KeyRefused),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Characters of a class name that are repeated to the client.
const CLASS_CHARACTERS_SHOWN_MAX: usize = 32;

impl From<CharactersError> for Refusal {
    fn from(error: CharactersError) -> Self {
        let (code, message) = match error {
            CharactersError::Name(error) => (Code::CharacterNameInvalid, format!("{}.", capital(&error.to_string()))),
            CharactersError::NameTaken => (
                Code::CharacterNameTaken,
                "A character of this name, or of one that looks the same, exists; choose another name.".to_owned(),
            ),
            CharactersError::ClassUnknown(class) => {
                let shown: String = class.chars().take(CLASS_CHARACTERS_SHOWN_MAX).collect();
                let error = CharactersError::ClassUnknown(shown);
                (Code::CharacterClassUnknown, format!("{}.", capital(&error.to_string())))
            }
            CharactersError::Limit(_) | CharactersError::LimitDeleted => {
                (Code::CharacterLimit, format!("{}.", capital(&error.to_string())))
            }
            CharactersError::Unknown => (
                Code::CharacterUnknown,
                "This account has no such character; ask for the list of characters.".to_owned(),
            ),
            CharactersError::Busy => {
                (Code::CharacterBusy, "The character is in a game; leave that game first.".to_owned())
            }
            CharactersError::Dead => {
                (Code::CharacterDead, "This hardcore character is dead for good; choose another.".to_owned())
            }
            CharactersError::Fenced => (
                Code::CharacterBusy,
                "The character was taken over elsewhere; nothing was written. Select it again.".to_owned(),
            ),
            CharactersError::Stale => (
                Code::VersionStale,
                "The character was changed meanwhile; read it again and send the new version in If-Match.".to_owned(),
            ),
            CharactersError::Points(sentence) => (Code::CharacterPoints, sentence),
            CharactersError::Profile(sentence) => (Code::CharacterProfileInvalid, sentence),
            CharactersError::KeyRefused(error) => return error.into(),
            CharactersError::Lapsed => {
                let sentence = "The realm's database did not answer for too long: the character has left its game as it was last saved. Join \
                     a game again in a moment.";
                return Refusal::retry(Code::StorageUnavailable, sentence, 5_000);
            }
            CharactersError::Refused(_) | CharactersError::HardcoreOnly => {
                (Code::CharacterRefused, format!("{}.", capital(&error.to_string())))
            }
            CharactersError::Storage(error) => return error.into(),
        };
        Refusal::new(code, message)
    }
}

fn capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + characters.as_str())
}
