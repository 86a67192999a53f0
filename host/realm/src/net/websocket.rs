//! The WebSocket at `/ws`: JSON texts, or frames as binary messages.

use std::{io, sync::Arc};

use bytes::BytesMut;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use realm_protocol::{
    frame::{Decoder, FrameError, SIZE_MAX_AFTER_LOGIN},
    json,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    close_code::close_code,
    conversation::{Broken, Heard, Sink, Source, Terms, converse},
    frames::refused,
    wire::{FrameWriter, Progress, goodbye, understood},
};
use crate::types::{CloseReason, Code, Encoding, Incoming, Outgoing};

/// With more than this the buffer is written; less waits for the end of a batch.
const WRITE_BUFFER_BYTES: usize = 8 * 1024;

/// Serves a WebSocket until it ends, and gives back the stream to be closed.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(stream: S, terms: Terms<'_>) -> S {
    let limits = WebSocketConfig::default()
        .read_buffer_size(terms.config.websocket_read_buffer_bytes)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(terms.config.websocket_write_buffer_bytes_max)
        .max_message_size(Some(SIZE_MAX_AFTER_LOGIN))
        .max_frame_size(Some(SIZE_MAX_AFTER_LOGIN));
    let (sink, stream) = WebSocketStream::from_raw_socket(stream, Role::Server, Some(limits)).await.split();
    let (encoding, progress) = (terms.encoding, Arc::clone(&terms.progress));
    let frames = (encoding == Encoding::Binary).then(|| FrameWriter::new(Arc::clone(&progress)));
    let mut sink = SocketSink { sink, frames, batch: Vec::new(), batch_bytes: 0, progress: Arc::clone(&progress) };
    let stream = match encoding {
        Encoding::Json => {
            let mut source = TextSource { stream, progress, sequence: 0 };
            converse(&mut source, &mut sink, terms).await;
            source.stream
        }
        Encoding::Binary => {
            let decoder = Decoder::new(progress.size_max());
            let mut source = BinarySource { stream, progress, decoder };
            converse(&mut source, &mut sink, terms).await;
            source.stream
        }
    };
    sink.sink.reunite(stream).expect("both halves are of one socket").into_inner()
}

type Stream<S> = SplitStream<WebSocketStream<S>>;

/// The next message; pings are answered by the library, as it reads on.
async fn next_message<S>(stream: &mut Stream<S>, progress: &Progress, sequence: u32) -> Result<Message, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    match stream.next().await {
        // What is too large is refused as that.
        Some(Ok(message)) if message.len() > progress.size_max() => Ok(message),
        Some(Ok(message)) => progress.heard(message.len(), sequence).map(|()| message),
        Some(Err(Error::Capacity(error))) => Err(too_large(&error.to_string(), sequence)),
        Some(Err(error @ (Error::Protocol(_) | Error::Utf8(_)))) => Err(Broken::Refused {
            code: Code::FrameInvalid,
            message: format!("This is no WebSocket message: {error}; connect again."),
            sequence,
        }),
        Some(Err(_)) | None => Err(Broken::Ended),
    }
}

fn too_large(problem: &str, sequence: u32) -> Broken {
    Broken::Refused {
        code: Code::FrameTooLarge,
        message: format!("{problem}; send less at once and connect again."),
        sequence,
    }
}

/// `realm.v1.json`.
struct TextSource<S> {
    stream: Stream<S>,
    progress: Arc<Progress>,
    /// Of the next message.
    sequence: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Source for TextSource<S> {
    async fn next(&mut self) -> Result<Heard, Broken> {
        let sequence = self.sequence;
        let incoming = match next_message(&mut self.stream, &self.progress, sequence).await? {
            Message::Text(text) if text.len() > self.progress.size_max() => {
                let problem = format!(
                    "a text of {} bytes is larger than the {} that are allowed here",
                    text.len(),
                    self.progress.size_max()
                );
                return Err(too_large(&problem, sequence));
            }
            Message::Text(text) => match json::parse_client(&text) {
                Ok(message) => Incoming::Message { sequence, message },
                Err(error) => Incoming::Unreadable { sequence, problem: format!("{error}; see docs/protocol.md") },
            },
            Message::Binary(_) => Incoming::Unreadable {
                sequence,
                problem: "realm.v1.json has text messages only; offer realm.v1.bin for binary ones".to_owned(),
            },
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => return Ok(Heard::Alive),
        };
        self.sequence = sequence.wrapping_add(1);
        Ok(Heard::Message(Box::new(incoming)))
    }
}

/// `realm.v1.bin`: each binary message is one frame.
struct BinarySource<S> {
    stream: Stream<S>,
    progress: Arc<Progress>,
    decoder: Decoder,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Source for BinarySource<S> {
    async fn next(&mut self) -> Result<Heard, Broken> {
        let sequence = self.decoder.sequence_next();
        let invalid =
            |message: &str| Broken::Refused { code: Code::FrameInvalid, message: message.to_owned(), sequence };
        match next_message(&mut self.stream, &self.progress, sequence).await? {
            Message::Binary(bytes) => {
                self.decoder.set_size_max(self.progress.size_max());
                let mut bytes = BytesMut::from(bytes);
                match self.decoder.decode(&mut bytes) {
                    Ok(Some(frame)) if bytes.is_empty() => Ok(Heard::Message(Box::new(understood(&frame)))),
                    Ok(_) => {
                        Err(invalid("A binary message holds exactly one whole frame; send it so and connect again."))
                    }
                    Err(error) => Err(refused(&error, sequence)),
                }
            }
            Message::Text(_) => {
                Err(invalid("realm.v1.bin has binary messages only; offer realm.v1.json for text and connect again."))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => Ok(Heard::Alive),
        }
    }
}

struct SocketSink<S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    /// `None` on JSON.
    frames: Option<FrameWriter>,
    batch: Vec<Message>,
    batch_bytes: usize,
    progress: Arc<Progress>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Sink for SocketSink<S> {
    fn push(&mut self, outgoing: &Outgoing) -> Result<(), FrameError> {
        let message = match (&mut self.frames, outgoing) {
            (Some(frames), outgoing) => {
                let mut bytes = BytesMut::new();
                frames.write(outgoing, &mut bytes)?;
                Message::Binary(bytes.freeze())
            }
            (None, Outgoing::Message { encoded, event }) => {
                self.progress.about_to_send(outgoing);
                Message::text(json::server_text(encoded, *event))
            }
            // No game is ever played over JSON: such a connection has no game side.
            (None, Outgoing::Game { .. }) => return Ok(()),
        };
        self.batch_bytes += message.len();
        self.batch.push(message);
        Ok(())
    }

    fn pushed_bytes(&self) -> usize {
        self.batch_bytes
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.batch_bytes = 0;
        for message in std::mem::take(&mut self.batch) {
            self.sink.feed(message).await.map_err(io::Error::other)?;
        }
        self.sink.flush().await.map_err(io::Error::other)
    }

    async fn finish(&mut self, reason: Option<&CloseReason>) -> io::Result<()> {
        let frame = match reason {
            Some(reason) => {
                self.push(&goodbye(reason, self.progress.come_back_host())).map_err(io::Error::other)?;
                self.flush().await?;
                CloseFrame { code: CloseCode::from(close_code(reason.code)), reason: reason.code.as_str().into() }
            }
            None => CloseFrame { code: CloseCode::Normal, reason: "".into() },
        };
        match self.sink.send(Message::Close(Some(frame))).await {
            // The client said so first.
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
