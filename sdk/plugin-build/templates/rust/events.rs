//! {{what}}

use realm_plugin::{
    InitError, Plugin,
    effects::{Announce, Effect},
    events::{Event, Events, Kinds, Occurrence},
};
use serde::Deserialize;

/// `[plugins.configuration.{{name}}]` in `realm.toml`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Every so many levels are told to everybody.
    pub levels: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { levels: 10 }
    }
}

/// The plugin and what it remembers while it lives.
pub struct {{Type}} {
    settings: Settings,
}

impl Plugin for {{Type}} {
    fn init(configuration: &str) -> Result<Self, InitError> {
        let settings: Settings = realm_plugin::read_configuration(configuration)?;
        if settings.levels == 0 {
            return Err(InitError::Configuration("levels: write 1 or more".into()));
        }
        Ok(Self { settings })
    }
}

impl Events for {{Type}} {
    fn interests(&mut self) -> Kinds {
        Kinds::LEVEL_UP
    }

    fn handle(&mut self, events: Vec<Event>) -> Vec<Effect> {
        let told = events.into_iter().filter_map(|event| match event.what {
            Occurrence::LevelUp(level) if level % self.settings.levels == 0 => Some(Effect::Announce(Announce {
                text: format!("{} has reached level {level}.", event.who.character_name),
            })),
            _ => None,
        });
        // An answer holds at most 32 effects.
        told.take(32).collect()
    }
}

realm_plugin::plugin! {
    rule: {{Type}},
    name: "{{name}}",
    description: "{{what}}",
    permissions: ["log"],
}
realm_plugin::export_events!({{Type}});

#[cfg(test)]
mod tests {
    use realm_plugin::events::Person;

    use super::*;

    #[test]
    fn every_tenth_level_is_told() {
        let event = |level| Event {
            at_ms: 0,
            who: Person {
                account: 1,
                account_name: "Anna".into(),
                character: 2,
                character_name: "Aldora".into(),
                level,
            },
            what: Occurrence::LevelUp(level),
        };
        let mut rule = {{Type}}::init("{}").unwrap();
        let told = rule.handle(vec![event(9), event(10), event(11)]);
        assert_eq!(told, [Effect::Announce(Announce { text: "Aldora has reached level 10.".into() })]);
    }
}
