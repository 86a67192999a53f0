//! What the host answers plugins in the middle of a call, overheard on the thread of the call.

use std::cell::RefCell;

use super::HostAnswer;

thread_local! {
    /// What the host has answered in the call that this thread is in; `None` when nobody wants to know.
    static HOST_ANSWERS: RefCell<Option<Vec<HostAnswer>>> = const { RefCell::new(None) };
}

/// Most answers of the host that are kept of one call.
const HOST_ANSWERS_MAX: usize = 256;

/// The host has answered a plugin.
pub(in crate::hooks) fn host_answered(answer: impl FnOnce() -> HostAnswer) {
    HOST_ANSWERS.with_borrow_mut(|answers| {
        if let Some(answers) = answers.as_mut().filter(|answers| answers.len() < HOST_ANSWERS_MAX) {
            answers.push(answer());
        }
    });
}

/// From now on this thread keeps what the host answers.
pub(in crate::hooks) fn listen() {
    HOST_ANSWERS.set(Some(Vec::new()));
}

/// What the host has answered since [`listen`].
pub(in crate::hooks) fn heard() -> Vec<HostAnswer> {
    HOST_ANSWERS.take().unwrap_or_default()
}
