//! Verbs that nobody can break off half-way.

use super::{Code, Refusal};

/// The task of a verb panicked, or was stopped with the realm.
#[derive(Debug, thiserror::Error)]
#[error("a verb broke off: {0}")]
pub struct BrokenOff(#[from] tokio::task::JoinError);

impl From<BrokenOff> for Refusal {
    fn from(_: BrokenOff) -> Self {
        Refusal::new(Code::Internal, "The realm has a fault; nothing was changed. The operator's log has more.")
    }
}

/// Runs a verb in a task of its own: it goes on to its end also when whoever waits for it goes away, as an HTTP client does
/// that closes its connection.
///
/// # Errors
/// The verb's own, and [`BrokenOff`] when it panicked.
pub async fn in_task<T, E>(verb: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<BrokenOff> + Send + 'static,
{
    tokio::spawn(verb).await.unwrap_or_else(|error| {
        let broken = BrokenOff(error);
        tracing::error!(error = %broken, "a verb broke off");
        Err(broken.into())
    })
}
