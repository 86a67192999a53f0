//! The realm server as a library.

pub mod accounts;
pub mod api;
pub mod characters;
pub mod chat;
pub mod config;
pub mod games;
pub mod hooks;
pub mod ladder;
pub mod moderation;
pub mod net;
pub mod rules;
pub mod session;
pub mod storage;
pub mod telemetry;
pub mod types;
