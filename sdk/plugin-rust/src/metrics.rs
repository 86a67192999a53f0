//! Figures of the plugin's own among the realm's metrics. Needs the permission `metrics`. Natively they go nowhere.
//!
//! A name has 1 to 40 small letters, digits and `_`, beginning with a letter; a plugin may use 32 of them.

pub use crate::bindings::imports::realm::plugin::metrics::MetricError;

/// Adds to a counter.
pub fn add(counter: &str, amount: u64) -> Result<(), MetricError> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::imports::realm::plugin::metrics::add(counter, amount);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = amount;
        check(counter)
    }
}

/// Sets a gauge.
pub fn set(gauge: &str, value: i64) -> Result<(), MetricError> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::imports::realm::plugin::metrics::set(gauge, value);
    #[cfg(not(target_arch = "wasm32"))]
    {
        let _ = value;
        check(gauge)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn check(name: &str) -> Result<(), MetricError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && name.len() <= 40 && name.bytes().all(plain) { Ok(()) } else { Err(MetricError::NameInvalid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_natively_too() {
        assert_eq!(add("words_guessed", 1), Ok(()));
        assert_eq!(set("Words", 1), Err(MetricError::NameInvalid));
        assert_eq!(set(&"x".repeat(41), 1), Err(MetricError::NameInvalid));
    }
}
