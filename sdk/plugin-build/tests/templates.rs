//! Every Rust template compiles against the SDK of the tree, natively, and passes the tests it comes with. As guests they are built by
//! `cargo xtask test --long`.

#![allow(
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "written for authors"
)]

include!(concat!(env!("OUT_DIR"), "/templates.rs"));
