//! The one test binary of the tree: every feature over its real sockets, and the rules of the house.

mod accounts;
mod chat;
mod doors;
mod harness;
mod session;
mod tidy;
