//! Trading: the state machine alone, against a model, and the transaction over both databases.

mod machine;
mod model;
