//! Answers of `commands`.

use std::collections::HashSet;

use super::{check_count, check_sentence, nonsense};
use crate::{
    bindings::commands::{Argument, ArgumentKind, Command, CommandError},
    error::CallError,
};

/// Most commands of one plugin.
const COMMANDS_MAX: usize = 32;
/// Most arguments of one command.
const ARGUMENTS_MAX: usize = 8;
/// Longest name of a command or an argument.
const NAME_CHARACTERS_MAX: usize = 24;

pub(crate) fn check_refusal(refusal: &CommandError) -> Result<(), CallError> {
    let (CommandError::Usage(text) | CommandError::Refused(text) | CommandError::Other(text)) = refusal;
    check_sentence("the sentence", text)
}

pub(crate) fn check_commands(commands: &[Command]) -> Result<(), CallError> {
    check_count("commands", commands.len(), COMMANDS_MAX)?;
    let mut names = HashSet::new();
    for command in commands {
        check_name("command", &command.name)?;
        if !names.insert(&command.name) {
            return nonsense(format!("there are two commands `{}`", command.name));
        }
        check_sentence("the help of a command", &command.help)?;
        check_arguments(&command.name, &command.arguments)?;
    }
    Ok(())
}

fn check_arguments(command: &str, arguments: &[Argument]) -> Result<(), CallError> {
    check_count("arguments", arguments.len(), ARGUMENTS_MAX)?;
    let mut optional = false;
    for (index, argument) in arguments.iter().enumerate() {
        check_name("argument", &argument.name)?;
        check_sentence("the help of an argument", &argument.help)?;
        if argument.required && optional {
            let name = &argument.name;
            return nonsense(format!("`{command}`: the required argument `{name}` follows one that may be left out"));
        }
        optional |= !argument.required;
        if argument.kind == ArgumentKind::Rest && index + 1 < arguments.len() {
            return nonsense(format!("`{command}`: nothing can follow `{}`, which takes the rest", argument.name));
        }
    }
    Ok(())
}

fn check_name(what: &str, name: &str) -> Result<(), CallError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fine = name.len() <= NAME_CHARACTERS_MAX
        && name.bytes().all(plain)
        && name.starts_with(|first: char| first.is_ascii_lowercase());
    if fine {
        return Ok(());
    }
    let shown: String = name.chars().take(NAME_CHARACTERS_MAX).flat_map(char::escape_default).collect();
    nonsense(format!(
        "the name of the {what} `{shown}` must be 1 to {NAME_CHARACTERS_MAX} small letters, digits and hyphens, \
         beginning with a letter"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(name: &str, kind: ArgumentKind, required: bool) -> Argument {
        Argument { name: name.to_owned(), kind, required, help: "What it is.".to_owned() }
    }

    fn command(name: &str, arguments: Vec<Argument>) -> Command {
        Command { name: name.to_owned(), help: "Does it.".to_owned(), arguments }
    }

    #[test]
    fn commands_are_held_to_their_limits() {
        let sides = argument("sides", ArgumentKind::Number, true);
        let why = argument("why", ArgumentKind::Rest, false);
        assert!(check_commands(&[command("roll", vec![sides.clone(), why.clone()])]).is_ok());
        assert!(check_commands(&[command("roll", vec![why.clone(), sides.clone()])]).is_err());
        let last = argument("last", ArgumentKind::Text, false);
        assert!(check_commands(&[command("roll", vec![why, last])]).is_err());
        assert!(check_commands(&[command("roll", vec![sides; 9])]).is_err());
        assert!(check_commands(&[command("a", vec![]), command("a", vec![])]).is_err());
        for name in ["", "Roll", "ro ll", "1", &"x".repeat(25)] {
            assert!(check_commands(&[command(name, vec![])]).is_err(), "{name}");
        }
        assert!(check_refusal(&CommandError::Usage(String::new())).is_err());
    }
}
