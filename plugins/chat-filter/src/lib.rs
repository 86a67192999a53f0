//! The default rule for chat: profanity and flood.

pub mod flood;
pub mod profanity;
pub mod rule;
pub mod work;

use realm_plugin::{
    InitError, Plugin,
    chat_filter::{ChatFilter, Line, Verdict},
};

use rule::{Rule, Settings};

/// The rule with what it remembers of each account's lines.
pub struct DefaultChatFilter {
    rule: Rule,
}

impl Plugin for DefaultChatFilter {
    fn init(configuration: &str) -> Result<Self, InitError> {
        let settings: Settings = realm_plugin::read_configuration(configuration)?;
        settings.check().map_err(InitError::Configuration)?;
        Ok(Self { rule: Rule::new(&settings) })
    }
}

impl ChatFilter for DefaultChatFilter {
    fn filter(&mut self, line: Line) -> Verdict {
        self.rule.filter(&line)
    }
}

realm_plugin::plugin! {
    rule: DefaultChatFilter,
    name: "chat-filter",
    description: "Stars out profanity, stops the worst of it, and slows down who floods a channel.",
    permissions: ["log"],
}
realm_plugin::export_chat_filter!(DefaultChatFilter);
