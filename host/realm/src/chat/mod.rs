//! Chat: channels, whispers.
//!
//! A channel is owned by its task. Text reaches the fan-out only as `ApprovedText`. Does not know games.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    hooks::Hooks,
    types::{AccountId, AccountName, ChannelName, CharacterName, ChatText, EventStream, Refusal},
};

/// `[chat]`: channels and their limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most members of a channel.
    pub members_max: usize,
    /// Most channels at once.
    pub channels_max: usize,
    /// Lines and changes that may wait for a channel; more are refused with RATE_LIMITED.
    pub mailbox_max: usize,
    /// Channels that always exist and are shown in lists.
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
    /// The recipient of a whisper is not online.
    #[error("{0} is not online")]
    Offline(String),
}

impl From<ChatError> for Refusal {
    fn from(error: ChatError) -> Self {
        let _ = error;
        unimplemented!()
    }
}

/// Chat of the realm; cheap to clone.
#[derive(Clone)]
pub struct Chat {}

/// One connected member: can be whispered to, and is in at most one channel. Dropping it leaves.
pub struct ChatSeat {}

impl Chat {
    /// Starts chat with its permanent channels.
    #[must_use]
    pub fn start(config: Config, hooks: Hooks, clock: std::sync::Arc<dyn crate::types::Clock>) -> Self {
        let _ = (config, hooks, clock);
        unimplemented!()
    }

    /// Somebody came online; replaces an older seat of the same account.
    #[must_use]
    pub fn connect(&self, member: Member) -> ChatSeat {
        let _ = member;
        unimplemented!()
    }

    /// The channels that exist, largest first; at most 200.
    pub async fn channels(&self) -> Vec<ChannelSummary> {
        unimplemented!()
    }
}

impl ChatSeat {
    /// Leaves the current channel and enters another, which is made if need be. `channel_users` and `user_joined` go out as events.
    pub async fn join(&mut self, channel: ChannelName) -> Result<(), ChatError> {
        let _ = channel;
        unimplemented!()
    }

    /// Leaves the current channel; answers with `channel_left` as an event.
    pub async fn leave(&mut self) -> Result<(), ChatError> {
        unimplemented!()
    }

    /// Says a line in the current channel; resolves when it has gone out to the members, or was blocked.
    pub async fn say(&self, text: ChatText) -> Result<(), ChatError> {
        let _ = text;
        unimplemented!()
    }

    /// Whispers to an account; the outcome arrives as `whisper_sent` or `whisper_error`.
    pub async fn whisper(&self, recipient: AccountName, text: ChatText) -> Result<(), ChatError> {
        let _ = (recipient, text);
        unimplemented!()
    }

    /// The character was selected or changed; members of the channel see it from the next event on.
    pub fn select_character(&mut self, character: Option<CharacterName>) {
        let _ = character;
        unimplemented!()
    }
}
