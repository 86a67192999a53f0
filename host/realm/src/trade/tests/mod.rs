//! Trading: the state machine alone, against a model, and what carries trades out, over both databases.

mod exchange;
mod machine;
mod model;
mod race;
mod stage;
