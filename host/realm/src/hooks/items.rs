//! Items: judged when they are made and when they change hands.

use realm_plugin_host::{Hook, bindings::anti_cheat};

use super::{Hooks, figures::Function, general, lane::Lane};

impl Hooks {
    /// What the anti-cheat rules find wrong with an item that was just made or is about to change hands. A failing or missing
    /// plugin finds nothing, unless the operator has closed `check-item`.
    pub async fn check_item(
        &self,
        item: anti_cheat::Item,
        occasion: anti_cheat::ItemOccasion,
    ) -> Vec<anti_cheat::Finding> {
        match self.ask(Hook::AntiCheat, move |lane| check_item(lane, &item, occasion)).await {
            Ok(findings) => findings,
            Err(_) if self.is_closed(Function::CheckItem) => general::unjudged_character(),
            Err(_) => Vec::new(),
        }
    }
}

/// What all plugins find.
fn check_item(
    lane: &mut Lane,
    item: &anti_cheat::Item,
    occasion: anti_cheat::ItemOccasion,
) -> Vec<anti_cheat::Finding> {
    let mut findings = Vec::new();
    for place in lane.answering(Hook::AntiCheat) {
        match lane.call(place, Function::CheckItem, |instance| instance.check_item(item, occasion)).0 {
            Some(found) => findings.extend(found),
            None if lane.is_closed(Function::CheckItem) => return general::unjudged_character(),
            None => {}
        }
    }
    findings
}
