//! The one test binary of the tree: every feature over its real sockets, and the rules of the house.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]
#![allow(clippy::print_stdout, reason = "figures of a test are for whoever reads its output")]

mod accounts;
mod admin;
mod again;
mod authors;
mod campaign;
mod characters;
mod chat;
mod cheats;
mod cli;
mod commands;
mod dev;
mod disks;
mod docs;
mod doors;
mod events;
mod faults;
mod figures;
mod games;
mod ground;
mod harness;
mod hostile;
mod http;
mod identity;
mod items;
mod kills;
mod load;
mod market;
mod matches;
mod memory;
mod networks;
mod nodes;
mod play;
mod queue;
mod realms;
mod replay;
mod rest;
mod restart;
mod resume;
mod rules;
mod seen;
mod session;
mod sheets;
mod staff;
mod storage;
mod thieves;
mod ticks;
mod tidy;
mod tls;
mod trade;
mod views;
mod world;
