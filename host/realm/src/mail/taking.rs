//! What somebody does with the letters in a mailbox: reads, empties, sends back, deletes.

use realm_world::items::ItemProblem;

use super::{
    Arrival, Done, Letter, LetterKind, Mail, MailError, Told,
    store::{self, NewLetter},
};
use crate::{
    audit::Who,
    characters::Versions,
    items::{Belongings, Doer, Holder, ItemsError, Operation, Place, Purse},
    once::{self, Answered, Once},
    storage::Connection,
    types::{
        AccountId, CharacterId, LetterId,
        faults::{Point, point},
    },
};

/// What taking something out of a letter has come to.
#[derive(Debug)]
pub struct Taken {
    /// The letter as it is now; `None` when it was without words, and is gone.
    pub letter: Option<Letter>,
    /// What the character has now.
    pub belongings: Belongings,
}

impl Mail {
    /// Notes that a letter was read. Read again, it stays as it is.
    ///
    /// # Errors
    /// [`MailError::Unknown`], and those of the database.
    pub async fn mark_read(
        &self,
        account: AccountId,
        id: LetterId,
        once: Option<Once<Letter>>,
    ) -> Result<Answered<Letter>, MailError> {
        let mail = self.clone();
        once::write::<_, MailError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let letter = mail.own(connection, account, id, &Versions::Any).await?;
                if letter.read_ms.is_some() {
                    return Ok(letter);
                }
                let now_ms = mail.storage.now_ms();
                store::mark_read(connection, id, now_ms).await?;
                Ok(Letter { read_ms: Some(now_ms), version: letter.version + 1, ..letter })
            })
        })
        .await
    }

    /// Takes everything out of a letter: items into the inventory, gold into the purse. All of it, or, when there is no room, nothing. A letter
    /// without words is gone when it is empty.
    ///
    /// # Errors
    /// When it does not lie in the mailbox of the character that takes, its version is another, the inventory has no room, and as what holds for
    /// items.
    pub async fn take(
        &self,
        holder: Holder,
        id: LetterId,
        versions: Versions,
        once: Option<Once<Taken>>,
    ) -> Result<Answered<Taken>, MailError> {
        let mail = self.clone();
        once::write::<_, MailError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let mut operation = mail.items.begin("mail.take", Doer::Person(Who::Account(holder.account)));
                let mut hands = operation.enter(connection, &holder).await?;
                let letter = mail.own(connection, holder.account, id, &versions).await?;
                if letter.owner != holder.character {
                    return Err(MailError::Unknown);
                }
                for owned in &letter.items {
                    let spot = hands.room_for(owned.size).ok_or(ItemsError::Problem(ItemProblem::NoRoom))?;
                    let moved = operation.relocate(connection, owned, hands.at(spot)).await?;
                    hands.put(moved);
                }
                if letter.gold > 0 {
                    let (from, to) = (Purse::Letter(id), Purse::Character(holder.character));
                    operation.pay(connection, from, to, letter.gold).await?;
                    hands.gold += letter.gold;
                }
                let now_ms = operation.now_ms();
                operation.finish(connection).await?;
                point(Point::WithinEmptying);
                let left = if letter.text.is_empty() {
                    store::delete(connection, id).await?;
                    None
                } else {
                    let expires_ms = letter.expires_ms.unwrap_or_else(|| mail.config.expires_ms(now_ms));
                    store::empty(connection, id, now_ms, expires_ms).await?;
                    let read_ms = Some(letter.read_ms.unwrap_or(now_ms));
                    let (version, expires_ms) = (letter.version + 1, Some(expires_ms));
                    Some(Letter { gold: 0, items: Vec::new(), read_ms, version, expires_ms, ..letter })
                };
                Ok(Taken { letter: left, belongings: hands.belongings() })
            })
        })
        .await
    }

    /// Sends a player's letter back to who wrote it, with what is in it. However full the other mailbox is, it arrives.
    ///
    /// # Errors
    /// When it is none of a player, nothing is in it, or the sender is gone; [`MailError::Unknown`] and [`MailError::Stale`].
    pub async fn send_back(
        &self,
        account: AccountId,
        id: LetterId,
        versions: Versions,
        once: Option<Once<Done<()>>>,
    ) -> Result<Answered<Done<()>>, MailError> {
        let mail = self.clone();
        let done = once::write::<_, MailError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let mut operation = mail.items.begin("mail.return", Doer::Person(Who::Account(account)));
                let letter = mail.own(connection, account, id, &versions).await?;
                if letter.is_empty() {
                    return Err(MailError::Stays);
                }
                let told = mail.go_back(connection, &mut operation, &letter).await?.ok_or(MailError::Stays)?;
                operation.finish(connection).await?;
                Ok(Done { what: (), told: vec![told] })
            })
        })
        .await?;
        Ok(self.told(done))
    }

    /// Deletes a letter in which there is nothing.
    ///
    /// # Errors
    /// [`MailError::NotEmpty`], [`MailError::Unknown`] and [`MailError::Stale`].
    pub async fn delete(
        &self,
        account: AccountId,
        id: LetterId,
        versions: Versions,
        once: Option<Once<()>>,
    ) -> Result<Answered<()>, MailError> {
        let mail = self.clone();
        once::write::<_, MailError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let letter = mail.own(connection, account, id, &versions).await?;
                if !letter.is_empty() {
                    return Err(MailError::NotEmpty);
                }
                store::delete(connection, id).await?;
                Ok(())
            })
        })
        .await
    }

    /// A letter in a mailbox of an account, in the version that is meant.
    async fn own(
        &self,
        connection: &mut Connection,
        account: AccountId,
        id: LetterId,
        versions: &Versions,
    ) -> Result<Letter, MailError> {
        let letter = store::find(connection, &self.realm, id).await?.ok_or(MailError::Unknown)?;
        let owner = store::person(connection, &self.realm, letter.owner).await?;
        if owner.is_none_or(|owner| owner.account != account) {
            return Err(MailError::Unknown);
        }
        if versions.hold(letter.version) { Ok(letter) } else { Err(MailError::Stale) }
    }

    /// Brings what is in a player's letter to who wrote it, in a letter of its own; `None`, and nothing is done, when it is none of a player or the
    /// sender is gone.
    pub(super) async fn go_back(
        &self,
        connection: &mut Connection,
        operation: &mut Operation,
        letter: &Letter,
    ) -> Result<Option<Told>, MailError> {
        let Some(sender) = letter.sender.filter(|_| letter.kind == LetterKind::Player) else { return Ok(None) };
        // Either of them may be in another realm by now: a letter lies in that of whose it is.
        let Some((account, realm)) = store::home_of(connection, sender).await? else { return Ok(None) };
        let now_ms = operation.now_ms();
        let id: LetterId = self.storage.ids().next(now_ms);
        let new = NewLetter {
            id,
            kind: LetterKind::Returned,
            owner: sender,
            sender: Some(letter.owner),
            text: letter.text.clone(),
            about: String::new(),
            sent_ms: now_ms,
            expires_ms: self.config.expires_ms(now_ms),
        };
        store::insert(connection, &realm, &new).await?;
        for (number, owned) in (0..).zip(&letter.items) {
            operation.relocate(connection, owned, Place::Letter(id, number)).await?;
        }
        if letter.gold > 0 {
            operation.pay(connection, Purse::Letter(letter.id), Purse::Letter(id), letter.gold).await?;
        }
        if realm != *self.realm {
            store::follow(connection, id, &realm).await?;
        }
        store::delete(connection, letter.id).await?;
        let name = self.name_of(connection, letter.owner).await?;
        let kind = LetterKind::Returned;
        Ok(Some(Arrival { account, owner: sender, letter: id, kind, sender: &name, about: "" }.into()))
    }

    async fn name_of(&self, connection: &mut Connection, character: CharacterId) -> Result<String, MailError> {
        let person = store::person(connection, &self.realm, character).await?;
        Ok(person.map(|person| person.name).unwrap_or_default())
    }
}
