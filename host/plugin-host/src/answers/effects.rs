//! Effects, the answers of `commands` and `events`.

use super::{CHAT_CHARACTERS_MAX, check_count, check_sentence, check_text, nonsense};
use crate::{bindings::effects::Effect, error::CallError};

/// Most effects in one answer.
const EFFECTS_MAX: usize = 32;
/// Longest name of a channel, in characters.
const CHANNEL_CHARACTERS_MAX: usize = 32;
/// Longest name of an account, in characters.
const ACCOUNT_CHARACTERS_MAX: usize = 16;
/// The longest mute: a day.
const MUTE_MS_MAX: u64 = 86_400_000;

/// `moderates`: the plugin has the permission `moderate`.
pub(crate) fn check_effects(effects: &[Effect], moderates: bool) -> Result<(), CallError> {
    check_count("effects", effects.len(), EFFECTS_MAX)?;
    for effect in effects {
        let needs_moderate = match effect {
            Effect::Say(_) | Effect::Whisper(_) | Effect::Announce(_) => None,
            Effect::Mute(_) => Some("mute"),
            Effect::Kick(_) => Some("kick"),
            Effect::Flag(_) => Some("flag"),
        };
        if let Some(name) = needs_moderate.filter(|_| !moderates) {
            return nonsense(format!(
                "the effect `{name}` needs the permission `moderate`: add it to the permissions of the manifest"
            ));
        }
        check_effect(effect)?;
    }
    Ok(())
}

fn check_effect(effect: &Effect) -> Result<(), CallError> {
    match effect {
        Effect::Say(say) => {
            check_text("the name of a channel", &say.channel, CHANNEL_CHARACTERS_MAX)?;
            check_text("the text of `say`", &say.text, CHAT_CHARACTERS_MAX)
        }
        Effect::Whisper(whisper) => {
            check_account("whisper", &whisper.account)?;
            check_text("the text of `whisper`", &whisper.text, CHAT_CHARACTERS_MAX)
        }
        Effect::Announce(announce) => check_text("the text of `announce`", &announce.text, CHAT_CHARACTERS_MAX),
        Effect::Mute(mute) if !(1..=MUTE_MS_MAX).contains(&mute.duration_ms) => {
            nonsense(format!("a mute lasts 1 to {MUTE_MS_MAX} ms, this one {}", mute.duration_ms))
        }
        Effect::Mute(mute) => {
            check_account("mute", &mute.account)?;
            check_sentence("the reason of `mute`", &mute.reason)
        }
        Effect::Kick(kick) => {
            check_account("kick", &kick.account)?;
            check_sentence("the reason of `kick`", &kick.reason)
        }
        Effect::Flag(flag) => {
            check_account("flag", &flag.account)?;
            check_sentence("the reason of `flag`", &flag.reason)
        }
    }
}

fn check_account(effect: &str, name: &str) -> Result<(), CallError> {
    check_text(&format!("the account of `{effect}`"), name, ACCOUNT_CHARACTERS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::effects::{Announce, Flag, Mute, Say};

    fn announce(text: &str) -> Effect {
        Effect::Announce(Announce { text: text.to_owned() })
    }

    #[test]
    fn moderating_needs_its_permission() {
        let effects = [Effect::Flag(Flag { account: "Ann".to_owned(), reason: "spam".to_owned() })];
        assert!(check_effects(&effects, true).is_ok());
        let error = check_effects(&effects, false).unwrap_err().to_string();
        assert!(error.contains("`flag`") && error.contains("`moderate`"), "{error}");
    }

    #[test]
    fn effects_are_held_to_their_limits() {
        assert!(check_effects(&vec![announce("hello"); 32], false).is_ok());
        assert!(check_effects(&vec![announce("hello"); 33], false).is_err());
        assert!(check_effects(&[announce("")], false).is_err());
        let say = Say { channel: "x".repeat(33), text: "hello".to_owned() };
        assert!(check_effects(&[Effect::Say(say)], false).is_err());
        for (duration_ms, fine) in [(0, false), (1, true), (MUTE_MS_MAX, true), (MUTE_MS_MAX + 1, false)] {
            let mute = Mute { account: "Ann".to_owned(), duration_ms, reason: "spam".to_owned() };
            assert_eq!(check_effects(&[Effect::Mute(mute)], true).is_ok(), fine, "{duration_ms}");
        }
    }
}
