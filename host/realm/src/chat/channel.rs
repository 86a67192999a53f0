//! One channel: its members, the number of its last line, its last lines. Owned by its task, fed by a bounded mailbox.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use realm_protocol::{Encoded, ServerMessage, proto};
use tokio::sync::{mpsc, oneshot};

use super::{
    ChatError,
    directory::Directory,
    person::{Person, Stay},
};
use crate::{
    hooks::{ApprovedText, ChatLine, ChatVerdict, Hooks, chat_filter::Destination},
    types::{ChannelName, ChatText, Clock},
};

/// Lines that a channel remembers.
const HISTORY_LINES_MAX: usize = 50;

/// Bytes of a list of members: it fits into a frame of 16 KiB, and into an outbox, beside everything else.
const USERS_BYTES_MAX: usize = 12 * 1_024;
/// What a member takes in a list beside the names, in the longer of the two encodings: the keys and quotes of JSON.
const USER_BYTES: usize = 48;

/// How long anybody waits for a channel's answer. The channel itself waits only for the filter, which has its own deadline.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// The sending end of a channel's bounded mailbox.
pub(super) type Mailbox = mpsc::Sender<Command>;

/// Where the outcome of a command goes.
type Answer<T> = oneshot::Sender<Result<T, ChatError>>;

/// What a channel is asked to do.
pub(super) enum Command {
    /// Somebody wants in; `former` is the stay that ends when they are let in. Answered with the channel's own name.
    Enter { stay: Arc<Stay>, former: Option<Arc<Stay>>, entrance: Entrance, answer: Answer<ChannelName> },
    /// Somebody says a line.
    Say { stay: Arc<Stay>, text: ChatText, answer: Answer<()> },
    /// A plugin says a line.
    PluginSay { plugin: String, text: ApprovedText },
    /// Somebody wants to read the last lines.
    History { answer: oneshot::Sender<Vec<proto::ChatMessage>> },
    /// A stay has ended.
    Prune,
}

/// Whose line it is.
enum Speaker<'a> {
    Person(&'a Person),
    Plugin(String),
}

/// How somebody enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entrance {
    /// The others hear of it, and the newcomer hears who is there.
    Announced,
    /// Nobody is told: they were there before the realm was started anew.
    Quiet,
}

/// Asks a channel and waits for its answer.
///
/// # Errors
/// `Busy` when the mailbox is full or the answer is late, `NoChannel` when the channel has ended.
pub(super) async fn ask<T>(
    mailbox: &Mailbox,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, ChatError> {
    let (answer, outcome) = oneshot::channel();
    mailbox.try_send(command(answer)).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => ChatError::Busy,
        mpsc::error::TrySendError::Closed(_) => ChatError::NoChannel,
    })?;
    wait(outcome).await
}

/// Waits for the answer of a channel, no longer than the deadline.
pub(super) async fn wait<T>(outcome: oneshot::Receiver<T>) -> Result<T, ChatError> {
    match tokio::time::timeout(ANSWER_DEADLINE, outcome).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(ChatError::NoChannel),
        Err(_) => Err(ChatError::Busy),
    }
}

/// Encodes a message once for all its receivers.
pub(super) fn encoded(message: impl Into<ServerMessage>) -> Arc<Encoded> {
    Arc::new(Encoded::from(&message.into()))
}

/// What a member takes in a list.
fn listed_bytes(user: &proto::ChannelUser) -> usize {
    user.account.len() + user.character.len() + USER_BYTES
}

/// The clock's milliseconds as messages carry them.
pub(super) fn sent_ms(now_ms: i64) -> u64 {
    u64::try_from(now_ms).unwrap_or(0)
}

/// A channel, as its task owns it.
pub(super) struct Channel {
    name: ChannelName,
    permanent: bool,
    /// In the order of entering.
    members: Vec<Arc<Stay>>,
    members_max: usize,
    /// How many members there are, for lists.
    members_shown: Arc<AtomicUsize>,
    line_last: u64,
    history: VecDeque<proto::ChatMessage>,
    hooks: Hooks,
    clock: Arc<dyn Clock>,
    /// Weak, because the directory holds the mailbox: channels end when nobody can reach them any more.
    directory: Weak<Directory>,
}

impl Channel {
    pub(super) fn new(
        directory: &Arc<Directory>,
        name: ChannelName,
        permanent: bool,
        members_shown: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            name,
            permanent,
            members: Vec::new(),
            members_max: directory.config.members_max,
            members_shown,
            line_last: 0,
            history: VecDeque::with_capacity(HISTORY_LINES_MAX),
            hooks: directory.hooks.clone(),
            clock: Arc::clone(&directory.clock),
            directory: Arc::downgrade(directory),
        }
    }

    /// Serves commands in their order of arrival until the channel is empty and not permanent, or nobody can reach it.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(command) = commands.recv().await {
            self.prune();
            match command {
                Command::Enter { stay, former, entrance, answer } => {
                    // A caller that no longer waits will never leave either, so it is not let in.
                    if !answer.is_closed() {
                        let outcome = self.enter(&stay, former.as_deref(), entrance);
                        if answer.send(outcome).is_err() {
                            stay.end();
                        }
                    }
                }
                Command::Say { stay, text, answer } => {
                    if !answer.is_closed() {
                        let outcome = self.say(&stay, text).await;
                        // The line is out or blocked; nothing is undone when nobody wants to know.
                        let _ = answer.send(outcome);
                    }
                }
                Command::PluginSay { plugin, text } => {
                    let now_ms = self.clock.now_ms();
                    self.publish(Speaker::Plugin(plugin), &text, now_ms);
                }
                Command::History { answer } => {
                    let _ = answer.send(self.history.iter().cloned().collect());
                }
                Command::Prune => {}
            }
            self.prune();
            if self.members.is_empty() && !self.permanent && self.retires(&commands) {
                return;
            }
        }
    }

    fn retires(&self, commands: &mpsc::Receiver<Command>) -> bool {
        self.directory.upgrade().is_none_or(|directory| directory.retire(&self.name, commands))
    }

    fn enter(&mut self, stay: &Arc<Stay>, former: Option<&Stay>, entrance: Entrance) -> Result<ChannelName, ChatError> {
        if stay.is_over() {
            return Err(ChatError::NoChannel);
        }
        let present = self.members.iter().position(|member| member.person.account == stay.person.account);
        match present {
            // Somebody who enters again, or on a new connection, has never been away for the others.
            Some(index) => {
                let before = std::mem::replace(&mut self.members[index], Arc::clone(stay));
                before.end();
            }
            None if self.members.len() >= self.members_max => return Err(ChatError::ChannelFull),
            None => self.members.push(Arc::clone(stay)),
        }
        if let Some(former) = former {
            former.end();
        }
        self.members_shown.store(self.members.len(), Ordering::Relaxed);
        if entrance == Entrance::Quiet {
            return Ok(self.name.clone());
        }
        stay.person.events.tell(self.users(stay));
        if present.is_none() {
            let user = Some(stay.person.shown());
            let joined = encoded(proto::UserJoined { channel: self.name.to_string(), user, event: 0 });
            self.fan_out(&joined, Some(stay));
        }
        Ok(self.name.clone())
    }

    /// Who is here, in the order of entering, as far as it fits into a message; the one who asks always.
    fn users(&self, stay: &Arc<Stay>) -> proto::ChannelUsers {
        let own = stay.person.shown();
        let mut room = USERS_BYTES_MAX.saturating_sub(listed_bytes(&own));
        let mut list = proto::ChannelUsers { channel: self.name.to_string(), ..Default::default() };
        for member in &self.members {
            if Arc::ptr_eq(member, stay) {
                list.users.push(own.clone());
                continue;
            }
            let user = member.person.shown();
            match room.checked_sub(listed_bytes(&user)) {
                Some(left) => {
                    room = left;
                    list.users.push(user);
                }
                None => list.more += 1,
            }
        }
        list
    }

    async fn say(&mut self, stay: &Arc<Stay>, text: ChatText) -> Result<(), ChatError> {
        if stay.is_over() || !self.members.iter().any(|member| Arc::ptr_eq(member, stay)) {
            return Err(ChatError::NoChannel);
        }
        let now_ms = self.clock.now_ms();
        let line = ChatLine {
            account: stay.person.account,
            account_name: stay.person.name.clone(),
            destination: Destination::Channel,
            target: self.name.to_string(),
            text,
            now_ms,
        };
        match self.hooks.filter_chat(line).await {
            ChatVerdict::Approved(text) => {
                self.publish(Speaker::Person(&stay.person), &text, now_ms);
                Ok(())
            }
            ChatVerdict::Blocked(sentence) => Err(ChatError::Blocked(sentence)),
            ChatVerdict::Unjudged(why) => Err(ChatError::Unjudged(why)),
        }
    }

    /// The only way of a line to the members: numbered, remembered, encoded once, sent to everybody.
    fn publish(&mut self, speaker: Speaker<'_>, text: &ApprovedText, now_ms: i64) {
        self.line_last += 1;
        let (account, character, plugin) = match speaker {
            Speaker::Person(person) => (person.name.to_string(), person.character(), String::new()),
            Speaker::Plugin(plugin) => (String::new(), String::new(), plugin),
        };
        let message = proto::ChatMessage {
            channel: self.name.to_string(),
            account,
            character,
            text: text.as_str().to_owned(),
            line: self.line_last,
            sent_ms: sent_ms(now_ms),
            filtered: text.filtered(),
            plugin,
            event: 0,
        };
        if self.history.len() >= HISTORY_LINES_MAX {
            self.history.pop_front();
        }
        self.history.push_back(message.clone());
        self.fan_out(&encoded(message), None);
    }

    /// Sends to all members but one. Never waits: a client that cannot take it is closed by its own outbox.
    fn fan_out(&self, message: &Arc<Encoded>, except: Option<&Arc<Stay>>) {
        for member in &self.members {
            if !member.is_over() && !except.is_some_and(|stay| Arc::ptr_eq(stay, member)) {
                member.person.events.send(message);
            }
        }
    }

    /// Removes the stays that have ended and tells the others.
    fn prune(&mut self) {
        let left: Vec<_> = self.members.extract_if(.., |member| member.is_over()).collect();
        if left.is_empty() {
            return;
        }
        self.members_shown.store(self.members.len(), Ordering::Relaxed);
        for stay in left {
            let user = Some(stay.person.shown());
            self.fan_out(&encoded(proto::UserLeft { channel: self.name.to_string(), user, event: 0 }), None);
        }
    }
}
