//! Chat: channels, whispers.
//!
//! A channel is owned by its task. Text reaches the fan-out only as `ApprovedText`. Does not know games.

mod channel;
mod directory;
mod person;
mod seat;

use std::sync::Arc;

use realm_protocol::proto;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::{channel::Command, directory::Directory, person::Person};
use crate::{
    hooks::{ApprovedText, Hooks, Unjudged},
    types::{AccountId, AccountName, ChannelName, CharacterName, Clock, Code, EventStream, Refusal},
};

pub use self::seat::ChatSeat;

/// `[chat]`: channels and their limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most members of a channel.
    #[schemars(range(min = 1, max = 10_000))]
    pub members_max: usize,
    /// Most channels at once, of each realm.
    #[schemars(range(min = 1, max = 100_000))]
    pub channels_max: usize,
    /// Lines and changes that may wait for a channel; more are refused with RATE_LIMITED.
    #[schemars(range(min = 1, max = 10_000))]
    pub mailbox_max: usize,
    /// Channels that always exist, in each realm, and are shown in lists.
    pub channels: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            members_max: 200,
            channels_max: 1_000,
            mailbox_max: 256,
            channels: vec!["Lobby".to_owned(), "Trade".to_owned()],
        }
    }
}

impl Config {
    /// Checks what a person wrote.
    ///
    /// # Errors
    /// When a permanent channel has an illegal name, or there are more of them than `channels_max`; the text names the key.
    pub fn check(&self) -> Result<(), String> {
        for name in &self.channels {
            ChannelName::new(name).map_err(|error| format!("[chat] channels: \"{name}\": {error}"))?;
        }
        let (permanent, channels_max) = (self.channels.len(), self.channels_max);
        if permanent > channels_max {
            let problem = "is less than the number of permanent channels";
            return Err(format!("[chat] channels_max = {channels_max} {problem} ({permanent}); raise it"));
        }
        Ok(())
    }
}

/// Somebody who chats.
#[derive(Debug, Clone)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub account_name: AccountName,
    /// The selected character.
    pub character: Option<CharacterName>,
    /// Where events for it go.
    pub events: EventStream,
}

/// A channel in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSummary {
    /// Its name as it was first typed.
    pub name: String,
    /// How many are in it.
    pub members: usize,
}

/// Why a chat verb was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// No channel was joined.
    #[error("join a channel first")]
    NoChannel,
    /// The channel has as many members as it may have.
    #[error("the channel is full; choose another")]
    ChannelFull,
    /// There are as many channels as there may be.
    #[error("this realm has as many channels as it may have; choose one that exists")]
    TooManyChannels,
    /// More lines wait than the channel takes.
    #[error("the channel is busy; wait a moment")]
    Busy,
    /// The filter blocked the line; the sentence is the rule's.
    #[error("{0}")]
    Blocked(String),
    /// The filter could not judge the line, and nothing goes out unjudged.
    #[error("the line could not be judged")]
    Unjudged(Unjudged),
    /// The recipient of a whisper is not online.
    #[error("{0} is not online")]
    Offline(String),
}

/// When a channel whose mailbox was full is worth another try.
const BUSY_RETRY_MS: u64 = 1_000;

impl From<ChatError> for Refusal {
    fn from(error: ChatError) -> Self {
        match error {
            ChatError::NoChannel => Self::new(Code::ChannelNone, "You are in no channel; join a channel first."),
            ChatError::ChannelFull => Self::new(Code::ChannelFull, "The channel is full; choose another."),
            ChatError::TooManyChannels => Self::new(
                Code::ChannelUnknown,
                "There is no such channel, and this realm has as many as it may have; choose one that exists.",
            ),
            ChatError::Busy => {
                Self::retry(Code::RateLimited, "The channel is busy; wait a moment and say it again.", BUSY_RETRY_MS)
            }
            ChatError::Blocked(sentence) => Self::new(Code::ChatBlocked, sentence),
            ChatError::Unjudged(Unjudged::Line) => {
                Self::new(Code::ChatRefused, "The chat rule could not judge this line; write it differently.")
            }
            ChatError::Unjudged(Unjudged::Away) => Self::retry(
                Code::ChatRefused,
                "The chat rule is being started again; say it again in a moment.",
                BUSY_RETRY_MS,
            ),
            ChatError::Unjudged(Unjudged::Strikes { wait }) => {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let sentence = format!(
                    "Several of your lines could not be judged; slow down, and say it again in {} s.",
                    wait_ms.div_ceil(1_000),
                );
                Self::retry(Code::ChatRefused, sentence, wait_ms)
            }
            ChatError::Offline(name) => {
                Self::new(Code::WhisperOffline, format!("{name} is not online; try again when they are."))
            }
        }
    }
}

/// Chat of one realm; cheap to clone. Channels are the realm's; whispers reach everybody on the server.
#[derive(Clone)]
pub struct Chat {
    directory: Arc<Directory>,
}

impl Chat {
    /// Most channels in a list.
    pub const LIST_MAX: usize = 200;

    /// Starts chat with its permanent channels. Needs a running tokio runtime; channels end with the last handle and seat.
    /// A permanent channel that [`Config::check`] would refuse is left out and logged.
    #[must_use]
    pub fn start(config: Config, hooks: Hooks, clock: Arc<dyn Clock>) -> Self {
        Self { directory: Directory::start(Arc::default(), config, hooks, clock) }
    }

    /// Chat of another realm of the same server: channels of its own, and the same people online. Needs a running tokio runtime.
    #[must_use]
    pub fn beside(&self) -> Self {
        let Directory { people, config, hooks, clock, .. } = &*self.directory;
        let (people, clock) = (Arc::clone(people), Arc::clone(clock));
        Self { directory: Directory::start(people, config.clone(), hooks.clone(), clock) }
    }

    /// Somebody came online; replaces an older seat of the same account.
    #[must_use]
    pub fn connect(&self, member: Member) -> ChatSeat {
        let person = Arc::new(Person::new(member));
        self.directory.people.come_online(&person);
        ChatSeat::new(Arc::clone(&self.directory), person)
    }

    /// The channels that exist, largest first; at most [`Self::LIST_MAX`].
    pub async fn channels(&self) -> Vec<ChannelSummary> {
        let mut channels = self.directory.summaries();
        channels.sort_by(|a, b| b.members.cmp(&a.members).then_with(|| a.name.cmp(&b.name)));
        channels.truncate(Self::LIST_MAX);
        channels
    }

    /// Resolves when every channel has sent out what it was given before.
    pub async fn settle(&self) {
        for mailbox in self.directory.mailboxes() {
            let (answer, settled) = tokio::sync::oneshot::channel();
            // A channel that has ended has nothing left to send.
            if mailbox.send(Command::History { answer }).await.is_ok() {
                let _ = settled.await;
            }
        }
    }

    /// Says a plugin's line in a channel, under the plugin's name. False when there is no such channel, or it is too busy.
    #[must_use]
    pub fn say_as_plugin(&self, plugin: &str, channel: &str, text: &ApprovedText) -> bool {
        let mailbox = ChannelName::new(channel).ok().and_then(|channel| self.directory.find(&channel));
        let command = || Command::PluginSay { plugin: plugin.to_owned(), text: text.clone() };
        mailbox.is_some_and(|mailbox| mailbox.try_send(command()).is_ok())
    }

    /// The name of an account that is online, by any way of writing it.
    #[must_use]
    pub fn online_name(&self, written: &str) -> Option<String> {
        let name = AccountName::new(written).ok()?;
        self.directory.people.online(name.folded()).map(|person| person.name.to_string())
    }

    /// The last lines of a channel, oldest first; `None` when there is no such channel or it is too busy to say.
    pub async fn history(&self, channel: &ChannelName) -> Option<Vec<proto::ChatMessage>> {
        let mailbox = self.directory.find(channel)?;
        channel::ask(&mailbox, |answer| Command::History { answer }).await.ok()
    }
}

#[cfg(test)]
mod tests;
