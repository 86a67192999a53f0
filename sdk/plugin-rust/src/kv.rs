//! What a plugin wants to remember beyond its instance: bytes by key. Needs the permission `kv`.
//!
//! Keys have 1 to 128 bytes, values at most 16 KiB, all together at most 1 MiB. In a realm all instances of a plugin share
//! them, over restarts and versions; natively every thread has its own, so that tests do not disturb each other.

pub use crate::bindings::imports::realm::plugin::kv::KvError;

#[cfg(target_arch = "wasm32")]
use crate::bindings::imports::realm::plugin::kv as host;

/// The value of a key, if there is one.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, KvError> {
    host::get(key)
}

/// Sets the value of a key.
pub fn set(key: &str, value: &[u8]) -> Result<(), KvError> {
    host::set(key, value)
}

/// Removes a key; nothing happens when there is none.
pub fn delete(key: &str) -> Result<(), KvError> {
    host::delete(key)
}

/// The keys that begin with `prefix` and come after `after`, in the order of their bytes, at most 200.
pub fn list_keys(prefix: &str, after: &str) -> Result<Vec<String>, KvError> {
    host::list_keys(prefix, after)
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use std::{cell::RefCell, collections::BTreeMap};

    use super::KvError;

    thread_local! {
        static VALUES: RefCell<BTreeMap<String, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    }

    fn check(key: &str) -> Result<(), KvError> {
        match key.len() {
            0 => Err(KvError::Other("a key has at least one byte".into())),
            1..=128 => Ok(()),
            _ => Err(KvError::TooLarge),
        }
    }

    pub(super) fn get(key: &str) -> Result<Option<Vec<u8>>, KvError> {
        check(key).map(|()| VALUES.with_borrow(|values| values.get(key).cloned()))
    }

    pub(super) fn set(key: &str, value: &[u8]) -> Result<(), KvError> {
        check(key)?;
        if value.len() > 16 << 10 {
            return Err(KvError::TooLarge);
        }
        VALUES.with_borrow_mut(|values| values.insert(key.to_owned(), value.to_vec()));
        Ok(())
    }

    pub(super) fn delete(key: &str) -> Result<(), KvError> {
        check(key).map(|()| {
            VALUES.with_borrow_mut(|values| values.remove(key));
        })
    }

    pub(super) fn list_keys(prefix: &str, after: &str) -> Result<Vec<String>, KvError> {
        let wanted = |key: &&String| key.starts_with(prefix) && key.as_str() > after;
        Ok(VALUES.with_borrow(|values| values.keys().filter(wanted).take(200).cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_there_until_it_is_deleted() {
        set("score/ann", b"3").unwrap();
        set("score/bob", b"5").unwrap();
        set("word", b"sword").unwrap();
        assert_eq!(get("score/ann"), Ok(Some(b"3".to_vec())));
        assert_eq!(list_keys("score/", ""), Ok(vec!["score/ann".to_owned(), "score/bob".to_owned()]));
        assert_eq!(list_keys("score/", "score/ann"), Ok(vec!["score/bob".to_owned()]));
        delete("score/ann").unwrap();
        assert_eq!(get("score/ann"), Ok(None));
        assert_eq!(set("", b"x").is_err(), get(&"k".repeat(129)).is_err());
        assert_eq!(set("large", &vec![0; 16_385]), Err(KvError::TooLarge));
    }
}
