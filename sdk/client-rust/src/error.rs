//! Why something did not work, as far as callers react differently.

use std::io;

use realm_protocol::{FrameError, MessageError, proto};

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The realm cannot be reached, or TLS could not be agreed on (an unknown certificate, for example).
    #[error("cannot connect to {address}: {problem}")]
    Connect {
        /// Host and port.
        address: String,
        /// What went wrong.
        problem: io::Error,
    },
    /// The fingerprint or certificate to trust cannot be used.
    #[error("{0}")]
    Trust(String),
    /// The realm said no.
    #[error("{code}: {message}")]
    Refused {
        /// The HTTP status; 0 on frames and WebSocket.
        status: u16,
        /// Stable code, for example `INVALID_CREDENTIALS`.
        code: String,
        /// One sentence that says what to do.
        message: String,
        /// How long to wait before trying again; 0 when waiting does not help.
        retry_after_ms: u64,
    },
    /// The realm is full and the log-in waits for a place; the connection is good, and the place is kept while it is.
    #[error("the realm is full: place {position} of {waiting} in its queue")]
    Queued {
        /// 1: the next place that becomes free is this client's.
        position: u32,
        /// How many wait.
        waiting: u32,
    },
    /// The connection has ended.
    #[error("the connection is closed{}", .0.as_ref().map(|goodbye| format!(": {}: {}", goodbye.code, goodbye.message)).unwrap_or_default())]
    Closed(Option<proto::Goodbye>),
    /// Nothing came in time. The connection can still be used.
    #[error("{waited_for} did not come within {deadline_ms} ms")]
    Deadline {
        /// What was waited for.
        waited_for: &'static str,
        /// How long.
        deadline_ms: u64,
    },
    /// The realm sent something that is no frame; the connection is lost.
    #[error("the realm sent no proper frame: {0}")]
    Frame(#[from] FrameError),
    /// The realm sent a message that cannot be read; the connection can still be used.
    #[error("the realm sent a message that cannot be read: {0}")]
    Message(#[from] MessageError),
    /// The realm answered something that does not fit the question.
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

impl ClientError {
    /// The stable code, when the realm refused something or said goodbye.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Closed(Some(goodbye)) => Some(&goodbye.code),
            _ => None,
        }
    }

    pub(crate) fn refused(error: &proto::Error) -> Self {
        Self::Refused {
            status: 0,
            code: error.code.clone(),
            message: error.message.clone(),
            retry_after_ms: error.retry_after_ms,
        }
    }
}

/// Awaits with a deadline.
pub(crate) async fn within<T>(
    deadline: std::time::Duration,
    waited_for: &'static str,
    future: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    tokio::time::timeout(deadline, future).await.unwrap_or_else(|_| {
        Err(ClientError::Deadline { waited_for, deadline_ms: u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX) })
    })
}
