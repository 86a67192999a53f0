//! The smallest plugin that does something: a line in the log at its start, and every line of chat passes.

use realm_plugin::{
    InitError, Plugin,
    chat_filter::{ChatFilter, Line, Verdict},
    log,
};

/// Has nothing to remember.
pub struct Hello;

impl Plugin for Hello {
    fn init(_configuration: &str) -> Result<Self, InitError> {
        log::info!("hello, realm");
        Ok(Self)
    }
}

impl ChatFilter for Hello {
    fn filter(&mut self, _line: Line) -> Verdict {
        Verdict::Pass
    }
}

realm_plugin::plugin! {
    rule: Hello,
    name: "hello",
    description: "Says hello in the log and lets every line of chat pass.",
    permissions: ["log"],
}
realm_plugin::export_chat_filter!(Hello);

#[cfg(test)]
mod tests {
    use realm_plugin::chat_filter::Destination;

    use super::*;

    #[test]
    fn every_line_passes() {
        let mut hello = Hello::init("{}").unwrap();
        let line = Line {
            account: 1,
            account_name: "Anna".into(),
            destination: Destination::Channel,
            target: "Lobby".into(),
            text: "hello".into(),
            now_ms: 0,
        };
        assert!(matches!(hello.filter(line), Verdict::Pass));
    }
}
