//! A position in the ladder: where a page ended, so that the next one goes on behind it whatever moves meanwhile.

use std::{fmt, str::FromStr};

use crate::types::CharacterId;

/// Behind an entry. Written as `r` and five numbers; to clients it is a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Rank of the entry when it was told.
    pub(super) rank: u64,
    pub(super) score: i64,
    pub(super) tie_break: i64,
    pub(super) scored_ms: i64,
    pub(super) character: CharacterId,
}

impl Position {
    /// Before the first entry.
    pub(super) fn start() -> Self {
        let (score, tie_break, character) = (i64::MAX, i64::MAX, CharacterId::from_raw(0));
        Self { rank: 0, score, tie_break, scored_ms: -1, character }
    }
}

/// The text is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no position in a ladder")]
pub struct NoPosition;

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, score, tie_break, scored_ms, character } = self;
        write!(formatter, "r{rank}.{score}.{tie_break}.{scored_ms}.{character}")
    }
}

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let mut parts = text.strip_prefix('r').ok_or(NoPosition)?.split('.');
        let mut number = || parts.next()?.parse::<i64>().ok().filter(|number| *number >= 0);
        let mut next = || number().ok_or(NoPosition);
        let (rank, score, tie_break, scored_ms, character) = (next()?, next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(NoPosition);
        }
        let character = CharacterId::from_sql(character);
        Ok(Self { rank: rank.unsigned_abs(), score, tie_break, scored_ms, character })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is_a_position() {
        let position = Position {
            rank: 50,
            score: i64::MAX,
            tie_break: 0,
            scored_ms: 1_795_000_000_000,
            character: CharacterId::from_sql(7),
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for none in
            ["", "r", "r1.2.3.4", "r1.2.3.4.5.6", "n7", "r1.2.3.4.-5", "r1.2.3.4.five", "r1.2.3.4.99999999999999999999"]
        {
            assert_eq!(none.parse::<Position>(), Err(NoPosition), "{none}");
        }
    }
}
