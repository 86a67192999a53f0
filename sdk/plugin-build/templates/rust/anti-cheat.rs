//! {{what}}

use realm_plugin::{
    InitError, Plugin,
    anti_cheat::{ActionKind, Actions, AntiCheat, Finding, Item, ItemOccasion, Quality, Sheet, Violation},
};
use serde::Deserialize;

/// `[plugins.configuration.{{name}}]` in `realm.toml`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many legal steps a character may take at once, in hundredths.
    pub step_percent_max: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { step_percent_max: 200 }
    }
}

/// The plugin and what it remembers while it lives.
pub struct {{Type}} {
    settings: Settings,
}

impl Plugin for {{Type}} {
    fn init(configuration: &str) -> Result<Self, InitError> {
        Ok(Self { settings: realm_plugin::read_configuration(configuration)? })
    }
}

impl AntiCheat for {{Type}} {
    fn check_actions(&mut self, actions: Actions) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, action) in (0_u32..).zip(actions.iter()) {
            if action.kind != ActionKind::Move {
                continue;
            }
            // Wide enough that no step a client can write overflows.
            let (dx, dy) = (i64::from(action.dx), i64::from(action.dy));
            let legal = i64::from(action.step_max) * i64::from(self.settings.step_percent_max) / 100;
            if dx * dx + dy * dy > legal * legal {
                findings.push(Finding { index, violation: Violation::Teleport, refuse: true });
            }
        }
        findings
    }

    fn check_character(&mut self, sheet: Sheet) -> Vec<Finding> {
        let points = sheet.strength + sheet.dexterity + sheet.vitality + sheet.energy;
        let legal = 80 + 5 * sheet.level.saturating_sub(1);
        if points > legal {
            vec![Finding { index: 0, violation: Violation::Attributes, refuse: true }]
        } else {
            Vec::new()
        }
    }

    fn check_item(&mut self, item: Item, _occasion: ItemOccasion) -> Vec<Finding> {
        if item.quality == Quality::Rare && item.affixes.len() > 6 {
            vec![Finding { index: 0, violation: Violation::AffixCount, refuse: true }]
        } else {
            Vec::new()
        }
    }
}

realm_plugin::plugin! {
    rule: {{Type}},
    name: "{{name}}",
    description: "{{what}}",
    permissions: ["log"],
}
realm_plugin::export_anti_cheat!({{Type}});

#[cfg(test)]
mod tests {
    use realm_plugin::anti_cheat::Action;

    use super::*;

    fn step(dx: i32, dy: i32) -> Action {
        Action {
            tick: 7,
            character: 1,
            kind: ActionKind::Move,
            x: 0,
            y: 0,
            dx,
            dy,
            step_max: 8,
            vision: 640,
            life: 50,
            mana_left: 10,
            cooldown: 0,
        }
    }

    #[test]
    fn who_jumps_is_found_and_who_walks_is_not() {
        let mut rule = {{Type}}::init("{}").unwrap();
        let found = rule.check_actions([step(8, 0), step(17, 0), step(i32::MAX, i32::MIN)].into());
        assert_eq!(found.iter().map(|finding| finding.index).collect::<Vec<_>>(), [1, 2]);
    }
}
