//! Words that are starred out, and words that stop a line.

use rustrict::{Censor, Trie, Type};

use crate::{
    rule::{Settings, Strictness},
    work,
};

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

    /// Judges one line, with a bounded amount of work whatever it says.
    #[must_use]
    pub fn judge(&self, text: &str) -> Judgement {
        if work::of(text) <= work::WORK_MAX { self.judge_closely(text) } else { self.judge_in_parts(text) }
    }

    /// Judges a line that is too much work as a whole: its words closely, least work first, as far as they may; what is left
    /// over, and the line as a whole, by their letters.
    fn judge_in_parts(&self, text: &str) -> Judgement {
        let mut parts: Vec<(f64, &str, Judgement)> =
            text.split_inclusive(char::is_whitespace).map(|part| (work::of(part), part, Judgement::Clean)).collect();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        order.sort_by(|one, other| parts[*one].0.total_cmp(&parts[*other].0));
        let mut left = work::WORK_MAX;
        for place in order {
            let (work, part, judgement) = &mut parts[place];
            *judgement = if *work <= left {
                left -= *work;
                self.judge_closely(part)
            } else {
                self.judge_by_letters(part)
            };
            if *judgement == Judgement::Refused {
                return Judgement::Refused;
            }
        }
        let mut starred = String::with_capacity(text.len());
        for (_, part, judgement) in &parts {
            starred.push_str(if let Judgement::Starred(stars) = judgement { stars } else { part });
        }
        // A word in pieces between all the signs: nobody needs to be shown where.
        if self.judge_plain(&work::letters(&starred)) != Judgement::Clean {
            return Judgement::Refused;
        }
        if starred == text { Judgement::Clean } else { Judgement::Starred(starred) }
    }

    /// Judges a word with more signs than can be read in every way: it goes out whole or starred out whole.
    fn judge_by_letters(&self, part: &str) -> Judgement {
        let mut readings = vec![work::letters(part)];
        // Numbers are just numbers.
        if part.chars().any(char::is_alphabetic) {
            readings.push(work::signs_as_letters(part));
        }
        for reading in readings {
            match self.judge_plain(&reading) {
                Judgement::Clean => {}
                Judgement::Refused => return Judgement::Refused,
                Judgement::Starred(_) => {
                    let starred = part.chars().map(|letter| if letter.is_whitespace() { letter } else { '*' });
                    return Judgement::Starred(starred.collect());
                }
            }
        }
        Judgement::Clean
    }

    /// Judges text in which every letter is only itself.
    fn judge_plain(&self, text: &str) -> Judgement {
        let own = self.own.map_or(Judgement::Clean, |words| {
            let mut censor = Censor::from_str(text);
            judge_by(censor.with_replacements(work::every_letter_itself()).with_trie(words), OWN_STARRED, OWN_BLOCKED)
        });
        if own == Judgement::Refused || self.threshold == Type::NONE {
            return own;
        }
        let mut censor = Censor::from_str(text);
        match judge_by(censor.with_replacements(work::every_letter_itself()), self.threshold, self.refused) {
            Judgement::Clean => own,
            judgement => judgement,
        }
    }

    /// Judges a text in every reading that the word lists know.
    fn judge_closely(&self, text: &str) -> Judgement {
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
    fn rows_of_signs_hide_no_word() {
        let words = Profanity::new(&Settings { words_starred: vec!["botgold".into()], ..Settings::default() });
        let row = "*(9*".repeat(20);
        assert_eq!(words.judge(&format!("{row} fuck you")), Judgement::Starred(format!("{row} **** you")));
        assert_eq!(words.judge(&format!("{row} $h!7 botgold")), Judgement::Starred(format!("{row} **** *******")));
        assert_eq!(words.judge(&format!("sh*t {row} sh1t")), Judgement::Starred(format!("**** {row} ****")));
        assert_eq!(words.judge(&format!("{row}fuck{row} you")), Judgement::Starred(format!("{} you", "*".repeat(164))));
        assert_eq!(words.judge(&format!("{row}5h17")), Judgement::Starred("*".repeat(84)));
        assert_eq!(words.judge(&format!("{row} just kys")), Judgement::Refused);
        let disguised = words.judge(&"(9f(9u(9c(9k(9 ".repeat(6));
        assert!(!matches!(&disguised, Judgement::Starred(shown) if shown.contains('u')), "{disguised:?}");
        assert_ne!(disguised, Judgement::Clean);
        assert_eq!(words.judge(&format!("f{row} u{row} c{row} k")), Judgement::Refused);
    }

    #[test]
    fn no_line_takes_much_longer_than_an_ordinary_one() {
        let own = Settings { words_blocked: vec!["botgold".into(), "oiaeuoiaeu".into()], ..Settings::default() };
        let words = Profanity::new(&own);
        // The shortest of several runs: what a busy machine adds is not the line's fault.
        let time = |text: &str| {
            let run = |_| {
                let started = std::time::Instant::now();
                let _ = std::hint::black_box(words.judge(std::hint::black_box(text)));
                started.elapsed()
            };
            (0..5).map(run).min().unwrap()
        };
        let ordinary = time(&"anyone up for a run through the cellar tonight? bring a potion ".repeat(4));
        for text in nasty_lines() {
            let ratio = time(&text).as_secs_f64() / ordinary.as_secs_f64();
            // Before the work was bounded this was a thousand and more.
            assert!(ratio < 300.0, "{ratio:.0} times an ordinary line: {text}");
        }
    }

    /// Lines bred to be slow, and rows of everything that may be read in several ways.
    fn nasty_lines() -> Vec<String> {
        let patterns = [
            "*(9*",
            "9|",
            "{,3*5,*.",
            "(*^9*^97*8]",
            "6*(9|",
            "22*229*",
            "*8*1276*9",
            "$#!8",
            "{(3*5##}9",
            "x",
            "xxz",
            "vlxvlx",
            "IxZq",
            "9|*x9|*x",
            "e*9e9[",
            "x*|8 ",
            "9* ",
            "a*(",
            "* ",
            "шx*",
            "│*║(",
            "𝓯𝓾*(",
        ];
        let full = |text: String| text.chars().take(256).collect::<String>();
        let mut lines: Vec<String> = patterns.iter().map(|row| full(row.repeat(256))).collect();
        lines.extend(patterns.iter().map(|row| full(format!("ass{}", row.repeat(256)))));
        // Words that are each just below the limit, and words that are each just above it.
        for length in [6, 8, 10, 11, 12, 13, 14, 16, 20, 24] {
            for row in patterns {
                let word: String = row.chars().cycle().take(length).collect();
                lines.push(full(format!("{word} ").repeat(256)));
                lines.push(full(format!("{word}ee").repeat(256)));
            }
        }
        lines
    }

    #[test]
    fn rows_of_signs_alone_go_out() {
        let words = Profanity::new(&Settings::default());
        for text in [
            "=".repeat(256),
            "*".repeat(256),
            "1234567890".repeat(25),
            "<(^_^)> ".repeat(20) + "hello friends",
            "!".repeat(200) + " SALE " + &"!".repeat(50),
            "▀▄".repeat(100),
            "😀🎉".repeat(120),
            "w".repeat(256),
        ] {
            assert_eq!(words.judge(&text), Judgement::Clean, "{text}");
        }
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
