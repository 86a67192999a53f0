//! What `/help` shows, and how a command is to be written.

use realm_plugin_host::bindings::commands::{Argument, Command};

use super::{OWN_COMMANDS, OwnCommand, book::Book};

pub(super) fn explain(book: &Book, name: Option<&str>) -> Option<Vec<String>> {
    let own_line = |own: &OwnCommand| {
        let space = if own.arguments.is_empty() { "" } else { " " };
        format!("/{}{space}{}: {}", own.name, own.arguments, own.help)
    };
    let Some(name) = name else {
        let of_plugins = book.entries.iter().map(|entry| summary(&entry.command));
        return Some(OWN_COMMANDS.iter().map(own_line).chain(of_plugins).collect());
    };
    if let Some(own) = OWN_COMMANDS.iter().find(|own| own.name == name) {
        return Some(vec![own_line(own)]);
    }
    let command = &book.find(name)?.command;
    let argument = |argument: &Argument| format!("{}: {}", argument.name, argument.help);
    Some(std::iter::once(summary(command)).chain(command.arguments.iter().map(argument)).collect())
}

fn summary(command: &Command) -> String {
    format!("{}: {}", usage(command), command.help)
}

/// The command as it is to be written: `/roll <sides> [why]`.
pub(super) fn usage(command: &Command) -> String {
    let mut text = format!("/{}", command.name);
    for argument in &command.arguments {
        let (open, close) = if argument.required { ('<', '>') } else { ('[', ']') };
        text.extend([' ', open]);
        text.push_str(&argument.name);
        text.push(close);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::commands::{book::Entry, testing::command};
    use realm_plugin_host::bindings::commands::ArgumentKind;

    #[test]
    fn the_help_names_arguments() {
        let mut book = Book::default();
        let gift = command(&[("who", ArgumentKind::Player, true)]);
        book.entries.push(Entry { installation: 1, command: gift });
        let all = explain(&book, None).unwrap();
        assert_eq!(all.len(), OWN_COMMANDS.len() + 1);
        assert_eq!(all.last().unwrap(), "/gift <who>: Gives.");
        assert_eq!(explain(&book, Some("gift")).unwrap(), ["/gift <who>: Gives.", "who: What it is."]);
        assert_eq!(explain(&book, Some("nothing")), None);
    }
}
