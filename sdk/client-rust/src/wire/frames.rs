//! Frames on a stream of bytes.

use bytes::BytesMut;
use realm_protocol::{Decoder, Encoder, frame::SIZE_MAX_AFTER_LOGIN};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{AnyStream, OUTGOING_BYTES_MAX, Received, outgoing_full};
use crate::ClientError;

/// Frames on a stream of bytes.
pub(crate) struct FrameWire {
    stream: AnyStream,
    decoder: Decoder,
    encoder: Encoder,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl FrameWire {
    pub(crate) fn new(stream: AnyStream) -> Self {
        Self {
            stream,
            decoder: Decoder::new(SIZE_MAX_AFTER_LOGIN),
            encoder: Encoder::new(),
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
        }
    }

    pub(super) fn queue_frame(
        &mut self,
        identifier: u8,
        payload: &[u8],
        timestamp_ms: u32,
    ) -> Result<u32, ClientError> {
        if self.outgoing.len() > OUTGOING_BYTES_MAX {
            return Err(outgoing_full());
        }
        Ok(self.encoder.encode(identifier, timestamp_ms, &[payload], &mut self.outgoing)?)
    }

    pub(super) fn queue_bytes(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        if self.outgoing.len() + bytes.len() > OUTGOING_BYTES_MAX {
            return Err(outgoing_full());
        }
        self.outgoing.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) async fn flush(&mut self) -> Result<(), ClientError> {
        while !self.outgoing.is_empty() {
            // What is written leaves the buffer at once, so that a cancelled flush can be continued.
            self.stream.write_buf(&mut self.outgoing).await.map_err(|_| ClientError::Closed(None))?;
        }
        self.stream.flush().await.map_err(|_| ClientError::Closed(None))
    }

    pub(super) async fn receive(&mut self) -> Result<Option<Received>, ClientError> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.incoming)? {
                return Ok(Some(Received::Frame(frame)));
            }
            // A connection that breaks has ended, whatever the system calls it.
            if self.stream.read_buf(&mut self.incoming).await.unwrap_or(0) == 0 {
                return Ok(None);
            }
        }
    }

    pub(super) async fn shut(&mut self) -> Result<(), ClientError> {
        self.flush().await?;
        self.stream.shutdown().await.map_err(|_| ClientError::Closed(None))
    }
}
