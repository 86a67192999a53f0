//! Frames: in pieces, raw or with sizes, sequences and checksums mended so that the bytes get deeper than the first check.

use bytes::BytesMut;
use realm_protocol::{
    Decoder, Encoder,
    frame::{CHECKSUM_BYTES, HEADER_BYTES, SIZE_MAX_AFTER_LOGIN, SIZE_MAX_BEFORE_LOGIN, SIZE_MIN},
};

/// The lowest bit mends, the next one is before log-in, the rest is the size of the pieces.
pub(crate) fn fuzz(options: u8, data: &[u8]) {
    let bytes = if options & 1 == 1 { mended(data) } else { data.to_vec() };
    let size_max = if options & 2 == 2 { SIZE_MAX_BEFORE_LOGIN } else { SIZE_MAX_AFTER_LOGIN };
    let piece = 1 + usize::from(options >> 2) * 7;
    let (mut decoder, mut encoder) = (Decoder::new(size_max), Encoder::new());
    let (mut buffer, mut written) = (BytesMut::new(), BytesMut::new());
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => {
                    let size = frame.payload.len() + SIZE_MIN;
                    assert!(size <= size_max);
                    let sequence = encoder
                        .encode(frame.identifier, frame.timestamp_ms, &[&frame.payload], &mut written)
                        .expect("what was read can be written");
                    assert_eq!(sequence, frame.sequence);
                }
                Ok(None) => break,
                Err(_) => return same(&bytes, &written),
            }
        }
        assert!(buffer.len() < size_max, "no more is kept than one frame");
    }
    same(&bytes, &written);
}

fn same(read: &[u8], written: &[u8]) {
    assert_eq!(&read[..written.len()], written, "frames are written as they were read");
}

/// The same bytes as frames: a length byte, an identifier, a timestamp, the payload; the codec does the rest.
fn mended(mut data: &[u8]) -> Vec<u8> {
    let (mut encoder, mut bytes) = (Encoder::new(), BytesMut::new());
    while let [length, identifier, damage, rest @ ..] = data {
        let (payload, later) = rest.split_at(rest.len().min(usize::from(*length)));
        let begin = bytes.len();
        encoder.encode(*identifier, u32::from(*damage), &[payload], &mut bytes).expect("a small frame");
        if *damage > 0xF0 {
            // One byte of the head or the checksum is spoiled.
            let heads = HEADER_BYTES + CHECKSUM_BYTES;
            let place = begin + usize::from(*damage - 0xF0) % heads;
            bytes[place] ^= *identifier;
        }
        data = later;
    }
    bytes.to_vec()
}
