//! A recording, asked again: what another version decides otherwise, what it asks the host beyond, and what its calls take.

use std::{collections::HashMap, time::Duration};

use super::{Answer, AsRecorded, Question, RecordedCall};
use crate::{error::CallError, instance::Instance, manifest::Permission, meter::thread_cpu, plugin::Plugin};

/// Differences that are kept; the rest is counted.
const SHOWN_MAX: usize = 50;
/// Surprises that are kept.
const UNEXPECTED_SHOWN_MAX: usize = 50;

/// A call that the new version answers otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct CallAgain {
    /// Which of the plugin's calls, from 0.
    pub index: u64,
    /// When it was, in milliseconds since 1970.
    pub at_ms: u64,
    /// The version that was asked then.
    pub version: String,
    /// The question.
    pub question: Question,
    /// What was decided; `None` when there was no answer and the policy held.
    pub before: Option<Answer>,
    /// What the new version decides.
    pub now: Result<Answer, CallError>,
}

/// What one call took of the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallTime {
    /// The function, as `wit/` names it.
    pub function: &'static str,
    /// The processor's time.
    pub used: Duration,
}

/// Something asked of the host that the recording holds no answer for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexpected {
    /// In which of the plugin's calls, from 0.
    pub index: u64,
    /// The permission that it needs.
    pub permission: Permission,
    /// What was asked: `kv.get score/7`.
    pub what: String,
}

/// What came of asking again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Name and version of the new plugin.
    pub plugin: String,
    /// Calls of the plugin of this name.
    pub calls: u64,
    /// Calls of other plugins, which were passed over.
    pub others: u64,
    /// Calls that are answered otherwise.
    pub different: u64,
    /// The first of them.
    pub shown: Vec<CallAgain>,
    /// How often it asked the host for what was not recorded, so that nobody knows the true answer.
    pub unexpected: u64,
    /// The first of that.
    pub unexpected_shown: Vec<Unexpected>,
    /// What each call took, in order.
    pub times: Vec<CallTime>,
}

/// Asks a plugin everything that the plugin of its name was asked. It must have been loaded with `services`; each lane of the
/// recording gets an instance of its own, started with `configuration`, and a new one when it dies.
///
/// # Errors
/// When no instance can be made.
pub fn ask_again(
    calls: impl Iterator<Item = RecordedCall>,
    plugin: &Plugin,
    services: &AsRecorded,
    configuration: &str,
) -> Result<Report, CallError> {
    let manifest = plugin.manifest();
    let mut report = Report { plugin: format!("{} {}", manifest.name, manifest.version), ..Report::default() };
    let mut instances: HashMap<u32, Instance> = HashMap::new();
    for call in calls {
        if call.plugin != manifest.name {
            report.others += 1;
            continue;
        }
        let index = report.calls;
        report.calls += 1;
        if instances.get(&call.lane).is_none_or(Instance::is_dead) {
            services.begin(call.at_ms, &[]);
            instances.insert(call.lane, plugin.instantiate(configuration)?);
            // What `init` asks is in no recording, and so no surprise.
            services.take_surprises();
        }
        services.begin(call.at_ms, &call.host);
        let instance = instances.get_mut(&call.lane).expect("it was put there just now");
        let began = thread_cpu();
        let now = instance.answer(&call.question);
        let used = thread_cpu().saturating_sub(began);
        report.times.push(CallTime { function: call.question.function(), used });
        for (permission, what) in services.take_surprises() {
            report.unexpected += 1;
            if report.unexpected_shown.len() < UNEXPECTED_SHOWN_MAX {
                report.unexpected_shown.push(Unexpected { index, permission, what });
            }
        }
        if now.as_ref().ok() == call.answer.as_ref() {
            continue;
        }
        report.different += 1;
        if report.shown.len() < SHOWN_MAX {
            let RecordedCall { at_ms, version, question, answer: before, .. } = call;
            report.shown.push(CallAgain { index, at_ms, version, question, before, now });
        }
    }
    Ok(report)
}
