//! {{what}}

use realm_plugin::{
    InitError, Plugin,
    chat_filter::{ChatFilter, Line, Verdict},
    log,
};
use serde::Deserialize;

/// `[plugins.configuration.{{name}}]` in `realm.toml`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many capitals in a row are fine.
    pub capitals_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { capitals_max: 5 }
    }
}

/// The plugin and what it remembers while it lives.
pub struct {{Type}} {
    settings: Settings,
}

impl Plugin for {{Type}} {
    fn init(configuration: &str) -> Result<Self, InitError> {
        let settings: Settings = realm_plugin::read_configuration(configuration)?;
        log::info!("up to {} capitals in a row are fine", settings.capitals_max);
        Ok(Self { settings })
    }
}

impl ChatFilter for {{Type}} {
    fn filter(&mut self, line: Line) -> Verdict {
        let longest = line.text.split(|letter: char| !letter.is_uppercase()).map(|run| run.chars().count()).max();
        if longest.unwrap_or(0) > self.settings.capitals_max {
            Verdict::Block("Please do not shout.".into())
        } else {
            Verdict::Pass
        }
    }
}

realm_plugin::plugin! {
    rule: {{Type}},
    name: "{{name}}",
    description: "{{what}}",
    permissions: ["log"],
}
realm_plugin::export_chat_filter!({{Type}});

#[cfg(test)]
mod tests {
    use realm_plugin::chat_filter::Destination;

    use super::*;

    fn verdict(text: &str) -> Verdict {
        let line = Line {
            account: 1,
            account_name: "Anna".into(),
            destination: Destination::Channel,
            target: "Lobby".into(),
            text: text.into(),
            now_ms: 0,
        };
        {{Type}}::init("{}").unwrap().filter(line)
    }

    #[test]
    fn who_shouts_is_not_heard() {
        assert_eq!(verdict("GG well played"), Verdict::Pass);
        assert_eq!(verdict("GIVE ME GOLD NOW OR ELSEEEE"), Verdict::Block("Please do not shout.".into()));
    }
}
