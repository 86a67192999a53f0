//! How what a player wrote becomes the arguments of a command.

use realm_plugin_host::bindings::commands::{ArgumentKind, Command};

use super::{CommandRefused, FindOnline, help::usage};

/// The arguments in their order, as the command wants them.
pub(super) fn parse(command: &Command, tail: &str, online: &FindOnline) -> Result<Vec<String>, CommandRefused> {
    let wrong = |what: String| CommandRefused::Usage(format!("{what} Write {}.", usage(command)));
    let mut left = tail.trim();
    let mut arguments = Vec::new();
    for argument in &command.arguments {
        if left.is_empty() {
            if argument.required {
                return Err(wrong(format!("The argument {} is missing.", argument.name)));
            }
            break;
        }
        let (word, after) = match argument.kind {
            ArgumentKind::Rest => (left, ""),
            _ => left.split_once(char::is_whitespace).unwrap_or((left, "")),
        };
        left = after.trim_start();
        arguments.push(match argument.kind {
            ArgumentKind::Text | ArgumentKind::Rest => word.to_owned(),
            ArgumentKind::Number => match word.parse::<i64>() {
                Ok(number) => number.to_string(),
                Err(_) => return Err(wrong(format!("{} is a whole number.", argument.name))),
            },
            ArgumentKind::Player => match online(word) {
                Some(name) => name,
                None => return Err(wrong(format!("No player of the name {word} is online."))),
            },
        });
    }
    if !left.is_empty() {
        return Err(wrong("That is more than the command takes.".to_owned()));
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::hooks::commands::testing::command;

    fn online() -> FindOnline {
        Arc::new(|word| word.eq_ignore_ascii_case("ann").then(|| "Ann".to_owned()))
    }

    #[test]
    fn lines_become_arguments() {
        let gift = command(&[
            ("who", ArgumentKind::Player, true),
            ("count", ArgumentKind::Number, true),
            ("why", ArgumentKind::Rest, false),
        ]);
        let parse = |tail| parse(&gift, tail, &online());
        assert_eq!(parse("ANN  7   for a  song ").unwrap(), ["Ann", "7", "for a  song"]);
        assert_eq!(parse("ann -7").unwrap(), ["Ann", "-7"]);
        for (tail, expected) in [
            ("ann", "count is missing"),
            ("ann seven", "count is a whole number"),
            ("bob 7", "bob is online"),
            ("", "who is missing"),
        ] {
            let Err(CommandRefused::Usage(sentence)) = parse(tail) else { panic!("{tail} is taken") };
            assert!(
                sentence.contains(expected) && sentence.ends_with("Write /gift <who> <count> [why]."),
                "{sentence}"
            );
        }
        let one = command(&[("word", ArgumentKind::Text, false)]);
        assert_eq!(super::parse(&one, "", &online()).unwrap(), Vec::<String>::new());
        assert!(super::parse(&one, "two words", &online()).is_err());
    }
}
