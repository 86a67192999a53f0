//! What a bot knows of its characters: what the realm acknowledged, and what it was asked for without an answer.

use std::fmt;

/// What is known of something that may be so or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    Yes,
    No,
    /// It was asked for, and no answer came.
    InDoubt,
}

impl Fact {
    /// Can it be so?
    pub(crate) fn allows(self, seen: bool) -> bool {
        match self {
            Fact::Yes => seen,
            Fact::No => !seen,
            Fact::InDoubt => true,
        }
    }

    pub(crate) fn of(seen: bool) -> Self {
        if seen { Fact::Yes } else { Fact::No }
    }
}

/// Where a character stood when it left its game, in the words of the database: level of the world, and place.
pub(crate) type Place = (i64, i64, i64);

/// A character that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) name: String,
    /// Its key, once it is known.
    pub(crate) id: Option<u64>,
    pub(crate) exists: Fact,
    pub(crate) deleted: Fact,
    /// Acknowledged operations that have raised its version.
    pub(crate) acknowledged: i64,
    /// As in the last acknowledged departure, or as it was found stored.
    pub(crate) experience: i64,
    pub(crate) play_time_ms: i64,
    /// Where it stood still when it left, unless it has played since.
    pub(crate) place: Option<Place>,
    /// It was in a game when the realm died.
    pub(crate) was_playing: bool,
}

impl Known {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            id: None,
            exists: Fact::InDoubt,
            deleted: Fact::No,
            acknowledged: 0,
            experience: 0,
            play_time_ms: 0,
            place: None,
            was_playing: false,
        }
    }

    pub(crate) fn is_living(&self) -> bool {
        self.exists == Fact::Yes && self.deleted == Fact::No
    }
}

/// Operations that were acknowledged, by kind, and those without an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) made: u64,
    pub(crate) saved: u64,
    pub(crate) levels: u64,
    pub(crate) deleted: u64,
    pub(crate) restored: u64,
    /// Acts with goods, and those that were refused.
    pub(crate) goods: u64,
    pub(crate) refused: u64,
    /// Things that were laid down, taken and used in games.
    pub(crate) laid: u64,
    pub(crate) taken: u64,
    pub(crate) used: u64,
    pub(crate) in_doubt: u64,
}

impl Counts {
    /// All operations that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.made + self.saved + self.deleted + self.restored + self.goods + self.laid + self.taken + self.used
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        Self {
            made: self.made + other.made,
            saved: self.saved + other.saved,
            levels: self.levels + other.levels,
            deleted: self.deleted + other.deleted,
            restored: self.restored + other.restored,
            goods: self.goods + other.goods,
            refused: self.refused + other.refused,
            laid: self.laid + other.laid,
            taken: self.taken + other.taken,
            used: self.used + other.used,
            in_doubt: self.in_doubt + other.in_doubt,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} characters made, {} saved ({} levels gained), {} deleted, {} restored, {} acts with goods done and {} refused, \
             {} things laid down, {} taken and {} used in games; {} operations without an answer",
            self.made,
            self.saved,
            self.levels,
            self.deleted,
            self.restored,
            self.goods,
            self.refused,
            self.laid,
            self.taken,
            self.used,
            self.in_doubt
        )
    }
}
