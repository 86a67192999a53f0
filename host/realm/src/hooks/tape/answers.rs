//! What the host answers plugins in the middle of a call, overheard on the thread of the call.

use std::cell::RefCell;

use super::HostAnswer;

thread_local! {
    /// What the host has answered in the call that this thread is in; `None` when nobody wants to know.
    static HOST_ANSWERS: RefCell<Option<Overheard>> = const { RefCell::new(None) };
}

/// Most answers of the host that are kept of one call.
const HOST_ANSWERS_MAX: usize = 256;
/// Most bytes of them: a call with more finds no place in a recording.
const HOST_ANSWERS_BYTES_MAX: usize = 256 * 1024;
/// An answer without a length of its own takes as much.
const HOST_ANSWER_BYTES: usize = 64;

#[derive(Default)]
struct Overheard {
    answers: Vec<HostAnswer>,
    bytes: usize,
}

fn bytes(answer: &HostAnswer) -> usize {
    let more = match answer {
        HostAnswer::Random(dice) => dice.len(),
        HostAnswer::Value { key, value: Ok(Some(value)) } => key.len() + value.len(),
        HostAnswer::Value { key, .. } | HostAnswer::Changed { key, .. } => key.len(),
        HostAnswer::Keys { keys: Ok(keys), .. } => keys.iter().map(|key| key.len() + size_of::<String>()).sum(),
        _ => 0,
    };
    HOST_ANSWER_BYTES + more
}

/// The host has answered a plugin. Beyond the limits nothing more of the call is kept.
pub(in crate::hooks) fn host_answered(answer: impl FnOnce() -> HostAnswer) {
    HOST_ANSWERS.with_borrow_mut(|overheard| {
        let room = |overheard: &&mut Overheard| {
            overheard.answers.len() < HOST_ANSWERS_MAX && overheard.bytes < HOST_ANSWERS_BYTES_MAX
        };
        if let Some(overheard) = overheard.as_mut().filter(room) {
            let answer = answer();
            overheard.bytes += bytes(&answer);
            if overheard.bytes <= HOST_ANSWERS_BYTES_MAX {
                overheard.answers.push(answer);
            }
        }
    });
}

/// From now on this thread keeps what the host answers.
pub(in crate::hooks) fn listen() {
    HOST_ANSWERS.set(Some(Overheard::default()));
}

/// What the host has answered since [`listen`].
pub(in crate::hooks) fn heard() -> Vec<HostAnswer> {
    HOST_ANSWERS.take().unwrap_or_default().answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_up_to_a_number_and_a_size_and_only_while_somebody_listens() {
        host_answered(|| HostAnswer::NowMs(1));
        assert_eq!(heard(), []);
        listen();
        (0..1_000).for_each(|now| host_answered(|| HostAnswer::NowMs(now)));
        assert_eq!(heard().len(), HOST_ANSWERS_MAX);
        listen();
        (0..100).for_each(|_| host_answered(|| HostAnswer::Random(vec![0; 16 * 1024])));
        host_answered(|| HostAnswer::NowMs(1));
        assert_eq!(heard().len(), 15, "and nothing small after what was too much");
        assert_eq!(heard(), []);
    }
}
