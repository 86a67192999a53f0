//! Words that are starred out, and words that stop a line.

use rustrict::{Censor, Trie, Type};

use crate::rule::{Settings, Strictness};

/// The longest line, in characters: what the realm takes as an answer.
const LINE_CHARACTERS_MAX: usize = 256;

/// How the operator's words are marked.
const OWN_STARRED: Type = Type::PROFANE;
const OWN_BLOCKED: Type = Type::OFFENSIVE;

/// What the words of a line come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing to say against it.
    Clean,
    /// This may go out instead.
    Starred(String),
    /// Nothing may go out.
    Refused,
}

/// The word lists.
pub struct Profanity {
    /// What is starred out.
    threshold: Type,
    /// What stops a line.
    refused: Type,
    /// The operator's own words; `None` when there are none.
    own: Option<&'static Trie>,
}

impl Profanity {
    /// Reads the word lists.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let kinds = Type::PROFANE | Type::OFFENSIVE | Type::SEXUAL;
        let cruel = Type::MEAN & Type::SEVERE;
        let threshold = match settings.profanity {
            Strictness::Off => Type::NONE,
            Strictness::Severe => (kinds & Type::SEVERE) | cruel,
            Strictness::Moderate => (kinds & Type::MODERATE_OR_HIGHER) | cruel,
            Strictness::Mild => (kinds & Type::MILD_OR_HIGHER) | cruel,
        };
        let blocks = settings.block_severe && settings.profanity != Strictness::Off;
        let refused = if blocks { (Type::OFFENSIVE | Type::MEAN) & Type::SEVERE } else { Type::NONE };
        let profanity = Self { threshold, refused, own: own_words(settings) };
        // The lists are read when they are first used.
        let _ = profanity.judge("warm");
        profanity
    }

    /// Judges one line.
    #[must_use]
    pub fn judge(&self, text: &str) -> Judgement {
        let by_own = |text: &str| {
            self.own.map_or(Judgement::Clean, |words| {
                judge_by(Censor::from_str(text).with_trie(words), OWN_STARRED, OWN_BLOCKED)
            })
        };
        let own = by_own(text);
        if own == Judgement::Refused || self.threshold == Type::NONE {
            return own;
        }
        match judge_by(&mut Censor::from_str(text), self.threshold, self.refused) {
            Judgement::Clean => own,
            // The own words come last: before the other list their stars would count as letters left out.
            Judgement::Starred(starred) => match by_own(&starred) {
                Judgement::Clean => Judgement::Starred(starred),
                judgement => judgement,
            },
            Judgement::Refused => Judgement::Refused,
        }
    }
}

fn judge_by(censor: &mut Censor<std::str::Chars<'_>>, starred: Type, refused: Type) -> Judgement {
    let (text, found) = censor
        .with_censor_threshold(starred | refused)
        .with_censor_first_character_threshold(Type::ANY)
        // Stars that a player has typed are no word.
        .with_ignore_self_censoring(true)
        .censor_and_analyze();
    if found.is(refused) {
        return Judgement::Refused;
    }
    if found.isnt(starred) {
        return Judgement::Clean;
    }
    let text: String = text.chars().filter(|letter| !letter.is_control()).take(LINE_CHARACTERS_MAX).collect();
    // Stars for nothing but invisible characters leave no line to send.
    if text.trim().is_empty() { Judgement::Refused } else { Judgement::Starred(text) }
}

/// The operator's words as a list of their own, made once for the life of the instance.
fn own_words(settings: &Settings) -> Option<&'static Trie> {
    if settings.words_starred.is_empty() && settings.words_blocked.is_empty() {
        return None;
    }
    let mut words = Trie::new();
    for word in &settings.words_starred {
        words.set(word.trim().to_lowercase().as_str(), OWN_STARRED & Type::MODERATE);
    }
    for word in &settings.words_blocked {
        words.set(word.trim().to_lowercase().as_str(), OWN_BLOCKED & Type::SEVERE);
    }
    Some(Box::leak(Box::new(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(settings: &Settings, text: &str) -> Judgement {
        Profanity::new(settings).judge(text)
    }

    fn starred(text: &str) -> Judgement {
        Judgement::Starred(text.into())
    }

    #[test]
    fn words_of_the_game_are_clean() {
        let words = Profanity::new(&Settings::default());
        for text in [
            "Amazon Sorceress Necromancer Paladin Barbarian Druid Assassin",
            "hell difficulty, need one more",
            "killed the skeleton, that blow was a crit, my bow died",
            "does anyone have a spare class charm for a passive build?",
            "gg wp, brb, lfg act 3",
            "Wie geht es euch? Ça va très bien, señor!",
            "привет, как дела?",
        ] {
            assert_eq!(words.judge(text), Judgement::Clean, "{text}");
        }
    }

    #[test]
    fn disguises_are_seen_through() {
        let words = Profanity::new(&Settings::default());
        for text in ["fuck", "FuCk", "f.u.c.k", "fu¢k", "shit", "$hit"] {
            assert!(matches!(words.judge(text), Judgement::Starred(starred) if starred.contains('*')), "{text}");
        }
    }

    #[test]
    fn strictness_is_the_operators() {
        let with = |profanity| judge(&Settings { profanity, ..Settings::default() }, "oh crap");
        assert_eq!(with(Strictness::Mild), starred("oh ****"));
        assert_eq!(with(Strictness::Moderate), Judgement::Clean);
        let shit = |profanity| judge(&Settings { profanity, ..Settings::default() }, "oh shit");
        assert_eq!(shit(Strictness::Moderate), starred("oh ****"));
        assert_eq!(shit(Strictness::Severe), Judgement::Clean);
        assert_eq!(shit(Strictness::Off), Judgement::Clean);
    }

    #[test]
    fn the_worst_is_refused_unless_the_operator_wants_stars() {
        assert_eq!(judge(&Settings::default(), "just kys"), Judgement::Refused);
        let settings = Settings { block_severe: false, ..Settings::default() };
        assert!(matches!(judge(&settings, "just kys"), Judgement::Starred(_)));
    }

    #[test]
    fn the_operators_words_are_starred_or_refused() {
        let settings = Settings {
            words_starred: vec!["botgold".into()],
            words_blocked: vec!["Spamsite".into()],
            ..Settings::default()
        };
        assert_eq!(judge(&settings, "cheap botgold here"), starred("cheap ******* here"));
        assert_eq!(judge(&settings, "visit spamsite now"), Judgement::Refused);
        assert_eq!(judge(&settings, "cheap botgold, shit"), starred("cheap *******, ****"));
        assert_eq!(judge(&settings, "cheap gold here"), Judgement::Clean);
        let alone = Settings { profanity: Strictness::Off, ..settings };
        assert_eq!(judge(&alone, "botgold shit"), starred("******* shit"));
    }

    #[test]
    fn whatever_comes_the_answer_is_a_line() {
        let words = Profanity::new(&Settings { profanity: Strictness::Mild, ..Settings::default() });
        let heap =
            ["shit\u{958}".repeat(51), "\u{202e}fuck\u{0301}\u{fdfa}".repeat(36), "🖕".repeat(256), "*".repeat(256)];
        for text in heap {
            if let Judgement::Starred(text) = words.judge(&text) {
                assert!((1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control), "{text}");
            }
        }
    }
}
