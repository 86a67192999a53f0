//! The calls of a test as values: to be repeated with another version, and compared.

use realm_plugin_host::tape::{Answer, Question as Call};

use crate::{Subject, subject::Failure};

/// Calls and their answers, in order.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Step {
    now_ms: u64,
    call: Call,
    answer: Result<Answer, Failure>,
}

/// A call that another version answers otherwise.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Which call, from 0.
    pub index: usize,
    /// The call.
    pub call: Call,
    /// The answer that was recorded.
    pub then: Result<Answer, Failure>,
    /// The answer now.
    pub now: Result<Answer, Failure>,
}

impl Recording {
    pub(crate) fn push(&mut self, now_ms: u64, call: Call, answer: Result<Answer, Failure>) {
        self.steps.push(Step { now_ms, call, answer });
    }

    /// How many calls there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// True when nothing was called.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Asks another version the same at the same times; gives what it answers otherwise. Start it with the same seed, and with
    /// what the first found kept, and what the realm answers is the same, too.
    pub fn replay(&self, subject: &mut Subject) -> Vec<Difference> {
        let mut differences = Vec::new();
        for (index, Step { now_ms, call, answer }) in self.steps.iter().enumerate() {
            subject.realm().set_now_ms(*now_ms);
            let now = subject.call(call);
            if now != *answer {
                differences.push(Difference { index, call: call.clone(), then: answer.clone(), now });
            }
        }
        differences
    }
}
