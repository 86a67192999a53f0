//! The world through its public face: what players can do in it, and that it is the same everywhere.

mod levels;
mod log;
mod rules;
mod same;
mod skills;
mod stage;
mod treasure;
mod vendors;
