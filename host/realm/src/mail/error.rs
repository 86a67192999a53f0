//! Why nothing was done with a letter.

use crate::{
    hooks::Unjudged,
    items::ItemsError,
    once::KeyRefused,
    storage::StorageError,
    types::{ChatTextError, Code, Refusal},
};

/// Why nothing was done with a letter; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The items or the gold.
    #[error(transparent)]
    Items(#[from] ItemsError),
    /// The text is no line of chat.
    #[error(transparent)]
    Text(#[from] ChatTextError),
    /// The chat filter blocked the text; the sentence is the rule's.
    #[error("{0}")]
    Blocked(String),
    /// The chat filter could not judge the text.
    #[error("the text could not be judged")]
    Unjudged(Unjudged),
    /// The sender may not talk.
    #[error("{sentence}")]
    Muted {
        /// Why, and until when.
        sentence: String,
        /// How long.
        left_ms: u64,
    },
    /// The realm has no character of this name.
    #[error("nobody here has this name")]
    RecipientUnknown,
    /// Something is in it, and one is a hardcore character, and one is not.
    #[error("hardcore characters send goods among themselves alone")]
    Modes,
    /// To oneself.
    #[error("a letter goes to another character")]
    ToOneself,
    /// It says nothing and carries nothing.
    #[error("a letter says something, or something is in it")]
    SaysNothing,
    /// Too much, or the same twice, or no amount.
    #[error("at most {0} items are in a letter, each once, and no less than no gold")]
    Contents(u32),
    /// Only what lies in a box is sent.
    #[error("what is worn is not sent")]
    Worn,
    /// The recipient's mailbox is full.
    #[error("the mailbox is full")]
    MailboxFull,
    /// The recipient has as many of this sender's letters as may be.
    #[error("{0} letters of this account lie in that mailbox")]
    TooManyFromOne(u32),
    /// There is no such letter, or it lies in another's mailbox.
    #[error("there is no such letter")]
    Unknown,
    /// Something is in it.
    #[error("something is in the letter")]
    NotEmpty,
    /// Nobody takes it back.
    #[error("this letter does not go back")]
    Stays,
    /// It was changed meanwhile.
    #[error("the letter was changed meanwhile")]
    Stale,
    /// The key of the request cannot be taken.
    #[error(transparent)]
    KeyRefused(#[from] KeyRefused),
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// When a filter that is away is worth another try.
const RETRY_MS: u64 = 1_000;

impl From<MailError> for Refusal {
    fn from(error: MailError) -> Self {
        let (code, sentence) = match error {
            MailError::Items(error) => return error.into(),
            MailError::Text(error) => (Code::ChatTextInvalid, format!("The text of a letter is a line: {error}.")),
            MailError::Blocked(sentence) => (Code::ChatBlocked, sentence),
            MailError::Unjudged(Unjudged::Line) => {
                (Code::ChatRefused, "The chat rule could not judge this text; write it differently.".to_owned())
            }
            MailError::Unjudged(Unjudged::Away) => {
                let sentence = "The chat rule is being started again; send it again in a moment.";
                return Self::retry(Code::ChatRefused, sentence, RETRY_MS);
            }
            MailError::Unjudged(Unjudged::Strikes { wait }) => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let sentence = "Several of your texts could not be judged; wait, and write differently.";
                return Self::retry(Code::ChatRefused, sentence, wait_ms);
            }
            MailError::Muted { sentence, left_ms } => return Self::retry(Code::Muted, sentence, left_ms),
            MailError::RecipientUnknown => (
                Code::RecipientUnknown,
                "No character of this realm has this name; letters go to the name of a character.".to_owned(),
            ),
            MailError::Modes => (
                Code::OtherMode,
                "Hardcore characters send items and gold to hardcore characters alone, and others to others; send words alone."
                    .to_owned(),
            ),
            MailError::ToOneself => (
                Code::LetterInvalid,
                "This is the character that writes; what it keeps for itself lies in its stash.".to_owned(),
            ),
            MailError::SaysNothing => {
                (Code::LetterInvalid, "Write a text, or put items or gold into the letter.".to_owned())
            }
            MailError::Contents(most) => (
                Code::LetterInvalid,
                format!(
                    "A letter carries at most {most} items, each of them once, and an amount of gold that is not negative."
                ),
            ),
            MailError::Worn => (
                Code::ItemWorn,
                "Only what lies in the inventory, the stash or the cube is given away; take it off first.".to_owned(),
            ),
            MailError::MailboxFull => {
                (Code::MailboxFull, "The recipient's mailbox is full; send it when they have made room.".to_owned())
            }
            MailError::TooManyFromOne(most) => (
                Code::MailboxFull,
                format!("{most} letters of yours lie in this mailbox; send another when they have been deleted."),
            ),
            MailError::Unknown => (
                Code::LetterUnknown,
                "There is no such letter in the mailboxes of this account; ask for the list of letters.".to_owned(),
            ),
            MailError::NotEmpty => (
                Code::LetterNotEmpty,
                "Something is in this letter; take it or send it back, then delete the letter.".to_owned(),
            ),
            MailError::Stays => (
                Code::LetterStays,
                "Only a player's letter in which something is goes back, to a character that is still there."
                    .to_owned(),
            ),
            MailError::Stale => (
                Code::VersionStale,
                "The letter was changed meanwhile; read it again and send the new version in If-Match.".to_owned(),
            ),
            MailError::KeyRefused(error) => return error.into(),
            MailError::Storage(error) => return error.into(),
        };
        Self::new(code, sentence)
    }
}
