//! SQL of what plugins remember.

use sqlx::{AnyConnection, Row as _};

use super::kv::Change;
use crate::storage::{Readers, StorageError};

/// Every key and value of a realm's plugins: plugin, key, value.
pub(super) async fn all(readers: &Readers, realm: &str) -> Result<Vec<(String, String, Vec<u8>)>, StorageError> {
    let rows = sqlx::query("SELECT plugin, key_hex, value_hex FROM plugin_keys WHERE realm = $1")
        .bind(realm)
        .fetch_all(readers)
        .await?;
    let damaged = || StorageError::Statement("a stored key or value of a plugin is no hexadecimal text".to_owned());
    rows.iter()
        .map(|row| {
            let key = bytes(&row.try_get::<String, _>(1)?).and_then(|key| String::from_utf8(key).ok());
            let value = bytes(&row.try_get::<String, _>(2)?);
            Ok((row.try_get(0)?, key.ok_or_else(damaged)?, value.ok_or_else(damaged)?))
        })
        .collect()
}

/// Writes changes; a change without a value removes its key.
pub(super) async fn write(connection: &mut AnyConnection, realm: &str, changes: &[Change]) -> Result<(), StorageError> {
    for change in changes {
        let key = hex(change.key.as_bytes());
        match &change.value {
            Some(value) => {
                sqlx::query(
                    "INSERT INTO plugin_keys (realm, plugin, key_hex, value_hex) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (realm, plugin, key_hex) DO UPDATE SET value_hex = excluded.value_hex",
                )
                .bind(realm)
                .bind(&change.plugin)
                .bind(key)
                .bind(hex(value))
                .execute(&mut *connection)
                .await?;
            }
            None => {
                sqlx::query("DELETE FROM plugin_keys WHERE realm = $1 AND plugin = $2 AND key_hex = $3")
                    .bind(realm)
                    .bind(&change.plugin)
                    .bind(key)
                    .execute(&mut *connection)
                    .await?;
            }
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(DIGITS[usize::from(half)])).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let halves: Option<Vec<u8>> =
        hex.chars().map(|digit| digit.to_digit(16).and_then(|half| u8::try_from(half).ok())).collect();
    let halves = halves.filter(|halves| halves.len() % 2 == 0)?;
    Some(halves.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_as_text() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&hex(&all)), Some(all));
        assert_eq!((bytes("0"), bytes("0g")), (None, None));
    }
}
