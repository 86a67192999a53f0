//! A player writes a letter.

use std::collections::{BTreeMap, BTreeSet};

use realm_world::items::Item;

use super::{
    Arrival, Done, Letter, LetterKind, Mail, MailError,
    store::{self, NewLetter},
};
use crate::{
    audit::Who,
    hooks::{ApprovedText, ChatLine, ChatVerdict, chat_filter::Destination},
    items::{Doer, Holder, ItemsError, Occasion, Place, Purse, Spot},
    once::{self, Answered, Once},
    types::{
        AccountName, CharacterId, CharacterName, ChatText, ItemId, LetterId,
        faults::{Point, point},
    },
};

/// Who writes.
#[derive(Debug, Clone)]
pub struct Writer {
    /// With which character, and by which right.
    pub holder: Holder,
    /// The name of the account, for the chat filter.
    pub account_name: AccountName,
}

/// A letter that is to be sent.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// Name of the character that it goes to.
    pub to: String,
    /// At most a line of chat; may be empty when something is in it.
    pub text: String,
    /// What it carries, from inventory, stash or cube.
    pub items: Vec<ItemId>,
    /// Gold that it carries.
    pub gold: i64,
}

impl Mail {
    /// Sends a letter with what is in it, all at once. Its text passes the chat filter like every other.
    ///
    /// # Errors
    /// When the text, the contents or the recipient cannot be, the sender is muted, the mailbox is full, and as what holds for items.
    pub async fn send(
        &self,
        writer: &Writer,
        draft: Draft,
        once: Option<Once<Done<Letter>>>,
    ) -> Result<Answered<Done<Letter>>, MailError> {
        if let Some(kept) = self.before(once.as_ref()).await? {
            return Ok(Answered::Before(kept));
        }
        self.check_contents(&draft.items, draft.gold)?;
        let to = CharacterName::new(&draft.to).map_err(|_| MailError::RecipientUnknown)?;
        let Holder { account, character, .. } = writer.holder;
        // Nobody learns what others have, or what a rule says of it.
        if !self.items.is_of(account, character).await? {
            return Err(ItemsError::CharacterUnknown.into());
        }
        let text = self.approve(writer, &to, &draft).await?;
        let judged = self.judged(character, &draft.items).await?;
        let (mail, holder) = (self.clone(), writer.holder);
        let id: LetterId = self.storage.ids().next(self.storage.now_ms());
        let done = once::write::<_, MailError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let Mail { realm, items, config, .. } = &mail;
                let mut operation = items.begin("mail.send", Doer::Person(Who::Account(holder.account)));
                let from = store::person(connection, realm, holder.character).await?;
                let from = from.filter(|from| from.account == holder.account);
                let from = from.ok_or(ItemsError::CharacterUnknown)?;
                let to = store::named(connection, realm, to.folded()).await?.ok_or(MailError::RecipientUnknown)?;
                if to.id == holder.character {
                    return Err(MailError::ToOneself);
                }
                let carries = !draft.items.is_empty() || draft.gold > 0;
                if carries && from.hardcore != to.hardcore {
                    return Err(MailError::Modes);
                }
                if store::count(connection, to.id).await? >= i64::from(config.letters_max) {
                    return Err(MailError::MailboxFull);
                }
                let most = config.letters_from_one_max;
                if store::count_from(connection, to.id, holder.account).await? >= i64::from(most) {
                    return Err(MailError::TooManyFromOne(most));
                }
                let now_ms = operation.now_ms();
                let new = NewLetter {
                    id,
                    kind: LetterKind::Player,
                    owner: to.id,
                    sender: Some(holder.character),
                    text: text.as_ref().map_or("", ApprovedText::as_str).to_owned(),
                    about: String::new(),
                    sent_ms: now_ms,
                    expires_ms: config.expires_ms(now_ms),
                };
                store::insert(connection, realm, &new).await?;
                point(Point::WithinLetter);
                let mut sent = Vec::with_capacity(draft.items.len());
                // A letter of words alone may be written in the middle of a game, whoever holds the character.
                if carries {
                    let mut hands = operation.enter(connection, &holder).await?;
                    for (number, key) in (0..).zip(&draft.items) {
                        let owned = hands.get(*key)?.clone();
                        if !matches!(owned.at.spot(), Some(Spot::In(..))) {
                            return Err(MailError::Worn);
                        }
                        // What came, or was changed, while the rules were asked, they have not seen.
                        if judged.get(key) != Some(&owned.item) {
                            return Err(ItemsError::Moved.into());
                        }
                        sent.push(operation.relocate(connection, &owned, Place::Letter(id, number)).await?);
                        hands.forget(*key);
                    }
                    if draft.gold > 0 {
                        let purse = Purse::Character(holder.character);
                        operation.pay(connection, purse, Purse::Letter(id), draft.gold).await?;
                    }
                }
                operation.finish(connection).await?;
                let told = Arrival {
                    account: to.account,
                    owner: to.id,
                    letter: id,
                    kind: LetterKind::Player,
                    sender: &from.name,
                    about: "",
                };
                let told = vec![told.into()];
                Ok(Done { what: new.letter(from.name, draft.gold, sent), told })
            })
        })
        .await?;
        Ok(self.told(done))
    }

    /// Asks the anti-cheat rules about what is to be sent; answers with what they have seen. What is not carried is left out.
    async fn judged(&self, character: CharacterId, keys: &[ItemId]) -> Result<BTreeMap<ItemId, Item>, MailError> {
        let mut judged = BTreeMap::new();
        if keys.is_empty() {
            return Ok(judged);
        }
        let belongings = self.items.of(character).await?;
        for owned in keys.iter().filter_map(|key| belongings.get(*key)) {
            self.items.judge(Some(owned.key), &owned.item, Occasion::Trade).await?;
            judged.insert(owned.key, owned.item.clone());
        }
        Ok(judged)
    }

    /// How much there may be in a letter.
    pub(super) fn check_contents(&self, items: &[ItemId], gold: i64) -> Result<(), MailError> {
        let most = self.config.items_max;
        let once: BTreeSet<&ItemId> = items.iter().collect();
        if items.len() > most as usize || once.len() != items.len() || gold < 0 {
            return Err(MailError::Contents(most));
        }
        Ok(())
    }

    /// What may be written; `None` for a letter without words.
    async fn approve(
        &self,
        writer: &Writer,
        to: &CharacterName,
        draft: &Draft,
    ) -> Result<Option<ApprovedText>, MailError> {
        if draft.text.trim().is_empty() {
            return if draft.items.is_empty() && draft.gold == 0 { Err(MailError::SaysNothing) } else { Ok(None) };
        }
        let text = ChatText::new(&draft.text)?;
        let now_ms = self.storage.now_ms();
        let account = writer.holder.account;
        if let Some(mute) = self.moderation.mute_in_force(account) {
            let left_ms = u64::try_from(mute.until_ms - now_ms).unwrap_or(1);
            return Err(MailError::Muted { sentence: mute.sentence(), left_ms });
        }
        let line = ChatLine {
            account,
            account_name: writer.account_name.clone(),
            destination: Destination::Whisper,
            target: to.as_str().to_owned(),
            text,
            now_ms,
        };
        match self.hooks.filter_chat(line).await {
            ChatVerdict::Approved(text) => Ok(Some(text)),
            ChatVerdict::Blocked(sentence) => Err(MailError::Blocked(sentence)),
            ChatVerdict::Unjudged(why) => Err(MailError::Unjudged(why)),
        }
    }
}
