//! Letters and the market: what REST answers, and the verbs. Whatever moves something takes a key of the caller's, so that it can be sent
//! again after a lost answer: the same request under the same key has one effect.

use hyper::Method;
use realm_protocol::json::key;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::Rest;
use crate::ClientError;

/// An item in a letter or an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goods {
    /// Key of the item.
    #[serde(with = "key")]
    pub id: u64,
    /// Key of its base in the content pack.
    pub base: String,
    /// How good it is.
    pub quality: String,
    /// Its level.
    pub level: u32,
    /// How many lie on the stack.
    pub count: u32,
    /// Its properties are known.
    pub identified: bool,
}

/// A letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Key of the letter.
    #[serde(with = "key")]
    pub id: u64,
    /// `player`, `staff`, `sold`, `bought`, `unsold` or `returned`.
    pub kind: String,
    /// Name of the character that wrote it or sent it back; empty for the realm and its staff.
    pub sender: String,
    /// What was written.
    pub text: String,
    /// What the realm writes of: the base of an item.
    pub about: String,
    /// The gold in it.
    pub gold: i64,
    /// The items in it.
    pub items: Vec<Goods>,
}

/// A page of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letters {
    /// The newest first.
    pub letters: Vec<Letter>,
    /// For the page after this one.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// A letter that is to be sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterDraft {
    /// Key of the character that writes.
    pub character: u64,
    /// Name of the character that it goes to.
    pub to: String,
    /// At most a line of chat.
    pub text: String,
    /// Keys of items that go with it.
    pub items: Vec<u64>,
    /// Gold that goes with it.
    pub gold: i64,
}

/// What was taken out of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The letter; `None` when it was without words, and is gone.
    #[serde(default)]
    pub letter: Option<Letter>,
    /// What the character has in its purse now.
    pub gold: i64,
    /// Version of what the character has.
    pub items_version: i64,
}

/// An offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Key of the offer.
    #[serde(with = "key")]
    pub id: u64,
    /// Name of the character that sells.
    pub seller: String,
    /// Whether that is a hardcore character: such alone buy it.
    pub hardcore: bool,
    /// Gold.
    pub price: i64,
    /// What is offered.
    pub item: Goods,
}

/// A page of offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offers {
    /// May be few, or none, while there are more behind the cursor.
    pub offers: Vec<Offer>,
    /// For the page after this one; `None` on the last.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// What offering something has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The offer.
    pub offer: Offer,
    /// What it has cost to offer it.
    pub fee: i64,
    /// What the character has left in its purse.
    pub gold: i64,
}

/// What buying something has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bought {
    /// Key of the item, or of the stack onto which it was laid.
    #[serde(with = "key")]
    pub item: u64,
    /// What it has cost.
    pub price: i64,
    /// Key of the letter that it is in, when the inventory had no room.
    #[serde(default)]
    pub letter: Option<String>,
    /// What the character has left in its purse.
    pub gold: i64,
}

/// Every verb fails with [`ClientError::Refused`] when the realm says no, and otherwise as [`Rest::request`] does.
impl Rest {
    /// The letters of a character, the newest first; `cursor` is `next_cursor` of the page before.
    ///
    /// # Errors
    /// See above.
    pub async fn letters(&mut self, character: u64, cursor: Option<&str>) -> Result<Letters, ClientError> {
        let behind = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        self.call(Method::GET, &format!("/mail?character={character}{behind}"), None).await
    }

    /// Sends a letter.
    ///
    /// # Errors
    /// See above.
    pub async fn send_letter(&mut self, draft: &LetterDraft, key: &str) -> Result<Letter, ClientError> {
        let items: Vec<String> = draft.items.iter().map(u64::to_string).collect();
        let character = draft.character.to_string();
        let body =
            json!({"character": character, "to": draft.to, "text": draft.text, "items": items, "gold": draft.gold});
        self.call_once(Method::POST, "/mail", key, Some(body)).await
    }

    /// Takes all that is in a letter.
    ///
    /// # Errors
    /// See above.
    pub async fn take_letter(&mut self, id: u64, character: u64, key: &str) -> Result<Taken, ClientError> {
        let body = json!({"character": character.to_string()});
        self.call_once(Method::POST, &format!("/mail/{id}/take"), key, Some(body)).await
    }

    /// Sends a player's letter back.
    ///
    /// # Errors
    /// See above.
    pub async fn return_letter(&mut self, id: u64, key: &str) -> Result<(), ClientError> {
        let path = self.in_realm(&format!("/mail/{id}/return"));
        self.call_once::<Value>(Method::POST, &path, key, None).await.map(drop)
    }

    /// Deletes a letter in which there is nothing.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_letter(&mut self, id: u64, key: &str) -> Result<(), ClientError> {
        let path = self.in_realm(&format!("/mail/{id}"));
        self.call_once::<Value>(Method::DELETE, &path, key, None).await.map(drop)
    }

    /// Searches the market of this realm. `asked` is what stands behind the question mark, for example `kind=ring&properties=life:20`.
    ///
    /// # Errors
    /// See above.
    pub async fn offers(&mut self, asked: &str) -> Result<Offers, ClientError> {
        let path = if asked.is_empty() { "/market/offers".to_owned() } else { format!("/market/offers?{asked}") };
        self.call(Method::GET, &self.in_realm(&path), None).await
    }

    /// The account's own offers in this realm.
    ///
    /// # Errors
    /// See above.
    pub async fn own_offers(&mut self) -> Result<Offers, ClientError> {
        self.call(Method::GET, &self.in_realm("/market/own"), None).await
    }

    /// Offers an item for so many hours.
    ///
    /// # Errors
    /// See above.
    pub async fn offer(
        &mut self,
        (character, item): (u64, u64),
        price: i64,
        hours: u32,
        key: &str,
    ) -> Result<Listed, ClientError> {
        let (character, item) = (character.to_string(), item.to_string());
        let body = json!({"character": character, "item": item, "price": price, "hours": hours});
        self.call_once(Method::POST, "/market/offers", key, Some(body)).await
    }

    /// Withdraws an offer; the item comes back by mail.
    ///
    /// # Errors
    /// See above.
    pub async fn withdraw_offer(&mut self, id: u64, key: &str) -> Result<(), ClientError> {
        let path = self.in_realm(&format!("/market/offers/{id}"));
        self.call_once::<Value>(Method::DELETE, &path, key, None).await.map(drop)
    }

    /// Buys what is offered.
    ///
    /// # Errors
    /// See above.
    pub async fn buy(&mut self, offer: u64, character: u64, key: &str) -> Result<Bought, ClientError> {
        let body = json!({"character": character.to_string()});
        self.call_once(Method::POST, &format!("/market/offers/{offer}/buy"), key, Some(body)).await
    }

    /// A request that may be sent again under its key.
    async fn call_once<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Result<T, ClientError> {
        let headers = [("idempotency-key", key)];
        let answer = self.request_with(method, &format!("/api/v1{path}"), &headers, body.as_ref()).await?.success()?;
        serde_json::from_value(answer.json).map_err(|error| ClientError::Unexpected(format!("{path}: {error}")))
    }
}
