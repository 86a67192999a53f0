//! Slash commands of plugins: who has which, how a line becomes arguments, and what comes of it.

use std::{collections::HashSet, sync::Arc};

use realm_plugin_host::{
    Hook, Instance,
    bindings::commands::{Argument, ArgumentKind, Caller, Command, CommandError},
};

use super::{
    ChatLine, ChatVerdict, Hooks, PATIENT_TIMEOUT, Unasked, Unjudged, chat_filter,
    effects::{self, PluginActs},
    figures::Function,
    general,
    lane::{Lane, NoAnswer},
    tape::Question,
};
use crate::types::{AccountId, AccountName, CharacterId, ChatText};

pub use realm_plugin_host::bindings::commands::Role;

/// A command of the realm's own.
#[derive(Debug, Clone, Copy)]
pub struct OwnCommand {
    /// What follows the slash.
    pub name: &'static str,
    /// Its arguments, as the help shows them.
    pub arguments: &'static str,
    /// One line.
    pub help: &'static str,
}

/// The commands of the realm's own; no plugin is given one of these names.
pub const OWN_COMMANDS: [OwnCommand; 4] = [
    OwnCommand { name: "help", arguments: "[command]", help: "Lists the commands, or explains one." },
    OwnCommand { name: "join", arguments: "<channel>", help: "Enters a channel." },
    OwnCommand { name: "leave", arguments: "", help: "Leaves the channel." },
    OwnCommand { name: "whisper", arguments: "<player> <text>", help: "Says a line to one player." },
];

/// How far a name may be from one that exists to be taken for a slip, in letters.
const SLIP_MAX: usize = 2;

/// Finds the name of an account that is online by what a player wrote. Called on the plugin thread; must not wait.
pub type FindOnline = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A command as a player wrote it.
#[derive(Clone)]
pub struct CommandCall {
    /// Who calls.
    pub account: AccountId,
    /// The caller's name.
    pub account_name: AccountName,
    /// What the caller may do in the realm.
    pub role: Role,
    /// The selected character.
    pub character: Option<CharacterId>,
    /// When it arrived, in milliseconds since 1970.
    pub now_ms: i64,
    /// What follows the slash, in small letters.
    pub name: String,
    /// What follows the name.
    pub tail: String,
    /// Who is online.
    pub online: FindOnline,
}

/// Why a command did nothing; the texts are for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandRefused {
    /// Nobody has a command of this name.
    Unknown {
        /// The name that may have been meant.
        nearest: Option<String>,
    },
    /// It was written wrongly.
    Usage(String),
    /// The plugin, or the chat filter, says no.
    Refused(String),
    /// The chat filter could not judge what was written.
    Unjudged(Unjudged),
    /// The plugin could not do it, in its own words.
    Other(String),
    /// The plugin has failed.
    Failed,
    /// The plugin thread has too much to do, or the plugin is being started again.
    Busy,
}

/// A command and who has it.
struct Entry {
    installation: u64,
    command: Command,
}

/// The commands of the plugins on the general lane.
#[derive(Default)]
pub(super) struct Book {
    entries: Vec<Entry>,
    /// Names that were not given, by installation: said once.
    told: HashSet<(u64, String)>,
}

impl Book {
    /// Asks every plugin for its commands; who cannot say now keeps those that it had.
    pub(super) fn refresh(lane: &mut Lane) {
        let mut before = std::mem::take(&mut lane.book.entries);
        let mut entries: Vec<Entry> = Vec::new();
        let mut installations = HashSet::new();
        for place in lane.answering(Hook::Commands) {
            let installation = lane.installed(place).id;
            installations.insert(installation);
            let listed = lane.call(place, Function::ListCommands, || Question::ListCommands, Instance::list_commands).0;
            let commands = listed.unwrap_or_else(|| {
                let kept = before.extract_if(.., |entry| entry.installation == installation);
                kept.map(|entry| entry.command).collect()
            });
            for command in commands {
                let own = OWN_COMMANDS.iter().any(|own| own.name == command.name);
                let taken = own.then(|| "the realm".to_owned()).or_else(|| {
                    let entry = entries.iter().find(|entry| entry.command.name == command.name)?;
                    let owner = lane.answering(Hook::Commands).find(|at| lane.installed(*at).id == entry.installation);
                    Some(owner.map_or_else(String::new, |at| format!("plugin {}", lane.label(at))))
                });
                match taken {
                    None => entries.push(Entry { installation, command }),
                    Some(owner) => {
                        if lane.book.told.insert((installation, command.name.clone())) {
                            let label = lane.label(place);
                            tracing::warn!("plugin {label} is not given the command /{}: {owner} has it", command.name);
                        }
                    }
                }
            }
        }
        lane.book.told.retain(|(installation, _)| installations.contains(installation));
        lane.book.entries = entries;
    }

    fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.command.name == name)
    }

    fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.entries.iter().map(|entry| entry.command.name.as_str()))
    }
}

/// The name that may have been meant, of the realm's own and these.
fn nearest<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> Option<String> {
    let names = OWN_COMMANDS.iter().map(|own| own.name).chain(others);
    let near = names.map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    near.filter(|(slips, known)| *slips <= SLIP_MAX && *slips < known.len()).map(|(_, known)| known.to_owned())
}

impl Hooks {
    /// Runs a plugin's command; what comes of it is to be carried out by the caller of this.
    ///
    /// # Errors
    /// Why it did nothing.
    pub async fn run_command(&self, call: CommandCall) -> Result<PluginActs, CommandRefused> {
        let name = call.name.clone();
        match self.ask_within(PATIENT_TIMEOUT, Hook::Commands, move |lane| run(lane, call)).await {
            Ok(outcome) => outcome,
            Err(Unasked::Nobody) => Err(CommandRefused::Unknown { nearest: nearest(&name, std::iter::empty()) }),
            Err(Unasked::Busy) => Err(CommandRefused::Busy),
            Err(Unasked::Failed) => Err(CommandRefused::Failed),
        }
    }

    /// What `/help` shows: all commands in a line each, or one with its arguments; `None` when there is no such command.
    pub async fn explain_commands(&self, name: Option<String>) -> Option<Vec<String>> {
        let asked = name.clone();
        match self.ask_within(PATIENT_TIMEOUT, Hook::Commands, move |lane| explain(&lane.book, asked.as_deref())).await
        {
            Ok(lines) => lines,
            Err(_) => explain(&Book::default(), name.as_deref()),
        }
    }
}

fn explain(book: &Book, name: Option<&str>) -> Option<Vec<String>> {
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
fn usage(command: &Command) -> String {
    let mut text = format!("/{}", command.name);
    for argument in &command.arguments {
        let (open, close) = if argument.required { ('<', '>') } else { ('[', ']') };
        text.extend([' ', open]);
        text.push_str(&argument.name);
        text.push(close);
    }
    text
}

/// What a player has written in words of their own is judged by the chat filter, as a line of theirs, before the plugin sees it:
/// else a command that repeats it would lead past the filter.
fn run(lane: &mut Lane, mut call: CommandCall) -> Result<PluginActs, CommandRefused> {
    let Some(entry) = lane.book.find(&call.name) else {
        return Err(CommandRefused::Unknown { nearest: lane.book.nearest(&call.name) });
    };
    let (installation, command) = (entry.installation, entry.command.clone());
    parse(&command, &call.tail, &call.online)?;
    let words =
        command.arguments.iter().any(|argument| matches!(argument.kind, ArgumentKind::Text | ArgumentKind::Rest));
    if let (true, Ok(text)) = (words, ChatText::new(&call.tail)) {
        let line = ChatLine {
            account: call.account,
            account_name: call.account_name.clone(),
            destination: chat_filter::Destination::Channel,
            target: format!("/{}", call.name),
            text,
            now_ms: call.now_ms,
        };
        match general::filter_chat(lane, line) {
            ChatVerdict::Approved(text) => text.as_str().clone_into(&mut call.tail),
            ChatVerdict::Blocked(sentence) => return Err(CommandRefused::Refused(sentence)),
            ChatVerdict::Unjudged(why) => return Err(CommandRefused::Unjudged(why)),
        }
    }
    let arguments = parse(&command, &call.tail, &call.online)?;
    let caller = Caller {
        account: call.account.raw(),
        account_name: call.account_name.to_string(),
        role: call.role,
        character: call.character.map(CharacterId::raw),
        now_ms: u64::try_from(call.now_ms).unwrap_or(0),
    };
    let place = lane.answering(Hook::Commands).find(|place| lane.installed(*place).id == installation);
    let place = place.ok_or(CommandRefused::Busy)?;
    let question = || Question::RunCommand(caller.clone(), call.name.clone(), arguments.clone());
    let answer = lane
        .try_call(place, Function::Run, question, |instance| instance.run_command(&caller, &call.name, &arguments))
        .0;
    match answer {
        Ok(Ok(effects)) => Ok(effects::acts(&lane.installed(place).plugin.manifest().name, effects)),
        Ok(Err(CommandError::Usage(text))) => Err(CommandRefused::Usage(text)),
        Ok(Err(CommandError::Refused(text))) => Err(CommandRefused::Refused(text)),
        Ok(Err(CommandError::Other(text))) => Err(CommandRefused::Other(text)),
        Err(NoAnswer::Away) => Err(CommandRefused::Busy),
        Err(NoAnswer::Failed | NoAnswer::Died) => Err(CommandRefused::Failed),
    }
}

/// The arguments in their order, as the command wants them.
fn parse(command: &Command, tail: &str, online: &FindOnline) -> Result<Vec<String>, CommandRefused> {
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
    use super::*;

    fn command(arguments: &[(&str, ArgumentKind, bool)]) -> Command {
        let argument = |&(name, kind, required): &(&str, ArgumentKind, bool)| Argument {
            name: name.to_owned(),
            kind,
            required,
            help: "What it is.".to_owned(),
        };
        Command {
            name: "gift".to_owned(),
            help: "Gives.".to_owned(),
            arguments: arguments.iter().map(argument).collect(),
        }
    }

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

    #[test]
    fn a_slip_is_recognised() {
        assert_eq!(nearest("hlep", std::iter::empty()).as_deref(), Some("help"));
        assert_eq!(nearest("rol", ["roll", "trade"].into_iter()).as_deref(), Some("roll"));
        assert_eq!(nearest("zzzzzz", ["roll"].into_iter()), None);
    }

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
