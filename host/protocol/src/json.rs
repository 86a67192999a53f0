//! The JSON text of messages on `/ws` with `realm.v1.json`.

/// Entity keys as decimal strings.
pub mod key {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes a key as a decimal string.
    pub fn serialize<S: Serializer>(key: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    /// Reads a key from a decimal string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
