//! What becomes of a refresh token: single use, a short grace for a lost answer, and the end of the session after that.

use super::store;
use crate::{
    storage::{Connection, StorageError},
    types::{AccountId, SessionId},
};

/// A used token is taken once more within this time, because its answer may have been lost.
const GRACE_MS: i64 = 10_000;
/// Used tokens that are remembered for each session; with one refresh in ten minutes this is more than 30 days.
const TOKENS_PER_SESSION_MAX: i64 = 5_000;

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refreshed {
    /// No such token.
    Unknown,
    /// The session was over, or has been ended because the token had been used before.
    Ended(SessionId),
    /// The next token is valid.
    Rotated { session: SessionId, account: AccountId },
}

/// Trades the token with `hash` for the one with `next_hash`, in the writer. `live_active_ms` is what memory knows of a
/// session's last activity.
pub(super) async fn refresh(
    connection: &mut Connection,
    hash: &str,
    next_hash: &str,
    now_ms: i64,
    idle_ms: i64,
    live_active_ms: impl FnOnce(SessionId) -> Option<i64> + Send,
) -> Result<Refreshed, StorageError> {
    let Some(stored) = store::find_refresh(connection, hash).await? else { return Ok(Refreshed::Unknown) };
    let session = stored.session;
    let active_ms = live_active_ms(session).unwrap_or(0).max(stored.active_ms);
    let over = now_ms >= stored.expires_ms || now_ms - active_ms >= idle_ms;
    let used_again = stored.used_ms.is_some_and(|used_ms| now_ms - used_ms > GRACE_MS);
    if over || used_again {
        if used_again {
            tracing::warn!(account = %stored.account, %session, "a refresh token was used again; its session is ended");
        }
        store::delete_session(connection, session).await?;
        return Ok(Refreshed::Ended(session));
    }
    // In the grace, what the lost answer held is used up as well: whoever has it ends the session by using it.
    store::use_refresh_tokens(connection, session, now_ms).await?;
    let rotation = stored.rotation + 1;
    store::insert_refresh(connection, next_hash, session, rotation).await?;
    store::set_rotation(connection, session, rotation, now_ms).await?;
    store::forget_refresh_tokens(connection, session, rotation - TOKENS_PER_SESSION_MAX).await?;
    Ok(Refreshed::Rotated { session, account: stored.account })
}
