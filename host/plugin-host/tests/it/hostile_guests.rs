//! Plugins that mean harm: every one answers `chat-filter` and `anti-cheat`, judges characters like any other, and does its
//! worst in every line of chat and every tick. For tests here and of the whole realm.

use super::components::{Fixture, RETURNED, endless, pass, trap};

/// A plugin that means harm.
pub(crate) struct Hostile {
    /// Its name in the manifest.
    pub(crate) name: &'static str,
    /// The component.
    pub(crate) bytes: Vec<u8>,
    /// How its calls end: the kinds of errors, empty when they answer.
    pub(crate) ends: &'static [&'static str],
    /// What the sentence about its end says.
    pub(crate) says: &'static str,
}

/// All eight. Where CPU time could run out first, on a machine that is slow enough, it may end so.
pub(crate) fn all() -> Vec<Hostile> {
    vec![
        Hostile { name: "endless-loop", bytes: loops(), ends: &["deadline"], says: "" },
        Hostile { name: "endless-recursion", bytes: recursion(), ends: &["trap", "deadline"], says: "stack" },
        Hostile { name: "memory-bomb", bytes: memory_bomb(), ends: &["memory", "deadline"], says: "memory" },
        Hostile { name: "table-bomb", bytes: table_bomb(), ends: &["memory", "deadline"], says: "table" },
        Hostile { name: "giant-strings", bytes: giant_strings(), ends: &["trap", "deadline"], says: "" },
        Hostile { name: "handle-leak", bytes: handle_leak(), ends: &["trap", "deadline"], says: "" },
        Hostile { name: "log-flood", bytes: log_flood(), ends: &["", "deadline"], says: "" },
        Hostile { name: "lifecycle-traps", bytes: lifecycle_traps(), ends: &[""], says: "" },
    ]
}

/// The same body in the hook of chat and in that of the tick.
fn in_both(fixture: Fixture, body: &str) -> Vec<u8> {
    fixture.filter(body).check_actions(body).build()
}

fn loops() -> Vec<u8> {
    in_both(Fixture::new("endless-loop", "1.0.0"), &endless())
}

fn recursion() -> Vec<u8> {
    let deep = "(func $deep (param i64 i64) (result i64)
                  (i64.add (local.get 0) (call $deep (local.get 1) (i64.add (local.get 0) (i64.const 1)))))";
    let body = "(drop (call $deep (i64.const 1) (i64.const 2))) (unreachable)";
    in_both(Fixture::new("endless-recursion", "1.0.0").globals(deep), body)
}

/// Takes a mebibyte at a time and writes to each.
fn memory_bomb() -> Vec<u8> {
    let body = "(local $at i32)
                (loop $more
                  (local.set $at (i32.shl (memory.grow (i32.const 16)) (i32.const 16)))
                  (memory.fill (local.get $at) (i32.const 1) (i32.const 0x100000))
                  (br $more))
                (unreachable)";
    in_both(Fixture::new("memory-bomb", "1.0.0"), body)
}

fn table_bomb() -> Vec<u8> {
    let body = "(loop $more (drop (table.grow $bomb (ref.null func) (i32.const 1000))) (br $more)) (unreachable)";
    in_both(Fixture::new("table-bomb", "1.0.0").globals("(table $bomb 1 funcref)"), body)
}

/// Sixty thousand bytes to every import that takes a string, and two billion at the end.
fn giant_strings() -> Vec<u8> {
    let giant = "(i32.const 64) (i32.const 60000)";
    let body = format!(
        "(call $log (i32.const 3) {giant})
         (call $metrics_add {giant} (i64.const 1) {RETURNED}) (call $metrics_set {giant} (i64.const 1) {RETURNED})
         (call $kv_get {giant} {RETURNED}) (call $kv_delete {giant} {RETURNED})
         (call $kv_set (i32.const 64) (i32.const 9) {giant} {RETURNED})
         (call $kv_set (i32.const 64) (i32.const 30000) (i32.const 64) (i32.const 30000) {RETURNED})
         (call $kv_list_keys {giant} (i32.const 64) (i32.const 0) {RETURNED})
         (call $log (i32.const 3) (i32.const 64) (i32.const 2000000000)) (unreachable)"
    );
    let mut fixture = Fixture::new("giant-strings", "1.0.0");
    for interface in ["log", "metrics", "kv"] {
        fixture = fixture.import(interface).permit(interface);
    }
    in_both(fixture, &body)
}

fn handle_leak() -> Vec<u8> {
    let body = "(loop $more (drop (call $stdout)) (br $more)) (unreachable)";
    in_both(Fixture::new("handle-leak", "1.0.0").stdout(), body)
}

/// Two hundred lines of the longest kind, made of bytes that have to be escaped, and then an answer: an empty list in both
/// hooks is no finding and, read as a verdict, a line that passes.
fn log_flood() -> Vec<u8> {
    let body = "(local $left i32) (local.set $left (i32.const 200))
                (loop $again
                  (call $log (i32.const 3) (i32.const 1024) (i32.const 1024))
                  (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
                (i64.store (i32.const 16) (i64.const 0)) (i32.const 16)";
    in_both(Fixture::new("log-flood", "1.0.0").log(true), body)
}

/// Starts, and traps wherever else its life would have a turn.
fn lifecycle_traps() -> Vec<u8> {
    let body = "(i64.store (i32.const 16) (i64.const 0)) (i32.const 16)";
    let fixture = Fixture::new("lifecycle-traps", "1.0.0")
        .init(&pass())
        .function("lifecycle", "save-state", &trap())
        .function("lifecycle", "load-state", &trap())
        .function("lifecycle", "shutdown", &trap());
    in_both(fixture, body)
}

/// The same with a trap at the very start: it never comes to work.
pub(crate) fn trap_at_start() -> Vec<u8> {
    Fixture::new("start-trap", "1.0.0").init(&trap()).filter(&pass()).build()
}
