//! The time. Needs the permission `clock`.

/// Milliseconds since 1970. In a realm the time stands still during one call of a hook; natively it is the machine's.
#[must_use]
pub fn now_ms() -> u64 {
    #[cfg(target_arch = "wasm32")]
    let now_ms = crate::bindings::imports::realm::plugin::clock::now_ms();
    #[cfg(not(target_arch = "wasm32"))]
    let now_ms = {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    };
    now_ms
}
