//! What lies in a mailbox.

use super::{Letter, Mail, MailError, store};
use crate::types::{AccountId, CharacterId, LetterId};

/// Most letters of a page.
pub(super) const ENTRIES_MAX: u32 = 200;

impl Mail {
    /// The letters of a character, the newest first, with what is in them; `before` is the key of the last letter of the page before.
    ///
    /// # Errors
    /// When the account has no such character here, and those of the database.
    pub async fn letters(
        &self,
        account: AccountId,
        owner: CharacterId,
        before: Option<LetterId>,
        entries: u32,
    ) -> Result<Vec<Letter>, MailError> {
        let readers = self.storage.reader();
        if !self.items.is_of(account, owner).await? {
            return Err(MailError::Items(crate::items::ItemsError::CharacterUnknown));
        }
        Ok(store::page(readers, owner, before, entries.clamp(1, ENTRIES_MAX)).await?)
    }

    /// One letter of a mailbox of the account.
    ///
    /// # Errors
    /// [`MailError::Unknown`], and those of the database.
    pub async fn letter(&self, account: AccountId, id: LetterId) -> Result<Letter, MailError> {
        let readers = self.storage.reader();
        let letter = store::look(readers, &self.realm, id).await?.ok_or(MailError::Unknown)?;
        if self.items.is_of(account, letter.owner).await? { Ok(letter) } else { Err(MailError::Unknown) }
    }
}
