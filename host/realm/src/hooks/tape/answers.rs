//! What the host answers plugins in the middle of a call, overheard on the thread of the call.

use std::cell::RefCell;

use realm_plugin_host::bindings::{
    kv::KvError,
    realm_info::{Account, Character},
};
use serde::{Deserialize, Serialize};

/// What the host answered a plugin in the middle of a call, with what it was asked where that tells answers apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::hooks) enum HostAnswer {
    NowMs(u64),
    Random(Vec<u8>),
    /// The value of a key.
    Value {
        key: String,
        value: Result<Option<Vec<u8>>, KvError>,
    },
    /// What came of setting or deleting a key.
    Changed {
        key: String,
        outcome: Result<(), KvError>,
    },
    Keys {
        prefix: String,
        after: String,
        keys: Result<Vec<String>, KvError>,
    },
    RealmName(String),
    PlayersOnline(u32),
    Account {
        id: u64,
        account: Option<Account>,
    },
    Character {
        id: u64,
        character: Option<Character>,
    },
}

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
