//! The simulation of one game: state, inputs and tick give state and events.
//!
//! Pure and deterministic: no I/O, no clock, no threads, no plugins, no floats in what is simulated, a fixed order of iteration
//! and an own seed. The same seed and the same inputs give the same bytes on every machine.

mod sheet;

pub use sheet::{Attributes, Class, Difficulty, Sheet};
