//! The host's answers of one call, given to another version that is asked the same: the same time, the same dice, the same
//! keys. What it writes itself it can read until it has answered, and nobody else ever sees it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
};

use realm_plugin_host::bindings::{
    kv::KvError,
    realm_info::{Account, Character},
};

use super::HostAnswer;

/// Answers that were given once and are given again, each once.
#[derive(Debug, Default)]
pub(in crate::hooks) struct Told {
    left: VecDeque<HostAnswer>,
    /// Keys that were written since; `None` was deleted.
    written: BTreeMap<String, Option<Vec<u8>>>,
    written_bytes: u64,
}

impl Told {
    pub(super) fn new(answers: Vec<HostAnswer>) -> Self {
        Self { left: answers.into(), ..Self::default() }
    }

    fn next<T>(&mut self, of_kind: impl Fn(&HostAnswer) -> Option<T>) -> Option<T> {
        let place = self.left.iter().position(|answer| of_kind(answer).is_some())?;
        self.left.remove(place).as_ref().and_then(of_kind)
    }

    pub(in crate::hooks) fn now_ms(&mut self) -> Option<u64> {
        self.next(|answer| if let HostAnswer::NowMs(now_ms) = answer { Some(*now_ms) } else { None })
    }

    pub(in crate::hooks) fn random(&mut self, length: usize) -> Option<Vec<u8>> {
        self.next(|answer| match answer {
            HostAnswer::Random(dice) if dice.len() == length => Some(dice.clone()),
            _ => None,
        })
    }

    /// The value that this call has written, or the one that was read then. A key is read the same as often as one likes.
    pub(in crate::hooks) fn value(&self, wanted: &str) -> Option<Result<Option<Vec<u8>>, KvError>> {
        if let Some(written) = self.written.get(wanted) {
            return Some(Ok(written.clone()));
        }
        self.left.iter().find_map(|answer| match answer {
            HostAnswer::Value { key, value } if key == wanted => Some(value.clone()),
            _ => None,
        })
    }

    /// Sets or deletes a key for the rest of the call; what was refused then is refused again.
    pub(in crate::hooks) fn change(
        &mut self,
        wanted: &str,
        value: Option<Vec<u8>>,
        bytes_max: u64,
    ) -> Result<(), KvError> {
        let then = self.next(|answer| match answer {
            HostAnswer::Changed { key, outcome } if key == wanted => Some(outcome.clone()),
            _ => None,
        });
        then.unwrap_or(Ok(()))?;
        // What it keeps already is not known here: this bounds what one call can write.
        let bytes = wanted.len() + value.as_ref().map_or(0, Vec::len);
        let bytes = self.written_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if bytes > bytes_max {
            return Err(KvError::Quota);
        }
        self.written_bytes = bytes;
        self.written.insert(wanted.to_owned(), value);
        Ok(())
    }

    /// The keys that were listed then.
    pub(in crate::hooks) fn keys(
        &mut self,
        wanted_prefix: &str,
        wanted_after: &str,
    ) -> Option<Result<Vec<String>, KvError>> {
        self.next(|answer| match answer {
            HostAnswer::Keys { prefix, after, keys } if (&**prefix, &**after) == (wanted_prefix, wanted_after) => {
                Some(keys.clone())
            }
            _ => None,
        })
    }

    pub(in crate::hooks) fn realm_name(&mut self) -> Option<String> {
        self.next(|answer| if let HostAnswer::RealmName(name) = answer { Some(name.clone()) } else { None })
    }

    pub(in crate::hooks) fn players_online(&mut self) -> Option<u32> {
        self.next(|answer| if let HostAnswer::PlayersOnline(count) = answer { Some(*count) } else { None })
    }

    pub(in crate::hooks) fn account(&mut self, wanted: &str) -> Option<Option<Account>> {
        self.next(|answer| match answer {
            HostAnswer::Account { name, account } if name == wanted => Some(account.clone()),
            _ => None,
        })
    }

    pub(in crate::hooks) fn character(&mut self, wanted: &str) -> Option<Option<Character>> {
        self.next(|answer| match answer {
            HostAnswer::Character { name, character } if name == wanted => Some(character.clone()),
            _ => None,
        })
    }
}

thread_local! {
    /// What a shadow is told in the call that this thread is in.
    static SHADE: RefCell<Option<Told>> = const { RefCell::new(None) };
}

/// Ends the shade however the call ends.
struct Shade;

impl Drop for Shade {
    fn drop(&mut self) {
        SHADE.take();
    }
}

/// Lets a shadow act: it is told what the version at work was told, and nothing that it does reaches the realm.
pub(in crate::hooks) fn in_shade<T>(answers: Vec<HostAnswer>, act: impl FnOnce() -> T) -> T {
    SHADE.set(Some(Told::new(answers)));
    let _shade = Shade;
    act()
}

/// What is done outside of a call, as the end of an instance is: a shadow does it in its shade, and nobody was told anything.
pub(in crate::hooks) fn shaded_if<T>(shadow: bool, act: impl FnOnce() -> T) -> T {
    if shadow { in_shade(Vec::new(), act) } else { act() }
}

/// What a shadow is told; `None` when this thread is in no shade.
pub(in crate::hooks) fn shaded<T>(ask: impl FnOnce(&mut Told) -> T) -> Option<T> {
    SHADE.with_borrow_mut(|told| told.as_mut().map(ask))
}
