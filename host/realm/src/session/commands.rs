//! Lines that begin with a slash: commands of the realm and of its plugins. Only their caller sees them.

use std::sync::Arc;

use realm_protocol::proto;
use serde_json::{Value, json};

use super::{lobby::chat_text, player::Session, sentence};
use crate::{
    accounts::Role,
    audit::Who,
    chat::ChatError,
    hooks::{self, CommandCall, CommandRefused, FindOnline},
    types::{AccountName, ChannelName, Clock as _, Code, Refusal, SystemClock},
};

/// When a plugin that has no time is worth another try.
const BUSY_RETRY_MS: u64 = 1_000;

impl Session {
    /// Refuses who is muted.
    pub(super) fn may_talk(&self) -> Result<(), Refusal> {
        match self.shared.features.moderation.mute_in_force(self.identity.account) {
            None => Ok(()),
            Some(mute) => {
                let left_ms = u64::try_from(mute.until_ms - SystemClock.now_ms()).unwrap_or(1);
                Err(Refusal::retry(Code::Muted, mute.sentence(), left_ms))
            }
        }
    }

    /// Carries out a command; `line` is what follows the slash.
    pub(super) async fn command(&mut self, line: &str) -> Result<(), Refusal> {
        let (name, tail) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (name, tail) = (name.to_lowercase(), tail.trim());
        match name.as_str() {
            "help" => self.help(tail).await,
            "join" => {
                let channel = ChannelName::new(tail)
                    .map_err(|error| Refusal::new(Code::ChannelNameInvalid, sentence(&error.to_string())))?;
                self.seat.join(channel).await.map_err(Refusal::from)
            }
            "leave" => self.seat.leave().await.map_err(Refusal::from),
            "whisper" => {
                self.may_talk()?;
                let wrong = || Refusal::new(Code::CommandUsage, "Write /whisper <player> <text>.");
                let (recipient, text) = tail.split_once(char::is_whitespace).ok_or_else(wrong)?;
                let recipient = AccountName::new(recipient)
                    .map_err(|error| Refusal::new(Code::InvalidUsername, sentence(&error.to_string())))?;
                self.seat.whisper(recipient, chat_text(text.trim())?).await.map_err(Refusal::from)
            }
            _ => self.plugin_command(name, tail).await,
        }
    }

    async fn help(&self, about: &str) -> Result<(), Refusal> {
        let about = Some(about.trim_start_matches('/').to_lowercase()).filter(|about| !about.is_empty());
        let lines = self.shared.features.hooks.explain_commands(about.clone()).await;
        let lines = lines.ok_or_else(|| {
            let about = about.unwrap_or_default();
            Refusal::new(
                Code::CommandUnknown,
                format!("There is no command /{about}; /help lists those that there are."),
            )
        })?;
        let sent_ms = u64::try_from(SystemClock.now_ms()).unwrap_or(0);
        self.events.tell(proto::Notice { plugin: String::new(), lines, everybody: false, sent_ms, event: 0 });
        Ok(())
    }

    /// What staff order by a command stands in the audit log before it is done: the plugin is told their role.
    async fn note_command(&self, name: &str, tail: &str) -> Result<(), Refusal> {
        if !self.identity.role.is_staff() {
            return Ok(());
        }
        let audit = &self.shared.features.audit;
        let by = audit.by(Who::Account(self.identity.account), "");
        let deed = by.does("commands.run", "command", name);
        Ok(audit.note(deed.changing(Value::Null, json!({"arguments": tail}))).await?)
    }

    async fn plugin_command(&self, name: String, tail: &str) -> Result<(), Refusal> {
        // What a command makes public, it says for its caller.
        self.may_talk()?;
        let chat = self.home.chat.clone();
        let online: FindOnline = Arc::new(move |written| chat.online_name(written));
        let call = CommandCall {
            account: self.identity.account,
            account_name: self.identity.name.clone(),
            role: match self.identity.role {
                Role::Player => hooks::Role::Player,
                // Plugins know one kind of staff below the owner.
                Role::Moderator | Role::GameMaster | Role::Administrator => hooks::Role::Moderator,
                Role::Owner => hooks::Role::Owner,
            },
            character: self.selected.as_ref().map(|character| character.id),
            now_ms: SystemClock.now_ms(),
            name: name.clone(),
            tail: tail.to_owned(),
            online,
        };
        self.note_command(&name, tail).await?;
        match self.shared.features.hooks.run_command(call).await {
            Ok(acts) => {
                self.shared.carry_out(acts, std::slice::from_ref(&self.home)).await;
                Ok(())
            }
            Err(refused) => Err(refusal(&name, refused)),
        }
    }
}

fn refusal(name: &str, refused: CommandRefused) -> Refusal {
    match refused {
        CommandRefused::Unknown { nearest: Some(nearest) } => {
            let problem = format!("There is no command /{name}; did you mean /{nearest}?");
            Refusal::new(Code::CommandUnknown, problem)
        }
        CommandRefused::Unknown { nearest: None } => {
            let problem = format!("There is no command /{name}; /help lists those that there are.");
            Refusal::new(Code::CommandUnknown, problem)
        }
        CommandRefused::Usage(text) => Refusal::new(Code::CommandUsage, text),
        CommandRefused::Refused(text) => Refusal::new(Code::CommandRefused, text),
        CommandRefused::Unjudged(why) => ChatError::Unjudged(why).into(),
        CommandRefused::Other(text) => Refusal::new(Code::CommandFailed, text),
        CommandRefused::Failed => {
            Refusal::new(Code::CommandFailed, format!("The command /{name} did not work; the operator's log says why."))
        }
        CommandRefused::Busy => {
            let problem = format!("Nobody has time for /{name} at the moment; try again.");
            Refusal::retry(Code::CommandFailed, problem, BUSY_RETRY_MS)
        }
    }
}
