//! SQL of sanctions.
