//! The one test binary of the tree: every feature over its real sockets, and the rules of the house.

mod accounts;
mod characters;
mod chat;
mod cheats;
mod cli;
mod docs;
mod doors;
mod figures;
mod games;
mod harness;
mod rest;
mod rules;
mod session;
mod tidy;
