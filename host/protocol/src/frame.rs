//! Frames: how one message lies in a stream of bytes.
//!
//! `id u8 · size u16 · sequence u32 · timestamp u32 · payload · crc u16`, all little-endian. `size` counts the whole frame.
//! `sequence` starts at 0 in each direction and rises by one; `timestamp` is the sender's milliseconds since the connection
//! opened; `crc` is CRC-16/CCITT-FALSE over everything before it.

use std::ops::{Deref, Range};

use bytes::{BufMut, Bytes, BytesMut};
use crc::{CRC_16_IBM_3740, Crc, Table};

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 11;
/// Bytes after the payload.
pub const CHECKSUM_BYTES: usize = 2;
/// Smallest frame: one without payload.
pub const SIZE_MIN: usize = HEADER_BYTES + CHECKSUM_BYTES;
/// Largest frame before log-in, in bytes, in either direction.
pub const SIZE_MAX_BEFORE_LOGIN: usize = 4 * 1024;
/// Largest frame after log-in, in bytes, in either direction.
pub const SIZE_MAX_AFTER_LOGIN: usize = 16 * 1024;

/// CRC-16/IBM-3740 is the catalogue's name of CRC-16/CCITT-FALSE.
static CHECKSUM: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_3740);

/// A frame as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What the payload means; see [`crate::message`].
    pub identifier: u8,
    /// Number of the frame in its direction, from 0.
    pub sequence: u32,
    /// The sender's milliseconds since the connection opened.
    pub timestamp_ms: u32,
    /// The message.
    pub payload: Bytes,
}

/// Where a whole frame lies at the front of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the payload means; see [`crate::message`].
    pub identifier: u8,
    /// Number of the frame in its direction, from 0.
    pub sequence: u32,
    /// The sender's milliseconds since the connection opened.
    pub timestamp_ms: u32,
    /// Where the message is among the bytes.
    pub payload: Range<usize>,
    /// Bytes of the whole frame: the next one begins behind them.
    pub size: usize,
}

/// Why bytes are no frame. After any of these the stream cannot be read further: close the connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The frame is larger than allowed at this moment.
    #[error("a frame of {size} bytes is larger than the {max} that are allowed here")]
    TooLarge {
        /// Size of the whole frame.
        size: usize,
        /// Largest size allowed.
        max: usize,
    },
    /// The size is smaller than header and checksum.
    #[error("a frame of {0} bytes is smaller than its header and checksum, which take {SIZE_MIN}")]
    TooSmall(usize),
    /// The bytes are not what their sender wrote.
    #[error("the checksum of frame {sequence} is wrong")]
    Checksum {
        /// The frame's sequence, as far as it can be trusted.
        sequence: u32,
    },
    /// A frame was lost, repeated or made up.
    #[error("frame {found} came where frame {expected} was due")]
    Sequence {
        /// The sequence that was due.
        expected: u32,
        /// The sequence that came.
        found: u32,
    },
}

/// Reads the frames of one direction of one connection.
#[derive(Debug, Clone)]
pub struct Decoder {
    size_max: usize,
    sequence: u32,
}

impl Decoder {
    /// A decoder for a new connection that refuses frames above `size_max` bytes.
    #[must_use]
    pub fn new(size_max: usize) -> Self {
        Self { size_max, sequence: 0 }
    }

    /// Changes the limit, as log-in does.
    pub fn set_size_max(&mut self, size_max: usize) {
        self.size_max = size_max;
    }

    /// Takes the next whole frame off the front of `buffer`; `None` when more bytes are needed.
    ///
    /// # Errors
    /// When what came is no frame. An illegal size is found as soon as the header is there, so that a caller never buffers
    /// more than `size_max` bytes for one frame.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        let Some(Found { identifier, sequence, timestamp_ms, payload, size }) = self.find(buffer)? else {
            return Ok(None);
        };
        let payload = buffer.split_to(size).freeze().slice(payload);
        Ok(Some(Frame { identifier, sequence, timestamp_ms, payload }))
    }

    /// Finds the whole frame at the front of `bytes` and counts it as read; `None` when more bytes are needed.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn find(&mut self, bytes: &[u8]) -> Result<Option<Found>, FrameError> {
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let [identifier, size_low, size_high, s0, s1, s2, s3, t0, t1, t2, t3] = *header;
        let size = usize::from(u16::from_le_bytes([size_low, size_high]));
        if size > self.size_max {
            return Err(FrameError::TooLarge { size, max: self.size_max });
        }
        if size < SIZE_MIN {
            return Err(FrameError::TooSmall(size));
        }
        let Some(frame) = bytes.get(..size) else { return Ok(None) };
        let (checked, checksum) = frame.split_at(size - CHECKSUM_BYTES);
        let (sequence, timestamp_ms) = (u32::from_le_bytes([s0, s1, s2, s3]), u32::from_le_bytes([t0, t1, t2, t3]));
        if checksum != CHECKSUM.checksum(checked).to_le_bytes() {
            return Err(FrameError::Checksum { sequence });
        }
        if sequence != self.sequence {
            return Err(FrameError::Sequence { expected: self.sequence, found: sequence });
        }
        self.sequence = self.sequence.wrapping_add(1);
        let payload = HEADER_BYTES..size - CHECKSUM_BYTES;
        Ok(Some(Found { identifier, sequence, timestamp_ms, payload, size }))
    }

    /// The sequence that the next frame must carry.
    #[must_use]
    pub fn sequence_next(&self) -> u32 {
        self.sequence
    }
}

/// Writes the frames of one direction of one connection.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    sequence: u32,
}

impl Encoder {
    /// An encoder for a new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a frame to `out` and returns its sequence. The payload is given in parts, so that a shared one can be followed by
    /// what only this receiver gets.
    ///
    /// # Errors
    /// When the frame would be larger than [`SIZE_MAX_AFTER_LOGIN`]; nothing is written and no sequence is used up.
    pub fn encode(
        &mut self,
        identifier: u8,
        timestamp_ms: u32,
        payload_parts: &[&[u8]],
        out: &mut (impl BufMut + Deref<Target = [u8]>),
    ) -> Result<u32, FrameError> {
        let size = payload_parts.iter().map(|part| part.len()).sum::<usize>() + SIZE_MIN;
        let too_large = FrameError::TooLarge { size, max: SIZE_MAX_AFTER_LOGIN };
        let Ok(size_field) = u16::try_from(size) else { return Err(too_large) };
        if size > SIZE_MAX_AFTER_LOGIN {
            return Err(too_large);
        }
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let start = out.len();
        out.put_u8(identifier);
        out.put_u16_le(size_field);
        out.put_u32_le(sequence);
        out.put_u32_le(timestamp_ms);
        for part in payload_parts {
            out.put_slice(part);
        }
        let checksum = CHECKSUM.checksum(&out[start..]);
        out.put_u16_le(checksum);
        Ok(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(parts: &[&[u8]]) -> BytesMut {
        let mut out = BytesMut::new();
        Encoder::new().encode(0x22, 1_000, parts, &mut out).unwrap();
        out
    }

    #[test]
    fn the_checksum_is_ccitt_false() {
        assert_eq!(CHECKSUM.checksum(b"123456789"), 0x29B1);
    }

    #[test]
    fn a_frame_lies_in_bytes_as_documented() {
        let bytes = encoded(&[b"ab", b"c"]);
        let checksum = CHECKSUM.checksum(&bytes[..14]).to_le_bytes();
        assert_eq!(bytes[..14], [0x22, 16, 0, 0, 0, 0, 0, 0xE8, 0x03, 0, 0, b'a', b'b', b'c']);
        assert_eq!(bytes[14..], checksum);
    }

    #[test]
    fn a_size_out_of_range_is_refused_with_the_header() {
        let mut large = BytesMut::from(&[0x01, 0x01, 0x10, 0, 0, 0, 0, 0, 0, 0, 0][..]);
        let mut decoder = Decoder::new(SIZE_MAX_BEFORE_LOGIN);
        assert_eq!(decoder.decode(&mut large), Err(FrameError::TooLarge { size: 4097, max: 4096 }));
        decoder.set_size_max(SIZE_MAX_AFTER_LOGIN);
        assert_eq!(decoder.decode(&mut large), Ok(None));
        let mut small = BytesMut::from(&[0x01, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0][..]);
        assert_eq!(decoder.decode(&mut small), Err(FrameError::TooSmall(12)));
    }

    #[test]
    fn sequences_rise_by_one() {
        let (mut encoder, mut bytes) = (Encoder::new(), BytesMut::new());
        for _ in 0..3 {
            encoder.encode(0x04, 0, &[], &mut bytes).unwrap();
        }
        let repeated = bytes[..SIZE_MIN].to_vec();
        let mut decoder = Decoder::new(SIZE_MAX_AFTER_LOGIN);
        for sequence in 0..3 {
            assert_eq!(decoder.decode(&mut bytes).unwrap().unwrap().sequence, sequence);
        }
        let mut again = BytesMut::from(&repeated[..]);
        assert_eq!(decoder.decode(&mut again), Err(FrameError::Sequence { expected: 3, found: 0 }));
    }

    #[test]
    fn a_payload_that_does_not_fit_uses_up_no_sequence() {
        let (mut encoder, mut out) = (Encoder::new(), BytesMut::new());
        let payload = vec![0; SIZE_MAX_AFTER_LOGIN - SIZE_MIN + 1];
        assert!(matches!(encoder.encode(1, 0, &[&payload], &mut out), Err(FrameError::TooLarge { .. })));
        assert!(matches!(encoder.encode(1, 0, &[&vec![0; 70_000]], &mut out), Err(FrameError::TooLarge { .. })));
        assert!(out.is_empty());
        assert_eq!(encoder.encode(1, 0, &[&payload[1..]], &mut out), Ok(0));
        assert_eq!(out.len(), SIZE_MAX_AFTER_LOGIN);
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting_of_the_stream(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
            cut in 1_usize..64,
        ) {
            let (mut encoder, mut stream) = (Encoder::new(), BytesMut::new());
            for payload in &payloads {
                encoder.encode(0x40, 7, &[payload], &mut stream).unwrap();
            }
            let (mut decoder, mut buffer, mut found) = (Decoder::new(SIZE_MAX_AFTER_LOGIN), BytesMut::new(), Vec::new());
            for piece in stream.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = decoder.decode(&mut buffer).unwrap() {
                    found.push(frame.payload.to_vec());
                }
            }
            prop_assert_eq!(found, payloads);
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let (mut decoder, mut buffer) = (Decoder::new(512), BytesMut::from(&bytes[..]));
            while let Ok(Some(_)) = decoder.decode(&mut buffer) {}
        }

        #[test]
        fn a_changed_bit_is_always_found(payload in prop::collection::vec(any::<u8>(), 0..100), bit in any::<prop::sample::Index>()) {
            let mut bytes = encoded(&[&payload]);
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!matches!(Decoder::new(SIZE_MAX_AFTER_LOGIN).decode(&mut bytes), Ok(Some(_))));
        }
    }
}
