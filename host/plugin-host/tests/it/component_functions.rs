//! Every function of the contract, as the canonical ABI flattens it.

use super::bodies::{empty_list, games_as_they_came, no_effects, no_kinds, pass, zero};

/// A function of an interface: interface, name, parameters, result, body when the fixture says nothing.
pub(crate) type Function = (&'static str, &'static str, &'static str, &'static str, fn() -> String);

/// Every function that a plugin can export, as the canonical ABI flattens it.
pub(crate) const EXPORTS: &[Function] = &[
    ("lifecycle", "init", "(param $text i32) (param $length i32)", "i32", pass),
    ("lifecycle", "save-state", "", "i32", empty_list),
    ("lifecycle", "load-state", "(param i32 i32) (param $text i32) (param $length i32)", "i32", pass),
    ("lifecycle", "shutdown", "", "", String::new),
    (
        "chat-filter",
        "filter",
        "(param $account i64) (param i32 i32) (param $destination i32) (param i32 i32) \
         (param $text i32) (param $length i32) (param $now i64)",
        "i32",
        pass,
    ),
    (
        "anti-cheat",
        "check-actions",
        "(param $characters i32) (param $count i32) (param $numbers i32) (param i32 i32)",
        "i32",
        empty_list,
    ),
    ("anti-cheat", "check-character", "(param i64 i32 i64 i32 i32 i32 i32 i32 i32 i32)", "i32", empty_list),
    (
        "anti-cheat",
        "check-item",
        "(param $item i64) (param i32 i32 i32 i32 i32) (param $occasion i32)",
        "i32",
        empty_list,
    ),
    (
        "matchmaking",
        "admit",
        "(param i64 i64 i32 i32) (param $level i32) (param i32) (param i64 i32 i32 i32 i32 i32 i32 i64)",
        "i32",
        pass,
    ),
    (
        "matchmaking",
        "order",
        "(param i64 i64 i32 i32) (param $level i32) (param i32) (param $games i32) (param $count i32)",
        "i32",
        games_as_they_came,
    ),
    ("matchmaking", "form", "(param $tickets i32) (param $count i32) (param $now i64)", "i32", empty_list),
    ("ladder", "eligible", CHARACTER, "i32", pass),
    ("ladder", "score", CHARACTER, "i64", zero),
    ("ladder", "tie-break", CHARACTER, "i64", zero),
    ("ladder", "season-end", "(param i32 i32 i32 i64 i64 i32 i32)", "i32", empty_list),
    ("commands", "list-commands", "", "i32", empty_list),
    ("commands", "run", "(param i64 i32 i32 i32 i32 i64 i64 i32 i32 i32 i32)", "i32", no_effects),
    ("events", "interests", "", "i32", no_kinds),
    ("events", "handle", "(param $events i32) (param $count i32)", "i32", empty_list),
];

/// A character of the ladder.
const CHARACTER: &str = "(param i64 i32 i32) (param $level i32) (param $experience i64) (param i32 i32 i64)";

/// Every function that a plugin can import: interface, name, its name in bodies, parameters and result.
pub(crate) const IMPORTS: &[(&str, &str, &str, &str)] = &[
    ("log", "write", "$log", "(param i32 i32 i32)"),
    ("metrics", "add", "$metrics_add", "(param i32 i32 i64 i32)"),
    ("metrics", "set", "$metrics_set", "(param i32 i32 i64 i32)"),
    ("kv", "get", "$kv_get", "(param i32 i32 i32)"),
    ("kv", "set", "$kv_set", "(param i32 i32 i32 i32 i32)"),
    ("kv", "delete", "$kv_delete", "(param i32 i32 i32)"),
    ("kv", "list-keys", "$kv_list_keys", "(param i32 i32 i32 i32 i32)"),
    ("clock", "now-ms", "$now_ms", "(result i64)"),
    ("random", "get-u64", "$get_u64", "(result i64)"),
    ("random", "bytes", "$random_bytes", "(param i32 i32)"),
    ("realm-info", "name", "$realm_name", "(param i32)"),
    ("realm-info", "players-online", "$players_online", "(result i32)"),
    ("realm-info", "find-account", "$find_account", "(param i32 i32 i32)"),
    ("realm-info", "find-character", "$find_character", "(param i32 i32 i32)"),
];
