//! Somebody online, and one stay of theirs in one channel.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwapOption;
use realm_protocol::proto;

use super::Member;
use crate::types::{AccountId, AccountName, CharacterName, EventStream};

/// An online account as everybody in chat sees it: its seat writes, channels and whisperers read.
pub(super) struct Person {
    pub(super) account: AccountId,
    pub(super) name: AccountName,
    pub(super) events: EventStream,
    character: ArcSwapOption<CharacterName>,
    gone: AtomicBool,
}

impl Person {
    pub(super) fn new(member: Member) -> Self {
        Self {
            account: member.account,
            name: member.account_name,
            events: member.events,
            character: ArcSwapOption::from(member.character.map(Arc::new)),
            gone: AtomicBool::new(false),
        }
    }

    /// Name of the selected character; empty when none is selected.
    pub(super) fn character(&self) -> String {
        self.character.load().as_ref().map(ToString::to_string).unwrap_or_default()
    }

    pub(super) fn select_character(&self, character: Option<CharacterName>) {
        self.character.store(character.map(Arc::new));
    }

    /// The entry in a channel's list of members.
    pub(super) fn shown(&self) -> proto::ChannelUser {
        proto::ChannelUser { account: self.name.to_string(), character: self.character() }
    }

    /// The seat was dropped, or a newer one replaced it.
    pub(super) fn go(&self) {
        self.gone.store(true, Ordering::Release);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) || self.events.closed().is_some()
    }
}

/// One stay of a person in one channel. Whoever ends it only sets a flag: the channel sees it at its next command,
/// so that leaving can neither fail nor wait, however full the channel's mailbox is.
pub(super) struct Stay {
    pub(super) person: Arc<Person>,
    ended: AtomicBool,
}

impl Stay {
    pub(super) fn new(person: Arc<Person>) -> Self {
        Self { person, ended: AtomicBool::new(false) }
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// True when it was ended by itself, and not with the person's presence.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn is_over(&self) -> bool {
        self.has_ended() || self.person.is_gone()
    }
}
