//! The fuzz target: whatever bytes come, no decoder panics, and what one reads can be written and read again.
//!
//! The first byte of an input chooses the decoder; `REALM_FUZZ_DECODER` fixes it. `cargo xtask fuzz` builds and runs this.

#![no_main]

mod frame;
mod head;
#[allow(dead_code, reason = "the server uses the rest")]
#[path = "../../../host/realm/src/net/head_guard.rs"]
mod head_guard;
mod message;
mod proxy;
mod snapshot;
mod websocket;

use std::sync::OnceLock;

use libfuzzer_sys::{Corpus, fuzz_target};

/// Names of the decoders, in the order of the first byte.
const DECODERS: [(&str, fn(u8, &[u8])); 6] = [
    ("frame", frame::fuzz),
    ("message", message::fuzz),
    ("snapshot", snapshot::fuzz),
    ("websocket", websocket::fuzz),
    ("head", head::fuzz),
    ("proxy", proxy::fuzz),
];

/// The one decoder that is asked for.
fn fixed() -> Option<usize> {
    static FIXED: OnceLock<Option<usize>> = OnceLock::new();
    *FIXED.get_or_init(|| {
        let name = std::env::var("REALM_FUZZ_DECODER").ok()?;
        let known = DECODERS.iter().position(|(decoder, _)| *decoder == name);
        Some(known.unwrap_or_else(|| panic!("there is no decoder {name:?}; there are {:?}", DECODERS.map(|d| d.0))))
    })
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let [head, rest @ ..] = data else { return Corpus::Reject };
    let chosen = usize::from(*head) % DECODERS.len();
    if fixed().is_some_and(|fixed| fixed != chosen) {
        return Corpus::Reject;
    }
    // What the first byte says beside the decoder is for the decoder.
    DECODERS[chosen].1(*head / DECODERS.len() as u8, rest);
    Corpus::Keep
});
