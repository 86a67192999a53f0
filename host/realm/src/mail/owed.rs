//! Letters of the realm itself: what it owes is delivered, however full the mailbox is.

use super::{
    Arrival, LetterKind, Mail, MailError, Told,
    store::{self, NewLetter},
};
use crate::{
    items::{Operation, Owned, Place, Purse},
    storage::Connection,
    types::{
        CharacterId, LetterId,
        faults::{Point, point},
    },
};

/// What the realm owes a character.
pub(crate) struct Owed<'a> {
    /// Whom.
    pub(crate) to: CharacterId,
    /// For what.
    pub(crate) kind: LetterKind,
    /// The base of the item that it is about.
    pub(crate) about: &'a str,
    /// An item, wherever it is now.
    pub(crate) item: Option<&'a Owned>,
    /// Gold, and whose purse it comes from; none when the amount is 0.
    pub(crate) gold: Option<(Purse, i64)>,
}

impl Mail {
    /// Writes a letter of the realm in the transaction of what it is about; answers with its key and with whom to tell of it, if the character is
    /// still there.
    ///
    /// # Errors
    /// As items and gold are moved.
    pub(crate) async fn owe(
        &self,
        connection: &mut Connection,
        operation: &mut Operation,
        owed: Owed<'_>,
    ) -> Result<(LetterId, Option<Told>), MailError> {
        let Owed { to, kind, about, item, gold } = owed;
        let now_ms = operation.now_ms();
        let id: LetterId = self.storage.ids().next(now_ms);
        let new = NewLetter {
            id,
            kind,
            owner: to,
            sender: None,
            text: String::new(),
            about: about.to_owned(),
            sent_ms: now_ms,
            expires_ms: self.config.expires_ms(now_ms),
        };
        store::insert(connection, &self.realm, &new).await?;
        point(Point::WithinLetter);
        if let Some(owned) = item {
            operation.relocate(connection, owned, Place::Letter(id, 0)).await?;
        }
        if let Some((purse, amount)) = gold.filter(|(_, amount)| *amount > 0) {
            operation.pay_for(connection, purse, Purse::Letter(id), amount, kind.name()).await?;
        }
        let owner = store::person(connection, &self.realm, to).await?;
        let told = owner
            .map(|owner| Arrival { account: owner.account, owner: to, letter: id, kind, sender: "", about }.into());
        Ok((id, told))
    }
}
