//! What the host answered a plugin in the middle of a call, and a host that answers so again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    bindings::{
        kv::KvError,
        realm_info::{Account, Character},
    },
    log::{Level, LogSink},
    manifest::Permission,
    services::Services,
};

/// One answer of the host, with what it was asked where that tells answers apart. What has no answer (a line for the log, a figure) is not kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is the answer of the function of its name in wit/")]
pub enum HostAnswer {
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
        name: String,
        account: Option<Account>,
    },
    Character {
        name: String,
        character: Option<Character>,
    },
}

/// Most surprises that are kept of one replay.
const SURPRISES_MAX: usize = 100;
/// Most keys of the plugin's own that are remembered.
const OWN_MAX: usize = 4_096;

/// Services that answer a plugin as the host did when it was recorded. What it asks that was not asked then is answered as by
/// a realm in which nothing is kept and nobody is online, and is a surprise.
#[derive(Debug, Default)]
pub struct AsRecorded {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    left: VecDeque<HostAnswer>,
    at_ms: u64,
    /// What the plugin has set in this replay: read again, it is no surprise.
    own: BTreeMap<String, Option<Vec<u8>>>,
    /// The keys of that which it has set in this call: what was read then is older.
    written: BTreeSet<String>,
    expected: Vec<Permission>,
    surprises: Vec<(Permission, String)>,
}

impl AsRecorded {
    /// The same, and questions that need one of these permissions are no surprise.
    #[must_use]
    pub fn expecting(permissions: &[Permission]) -> Self {
        let inner = Inner { expected: permissions.to_vec(), ..Inner::default() };
        Self { inner: Mutex::new(inner) }
    }

    /// From now on answers as the host did in a call of this time.
    pub(super) fn begin(&self, at_ms: u64, host: &[HostAnswer]) {
        let mut inner = self.inner();
        inner.at_ms = at_ms;
        inner.left = host.iter().cloned().collect();
        inner.written.clear();
    }

    /// What was asked beyond the recording since this was last looked at, in words.
    pub(super) fn take_surprises(&self) -> Vec<(Permission, String)> {
        std::mem::take(&mut self.inner().surprises)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next recorded answer of a kind, or what `instead` makes of the surprise.
    fn next<T>(
        &self,
        of_kind: impl Fn(&HostAnswer) -> Option<T>,
        permission: Permission,
        asked: impl FnOnce() -> String,
        instead: impl FnOnce(&mut Inner) -> Instead<T>,
    ) -> T {
        let mut inner = self.inner();
        let found = inner.left.iter().enumerate().find_map(|(place, answer)| Some((place, of_kind(answer)?)));
        if let Some((place, answer)) = found {
            // A key is read the same as often as one likes.
            let again = || inner.left.iter().skip(place + 1).any(|answer| of_kind(answer).is_some());
            if permission != Permission::Kv || again() || !matches!(inner.left[place], HostAnswer::Value { .. }) {
                inner.left.remove(place);
            }
            return answer;
        }
        match instead(&mut inner) {
            Instead::Known(answer) => answer,
            Instead::Surprise(answer) => {
                if !inner.expected.contains(&permission) && inner.surprises.len() < SURPRISES_MAX {
                    inner.surprises.push((permission, asked()));
                }
                answer
            }
        }
    }
}

impl Inner {
    fn keep(&mut self, key: &str, value: Option<Vec<u8>>) {
        if self.own.len() < OWN_MAX || self.own.contains_key(key) {
            self.own.insert(key.to_owned(), value);
            self.written.insert(key.to_owned());
        }
    }
}

/// What is answered where the recording holds nothing.
enum Instead<T> {
    /// The plugin itself has said it before.
    Known(T),
    /// Nobody can know.
    Surprise(T),
}

impl LogSink for AsRecorded {
    fn write(&self, _plugin: &str, _level: Level, _line: &str) {}
}

impl Services for AsRecorded {
    fn now_ms(&self, _plugin: &str) -> u64 {
        let of_kind = |answer: &HostAnswer| if let HostAnswer::NowMs(now_ms) = answer { Some(*now_ms) } else { None };
        // The recording knows when the call was.
        self.next(of_kind, Permission::Clock, || "clock.now-ms".to_owned(), |inner| Instead::Surprise(inner.at_ms))
    }

    fn random(&self, _plugin: &str, bytes: &mut [u8]) -> bool {
        let length = bytes.len();
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Random(dice) if dice.len() == length => Some(dice.clone()),
            _ => None,
        };
        // Dice that were never thrown are the same each time.
        let dice = self.next(
            of_kind,
            Permission::Random,
            || format!("random, {length} bytes"),
            |_| Instead::Surprise(vec![7; length]),
        );
        bytes.copy_from_slice(&dice);
        true
    }

    fn kv_get(&self, _plugin: &str, wanted: &str) -> Result<Option<Vec<u8>>, KvError> {
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Value { key, value } if key == wanted => Some(value.clone()),
            _ => None,
        };
        {
            let inner = self.inner();
            if inner.written.contains(wanted) {
                return Ok(inner.own.get(wanted).cloned().flatten());
            }
        }
        let instead = |inner: &mut Inner| match inner.own.get(wanted) {
            Some(value) => Instead::Known(Ok(value.clone())),
            None => Instead::Surprise(Ok(None)),
        };
        self.next(of_kind, Permission::Kv, || format!("kv.get {wanted}"), instead)
    }

    fn kv_set(&self, _plugin: &str, wanted: &str, value: Vec<u8>, _bytes_max: u64) -> Result<(), KvError> {
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Changed { key, outcome } if key == wanted => Some(outcome.clone()),
            _ => None,
        };
        let answer = self.next(of_kind, Permission::Kv, || format!("kv.set {wanted}"), |_| Instead::Surprise(Ok(())));
        if answer.is_ok() {
            self.inner().keep(wanted, Some(value));
        }
        answer
    }

    fn kv_delete(&self, _plugin: &str, wanted: &str) -> Result<(), KvError> {
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Changed { key, outcome } if key == wanted => Some(outcome.clone()),
            _ => None,
        };
        let answer =
            self.next(of_kind, Permission::Kv, || format!("kv.delete {wanted}"), |_| Instead::Surprise(Ok(())));
        if answer.is_ok() {
            self.inner().keep(wanted, None);
        }
        answer
    }

    fn kv_list(&self, _plugin: &str, of: &str, from: &str, _keys_max: usize) -> Result<Vec<String>, KvError> {
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Keys { prefix, after, keys } if prefix == of && after == from => Some(keys.clone()),
            _ => None,
        };
        self.next(of_kind, Permission::Kv, || format!("kv.list-keys {of}"), |_| Instead::Surprise(Ok(Vec::new())))
    }

    fn realm_name(&self) -> String {
        let of_kind =
            |answer: &HostAnswer| if let HostAnswer::RealmName(name) = answer { Some(name.clone()) } else { None };
        self.next(of_kind, Permission::RealmInfo, || "realm-info.name".to_owned(), |_| Instead::Surprise(String::new()))
    }

    fn players_online(&self) -> u32 {
        let of_kind =
            |answer: &HostAnswer| if let HostAnswer::PlayersOnline(number) = answer { Some(*number) } else { None };
        self.next(of_kind, Permission::RealmInfo, || "realm-info.players-online".to_owned(), |_| Instead::Surprise(0))
    }

    fn find_account(&self, wanted: &str) -> Option<Account> {
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Account { name, account } if name == wanted => Some(account.clone()),
            _ => None,
        };
        self.next(
            of_kind,
            Permission::RealmInfo,
            || format!("realm-info.find-account {wanted}"),
            |_| Instead::Surprise(None),
        )
    }

    fn find_character(&self, wanted: &str) -> Option<Character> {
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Character { name, character } if name == wanted => Some(character.clone()),
            _ => None,
        };
        self.next(
            of_kind,
            Permission::RealmInfo,
            || format!("realm-info.find-character {wanted}"),
            |_| Instead::Surprise(None),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_answers_as_it_did_and_everything_else_is_a_surprise() {
        let score = |answer: &[u8]| HostAnswer::Value { key: "score".to_owned(), value: Ok(Some(answer.to_vec())) };
        let host = vec![HostAnswer::NowMs(9), score(b"1"), score(b"2"), HostAnswer::Random(vec![1, 2])];
        let replayed = AsRecorded::expecting(&[Permission::Random]);
        replayed.begin(5, &host);
        let surprises = || -> Vec<String> { replayed.take_surprises().into_iter().map(|(_, what)| what).collect() };
        // In any order between kinds, in theirs within one.
        let get = |key: &str| replayed.kv_get("one", key);
        assert_eq!((get("score"), get("score")), (Ok(Some(b"1".to_vec())), Ok(Some(b"2".to_vec()))));
        assert_eq!(replayed.now_ms("one"), 9);
        let mut dice = [0; 2];
        assert!(replayed.random("one", &mut dice) && dice == [1, 2]);
        assert!(replayed.random("one", &mut dice) && dice == [7, 7]);
        assert_eq!(surprises(), Vec::<String>::new());

        assert_eq!((replayed.now_ms("one"), get("wins"), replayed.find_account("Ann")), (5, Ok(None), None));
        assert_eq!(surprises(), ["clock.now-ms", "kv.get wins", "realm-info.find-account Ann"]);
        assert_eq!(get("score"), Ok(Some(b"2".to_vec())), "a key is read the same as often as one likes");
        assert_eq!(replayed.kv_set("one", "score", b"3".to_vec(), 9), Ok(()));
        assert_eq!(get("score"), Ok(Some(b"3".to_vec())), "what it has set itself");
        assert_eq!(surprises(), ["kv.set score"]);
    }
}
