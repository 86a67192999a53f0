//! SQL of everything that the realm keeps about an account, for its owner to read.

use serde_json::{Map, Value};
use sqlx::{Column as _, Row as _, any::AnyRow};

use crate::{
    storage::{Readers, StorageError},
    types::{AccountId, rfc3339},
};

/// The parts of an export. What is secret (hashes of passwords, tokens and codes) is not told, and neither is who decided a sanction.
const PARTS: &[(&str, &str)] = &[
    (
        "account",
        "SELECT id, name, role, permissions, created_ms, login_last_ms, password_changed_ms FROM accounts WHERE id = $1",
    ),
    (
        "sessions",
        "SELECT id, created_ms, active_ms, expires_ms, address FROM token_sessions WHERE account = $1 ORDER BY id",
    ),
    (
        "connected_sessions",
        "SELECT k.token_session AS session, k.realm, k.channel, k.kept_ms FROM kept_sessions k
         JOIN token_sessions s ON s.id = k.token_session WHERE s.account = $1 ORDER BY k.token_session",
    ),
    ("known_networks", "SELECT network, seen_ms FROM known_networks WHERE account = $1 ORDER BY seen_ms, network"),
    ("second_factor", "SELECT created_ms, confirmed_ms FROM second_factors WHERE account = $1"),
    ("account_keys", "SELECT hint, note, bound_ms, revoked_ms FROM account_keys WHERE account = $1 ORDER BY bound_ms, hash"),
    (
        "sanctions",
        "SELECT number, kind, reason, created_ms, until_ms, lifted_ms FROM sanctions WHERE account = $1 AND kind <> 'flag'
         ORDER BY number",
    ),
    (
        "acts_of_staff",
        "SELECT number, at_ms, act, reason FROM audit_log WHERE target = 'account:' || CAST($1 AS TEXT)
         ORDER BY number LIMIT 10000",
    ),
    (
        "characters",
        "SELECT id, realm, name, class, level, experience, strength, dexterity, vitality, energy, hardcore, dead,
         created_ms, played_last_ms, play_time_ms, deleted_ms, title, list_place, key_bindings, skill_levels,
         zone, x, y FROM characters WHERE account = $1 ORDER BY id",
    ),
    (
        "items",
        "SELECT i.id, i.realm, i.holder AS character, i.place, i.page, i.x, i.y, i.base, i.quality, i.level, i.pieces,
         i.created_ms FROM items i JOIN characters c ON c.id = i.holder
         WHERE c.account = $1 AND i.place IN ('worn', 'inventory', 'stash', 'cube', 'returned') ORDER BY i.holder, i.id",
    ),
    (
        "gold",
        "SELECT p.holder AS character, p.realm, p.gold FROM purses p JOIN characters c ON c.id = p.holder
         WHERE c.account = $1 AND p.kind = 'character' ORDER BY p.holder",
    ),
    (
        "letters",
        "SELECT id, realm, kind, owner AS character, sender, text, about, sent_ms, read_ms FROM letters
         WHERE owner IN (SELECT id FROM characters WHERE account = $1) ORDER BY owner, id LIMIT 10000",
    ),
    (
        "letters_sent",
        "SELECT id, realm, kind, sender AS character, text, sent_ms FROM letters
         WHERE sender IN (SELECT id FROM characters WHERE account = $1) ORDER BY sender, id LIMIT 10000",
    ),
    (
        "items_in_letters",
        "SELECT i.id, i.realm, i.holder AS letter, i.base, i.quality, i.level, i.pieces FROM characters c
         JOIN letters l ON l.owner = c.id JOIN items i ON i.holder = l.id
         WHERE c.account = $1 AND i.place = 'letter' ORDER BY i.holder, i.id LIMIT 10000",
    ),
    (
        "gold_in_letters",
        "SELECT p.holder AS letter, p.realm, p.gold FROM characters c JOIN letters l ON l.owner = c.id
         JOIN purses p ON p.kind = 'letter' AND p.holder = l.id AND p.realm = l.realm
         WHERE c.account = $1 ORDER BY p.holder LIMIT 10000",
    ),
    (
        "offers",
        "SELECT o.id, o.realm, o.seller AS character, o.item, o.base, o.price, o.listed_ms, o.ends_ms FROM characters c
         JOIN offers o ON o.realm = c.realm AND o.seller = c.id WHERE c.account = $1 ORDER BY o.id",
    ),
    (
        "ladder",
        "SELECT l.character_id AS character, l.realm, l.score, l.scored_ms FROM ladder_scores l
         JOIN characters c ON c.id = l.character_id WHERE c.account = $1 ORDER BY l.character_id",
    ),
    (
        "seasons",
        "SELECT s.character_id AS character, s.realm, s.season, s.place, s.name, s.score, s.title FROM ladder_standings s
         JOIN characters c ON c.id = s.character_id WHERE c.account = $1 ORDER BY s.season, s.place LIMIT 10000",
    ),
];

/// Names of columns that hold keys, which are texts in JSON.
const KEYS: &[&str] = &["id", "session", "character", "sender", "item", "letter"];
/// Columns that hold a length of time, and no moment.
const LENGTHS: &[&str] = &["play_time_ms"];

/// Every part under its name: a list of rows.
pub(in crate::accounts) async fn export(
    readers: &Readers,
    account: AccountId,
) -> Result<Map<String, Value>, StorageError> {
    let mut parts = Map::new();
    for (name, statement) in PARTS {
        let rows = sqlx::query(*statement).bind(account.to_sql()).fetch_all(readers).await?;
        let rows = rows.iter().map(row_value).collect::<Result<Vec<_>, _>>()?;
        parts.insert((*name).to_owned(), Value::Array(rows));
    }
    Ok(parts)
}

fn row_value(row: &AnyRow) -> Result<Value, StorageError> {
    let mut members = Map::new();
    for (index, column) in row.columns().iter().enumerate() {
        let name = column.name();
        let number = row.try_get::<Option<i64>, _>(index);
        let (name, value) = match number {
            Ok(Some(number)) if KEYS.contains(&name) => (name, Value::String(number.to_string())),
            Ok(number) => match name.strip_suffix("_ms").filter(|_| !LENGTHS.contains(&name)) {
                Some(moment) => (moment, number.map_or(Value::Null, |number| Value::String(rfc3339(number)))),
                None => (name, number.map_or(Value::Null, Value::from)),
            },
            Err(_) => (name, row.try_get::<Option<String>, _>(index)?.map_or(Value::Null, Value::String)),
        };
        members.insert(name.to_owned(), value);
    }
    Ok(Value::Object(members))
}
