//! The history of one item.

use super::{Items, ItemsError, LedgerLine, store};
use crate::types::ItemId;

/// Most lines of one page.
pub const TRACE_LINES_MAX: u32 = 200;

impl Items {
    /// Lines of the ledger about an item, before one of them, the newest first; of whichever realm. What is gone has its lines still.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn trace(&self, item: ItemId, before: Option<i64>, lines: u32) -> Result<Vec<LedgerLine>, ItemsError> {
        let lines = lines.clamp(1, TRACE_LINES_MAX);
        Ok(store::ledger::of_item(self.storage.reader(), item, before.unwrap_or(i64::MAX), lines.into()).await?)
    }
}
