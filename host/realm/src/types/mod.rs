//! The words that every room uses: keys, names, text, time, refusals, and the two ends of a connection.
//!
//! Knows nothing but `realm-protocol` (for messages that are encoded once for many receivers). No I/O.

mod allowances;
mod clock;
mod connection;
mod events;
pub mod faults;
mod id;
mod link;
mod names;
mod network;
mod refusal;
mod slice;
mod task;
mod text;
mod threads;

pub use allowances::{Allowances, UsedUp};
pub use clock::{Clock, SystemClock, rfc3339};
pub use connection::{
    CloseReason, Connection, Encoding, GameSide, GameSides, Incoming, Outbox, OutboxFull, OutboxLimits, OutboxReader,
    Outgoing, outbox,
};
pub use events::{Attached, EventStream, RingLimits};
pub use id::{
    AccountId, CharacterId, GameId, Id, IdSource, ItemId, LetterId, OfferId, OperationId, SessionId, TradeId, kind,
};
pub use link::{Arrivals, Arrived, Delivery, Link, LinkClosed, LinkFrame, Offer};
pub use names::{AccountName, ChannelName, CharacterName, GameName, NameError};
pub use network::Network;
pub use refusal::{Code, Refusal};
pub use task::{BrokenOff, in_task};
pub use text::{ChatText, ChatTextError};
pub use threads::{Urgency, process_nice, spawn_thread};
