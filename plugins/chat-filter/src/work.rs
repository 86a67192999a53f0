//! How much work a line makes for the word lists, told beforehand.
//!
//! The lists read a sign as any of several letters, or as none, and follow every reading at once: a row of signs makes each
//! of them several times as many, until tens of thousands are carried from letter to letter. The estimate follows the same
//! growth with one number, so that a line can be judged in another way before it has cost anything.

use rustrict::Replacements;

/// The most work that a line may make: the slowest line that was bred within it takes some seventy times as long as ordinary ones,
/// four milliseconds natively.
pub const WORK_MAX: f64 = 1_500.0;

/// What the lists have to do for this text, in readings carried from one letter to the next.
#[must_use]
pub fn of(text: &str) -> f64 {
    let (mut readings, mut work, mut last) = (0.0, 0.0, None);
    for letter in text.chars() {
        readings = (1.0 + readings) * growth(letter, last);
        work += 1.0 + readings;
        last = Some(letter);
    }
    work
}

/// How many readings go on after this letter for each that came to it. Measured with lines that were bred to be slow.
fn growth(letter: char, last: Option<char>) -> f64 {
    let growth: f64 = match letter.to_ascii_lowercase() {
        // A space may be left out, and is rarely part of a word.
        letter if letter.is_whitespace() => 1.0,
        // Read as any of four letters.
        'x' => 1.2,
        'c' | 'i' | 'j' | 'k' | 'l' | 'u' | 'v' | 'z' => 0.6,
        'a'..='z' => 0.25,
        letter if letter.is_alphabetic() => 0.6,
        _ => 1.4,
    };
    // Letters may be repeated within a word.
    if last == Some(letter) { growth.max(0.9) } else { growth }
}

/// The letters of a text, as they are, with one space in place of whatever is between them.
#[must_use]
pub fn letters(text: &str) -> String {
    plain(text, |_| None)
}

/// The same with the usual letter for each sign that stands for one.
#[must_use]
pub fn signs_as_letters(text: &str) -> String {
    plain(text, |sign| {
        Some(match sign {
            '0' => 'o',
            '1' | '!' | '|' => 'i',
            '3' | '€' => 'e',
            '4' | '@' => 'a',
            '5' | '$' => 's',
            '7' | '+' => 't',
            '8' => 'b',
            '9' => 'g',
            '(' | '¢' => 'c',
            _ => return None,
        })
    })
}

fn plain(text: &str, letter_of: impl Fn(char) -> Option<char>) -> String {
    let mut plain = String::with_capacity(text.len());
    for sign in text.chars() {
        match Some(sign).filter(|sign| sign.is_alphabetic()).or_else(|| letter_of(sign)) {
            Some(letter) => plain.extend(letter.to_lowercase()),
            None if plain.ends_with(' ') => {}
            None => plain.push(' '),
        }
    }
    plain
}

/// Replacements for plain text, in which every letter is itself.
#[must_use]
pub fn every_letter_itself() -> &'static Replacements {
    static NONE: std::sync::LazyLock<Replacements> = std::sync::LazyLock::new(Replacements::new);
    &NONE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_little_work() {
        for text in [
            "anyone up for a run through the cellar tonight? bring potions and a friend ".repeat(4),
            "LFG hell 3/8 lvl 80+, need sorc & pala (no noobs)".into(),
            "trade: 2x ring +1 all, 3x amu @30%ias / 20fcr - pm offer".into(),
            "wp gg <3 :) :) 50% off http://example.org/abc/def-12345?x=1".into(),
            "f . u . c . k, 5#!7, $h!7".into(),
            "привет, как дела? куда идём".into(),
            "a b c d e f g h i j k l m n o p".into(),
        ] {
            assert!(of(&text) < WORK_MAX, "{} {text}", of(&text));
        }
    }

    #[test]
    fn rows_of_signs_are_more_work_than_may_be() {
        for row in ["*(9*", "9|", "6*(", "{,3*5,*.", "x*", "(*^9*^97*8]"] {
            assert!(of(&row.repeat(20)) > WORK_MAX, "{row}");
        }
    }

    #[test]
    fn plain_text_has_letters_and_single_spaces() {
        assert_eq!(letters("F*9*u -- c\u{301}k!"), "f u c k ");
        assert_eq!(signs_as_letters("5H1+ ##head"), "shit head");
    }
}
