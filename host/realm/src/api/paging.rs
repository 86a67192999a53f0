//! Pages of lists that may grow: so many entries, the newest first, and a word by which the page after it is asked for.
//!
//! The word names the last entry of a page, so that what comes meanwhile moves nothing. To clients it is a word and nothing else.

use super::problem::Refused;
use crate::types::{Code, Refusal};

/// Entries of a page when none are asked for.
const ENTRIES: u32 = 50;
/// Most entries of a page.
pub(super) const ENTRIES_MAX: u32 = 200;

/// A page that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    /// Number of the last entry of the page before; `None` for the first page.
    pub(super) before: Option<i64>,
    /// How many entries.
    pub(super) entries: u32,
}

impl Page {
    /// Of what the query says.
    pub(super) fn asked(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, Refused> {
        let before = cursor.map(|cursor| number(cursor).ok_or_else(unknown)).transpose()?;
        Ok(Self { before, entries: limit.unwrap_or(ENTRIES).clamp(1, ENTRIES_MAX) })
    }

    /// The word for the page after one with so many entries; none after the last page. A list may end with a page that is full: then one
    /// without entries follows.
    pub(super) fn next(self, entries: usize, last: Option<i64>) -> Option<String> {
        let full = u32::try_from(entries).is_ok_and(|entries| entries >= self.entries);
        last.filter(|last| full && *last > 1).map(|last| format!("n{last}"))
    }
}

fn number(cursor: &str) -> Option<i64> {
    cursor.strip_prefix('n')?.parse().ok().filter(|number| *number > 0)
}

/// The word is none that the realm gave.
pub(super) fn unknown() -> Refused {
    let sentence = "This cursor is none that the realm gave; send next_cursor of the page before, or none.";
    Refused(Refusal::new(Code::RequestInvalid, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_with_the_word_for_the_next_one() {
        let page = Page::asked(Some(3), None).ok().unwrap();
        assert_eq!(page.next(3, Some(7)).as_deref(), Some("n7"));
        assert_eq!(page.next(2, Some(7)), None, "it was the last");
        assert_eq!(page.next(3, Some(1)), None, "there is none before the first");
        assert_eq!(page.next(0, None), None);
        let next = Page::asked(None, Some("n7")).ok().unwrap();
        assert_eq!((next.before, next.entries), (Some(7), ENTRIES));
        assert_eq!(Page::asked(Some(0), None).ok().unwrap().entries, 1);
        assert_eq!(Page::asked(Some(u32::MAX), None).ok().unwrap().entries, ENTRIES_MAX);
        for strange in ["", "7", "n", "n0", "n-7", "nn7", "n7x", "n99999999999999999999"] {
            assert!(Page::asked(None, Some(strange)).is_err(), "{strange}");
        }
    }
}
