//! A frame with a line of chat.

use std::{hint::black_box, time::Instant};

use bytes::BytesMut;
use realm_protocol::{ClientMessage, Decoder, Encoder, Frame, frame::SIZE_MAX_AFTER_LOGIN, proto::ChatSend};

use crate::{
    inputs::{LINE_BYTES, texts},
    sampling::{Group, Subject},
};

/// Frames of one sample: some hundred kilobytes.
const FRAMES: u32 = 2_000;

/// Bytes to frame, bytes to message, and back.
pub(crate) fn group() -> Group {
    let message = ClientMessage::from(ChatSend { text: texts().remove(0) });
    let payload = message.to_payload();
    let (mut encoder, mut bytes) = (Encoder::new(), BytesMut::new());
    for _ in 0..FRAMES {
        encoder.encode(message.identifier(), 1_000, &[&payload], &mut bytes).expect("a small frame");
    }
    let bytes_a_frame = bytes.len() / FRAMES as usize;
    let stream = bytes.freeze();

    let decoded = |title: &str, read: fn(Frame)| {
        let stream = stream.clone();
        Subject::prepared(title, FRAMES, move || {
            let (mut decoder, mut buffer) = (Decoder::new(SIZE_MAX_AFTER_LOGIN), BytesMut::from(&stream[..]));
            let start = Instant::now();
            for _ in 0..FRAMES {
                read(decoder.decode(&mut buffer).expect("sound frames").expect("so many frames"));
            }
            start.elapsed()
        })
    };
    let frames = decoded("bytes to frame, checksum and sequence checked", |frame| drop(black_box(frame)));
    let messages = decoded("bytes to frame to message", |frame| {
        let message = ClientMessage::decode(frame.identifier, &frame.payload);
        assert!(matches!(black_box(message), Ok(ClientMessage::ChatSend(_))));
    });
    let encoded = Subject::prepared("frame to bytes", FRAMES, move || {
        let (mut encoder, mut bytes) = (Encoder::new(), BytesMut::with_capacity(stream.len()));
        let start = Instant::now();
        for _ in 0..FRAMES {
            encoder.encode(0x22, 1_000, &[&payload], &mut bytes).expect("a small frame");
        }
        let took = start.elapsed();
        assert_eq!(bytes.len(), stream.len());
        took
    });
    Group {
        title: format!("A frame of {bytes_a_frame} bytes with a line of chat of {LINE_BYTES}"),
        subjects: vec![frames, messages, encoded],
        compared: false,
    }
}
