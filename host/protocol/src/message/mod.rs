//! Messages: what a frame's payload means, by direction and identifier.

use bytes::Bytes;
use prost::Message as _;

use crate::proto;

mod events;
#[cfg(test)]
mod tests;

pub use events::{EventSuffix, event_suffix};

/// A message that was refused before anybody looked at its meaning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No message of this direction has the identifier.
    #[error("identifier 0x{0:02X} names no message from this side")]
    UnknownIdentifier(u8),
    /// No JSON message has this type.
    #[error("\"{0}\" names no message from this side")]
    UnknownType(String),
    /// The text is not an object with a type and data.
    #[error("the text is not {{\"type\": …, \"data\": {{…}}}}: {0}")]
    Envelope(String),
    /// The payload is not what the identifier promises.
    #[error("the payload of {0} cannot be read: {1}")]
    Malformed(&'static str, String),
}

/// Most characters of a foreign text within an error.
const PROBLEM_CHARACTERS_MAX: usize = 160;

/// What readers complain about may quote the whole message; an error answer must not.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(PROBLEM_CHARACTERS_MAX).collect()
}

/// One table per direction gives identifier, constant name, JSON type and payload of each message.
macro_rules! messages {
    ($(#[$outer:meta])* $direction:ident { $($identifier:literal $constant:literal $json:literal $variant:ident,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $direction {
            $(#[doc = concat!("`", $constant, "`, ", stringify!($identifier), "; `", $json, "` in JSON.")]
            $variant(proto::$variant),)*
        }

        impl $direction {
            /// Identifier, constant name and JSON type of every message of this direction, in table order.
            pub const ALL: &'static [(u8, &'static str, &'static str)] = &[$(($identifier, $constant, $json),)*];

            /// Name in the `.proto` files of every message of this direction, in table order.
            pub const SCHEMAS: &'static [&'static str] = &[$(stringify!($variant),)*];

            /// The frame identifier.
            #[must_use]
            pub fn identifier(&self) -> u8 {
                match self { $(Self::$variant(_) => $identifier,)* }
            }

            /// The name in `docs/protocol.md`, for example `CHAT_MESSAGE`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $constant,)* }
            }

            /// The JSON type, for example `chat:message`.
            #[must_use]
            pub fn json_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => $json,)* }
            }

            /// Reads the payload of a frame.
            ///
            /// # Errors
            /// When no message of this direction has the identifier, or the payload is malformed.
            pub fn decode(identifier: u8, payload: &[u8]) -> Result<Self, MessageError> {
                match identifier {
                    $($identifier => proto::$variant::decode(payload).map(Self::$variant)
                        .map_err(|error| MessageError::Malformed($constant, shortened(&error.to_string()))),)*
                    _ => Err(MessageError::UnknownIdentifier(identifier)),
                }
            }

            /// The payload of a frame.
            #[must_use]
            pub fn to_payload(&self) -> Bytes {
                match self { $(Self::$variant(message) => message.encode_to_vec().into(),)* }
            }

            /// Appends the payload of a frame.
            pub fn append_payload(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(message) => message.encode(out).expect("a list of bytes grows as it must"),)*
                }
            }

            /// Reads the `data` of a JSON message of this type.
            ///
            /// # Errors
            /// When no message of this direction has the type, or the data does not fit it.
            pub fn from_json(json_type: &str, data: serde_json::Value) -> Result<Self, MessageError> {
                match json_type {
                    $($json => serde_json::from_value(data).map(Self::$variant)
                        .map_err(|error| MessageError::Malformed($constant, shortened(&error.to_string()))),)*
                    _ => Err(MessageError::UnknownType(shortened(json_type))),
                }
            }

            /// The `data` of the JSON message.
            #[must_use]
            pub fn to_json(&self) -> serde_json::Value {
                match self { $(Self::$variant(message) =>
                    serde_json::to_value(message).expect("messages hold only strings, numbers, flags and lists"),)* }
            }
        }

        $(impl From<proto::$variant> for $direction {
            fn from(message: proto::$variant) -> Self {
                Self::$variant(message)
            }
        })*
    };
}

messages! {
    /// What a client says.
    ClientMessage {
        0x01 "AUTH_REQUEST" "hello" AuthRequest,
        0x04 "PING" "ping" Ping,
        0x05 "PONG" "pong" Pong,
        0x08 "LOGOUT" "logout" Logout,
        0x10 "CHAR_LIST_REQUEST" "character:list" CharListRequest,
        0x12 "CHAR_CREATE" "character:create" CharCreate,
        0x13 "CHAR_DELETE" "character:delete" CharDelete,
        0x14 "CHAR_SELECT" "character:select" CharSelect,
        0x20 "JOIN_CHANNEL" "chat:join_channel" JoinChannel,
        0x21 "LEAVE_CHANNEL" "chat:leave_channel" LeaveChannel,
        0x22 "CHAT_MESSAGE" "chat:message" ChatSend,
        0x23 "WHISPER" "chat:whisper" Whisper,
        0x30 "GAME_CREATE" "game:create" GameCreate,
        0x31 "GAME_LIST_REQUEST" "game:list" GameListRequest,
        0x33 "GAME_JOIN" "game:join" GameJoin,
        0x34 "GAME_LEAVE" "game:leave" GameLeave,
        0x3B "MATCH_SEARCH" "match:search" MatchSearch,
        0x3C "MATCH_CANCEL" "match:cancel" MatchCancel,
        0x41 "PLAYER_MOVE" "player:move" PlayerMove,
        0x42 "PLAYER_ATTACK" "player:attack" PlayerAttack,
        0x43 "ITEM_DROP" "item:drop" ItemDrop,
        0x44 "NPC_INTERACTION" "npc:interaction" NpcInteraction,
        0x45 "GAME_ENTER" "game:enter" GameEnter,
        0x47 "SNAPSHOT_ACKNOWLEDGE" "snapshot:acknowledge" SnapshotAcknowledge,
        0x48 "RESPAWN" "player:respawn" Respawn,
        0x4B "SKILL_USE" "player:skill" SkillUse,
        0x4C "PICK_UP" "player:pick_up" PickUp,
        0x4D "POTION_USE" "player:potion" PotionUse,
        0x4E "ITEM_USE" "item:use" ItemUse,
        0x50 "TRADE_INVITE" "trade:invite" TradeInvite,
        0x51 "TRADE_ACCEPT" "trade:accept" TradeAccept,
        0x52 "TRADE_OFFER" "trade:offer" TradeOffer,
        0x53 "TRADE_LOCK" "trade:lock" TradeLock,
        0x54 "TRADE_CONFIRM" "trade:confirm" TradeConfirm,
        0x55 "TRADE_CANCEL" "trade:cancel" TradeCancel,
        0x56 "TRADE_QUERY" "trade:query" TradeQuery,
    }
}

messages! {
    /// What the server says. PLAYER_STATE (0x40) is not among them: it is a snapshot, see [`crate::snapshot`].
    ServerMessage {
        0x02 "AUTH_SUCCESS" "ready" AuthSuccess,
        0x03 "AUTH_FAILURE" "refused" AuthFailure,
        0x04 "PING" "ping" Ping,
        0x05 "PONG" "pong" Pong,
        0x06 "ERROR" "error" Error,
        0x07 "GOODBYE" "goodbye" Goodbye,
        0x09 "QUEUE_POSITION" "queued" QueuePosition,
        0x11 "CHAR_LIST_RESPONSE" "character:list" CharListResponse,
        0x12 "CHAR_CREATE" "character:created" CharCreated,
        0x13 "CHAR_DELETE" "character:deleted" CharDeleted,
        0x14 "CHAR_SELECT" "character:selected" CharSelected,
        0x22 "CHAT_MESSAGE" "chat:message" ChatMessage,
        0x24 "CHANNEL_USERS" "chat:channel_users" ChannelUsers,
        0x25 "USER_JOINED" "chat:user_joined" UserJoined,
        0x26 "USER_LEFT" "chat:user_left" UserLeft,
        0x27 "WHISPER_SENT" "chat:whisper_sent" WhisperSent,
        0x28 "WHISPER_RECEIVED" "chat:whisper_received" WhisperReceived,
        0x29 "WHISPER_ERROR" "chat:whisper_error" WhisperError,
        0x2A "CHANNEL_LEFT" "chat:channel_left" ChannelLeft,
        0x2B "NOTICE" "chat:notice" Notice,
        0x32 "GAME_LIST_RESPONSE" "game:list" GameListResponse,
        0x35 "GAME_TICKET" "game:ticket" GameTicket,
        0x36 "GAME_PLAYER_JOINED" "game:player_joined" GamePlayerJoined,
        0x37 "GAME_PLAYER_LEFT" "game:player_left" GamePlayerLeft,
        0x38 "GAME_HOST_CHANGED" "game:host_changed" GameHostChanged,
        0x39 "GAME_LIST_UPDATED" "game:list_updated" GameListUpdated,
        0x3A "GAME_LEFT" "game:left" GameLeft,
        0x3B "MATCH_SEARCHING" "match:searching" MatchSearching,
        0x3C "MATCH_ENDED" "match:ended" MatchEnded,
        0x3D "MATCH_FOUND" "match:found" MatchFound,
        0x46 "GAME_ENTERED" "game:entered" GameEntered,
        0x49 "GAME_EVENTS" "game:events" GameEvents,
        0x4A "ZONE_ENTERED" "game:zone" ZoneEntered,
        0x50 "TRADE_INVITED" "trade:invited" TradeInvited,
        0x51 "TRADE_STATE" "trade:state" TradeState,
        0x52 "TRADE_ENDED" "trade:ended" TradeEnded,
        0x60 "MAIL_RECEIVED" "mail:received" MailReceived,
        0x61 "MARKET_SOLD" "market:sold" MarketSold,
        0x62 "MARKET_BOUGHT" "market:bought" MarketBought,
        0x63 "MARKET_ENDED" "market:ended" MarketEnded,
    }
}

/// A server message encoded once for all its receivers, in both encodings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Frame identifier.
    pub identifier: u8,
    /// Frame payload, without an event number.
    pub payload: Bytes,
    /// JSON type.
    pub json_type: &'static str,
    /// JSON text of `data`.
    pub json_data: Bytes,
}

impl From<&ServerMessage> for Encoded {
    fn from(message: &ServerMessage) -> Self {
        Self {
            identifier: message.identifier(),
            payload: message.to_payload(),
            json_type: message.json_type(),
            json_data: message.to_json().to_string().into(),
        }
    }
}
