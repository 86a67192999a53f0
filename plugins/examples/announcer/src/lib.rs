//! Tells everybody of great levels and finds, and greets who logs in.
//!
//! A worked example of the hook `events`: what it wants to hear of follows from its settings, it answers with effects, and it
//! holds itself to so many lines a minute by the time that the events carry.

use std::collections::VecDeque;

use realm_plugin::{
    InitError, Plugin,
    effects::{Announce, Effect, Whisper},
    events::{Event, Events, Kinds, Occurrence},
};
use serde::Deserialize;

/// The minute over which lines are counted.
const MINUTE_MS: u64 = 60_000;

/// `[plugins.configuration.announcer]` in `realm.toml`.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Every so many levels are told; 0 for none.
    pub levels: u32,
    /// Qualities of items whose finding is told.
    pub qualities: Vec<String>,
    /// Whispered to who logs in; empty for nothing. `{name}` is the account.
    pub greeting: String,
    /// Most lines to everybody within a minute; what is more is not told at all.
    pub lines_per_minute_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            levels: 10,
            qualities: vec!["unique".into(), "set".into()],
            greeting: "Welcome, {name}.".into(),
            lines_per_minute_max: 6,
        }
    }
}

/// The plugin and what it remembers while it lives.
pub struct Announcer {
    settings: Settings,
    /// When the lines of the last minute were said.
    said_ms: VecDeque<u64>,
}

impl Announcer {
    /// What an event is worth telling everybody.
    fn news(&self, event: &Event) -> Option<String> {
        let name = &event.who.character_name;
        match &event.what {
            Occurrence::LevelUp(level) if self.settings.levels > 0 && level % self.settings.levels == 0 => {
                Some(format!("{name} has reached level {level}."))
            }
            Occurrence::Drop(find) if self.settings.qualities.contains(&find.quality) => {
                Some(format!("A {} {} has dropped before {name}.", find.quality, find.base_type))
            }
            _ => None,
        }
    }

    /// True when one more line fits into the minute that ends with it.
    fn fits(&mut self, at_ms: u64) -> bool {
        while self.said_ms.front().is_some_and(|said_ms| said_ms + MINUTE_MS <= at_ms) {
            self.said_ms.pop_front();
        }
        let fits = self.said_ms.len() < self.settings.lines_per_minute_max;
        if fits {
            self.said_ms.push_back(at_ms);
        }
        fits
    }
}

impl Plugin for Announcer {
    fn init(configuration: &str) -> Result<Self, InitError> {
        let settings: Settings = realm_plugin::read_configuration(configuration)?;
        if settings.greeting.chars().count() > 200 {
            return Err(InitError::Configuration("greeting: write at most 200 characters".into()));
        }
        Ok(Self { settings, said_ms: VecDeque::new() })
    }
}

impl Events for Announcer {
    fn interests(&mut self) -> Kinds {
        let wanted = [
            (Kinds::LEVEL_UP, self.settings.levels > 0),
            (Kinds::DROP, !self.settings.qualities.is_empty()),
            (Kinds::LOG_IN, !self.settings.greeting.is_empty()),
        ];
        let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted);
        wanted.fold(Kinds::empty(), |kinds, (kind, _)| kinds | kind)
    }

    fn handle(&mut self, events: Vec<Event>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for event in events {
            if matches!(event.what, Occurrence::LogIn) && !self.settings.greeting.is_empty() {
                let text = self.settings.greeting.replace("{name}", &event.who.account_name);
                effects.push(Effect::Whisper(Whisper { account: event.who.account_name.clone(), text }));
            }
            if let Some(text) = self.news(&event)
                && self.fits(event.at_ms)
            {
                effects.push(Effect::Announce(Announce { text }));
            }
        }
        // An answer holds at most 32 effects.
        effects.truncate(32);
        effects
    }
}

realm_plugin::plugin! {
    rule: Announcer,
    name: "announcer",
    description: "Tells everybody of great levels and finds, and greets who logs in.",
    permissions: ["log"],
}
realm_plugin::export_events!(Announcer);

#[cfg(test)]
mod tests {
    use realm_plugin::events::{Find, Person};

    use super::*;

    fn event(at_ms: u64, what: Occurrence) -> Event {
        let who = Person {
            account: 7,
            account_name: "Anna".into(),
            character: 8,
            character_name: "Aldora".into(),
            level: 10,
        };
        Event { at_ms, who, what }
    }

    fn find(quality: &str) -> Occurrence {
        Occurrence::Drop(Find { game: 1, base_type: "ring".into(), quality: quality.into() })
    }

    #[test]
    fn great_news_are_told_and_small_ones_are_not() {
        let mut announcer = Announcer::init("{}").unwrap();
        let told = announcer.handle(vec![
            event(0, Occurrence::LevelUp(9)),
            event(0, Occurrence::LevelUp(10)),
            event(0, find("magic")),
            event(0, find("unique")),
            event(0, Occurrence::LogIn),
        ]);
        assert_eq!(
            told,
            [
                Effect::Announce(Announce { text: "Aldora has reached level 10.".into() }),
                Effect::Announce(Announce { text: "A unique ring has dropped before Aldora.".into() }),
                Effect::Whisper(Whisper { account: "Anna".into(), text: "Welcome, Anna.".into() }),
            ]
        );
    }

    #[test]
    fn nobody_is_flooded() {
        let mut announcer = Announcer::init(r#"{"lines_per_minute_max": 2}"#).unwrap();
        let mut lines = |at_ms| announcer.handle(vec![event(at_ms, find("set"))]).len();
        assert_eq!([lines(0), lines(1), lines(2), lines(59_999), lines(60_000), lines(60_000)], [1, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn it_hears_only_of_what_it_tells() {
        let mut quiet = Announcer::init(r#"{"levels": 0, "qualities": [], "greeting": ""}"#).unwrap();
        assert_eq!(quiet.interests().bits(), Kinds::empty().bits());
        assert!(Announcer::init(r#"{"level": 5}"#).is_err(), "a misspelt key is refused");
    }
}
