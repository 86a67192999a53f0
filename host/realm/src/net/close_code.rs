//! WebSocket close codes.

use crate::types::Code;

/// The close code that goes with a reason; the reason's text is the stable code itself.
///
/// | Close code | Stable code | What a client does |
/// |---|---|---|
/// | 1000 | – | nothing: it was asked for |
/// | 4000 | any other | reads the goodbye |
/// | 4001 | `NOT_LOGGED_IN` | logs in sooner |
/// | 4002 | `INVALID_CREDENTIALS`, `TOKEN_INVALID`, `SECOND_FACTOR_REQUIRED` | asks for another password, token or code |
/// | 4003 | `ACCOUNT_BANNED`, `ADDRESS_BANNED`, `ACCOUNT_LOCKED`, `INVALID_CDKEY`, `FORBIDDEN` | stays away |
/// | 4004 | `REALM_UNKNOWN`, `REALM_CLOSED` | chooses another realm |
/// | 4005 | `CLIENT_TOO_OLD` | updates itself |
/// | 4006 | `REALM_FULL` | comes back later |
/// | 4010 | `SESSION_REPLACED` | does not come back by itself |
/// | 4011 | `LOGGED_OUT` | logs in again |
/// | 4012 | `REALM_STOPPING` | comes back after the time in the goodbye |
/// | 4020 | `FRAME_INVALID` | is repaired by its author |
/// | 4021 | `FRAME_TOO_LARGE` | sends less |
/// | 4022 | `MESSAGE_INVALID` | is repaired by its author |
/// | 4023 | `RATE_LIMITED` | sends less often |
/// | 4024 | `SLOW_CONSUMER` | resumes |
/// | 4025 | `SILENCE` | resumes, and sends pings |
/// | 4030 | `INTERNAL`, `STORAGE_UNAVAILABLE`, `STORAGE_FULL` | comes back later |
#[must_use]
pub fn close_code(code: Code) -> u16 {
    match code {
        Code::NotLoggedIn => 4001,
        Code::InvalidCredentials | Code::TokenInvalid | Code::SecondFactorRequired => 4002,
        Code::AccountBanned | Code::AddressBanned | Code::AccountLocked | Code::InvalidCdkey | Code::Forbidden => 4003,
        Code::RealmUnknown | Code::RealmClosed => 4004,
        Code::ClientTooOld => 4005,
        Code::RealmFull => 4006,
        Code::SessionReplaced => 4010,
        Code::LoggedOut => 4011,
        Code::RealmStopping => 4012,
        Code::FrameInvalid => 4020,
        Code::FrameTooLarge => 4021,
        Code::MessageInvalid => 4022,
        Code::RateLimited => 4023,
        Code::SlowConsumer => 4024,
        Code::Silence => 4025,
        Code::Internal | Code::StorageUnavailable | Code::StorageFull => 4030,
        _ => 4000,
    }
}
