//! Events: messages that a client can miss, numbered in its session.

use super::ServerMessage;

macro_rules! events {
    ($($variant:ident,)*) => {
        impl ServerMessage {
            /// Number of the event in its session, from 1; `None` for answers, errors and what is sent without a number.
            #[must_use]
            pub fn event(&self) -> Option<u64> {
                match self {
                    $(Self::$variant(message) => Some(message.event).filter(|event| *event != 0),)*
                    _ => None,
                }
            }

            /// Sets the number of the event; messages that have none stay as they are.
            pub fn set_event(&mut self, event: u64) {
                match self {
                    $(Self::$variant(message) => message.event = event,)*
                    _ => {}
                }
            }
        }
    };
}

events! {
    ChatMessage, ChannelUsers, UserJoined, UserLeft, WhisperSent, WhisperReceived, WhisperError, ChannelLeft, Notice,
    GamePlayerJoined, GamePlayerLeft, GameHostChanged, GameListUpdated, GameLeft, MatchEnded, MatchFound,
    TradeInvited, TradeState, TradeEnded,
    MailReceived, MarketSold, MarketBought, MarketEnded,
}

/// Field 15 of every event, as bytes to follow a shared payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventSuffix {
    bytes: [u8; 11],
    length: usize,
}

impl EventSuffix {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsRef<[u8]> for EventSuffix {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The Protocol Buffers bytes of `event` (field 15), so that one encoded message serves many receivers, each with its own
/// number.
#[must_use]
pub fn event_suffix(event: u64) -> EventSuffix {
    const FIELD_15_VARINT: u8 = 15 << 3;
    let mut suffix = EventSuffix { bytes: [0; 11], length: 2 };
    suffix.bytes[0] = FIELD_15_VARINT;
    let mut rest = event;
    loop {
        let low = (rest & 0x7F).to_le_bytes()[0];
        rest >>= 7;
        if rest == 0 {
            suffix.bytes[suffix.length - 1] = low;
            return suffix;
        }
        suffix.bytes[suffix.length - 1] = low | 0x80;
        suffix.length += 1;
    }
}
