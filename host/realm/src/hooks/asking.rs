//! One question to one plugin of a lane, and to its shadow.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use realm_plugin_host::{
    CallError, Instance,
    tape::{Answer, Question},
};

use super::{
    figures::{Decision, Function, compared, failed},
    lane::{Lane, NoAnswer},
    mailbox::LaneKind,
};

/// After an instance has died, the general lane waits this long for the next, once: most questions then get their answer and
/// not the failure policy. A chat filter that is away longer has its lines refused, not passed (see `general::filter_chat`).
const REMAKE_WAIT: Duration = Duration::from_millis(100);
/// So many answers against the contract one after the other, and an instance is replaced as if it had died.
const NONSENSE_MAX: u32 = 5;

/// An answer that is compared with no other.
#[derive(Clone)]
struct Alone<T>(T);

impl<T> PartialEq for Alone<T> {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl<T: Into<Answer>> From<Alone<T>> for Answer {
    fn from(Alone(answer): Alone<T>) -> Self {
        answer.into()
    }
}

impl<T: Clone + Into<Answer>> Decision for Alone<T> {
    fn word(&self) -> &'static str {
        "answered"
    }
}

impl Lane {
    /// Calls the plugin at a place; `question` is what a recording keeps. `None` when it gave no answer and the failure policy holds. Returns with the CPU time.
    pub(super) fn call<T: Decision>(
        &mut self,
        place: usize,
        function: Function,
        question: impl Fn() -> Question,
        call: impl Fn(&mut Instance) -> Result<T, CallError>,
    ) -> (Option<T>, Duration) {
        let (answer, used) = self.try_call(place, function, question, call);
        (answer.ok(), used)
    }

    /// The same, and says why there is no answer. A shadow of the plugin is asked the same, and its answer compared.
    pub(super) fn try_call<T: Decision>(
        &mut self,
        place: usize,
        function: Function,
        question: impl Fn() -> Question,
        call: impl Fn(&mut Instance) -> Result<T, CallError>,
    ) -> (Result<T, NoAnswer>, Duration) {
        let (answer, used) = self.ask_recorded(place, function, question, &call);
        if !self.has_shadows {
            return (answer, used);
        }
        let in_shade = self.ask_shadow(place, function, &call, answer.as_ref().ok());
        (answer, used + in_shade)
    }

    /// Asks the plugin at a place alone: what these calls bring about, and what they remember, would happen twice with a shadow.
    pub(super) fn call_alone<T: Clone + Into<Answer>>(
        &mut self,
        place: usize,
        function: Function,
        question: impl Fn() -> Question,
        call: impl Fn(&mut Instance) -> Result<T, CallError>,
    ) -> Result<T, NoAnswer> {
        let call = |instance: &mut Instance| call(instance).map(Alone);
        self.ask_recorded(place, function, question, &call).0.map(|Alone(answer)| answer)
    }

    /// Asks, and with recording on keeps the question, what the host answered meanwhile, and the answer.
    fn ask_recorded<T: Decision>(
        &mut self,
        place: usize,
        function: Function,
        question: impl Fn() -> Question,
        call: &impl Fn(&mut Instance) -> Result<T, CallError>,
    ) -> (Result<T, NoAnswer>, Duration) {
        if let Some(recorder) = &self.settings.recorder {
            recorder.begin();
        }
        let (answer, used) = self.ask(place, function, call);
        if let Some(recorder) = &self.settings.recorder {
            let manifest = self.slots[place].installed.plugin.manifest();
            let kept = answer.as_ref().ok().map(|answer| answer.clone().into());
            recorder.end(self.number, (&manifest.name, &manifest.version), question(), kept);
        }
        (answer, used)
    }

    /// Asks the shadow of the plugin at a place, if it has one; returns with the CPU time.
    fn ask_shadow<T: Decision>(
        &mut self,
        place: usize,
        function: Function,
        call: &impl Fn(&mut Instance) -> Result<T, CallError>,
        decided: Option<&T>,
    ) -> Duration {
        let manifest = self.slots[place].installed.plugin.manifest();
        let (name, version) = (manifest.name.clone(), manifest.version.clone());
        let hooks = self.slots[place].installed.plugin.hooks();
        let is_shadow = |slot: &super::lane::Slot| {
            let plugin = &slot.installed.plugin;
            slot.installed.shadow
                && plugin.manifest().name == name
                && hooks.iter().all(|hook| plugin.hooks().contains(hook))
        };
        let Some(shadow) = self.slots.iter().position(is_shadow) else { return Duration::ZERO };
        let (answer, used) = self.ask(shadow, function, call);
        let answer = answer.ok();
        let alike = answer.as_ref() == decided;
        let word = |answer: Option<&T>| answer.map_or("no answer", Decision::word);
        let installed = &self.slots[shadow].installed;
        let difference = (!alike).then(|| {
            let of = &installed.plugin.manifest().version;
            // In words alone: what players say to each other is none of the operator's business.
            match (word(decided), word(answer.as_ref())) {
                (decided, answer) if decided == answer => {
                    format!("{}: {version} and {of} say {decided}, but not the same", function.as_str())
                }
                (decided, answer) => format!("{}: {version} says {decided}, {of} says {answer}", function.as_str()),
            }
        });
        installed.record.compared(difference);
        compared(&name, function, alike);
        used
    }

    /// Puts a question to the instance at a place.
    fn ask<T: Decision>(
        &mut self,
        place: usize,
        function: Function,
        call: &impl Fn(&mut Instance) -> Result<T, CallError>,
    ) -> (Result<T, NoAnswer>, Duration) {
        let slot = &mut self.slots[place];
        if let (None, Some(died), LaneKind::General, false) =
            (&slot.instance, slot.died, self.mailbox.kind, slot.installed.shadow)
            && let Some(instance) = self.mailbox.wait_for_instance(slot.installed.id, died + REMAKE_WAIT)
        {
            self.news = true;
            slot.fill(instance);
        }
        let name = &slot.counted_as;
        let Some(instance) = &mut slot.instance else {
            failed(name, function, "dead");
            slot.installed.record.failed(function, "dead");
            return (Err(NoAnswer::Away), Duration::ZERO);
        };
        let outcome = call(instance);
        let used = instance.used();
        slot.figures.called(name, function, used);
        slot.installed.record.called(function, used);
        if let Some(memory_bytes) = slot.installed.record.holds(instance.memory_bytes()) {
            slot.figures.holds(name, memory_bytes);
        }
        match outcome {
            Ok(answer) => {
                slot.figures.decided(name, function, answer.word());
                slot.answered = true;
                slot.alarmed = false;
                slot.nonsense = 0;
                (Ok(answer), used)
            }
            Err(error) => {
                failed(name, function, error.kind());
                slot.installed.record.failed(function, error.kind());
                slot.log_failure(function, &error, &self.settings);
                slot.unanswered = slot.unanswered.saturating_add(1);
                slot.nonsense = slot.nonsense.saturating_add(1);
                let died = slot.instance.as_ref().is_some_and(Instance::is_dead);
                if died || slot.nonsense >= NONSENSE_MAX {
                    slot.died = Some(Instant::now());
                    let (dead, of) = (slot.instance.take(), Arc::clone(&slot.installed));
                    self.discard(dead, Some(&of));
                    self.ask_for_remakes();
                }
                (Err(if died { NoAnswer::Died } else { NoAnswer::Failed }), used)
            }
        }
    }
}
