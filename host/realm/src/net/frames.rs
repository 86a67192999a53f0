//! Frames over TLS: the realm's door.

use std::{io, sync::Arc};

use bytes::BytesMut;
use realm_protocol::frame::{CHECKSUM_BYTES, Decoder, FrameError, HEADER_BYTES};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;

use super::{
    conversation::{Broken, Closing, Heard, Sink, Source, Terms, converse, linger},
    wire::{FrameWriter, Progress, frame_refusal, goodbye, understood},
};
use crate::types::{CloseReason, Outgoing};

/// Room made before each read; a connection that is quiet holds no more.
const READ_BYTES: usize = 1_024;

/// Serves a connection of the realm's door until it ends.
pub(super) async fn serve(stream: Box<TlsStream<TcpStream>>, terms: Terms<'_>) {
    let (read, write) = split(stream);
    let mut source = FrameSource::new(read, Arc::clone(&terms.progress));
    let mut sink = FrameSink::new(write, Arc::clone(&terms.progress));
    if converse(&mut source, &mut sink, terms).await == Closing::Gently {
        linger(source.read).await;
    }
}

struct FrameSource<R> {
    read: R,
    buffer: BytesMut,
    decoder: Decoder,
    progress: Arc<Progress>,
}

impl<S> FrameSource<ReadHalf<S>> {
    fn new(read: ReadHalf<S>, progress: Arc<Progress>) -> Self {
        Self { read, buffer: BytesMut::new(), decoder: Decoder::new(progress.size_max()), progress }
    }
}

impl<R: AsyncRead + Unpin + Send> Source for FrameSource<R> {
    async fn next(&mut self) -> Result<Heard, Broken> {
        loop {
            self.decoder.set_size_max(self.progress.size_max());
            match self.decoder.decode(&mut self.buffer) {
                Ok(Some(frame)) => {
                    let bytes = HEADER_BYTES + frame.payload.len() + CHECKSUM_BYTES;
                    self.progress.heard(bytes, frame.sequence)?;
                    return Ok(Heard::Message(Box::new(understood(&frame))));
                }
                Ok(None) => {}
                Err(error) => return Err(refused(&error, self.decoder.sequence_next())),
            }
            self.buffer.reserve(READ_BYTES);
            match self.read.read_buf(&mut self.buffer).await {
                Ok(count) if count > 0 => {}
                _ => return Err(Broken::Ended),
            }
        }
    }
}

/// `sequence` is the one that was due: what an unreadable frame says of itself cannot be trusted.
pub(super) fn refused(error: &FrameError, sequence: u32) -> Broken {
    let (code, message) = frame_refusal(error);
    Broken::Refused { code, message, sequence }
}

struct FrameSink<W> {
    write: W,
    batch: BytesMut,
    writer: FrameWriter,
}

impl<S> FrameSink<WriteHalf<S>> {
    fn new(write: WriteHalf<S>, progress: Arc<Progress>) -> Self {
        Self { write, batch: BytesMut::new(), writer: FrameWriter::new(progress) }
    }
}

impl<W: AsyncWrite + Unpin + Send> Sink for FrameSink<W> {
    fn push(&mut self, outgoing: &Outgoing) -> Result<(), FrameError> {
        self.writer.write(outgoing, &mut self.batch)
    }

    fn pushed_bytes(&self) -> usize {
        self.batch.len()
    }

    async fn flush(&mut self) -> io::Result<()> {
        // A batch's memory is given back: most connections are quiet most of the time.
        let batch = std::mem::take(&mut self.batch);
        self.write.write_all(&batch).await?;
        self.write.flush().await
    }

    async fn finish(&mut self, reason: Option<&CloseReason>) -> io::Result<()> {
        if let Some(reason) = reason {
            self.push(&goodbye(reason, self.writer.come_back_host())).map_err(io::Error::other)?;
            self.flush().await?;
        }
        self.write.shutdown().await
    }
}
