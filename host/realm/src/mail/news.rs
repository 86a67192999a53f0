//! What players are told of letters and of the market: on its way to whoever is connected.

use realm_protocol::{ServerMessage, proto};
use tokio::sync::mpsc;

use super::LetterKind;
use crate::types::{AccountId, CharacterId, LetterId};

/// Events that wait for the sessions; further ones are left out and counted: mailbox and market themselves say what has happened.
const WAITING_MAX: usize = 4_096;

/// One event for one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Whom.
    pub account: AccountId,
    /// What.
    pub message: ServerMessage,
}

/// Where events go; cheap to clone.
#[derive(Debug, Clone)]
pub struct News(mpsc::Sender<Told>);

impl News {
    /// A way for events, and its end, which the sessions follow.
    #[must_use]
    pub fn channel() -> (Self, mpsc::Receiver<Told>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Tells what has been done, and is committed.
    pub(crate) fn tell(&self, told: impl IntoIterator<Item = Told>) {
        for one in told {
            if self.0.try_send(one).is_err() {
                metrics::counter!("realm_mail_events_lost_total").increment(1);
            }
        }
    }
}

/// What was done, and who is told of it once it is committed.
#[derive(Debug)]
pub struct Done<T> {
    /// What came of it.
    pub what: T,
    pub(crate) told: Vec<Told>,
}

/// A letter that has come.
#[derive(Debug, Clone)]
pub(crate) struct Arrival<'a> {
    pub(crate) account: AccountId,
    pub(crate) owner: CharacterId,
    pub(crate) letter: LetterId,
    pub(crate) kind: LetterKind,
    pub(crate) sender: &'a str,
    pub(crate) about: &'a str,
}

impl From<Arrival<'_>> for Told {
    fn from(arrival: Arrival<'_>) -> Self {
        let received = proto::MailReceived {
            character_id: arrival.owner.raw(),
            letter_id: arrival.letter.raw(),
            kind: arrival.kind.name().to_owned(),
            sender: arrival.sender.to_owned(),
            about: arrival.about.to_owned(),
            event: 0,
        };
        Self { account: arrival.account, message: received.into() }
    }
}
