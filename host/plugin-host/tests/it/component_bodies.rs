//! Bodies of functions for components made from text: each answers in a way that a test can tell.

/// Where an answer is written.
pub(crate) const ANSWER: &str = "(i32.const 16)";

/// Where an import writes what does not fit into a register.
pub(crate) const RETURNED: &str = "(i32.const 16384)";

/// Body of a chat filter that lets everything pass.
pub(crate) fn pass() -> String {
    format!("(i32.store8 {ANSWER} (i32.const 0)) {ANSWER}")
}

/// Body that answers case `case` of a variant with the fixture's text of `length` bytes.
pub(crate) fn with_text(case: u8, length: usize) -> String {
    format!(
        "(i32.store8 {ANSWER} (i32.const {case})) (i32.store offset=4 {ANSWER} (i32.const 64)) \
         (i32.store offset=8 {ANSWER} (i32.const {length})) {ANSWER}"
    )
}

/// Body that answers an empty list.
pub(crate) fn empty_list() -> String {
    format!("(i32.store {ANSWER} (i32.const 0)) (i32.store offset=4 {ANSWER} (i32.const 0)) {ANSWER}")
}

/// Body of `check-actions`: one finding of violation `case` (no text) at `index`, refused.
pub(crate) fn one_finding(index: u32, case: u8) -> String {
    format!(
        "(i32.store {ANSWER} (i32.const 32)) (i32.store offset=4 {ANSWER} (i32.const 1)) \
         (i32.store (i32.const 32) (i32.const {index})) (i32.store8 (i32.const 36) (i32.const {case})) \
         (i32.store8 (i32.const 48) (i32.const 1)) {ANSWER}"
    )
}

/// Body of `score`: experience plus `bonus`.
pub(crate) fn experience_plus(bonus: i64) -> String {
    format!("(i64.add (local.get $experience) (i64.const {bonus}))")
}

/// Body that answers the number 0.
pub(crate) fn zero() -> String {
    "(i64.const 0)".to_owned()
}

/// Body of `interests`: none.
pub(crate) fn no_kinds() -> String {
    "(i32.const 0)".to_owned()
}

/// Body of `run`: it worked, and nothing follows.
pub(crate) fn no_effects() -> String {
    format!(
        "(i32.store8 {ANSWER} (i32.const 0)) (i32.store offset=4 {ANSWER} (i32.const 0)) \
         (i32.store offset=8 {ANSWER} (i32.const 0)) {ANSWER}"
    )
}

/// Body of `order`: the keys in the order in which they came. A game has 40 bytes with its key first.
pub(crate) fn games_as_they_came() -> String {
    format!(
        "(local $at i32) (local $to i32)
         (local.set $to (i32.const 32768))
         (block $done (loop $next
           (br_if $done (i32.ge_u (local.get $at) (local.get $count)))
           (i32.store (i32.add (local.get $to) (i32.mul (local.get $at) (i32.const 4))) (local.get $at))
           (local.set $at (i32.add (local.get $at) (i32.const 1)))
           (br $next)))
         (i32.store {ANSWER} (local.get $to)) (i32.store offset=4 {ANSWER} (local.get $count)) {ANSWER}"
    )
}

/// Body that loops for ever.
pub(crate) fn endless() -> String {
    "(loop $again (br $again)) (unreachable)".to_owned()
}

/// Body that traps.
pub(crate) fn trap() -> String {
    "(unreachable)".to_owned()
}

/// Body of `init` that refuses, naming the configuration, with the fixture's text.
pub(crate) fn init_refuses(length: usize) -> String {
    format!(
        "(i32.store8 {ANSWER} (i32.const 1)) (i32.store8 offset=4 {ANSWER} (i32.const 0)) \
         (i32.store offset=8 {ANSWER} (i32.const 64)) (i32.store offset=12 {ANSWER} (i32.const {length})) {ANSWER}"
    )
}
