//! What is told of an act before it has a number.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::Line;
use crate::types::AccountId;

/// The longest reason that is kept, in characters; the rest is cut.
const REASON_CHARACTERS_MAX: usize = 500;

/// The longest target; only names that nothing has are longer.
const TARGET_CHARACTERS_MAX: usize = 160;

/// One line, and nothing that a database or a terminal takes for an order.
fn plain(text: &str, characters_max: usize) -> String {
    text.chars().map(|one| if one.is_control() { ' ' } else { one }).take(characters_max).collect()
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Whoever runs the realm.
    Operator,
    /// An account.
    Account(AccountId),
}

impl fmt::Display for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => formatter.write_str("operator"),
            Self::Account(account) => write!(formatter, "account:{account}"),
        }
    }
}

/// Who acts, where, and why: handed to a verb of staff, which tells the rest.
#[derive(Debug, Clone)]
pub struct By {
    /// Key of the realm.
    pub realm: Arc<str>,
    /// Who.
    pub who: Who,
    /// Why; empty when no reason was given.
    pub reason: String,
}

impl By {
    /// The line of an act, for example `characters.rename` on `character` 7.
    #[must_use]
    pub fn does(&self, act: &'static str, kind: &str, target: impl fmt::Display) -> Deed {
        let (realm, actor) = (self.realm.to_string(), self.who.to_string());
        let reason = plain(&self.reason, REASON_CHARACTERS_MAX);
        let target = plain(&format!("{kind}:{target}"), TARGET_CHARACTERS_MAX);
        Deed { realm, actor, act, target, reason, before: Value::Null, after: Value::Null }
    }
}

/// An act of staff.
#[derive(Debug, Clone)]
pub struct Deed {
    realm: String,
    actor: String,
    act: &'static str,
    target: String,
    reason: String,
    before: Value,
    after: Value,
}

impl Deed {
    /// What was so before, and what is so since.
    #[must_use]
    pub fn changing(self, before: Value, after: Value) -> Self {
        Self { before, after, ..self }
    }

    pub(super) fn line(&self, number: i64, at_ms: i64) -> Line {
        let text = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
        Line {
            number,
            at_ms,
            realm: self.realm.clone(),
            actor: self.actor.clone(),
            act: self.act.to_owned(),
            target: self.target.clone(),
            reason: self.reason.clone(),
            before: text(&self.before),
            after: text(&self.after),
            hash: String::new(),
        }
    }
}
