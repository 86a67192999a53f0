//! A made-up next version of the contract: a line of chat also says its language.

use crate::bindings::chat_filter as today;

/// Its number.
pub(super) const VERSION: &str = "0.2.0";
/// Its chat filter.
pub(super) const CHAT_FILTER: &str = "realm:plugin/chat-filter@0.2.0";
/// What the host says of a language that it does not know.
pub(super) const LANGUAGE_UNKNOWN: &str = "und";

/// The package.
pub(super) const PACKAGE: &str = include_str!("next.wit");

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
mod generated {
    wasmtime::component::bindgen!({ path: "src/versions/next.wit", world: "chat-filter-plugin" });
}

pub(super) use generated::exports::realm::plugin::chat_filter;

/// Today's line as the next version has it.
pub(super) fn line(line: &today::Line) -> chat_filter::Line {
    chat_filter::Line {
        account: line.account,
        account_name: line.account_name.clone(),
        destination: match line.destination {
            today::Destination::Channel => chat_filter::Destination::Channel,
            today::Destination::Whisper => chat_filter::Destination::Whisper,
        },
        target: line.target.clone(),
        text: line.text.clone(),
        language: LANGUAGE_UNKNOWN.to_owned(),
        now_ms: line.now_ms,
    }
}

/// The next version's verdict as today's.
pub(super) fn verdict(verdict: chat_filter::Verdict) -> today::Verdict {
    match verdict {
        chat_filter::Verdict::Pass => today::Verdict::Pass,
        chat_filter::Verdict::Replace(text) => today::Verdict::Replace(text),
        chat_filter::Verdict::Block(sentence) => today::Verdict::Block(sentence),
    }
}
