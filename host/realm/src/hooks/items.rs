//! Items: judged when they are made and when they change hands.

use realm_plugin_host::{Hook, bindings::anti_cheat};

use super::{Hooks, figures::Function, general, lane::Lane, tape::Question};

impl Hooks {
    /// What the anti-cheat rules find wrong with an item that was just made or is about to change hands, and name and version of each that has
    /// judged it. A failing or missing plugin finds nothing, unless the operator has closed `check-item`.
    pub async fn check_item(
        &self,
        item: anti_cheat::Item,
        occasion: anti_cheat::ItemOccasion,
    ) -> (Vec<anti_cheat::Finding>, Vec<String>) {
        match self.ask(Hook::AntiCheat, move |lane| check_item(lane, &item, occasion)).await {
            Ok(judged) => judged,
            Err(_) if self.is_closed(Function::CheckItem) => (general::unjudged_character(), Vec::new()),
            Err(_) => (Vec::new(), Vec::new()),
        }
    }
}

/// What all plugins find.
fn check_item(
    lane: &mut Lane,
    item: &anti_cheat::Item,
    occasion: anti_cheat::ItemOccasion,
) -> (Vec<anti_cheat::Finding>, Vec<String>) {
    let (mut findings, mut rules) = (Vec::new(), Vec::new());
    for place in lane.answering(Hook::AntiCheat) {
        let question = || Question::CheckItem(item.clone(), occasion);
        match lane.call(place, Function::CheckItem, question, |instance| instance.check_item(item, occasion)).0 {
            Some(found) => {
                findings.extend(found);
                rules.push(lane.label(place));
            }
            None if lane.is_closed(Function::CheckItem) => return (general::unjudged_character(), rules),
            None => {}
        }
    }
    (findings, rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::{
        components::{Fixture, one_finding, trap},
        tests::Stage,
    };

    fn ring() -> anti_cheat::Item {
        let affix = anti_cheat::Affix { name: "all-skills".to_owned(), value: 2, value_min: 1, value_max: 1 };
        let base_type = "ring".to_owned();
        anti_cheat::Item { id: 1, base_type, quality: anti_cheat::Quality::Rare, affixes: vec![affix] }
    }

    #[tokio::test]
    async fn all_rules_judge_an_item_and_one_that_fails_finds_nothing() {
        let stage = Stage::new();
        let judge = |hooks: Hooks| async move { hooks.check_item(ring(), anti_cheat::ItemOccasion::Trade).await };
        assert!(judge(stage.hooks.clone()).await.0.is_empty(), "there is no rule");
        let rule = Fixture::new("one", "1.0.0").function("anti-cheat", "check-item", &one_finding(0, 10));
        stage.install("one.wasm", &rule.build(), &[]);
        let failing = Fixture::new("two", "1.0.0").function("anti-cheat", "check-item", &trap());
        stage.install("two.wasm", &failing.build(), &[]);
        let (found, rules) = judge(stage.hooks.clone()).await;
        assert!(matches!(&rules[..], [rule] if rule.contains("one") && rule.contains("1.0.0")), "{rules:?}");
        assert!(matches!(found[..], [anti_cheat::Finding { violation: anti_cheat::Violation::AffixForbidden, .. }]));
    }
}
