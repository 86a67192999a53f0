//! What somebody is told for whom there is no place: that the realm is full, and when to come again; or that the address is banned.

use std::{net::SocketAddr, time::Duration};

use axum::body::Body;
use bytes::BytesMut;
use hyper::Response;
use realm_protocol::{ServerMessage, frame::Encoder, proto};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use super::{conversation::linger, problem::problem_for};
use crate::types::Code;

/// Telling it takes at most this long, until the connection is closed.
pub(super) const TELLING_DEADLINE: Duration = Duration::from_secs(5);

const MESSAGE: &str = "The realm has as many connections as it can hold; come again after the time given.";
/// Clients come again after this time at the earliest, in seconds, and spread over as much again.
const RETRY_AFTER_S: u64 = 15;

/// Which first words a door of frames understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The log-in: AUTH_FAILURE.
    Login,
    /// The ticket: ERROR.
    Ticket,
}

/// The answer to any HTTP request, the wish for a WebSocket included.
pub(super) fn http_answer(peer: SocketAddr) -> Response<Body> {
    problem_for(Code::RealmFull, MESSAGE, retry_after_s(peer))
}

/// Tells it in frames and closes. `ban` is the sentence for a banned address.
pub(super) async fn tell_in_frames(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    what: Refused,
    ban: Option<String>,
) {
    let telling = async {
        let frames = match ban {
            Some(sentence) => frames(what, Code::AddressBanned, sentence, 0),
            None => frames(what, Code::RealmFull, MESSAGE.to_owned(), retry_after_s(peer) * 1_000),
        };
        stream.write_all(&frames).await?;
        stream.shutdown().await?;
        linger(&mut stream).await;
        Ok::<(), std::io::Error>(())
    };
    // Whoever does not listen is let go.
    let _ = timeout(TELLING_DEADLINE, telling).await;
}

fn frames(what: Refused, code: Code, message: String, retry_after_ms: u64) -> BytesMut {
    let code = code.as_str().to_owned();
    let refusal = match what {
        Refused::Login => ServerMessage::from(proto::AuthFailure {
            code: code.clone(),
            message: message.clone(),
            nonce: String::new(),
            retry_after_ms,
        }),
        Refused::Ticket => {
            proto::Error { code: code.clone(), message: message.clone(), sequence: 0, retry_after_ms }.into()
        }
    };
    let goodbye = proto::Goodbye { code, message, reconnect_after_ms: retry_after_ms, reconnect_host: String::new() };
    let (mut encoder, mut out) = (Encoder::new(), BytesMut::new());
    for message in [refusal, goodbye.into()] {
        encoder
            .encode(message.identifier(), 0, &[&message.to_payload()], &mut out)
            .expect("two sentences fit into a frame");
    }
    out
}

/// Whoever was turned away together shall not come again together; ports differ where addresses do not.
fn retry_after_s(peer: SocketAddr) -> u64 {
    RETRY_AFTER_S + u64::from(peer.port()) % (RETRY_AFTER_S + 1)
}
