//! Slash commands of plugins: who has which, how a line becomes arguments, and what comes of it.

mod arguments;
mod book;
mod help;

use std::sync::Arc;

use realm_plugin_host::{
    Hook,
    bindings::commands::{ArgumentKind, Caller, CommandError},
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

use self::{arguments::parse, book::nearest, help::explain};

pub(super) use self::book::Book;
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

#[cfg(test)]
mod testing {
    use realm_plugin_host::bindings::commands::{Argument, ArgumentKind, Command};

    pub(super) fn command(arguments: &[(&str, ArgumentKind, bool)]) -> Command {
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
}
