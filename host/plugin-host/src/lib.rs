//! wasmtime as the realm uses it: load a component, limit it, call it, swap it.
//!
//! Knows no game, no socket and no database.

pub mod bindings;
