//! One question to one plugin of a lane, and to its shadow.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use realm_plugin_host::{CallError, Instance};

use super::{
    decision::Decision,
    figures::{Function, compared, failed},
    lane::{Lane, NoAnswer},
    mailbox::LaneKind,
    tape::{self, Question},
};

/// After an instance has died, the general lane waits this long for the next, once: most questions then get their answer and
/// not the failure policy. A chat filter that is away longer has its lines refused, not passed (see `general::filter_chat`).
const REMAKE_WAIT: Duration = Duration::from_millis(100);
/// So many answers against the contract one after the other, and an instance is replaced as if it had died.
const NONSENSE_MAX: u32 = 5;

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

    /// The same, and says why there is no answer. A shadow of the plugin is asked the same and told the same, its answer is
    /// compared, and nothing comes of it.
    pub(super) fn try_call<T: Decision>(
        &mut self,
        place: usize,
        function: Function,
        question: impl Fn() -> Question,
        call: impl Fn(&mut Instance) -> Result<T, CallError>,
    ) -> (Result<T, NoAnswer>, Duration) {
        let shadow = self.has_shadows.then(|| self.shadow_of(place)).flatten();
        let recorder = self.settings.recorder.clone();
        if shadow.is_none() && recorder.is_none() {
            return self.ask(place, function, &call);
        }
        tape::listen();
        let (answer, used) = self.ask(place, function, &call);
        let host = tape::heard();
        let to_shadow = if shadow.is_some() { host.clone() } else { Vec::new() };
        if let Some(recorder) = recorder {
            let manifest = self.slots[place].installed.plugin.manifest();
            let kept = answer.as_ref().ok().map(|answer| answer.clone().into());
            recorder.keep(self.number, (&manifest.name, &manifest.version), question(), host, kept);
        }
        let Some(shadow) = shadow else { return (answer, used) };
        let (in_shade, used_in_shade) = tape::in_shade(to_shadow, || self.ask(shadow, function, &call));
        self.compare(place, shadow, function, answer.as_ref().ok(), in_shade.as_ref().ok());
        (answer, used + used_in_shade)
    }

    /// The place of the shadow of the plugin at a place.
    fn shadow_of(&self, place: usize) -> Option<usize> {
        let of = &self.slots[place].installed.plugin;
        let is_shadow = |slot: &super::lane::Slot| {
            let plugin = &slot.installed.plugin;
            slot.installed.shadow
                && plugin.manifest().name == of.manifest().name
                && of.hooks().iter().all(|hook| plugin.hooks().contains(hook))
        };
        self.slots.iter().position(is_shadow)
    }

    /// Notes whether a shadow says what the version at work says.
    fn compare<T: Decision>(
        &self,
        place: usize,
        shadow: usize,
        function: Function,
        decided: Option<&T>,
        answer: Option<&T>,
    ) {
        let manifest = self.slots[place].installed.plugin.manifest();
        let installed = &self.slots[shadow].installed;
        let alike = answer == decided;
        let word = |answer: Option<&T>| answer.map_or("no answer", Decision::word);
        let difference = (!alike).then(|| {
            let (version, of) = (&manifest.version, &installed.plugin.manifest().version);
            // In words alone: what players say to each other is none of the operator's business.
            match (word(decided), word(answer)) {
                (decided, answer) if decided == answer => {
                    format!("{}: {version} and {of} say {decided}, but not the same", function.as_str())
                }
                (decided, answer) => format!("{}: {version} says {decided}, {of} says {answer}", function.as_str()),
            }
        });
        installed.record.compared(difference);
        compared(&manifest.name, function, alike);
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
