//! The one test binary of the tree: every feature over its real sockets, and the rules of the house.

mod accounts;
mod cheats;
mod games;
mod harness;
mod rules;
mod tidy;
