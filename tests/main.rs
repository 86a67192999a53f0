//! The one test binary of the tree: every feature over its real sockets, and the rules of the house.

mod accounts;
mod characters;
mod chat;
mod cli;
mod docs;
mod doors;
mod harness;
mod rest;
mod session;
mod tidy;
