//! Staff write a letter, with a line in the audit log in the same transaction.

use realm_world::{
    Dice,
    items::{Item, Quality},
};
use serde_json::json;

use super::{
    Arrival, Done, Letter, LetterKind, Mail, MailError,
    store::{self, NewLetter},
};
use crate::{
    audit::{self, By},
    items::{Doer, GOLD_MAX, ItemsError, Occasion, Place, Purse},
    once::{self, Answered, Once},
    types::{
        CharacterName, ChatText, LetterId,
        faults::{Point, point},
    },
};

/// An item that staff give: it is made for the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gift {
    /// Key of its base.
    pub base: String,
    /// How good it is; what the pack has none of becomes the best below.
    pub quality: Quality,
    /// Its level, 1 to 99.
    pub level: u32,
}

/// A letter of staff that is to be sent.
#[derive(Debug, Clone, Default)]
pub struct StaffDraft {
    /// Name of the character that it goes to.
    pub to: String,
    /// At most a line of chat; may be empty when something is in it.
    pub text: String,
    /// Items that are made for it.
    pub items: Vec<Gift>,
    /// Gold that is minted for it.
    pub gold: i64,
}

impl Mail {
    /// Sends a letter of staff; it is delivered however full the mailbox is. What is in it is minted and made for it.
    ///
    /// # Errors
    /// When text, contents or recipient cannot be, an anti-cheat rule refuses an item, and those of the database.
    pub async fn send_as_staff(
        &self,
        by: By,
        draft: StaffDraft,
        once: Option<Once<Done<Letter>>>,
    ) -> Result<Answered<Done<Letter>>, MailError> {
        if let Some(kept) = self.before(once.as_ref()).await? {
            return Ok(Answered::Before(kept));
        }
        let most = self.config.items_max;
        if draft.items.len() > most as usize || !(0..=GOLD_MAX).contains(&draft.gold) {
            return Err(MailError::Contents(most));
        }
        let text = match draft.text.trim() {
            "" if draft.items.is_empty() && draft.gold == 0 => return Err(MailError::SaysNothing),
            "" => String::new(),
            text => ChatText::new(text)?.as_str().to_owned(),
        };
        let to = CharacterName::new(&draft.to).map_err(|_| MailError::RecipientUnknown)?;
        let id: LetterId = self.storage.ids().next(self.storage.now_ms());
        let mut gifts = Vec::with_capacity(draft.items.len());
        for (number, gift) in (0..).zip(&draft.items) {
            let item = self.make(gift, &mut Dice::new(id.raw(), number))?;
            let rules = self.items.judge(None, &item, Occasion::Creation).await?;
            gifts.push((item, rules));
        }
        let mail = self.clone();
        let done = once::write::<_, MailError, _>(&self.storage, once, move |connection| {
            Box::pin(async move {
                let Mail { realm, items, config, .. } = &mail;
                let to = store::named(connection, realm, to.folded()).await?.ok_or(MailError::RecipientUnknown)?;
                let mut operation = items.begin("mail.staff", Doer::Person(by.who));
                let now_ms = operation.now_ms();
                let new = NewLetter {
                    id,
                    kind: LetterKind::Staff,
                    owner: to.id,
                    sender: None,
                    text,
                    about: String::new(),
                    sent_ms: now_ms,
                    expires_ms: config.expires_ms(now_ms),
                };
                store::insert(connection, realm, &new).await?;
                point(Point::WithinLetter);
                let mut sent = Vec::with_capacity(gifts.len());
                for (number, (item, rules)) in (0..).zip(gifts) {
                    let birth = operation.certificate(rules);
                    sent.push(operation.create(connection, item, Place::Letter(id, number), birth).await?);
                }
                if draft.gold > 0 {
                    operation.pay_for(connection, Purse::Mint, Purse::Letter(id), draft.gold, "staff").await?;
                }
                operation.finish(connection).await?;
                let given: Vec<_> =
                    sent.iter().map(|owned| json!({"item": owned.key, "base": owned.item.base})).collect();
                let deed = by.does("mail.send", "character", to.id);
                let deed = deed.changing(json!(null), json!({"letter": id, "gold": draft.gold, "items": given}));
                audit::write(connection, &deed, now_ms).await?;
                let kind = LetterKind::Staff;
                let told = Arrival { account: to.account, owner: to.id, letter: id, kind, sender: "", about: "" };
                let told = vec![told.into()];
                Ok(Done { what: new.letter(String::new(), draft.gold, sent), told })
            })
        })
        .await?;
        Ok(self.told(done))
    }

    fn make(&self, gift: &Gift, dice: &mut Dice) -> Result<Item, MailError> {
        let made = self.items.catalogue().make(&gift.base, gift.quality, gift.level, dice);
        Ok(made.map_err(ItemsError::from)?)
    }
}
