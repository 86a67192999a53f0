//! The one test binary of the tree: every feature over its real sockets, and the rules of the house.

mod accounts;
mod figures;
mod harness;
mod tidy;
