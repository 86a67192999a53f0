//! What the engine says when a component does not fit the contract, in words for the author of the plugin.
//!
//! The engine names the interface and the function between backticks. Where its words are others than those known here,
//! they are shown as they are.

/// What does not fit, from the engine's message.
pub(crate) fn in_words(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names[..] {
        [interface, function, ..] if message.contains("component imports instance") => {
            if message.contains("implementation is missing") {
                format!("it calls `{function}` of `{interface}`, which this realm does not have")
            } else {
                format!("it calls `{function}` of `{interface}` with other types: {}", last_part(message))
            }
        }
        [interface, function, ..] if message.contains("does not have export") => {
            format!("function `{function}` is missing in its `{interface}`")
        }
        _ => message.to_owned(),
    }
}

/// A function that a component exports has other types than the contract says.
pub(crate) fn other_types(interface: &str, message: &str) -> String {
    format!("a function of its `{interface}` has other types than this realm's: {}", last_part(message))
}

/// The cause, which the engine puts behind the last colon but one: `type mismatch with results: expected … found …`.
fn last_part(message: &str) -> &str {
    message.rfind("type mismatch").map_or(message, |at| &message[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_shown_as_it_is() {
        assert_eq!(in_words("something `new` of the engine"), "something `new` of the engine");
        assert_eq!(in_words(""), "");
    }
}
