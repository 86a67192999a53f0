//! Tests for plugins: the real plugin host, as a realm has it, with a fake clock, dice, log and store.
//!
//! A test loads the component that a realm would load, under the same limits, and calls its hooks. What the plugin asks of the
//! realm is answered from a [`FakeRealm`], so that a test repeats to the byte; what it asks unexpectedly fails the test.
//!
//! ```no_run
//! use realm_testkit::{Permission, Stage, Verdict, samples};
//!
//! let mut plugin = Stage::of_file("dist/polite.wasm").configuration(r#"{"capitals_max": 3}"#).expect(Permission::Log).start();
//! assert_eq!(plugin.filter(&samples::line("Anna", "hello")), Ok(Verdict::Pass));
//! plugin.assert_within_ms(2, "a line of chat", |plugin| plugin.filter(&samples::line("Anna", "HELLO EVERYBODY")));
//! assert!(plugin.realm().log().iter().any(|line| line.contains("polite")));
//! ```

mod budget;
mod fake_realm;
mod recording;
pub mod rehearsal;
mod replayed;
pub mod samples;
mod stage;
mod subject;

pub use budget::{Figures, figures};
pub use fake_realm::{FakeRealm, HostCall};
pub use realm_plugin_host::{
    CallError, Hook, LoadError, Permission, bindings,
    bindings::{anti_cheat::Finding, chat_filter::Verdict, matchmaking::Admission},
    tape,
    tape::{Answer, CallAgain, Question as Call, Reader, RecordedCall, TapeError, Unexpected},
};
pub use recording::{Difference, Recording};
pub use replayed::{Replayed, Tape};
pub use stage::Stage;
pub use subject::{Failure, Subject};
