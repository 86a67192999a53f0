//! One connected member's verbs.

use std::sync::Arc;

use realm_protocol::proto;
use tokio::sync::oneshot;

use super::{
    ChatError,
    channel::{self, Command, Entrance, Mailbox, sent_ms},
    directory::Directory,
    person::{Person, Stay},
};
use crate::{
    hooks::{ApprovedText, ChatLine, ChatVerdict, chat_filter::Destination},
    types::{AccountName, ChannelName, CharacterName, ChatText, Refusal},
};

/// The channel somebody is in.
struct Current {
    name: ChannelName,
    stay: Arc<Stay>,
    mailbox: Mailbox,
}

impl Current {
    /// Ends the stay. A mailbox too full for the nudge holds other commands, each of which serves as one.
    fn end(&self) {
        self.stay.end();
        let _ = self.mailbox.try_send(Command::Prune);
    }
}

/// One connected member: can be whispered to, and is in at most one channel. Dropping it leaves.
pub struct ChatSeat {
    directory: Arc<Directory>,
    person: Arc<Person>,
    current: Option<Current>,
}

impl ChatSeat {
    pub(super) fn new(directory: Arc<Directory>, person: Arc<Person>) -> Self {
        Self { directory, person, current: None }
    }

    /// Leaves the current channel and enters another, which is made if need be. `channel_users` and `user_joined` go out as events.
    ///
    /// # Errors
    /// When the channel is full or busy, or no more channels may be made: then the current channel stays.
    pub async fn join(&mut self, channel: ChannelName) -> Result<(), ChatError> {
        self.enter(channel, Entrance::Announced).await
    }

    /// Enters a channel that a restart of the realm took away, as if nothing had happened: nobody is told.
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn come_back(&mut self, channel: ChannelName) -> Result<(), ChatError> {
        self.enter(channel, Entrance::Quiet).await
    }

    async fn enter(&mut self, channel: ChannelName, entrance: Entrance) -> Result<(), ChatError> {
        let stay = Arc::new(Stay::new(Arc::clone(&self.person)));
        let (answer, outcome) = oneshot::channel();
        let former = self.current.as_ref().map(|current| Arc::clone(&current.stay));
        let command = Command::Enter { stay: Arc::clone(&stay), former, entrance, answer };
        let mailbox = self.directory.enter(&channel, command)?;
        let name = channel::wait(outcome).await??;
        if let Some(former) = self.current.replace(Current { name, stay, mailbox }) {
            former.end();
        }
        Ok(())
    }

    /// Leaves the current channel; answers with `channel_left` as an event.
    ///
    /// # Errors
    /// When no channel was joined.
    pub async fn leave(&mut self) -> Result<(), ChatError> {
        let current = self.current.take().ok_or(ChatError::NoChannel)?;
        current.end();
        self.person.events.tell(proto::ChannelLeft { channel: current.name.to_string(), event: 0 });
        Ok(())
    }

    /// Says a line in the current channel; resolves when it has gone out to the members, or was blocked.
    ///
    /// # Errors
    /// When no channel was joined, the channel is busy, or the filter blocked the line.
    pub async fn say(&self, text: ChatText) -> Result<(), ChatError> {
        let current = self.current.as_ref().ok_or(ChatError::NoChannel)?;
        let stay = Arc::clone(&current.stay);
        channel::ask(&current.mailbox, |answer| Command::Say { stay, text, answer }).await?
    }

    /// Whispers to an account; the outcome arrives as `whisper_sent` or `whisper_error`.
    ///
    /// # Errors
    /// None today: an offline recipient and a blocked line are told by `whisper_error`.
    pub async fn whisper(&self, recipient: AccountName, text: ChatText) -> Result<(), ChatError> {
        if let Err(error) = self.deliver(&recipient, text).await {
            let Refusal { code, message, .. } = error.into();
            let code = code.as_str().to_owned();
            self.person.events.tell(proto::WhisperError { account: recipient.to_string(), code, message, event: 0 });
        }
        Ok(())
    }

    async fn deliver(&self, recipient: &AccountName, text: ChatText) -> Result<(), ChatError> {
        let offline = || ChatError::Offline(recipient.to_string());
        let target = self.directory.people.online(recipient.folded()).ok_or_else(offline)?;
        let now_ms = self.directory.clock.now_ms();
        let line = ChatLine {
            account: self.person.account,
            account_name: self.person.name.clone(),
            destination: Destination::Whisper,
            target: target.name.to_string(),
            text,
            now_ms,
        };
        match self.directory.hooks.filter_chat(line).await {
            // The filter took its time: the recipient may have gone, or come back on another connection.
            ChatVerdict::Approved(text) => {
                let target = self.directory.people.online(recipient.folded()).ok_or_else(offline)?;
                self.hand_over(&target, &text, now_ms);
                Ok(())
            }
            ChatVerdict::Blocked(sentence) => Err(ChatError::Blocked(sentence)),
            ChatVerdict::Unjudged(why) => Err(ChatError::Unjudged(why)),
        }
    }

    /// The only way of a whisper to its recipient.
    fn hand_over(&self, recipient: &Person, text: &ApprovedText, now_ms: i64) {
        let text = text.as_str().to_owned();
        let sent_ms = sent_ms(now_ms);
        recipient.events.tell(proto::WhisperReceived {
            account: self.person.name.to_string(),
            character: self.person.character(),
            text: text.clone(),
            sent_ms,
            event: 0,
        });
        let account = recipient.name.to_string();
        self.person.events.tell(proto::WhisperSent { account, text, sent_ms, event: 0 });
    }

    /// The character was selected or changed; members of the channel see it from the next event on.
    pub fn select_character(&mut self, character: Option<CharacterName>) {
        self.person.select_character(character);
    }

    /// Name of the channel somebody was in when their session ended, or is in.
    #[must_use]
    pub fn channel_last(&self) -> Option<&ChannelName> {
        self.current.as_ref().filter(|current| !current.stay.has_ended()).map(|current| &current.name)
    }

    /// Name of the channel somebody is in.
    #[must_use]
    pub fn channel(&self) -> Option<&ChannelName> {
        self.current.as_ref().filter(|current| !current.stay.is_over()).map(|current| &current.name)
    }
}

impl Drop for ChatSeat {
    fn drop(&mut self) {
        self.directory.people.go_offline(&self.person);
        if let Some(current) = &self.current {
            current.end();
        }
    }
}
