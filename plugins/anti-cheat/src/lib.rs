//! The default rule against cheats: acts in games, and characters.

pub mod rule;
pub mod sheet;

use realm_plugin::{
    InitError, Plugin,
    anti_cheat::{Actions, AntiCheat, Finding, Item, ItemOccasion, Sheet},
};

use rule::{Rule, Settings};

/// The rule with what it remembers of each character's steps.
pub struct DefaultAntiCheat {
    rule: Rule,
}

impl Plugin for DefaultAntiCheat {
    fn init(configuration: &str) -> Result<Self, InitError> {
        let settings: Settings = realm_plugin::read_configuration(configuration)?;
        settings.check().map_err(InitError::Configuration)?;
        Ok(Self { rule: Rule::new(settings) })
    }
}

impl AntiCheat for DefaultAntiCheat {
    fn check_actions(&mut self, actions: Actions) -> Vec<Finding> {
        self.rule.check_actions(&actions)
    }

    fn check_character(&mut self, sheet: Sheet) -> Vec<Finding> {
        sheet::check(self.rule.settings(), &sheet)
    }

    fn check_item(&mut self, item: Item, _occasion: ItemOccasion) -> Vec<Finding> {
        sheet::check_item(self.rule.settings(), &item)
    }
}

realm_plugin::plugin! {
    rule: DefaultAntiCheat,
    name: "anti-cheat",
    description: "Finds acts and characters that the rules of the game do not allow.",
    permissions: ["log"],
}
realm_plugin::export_anti_cheat!(DefaultAntiCheat);
