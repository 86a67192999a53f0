//! A line of chat as a client sent it: not yet approved by anybody.

/// Why a line is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChatTextError {
    /// Nothing but white space.
    #[error("the line is empty; write something")]
    Empty,
    /// Too long.
    #[error("a line has at most {max} characters; this one has {length}", max = ChatText::CHARACTERS_MAX)]
    TooLong {
        /// How many there were.
        length: usize,
    },
    /// A control character.
    #[error("a line holds no control characters; leave out U+{0:04X}")]
    ControlCharacter(u32),
}

/// A line of chat that a client may send: 1 to 256 characters, no control characters, no white space at its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatText(String);

impl ChatText {
    /// The longest line, in characters.
    pub const CHARACTERS_MAX: usize = 256;

    /// Checks and takes a line.
    ///
    /// # Errors
    /// When the line is empty, too long or holds control characters (bidirectional overrides included).
    pub fn new(text: &str) -> Result<Self, ChatTextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ChatTextError::Empty);
        }
        let length = text.chars().count();
        if length > Self::CHARACTERS_MAX {
            return Err(ChatTextError::TooLong { length });
        }
        let forbidden = |c: &char| c.is_control() || matches!(*c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        if let Some(character) = text.chars().find(forbidden) {
            return Err(ChatTextError::ControlCharacter(character.into()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_limited() {
        assert_eq!(ChatText::new("  hi \n").unwrap().as_str(), "hi");
        assert_eq!(ChatText::new(" \t"), Err(ChatTextError::Empty));
        assert!(ChatText::new(&"é".repeat(256)).is_ok());
        assert_eq!(ChatText::new(&"é".repeat(257)), Err(ChatTextError::TooLong { length: 257 }));
        assert_eq!(ChatText::new("a\u{7}b"), Err(ChatTextError::ControlCharacter(7)));
        assert_eq!(ChatText::new("a\u{202E}b"), Err(ChatTextError::ControlCharacter(0x202E)));
    }
}
