//! What becomes of a line: first flood is looked for, then words.

use realm_plugin::chat_filter::{Line, Verdict};
use serde::Deserialize;

use crate::{
    flood::{Flood, LINES_REMEMBERED_MAX},
    profanity::{Judgement, Profanity},
};

/// How many words of the operator's own a list takes: a letter costs some 150 bytes, and an instance has 16 MiB for all.
const WORDS_MAX: usize = 100;
/// The longest of them, in characters.
const WORD_CHARACTERS_MAX: usize = 40;
/// The longest window for flood: an hour.
const WINDOW_MS_MAX: u64 = 3_600_000;

/// From which degree on words are starred out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strictness {
    /// Only the operator's own words.
    Off,
    /// The worst words.
    Severe,
    /// What most would not say before strangers.
    Moderate,
    /// Also mild swear words.
    Mild,
}

/// `[plugins.configuration.chat-filter]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From which degree on words are starred out: `off`, `severe`, `moderate` or `mild`.
    pub profanity: Strictness,
    /// Does a line with slurs, threats or wishes of death go out with stars (false) or not at all (true)?
    pub block_severe: bool,
    /// Further words that are starred out, in lower case.
    pub words_starred: Vec<String>,
    /// Further words that stop a line, in lower case.
    pub words_blocked: Vec<String>,
    /// How many lines an account may say within the window; 0 is no limit.
    pub lines_max: usize,
    /// How often an account may say the same line within the window; 0 is no limit.
    pub repeats_max: usize,
    /// The window, in milliseconds.
    pub window_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profanity: Strictness::Moderate,
            block_severe: true,
            words_starred: Vec::new(),
            words_blocked: Vec::new(),
            lines_max: 12,
            repeats_max: 3,
            window_ms: 10_000,
        }
    }
}

impl Settings {
    /// What is wrong with the settings, for the operator.
    pub fn check(&self) -> Result<(), String> {
        for (key, words) in [("words_starred", &self.words_starred), ("words_blocked", &self.words_blocked)] {
            if words.len() > WORDS_MAX {
                return Err(format!("`{key}` holds {} words: at most {WORDS_MAX} are taken", words.len()));
            }
            let fits = |word: &&String| !word.trim().is_empty() && word.chars().count() <= WORD_CHARACTERS_MAX;
            if let Some(word) = words.iter().find(|word| !fits(word)) {
                return Err(format!("`{key}` holds `{word}`: words have 1 to {WORD_CHARACTERS_MAX} characters"));
            }
        }
        for (key, lines) in [("lines_max", self.lines_max), ("repeats_max", self.repeats_max)] {
            if lines > LINES_REMEMBERED_MAX {
                return Err(format!("`{key}` is {lines}: write 0 to {LINES_REMEMBERED_MAX}"));
            }
        }
        if !(1..=WINDOW_MS_MAX).contains(&self.window_ms) {
            return Err(format!("`window_ms` is {}: write 1 to {WINDOW_MS_MAX}", self.window_ms));
        }
        Ok(())
    }
}

/// The rule with what it remembers.
pub struct Rule {
    flood: Flood,
    profanity: Profanity,
}

impl Rule {
    /// Makes the rule; reading the word lists takes some milliseconds, here and not at the first line.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            flood: Flood::new(settings.lines_max, settings.repeats_max, settings.window_ms),
            profanity: Profanity::new(settings),
        }
    }

    /// Judges one line.
    #[must_use]
    pub fn filter(&mut self, line: &Line) -> Verdict {
        if let Some(sentence) = self.flood.check(line.account, &line.text, line.now_ms) {
            return Verdict::Block(sentence);
        }
        match self.profanity.judge(&line.text) {
            Judgement::Clean => Verdict::Pass,
            Judgement::Starred(text) => Verdict::Replace(text),
            Judgement::Refused => Verdict::Block("This line was not sent: its words are not welcome here.".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use realm_plugin::chat_filter::Destination;

    use super::*;

    fn line(text: &str, now_ms: u64) -> Line {
        Line {
            account: 1,
            account_name: "Anna".into(),
            destination: Destination::Channel,
            target: "Lobby".into(),
            text: text.into(),
            now_ms,
        }
    }

    #[test]
    fn a_line_passes_is_starred_or_is_stopped() {
        let mut rule = Rule::new(&Settings::default());
        assert_eq!(rule.filter(&line("anyone for hell runs?", 0)), Verdict::Pass);
        let Verdict::Replace(text) = rule.filter(&line("what the fuck is that", 1)) else { panic!("not starred") };
        assert_eq!(text, "what the **** is that");
        let Verdict::Block(sentence) = rule.filter(&line("kys", 2)) else { panic!("not blocked") };
        assert!(sentence.chars().count() <= 200);
    }

    #[test]
    fn flood_is_stopped_whatever_it_says() {
        let mut rule = Rule::new(&Settings { lines_max: 2, ..Settings::default() });
        assert_eq!(rule.filter(&line("one", 0)), Verdict::Pass);
        assert_eq!(rule.filter(&line("two", 1)), Verdict::Pass);
        assert!(matches!(rule.filter(&line("three", 2)), Verdict::Block(_)));
        assert_eq!(rule.filter(&line("three", 10_001)), Verdict::Pass);
    }

    #[test]
    fn wrong_settings_are_named() {
        let wrong = |settings: Settings| settings.check().unwrap_err();
        assert!(wrong(Settings { words_starred: vec![" ".into()], ..Settings::default() }).contains("`words_starred`"));
        assert!(wrong(Settings { words_blocked: vec!["x".into(); 101], ..Settings::default() }).contains("101 words"));
        assert!(wrong(Settings { lines_max: 33, ..Settings::default() }).contains("`lines_max` is 33"));
        assert!(wrong(Settings { window_ms: 0, ..Settings::default() }).contains("`window_ms`"));
        assert_eq!(Settings::default().check(), Ok(()));
    }
}
