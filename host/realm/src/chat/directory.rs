//! Who is where: the channels of a realm by folded name, the people online on the server by folded account name.
//!
//! Two small locks, held for a look-up and never across an await. A channel is entered and ended under that of its realm, so that
//! nobody can enter a channel that is just ending. Whispers find people whichever realm they are in: an account has one session, and its name
//! is known to the whole server.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::mpsc;

use super::{
    ChannelSummary, ChatError, Config,
    channel::{Channel, Command, Mailbox},
    person::Person,
};
use crate::{
    hooks::Hooks,
    types::{ChannelName, Clock},
};

/// A channel that exists.
struct Entry {
    name: ChannelName,
    mailbox: Mailbox,
    members: Arc<AtomicUsize>,
}

/// Everybody online, in whichever realm. One entry for each seat: bounded by the sessions of the server.
#[derive(Default)]
pub(super) struct People(Mutex<HashMap<String, Arc<Person>>>);

impl People {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Person>>> {
        // Nothing under this lock can panic half-way, so a poisoned lock still guards a whole map.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a person; an older one of the same account is gone from now on.
    pub(super) fn come_online(&self, person: &Arc<Person>) {
        if let Some(older) = self.lock().insert(person.name.folded().to_owned(), Arc::clone(person)) {
            older.go();
        }
    }

    /// Forgets a person, unless a newer one of the same account took the place.
    pub(super) fn go_offline(&self, person: &Arc<Person>) {
        person.go();
        let mut online = self.lock();
        if online.get(person.name.folded()).is_some_and(|current| Arc::ptr_eq(current, person)) {
            online.remove(person.name.folded());
        }
    }

    /// The person of this folded account name, if online.
    pub(super) fn online(&self, folded: &str) -> Option<Arc<Person>> {
        self.lock().get(folded).filter(|person| !person.is_gone()).cloned()
    }
}

/// What all of a realm's chat shares.
pub(super) struct Directory {
    /// Bounded by `channels_max`.
    channels: Mutex<HashMap<String, Entry>>,
    pub(super) people: Arc<People>,
    pub(super) config: Config,
    pub(super) hooks: Hooks,
    pub(super) clock: Arc<dyn Clock>,
}

impl Directory {
    /// Opens the permanent channels.
    pub(super) fn start(people: Arc<People>, config: Config, hooks: Hooks, clock: Arc<dyn Clock>) -> Arc<Self> {
        let directory = Arc::new(Self { channels: Mutex::default(), people, config, hooks, clock });
        let mut channels = directory.lock();
        for typed in directory.config.channels.iter().take(directory.config.channels_max) {
            match ChannelName::new(typed.as_str()) {
                Ok(name) if !channels.contains_key(name.folded()) => {
                    let entry = directory.open(&name, true);
                    channels.insert(name.folded().to_owned(), entry);
                }
                Ok(_) => tracing::warn!(channel = typed, "[chat] channels names this channel twice"),
                Err(error) => tracing::error!(channel = typed, "[chat] channels: left out: {error}"),
            }
        }
        drop(channels);
        directory
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        // Nothing under this lock can panic half-way, so a poisoned lock still guards a whole map.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the task of a channel.
    fn open(self: &Arc<Self>, name: &ChannelName, permanent: bool) -> Entry {
        let (mailbox, commands) = mpsc::channel(self.config.mailbox_max.max(1));
        let members = Arc::new(AtomicUsize::new(0));
        let channel = Channel::new(self, name.clone(), permanent, Arc::clone(&members));
        tokio::spawn(channel.run(commands));
        Entry { name: name.clone(), mailbox, members }
    }

    /// Hands a command to a channel, which is made when it does not exist.
    pub(super) fn enter(self: &Arc<Self>, name: &ChannelName, command: Command) -> Result<Mailbox, ChatError> {
        let mut channels = self.lock();
        if !channels.contains_key(name.folded()) {
            if channels.len() >= self.config.channels_max {
                return Err(ChatError::TooManyChannels);
            }
            let entry = self.open(name, false);
            channels.insert(name.folded().to_owned(), entry);
        }
        let entry = channels.get(name.folded()).ok_or(ChatError::TooManyChannels)?;
        entry.mailbox.try_send(command).map_err(|_| ChatError::Busy)?;
        Ok(entry.mailbox.clone())
    }

    /// Forgets a channel that has become empty, unless somebody is already on the way in. True when it shall end.
    pub(super) fn retire(&self, name: &ChannelName, commands: &mpsc::Receiver<Command>) -> bool {
        let mut channels = self.lock();
        let retires = commands.is_empty();
        if retires {
            channels.remove(name.folded());
        }
        retires
    }

    pub(super) fn find(&self, name: &ChannelName) -> Option<Mailbox> {
        self.lock().get(name.folded()).map(|entry| entry.mailbox.clone())
    }

    pub(super) fn mailboxes(&self) -> Vec<Mailbox> {
        self.lock().values().map(|entry| entry.mailbox.clone()).collect()
    }

    pub(super) fn summaries(&self) -> Vec<ChannelSummary> {
        let channels = self.lock();
        let summary = |entry: &Entry| ChannelSummary {
            name: entry.name.to_string(),
            members: entry.members.load(Ordering::Relaxed),
        };
        channels.values().map(summary).collect()
    }
}
