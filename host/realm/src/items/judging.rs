//! What anti-cheat rules are asked of items: when one is made, and when one is about to change hands.

use realm_world::items::{Item, Quality};

use super::{Items, ItemsError};
use crate::{characters::findings_in_words, hooks::anti_cheat, types::ItemId};

/// Why an item is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// It has just been made.
    Creation,
    /// It is about to change hands.
    Trade,
}

impl Items {
    /// Asks the anti-cheat rules about an item, before the transaction in which it is made or changes hands. Answers with the rules that judged it,
    /// for its certificate; what they find and do not refuse is logged and counted.
    ///
    /// # Errors
    /// [`ItemsError::Refused`] when one refuses it, and when the content pack does not know its base.
    pub(crate) async fn judge(
        &self,
        key: Option<ItemId>,
        item: &Item,
        occasion: Occasion,
    ) -> Result<Vec<String>, ItemsError> {
        let shown = self.shown(key, item)?;
        let when = match occasion {
            Occasion::Creation => anti_cheat::ItemOccasion::Creation,
            Occasion::Trade => anti_cheat::ItemOccasion::Trade,
        };
        let (findings, rules) = self.hooks.check_item(shown, when).await;
        if !findings.is_empty() {
            metrics::counter!("realm_item_findings_total").increment(1);
            let item_key = key.map_or_else(|| "new".to_owned(), |key| key.to_string());
            let found = findings_in_words(&findings);
            tracing::warn!(
                item = item_key,
                base = item.base,
                ?occasion,
                findings = found,
                "the anti-cheat rule found something"
            );
        }
        let mut refused = findings.iter().filter(|finding| finding.refuse).peekable();
        if refused.peek().is_some() {
            return Err(ItemsError::Refused(findings_in_words(refused)));
        }
        Ok(rules)
    }

    /// An item as a rule is shown it.
    fn shown(&self, key: Option<ItemId>, item: &Item) -> Result<anti_cheat::Item, ItemsError> {
        let judged = self.catalogue().judged(item)?;
        let affix = |one: &realm_world::items::JudgedProperty| anti_cheat::Affix {
            name: one.property.name().to_owned(),
            value: one.value,
            value_min: one.allowed.0,
            value_max: one.allowed.1,
        };
        let quality = match judged.quality {
            Quality::Normal => anti_cheat::Quality::Normal,
            Quality::Magic => anti_cheat::Quality::Magic,
            Quality::Rare => anti_cheat::Quality::Rare,
            Quality::Unique => anti_cheat::Quality::Unique,
            Quality::Set => anti_cheat::Quality::Set,
            Quality::Crafted => anti_cheat::Quality::Crafted,
        };
        Ok(anti_cheat::Item {
            id: key.map_or(0, ItemId::raw),
            base_type: judged.kind.name().to_owned(),
            quality,
            affixes: judged.properties.iter().map(affix).collect(),
        })
    }
}
