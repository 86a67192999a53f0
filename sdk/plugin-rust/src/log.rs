//! Lines for the operator: in a realm they go to its log under the plugin's name, natively to standard error.
//!
//! Needs the permission `log`. A line holds at most 1,024 bytes; beyond 20 lines a second the realm counts and leaves out.

pub use crate::bindings::imports::realm::plugin::log::Level;
#[doc(inline)]
pub use crate::{__log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn};

/// Writes one line. The macros of this module are shorter.
pub fn write(level: Level, line: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::imports::realm::plugin::log::write(level, line);
    #[cfg(not(target_arch = "wasm32"))]
    #[allow(clippy::print_stderr, reason = "natively there is no realm whose log could take the line")]
    {
        eprintln!("{level:?} {line}");
    }
}

/// Writes a formatted line that matters only while searching for a mistake.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($argument:tt)+) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($argument)+)) };
}

/// Writes a formatted line about what goes on.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($argument:tt)+) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($argument)+)) };
}

/// Writes a formatted line about what the operator should look at some day.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($argument:tt)+) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($argument)+)) };
}

/// Writes a formatted line about what went wrong.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($argument:tt)+) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($argument)+)) };
}
