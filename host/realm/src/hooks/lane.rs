//! A lane: the instances that one thread owns and calls.

use std::{
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use realm_plugin_host::{CallError, Hook, Instance};

use super::{
    figures::{Figures, Function, failed},
    mailbox::{LaneKind, Mailbox},
    set::Installed,
    workshop::{Job, PLUGINS_MAX},
};

/// After an instance has died, the general lane waits this long for the next, once: a line that kills a filter must not
/// carry the following line past it.
const REMAKE_WAIT: Duration = Duration::from_millis(100);
/// A plugin that fails again and again is logged this often.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// One plugin of a lane.
struct Slot {
    installed: Arc<Installed>,
    instance: Option<Instance>,
    died: Option<Instant>,
    remake_asked: bool,
    figures: Figures,
    logged: Option<Instant>,
    unlogged: u64,
}

impl Slot {
    fn new(installed: Arc<Installed>) -> Self {
        Self {
            installed,
            instance: None,
            died: None,
            remake_asked: false,
            figures: Figures::default(),
            logged: None,
            unlogged: 0,
        }
    }

    fn fill(&mut self, instance: Instance) -> Option<Instance> {
        self.died = None;
        self.remake_asked = false;
        self.instance.replace(instance)
    }

    fn log_failure(&mut self, function: Function, error: &CallError) {
        let now = Instant::now();
        if self.logged.is_some_and(|logged| now.duration_since(logged) < LOG_EVERY) {
            self.unlogged += 1;
            return;
        }
        let manifest = self.installed.plugin.manifest();
        tracing::warn!(
            plugin = manifest.name,
            version = manifest.version,
            function = function.as_str(),
            unlogged_before = self.unlogged,
            "plugin {} failed in {}: {error}; {}",
            self.installed.label(),
            function.as_str(),
            function.policy(),
        );
        self.logged = Some(now);
        self.unlogged = 0;
    }
}

/// The instances of one thread.
pub(super) struct Lane {
    mailbox: Arc<Mailbox>,
    jobs: SyncSender<Job>,
    slots: Vec<Slot>,
}

impl Lane {
    pub(super) fn new(mailbox: Arc<Mailbox>, jobs: SyncSender<Job>) -> Self {
        Self { mailbox, jobs, slots: Vec::new() }
    }

    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Takes over what the workshop has delivered. True when other versions are at work than before.
    pub(super) fn pick_up(&mut self) -> bool {
        let changed = self.mailbox.take().is_some_and(|mail| {
            let changed = mail.set.is_some_and(|set| {
                let kind = self.mailbox.kind;
                self.rebuild(set.plugins.iter().filter(|installed| kind.wants(installed)))
            });
            for (id, instance) in mail.instances {
                let slot = self.slots.iter_mut().find(|slot| slot.installed.id == id);
                let unused = match slot {
                    Some(slot) => slot.fill(instance),
                    None => Some(instance),
                };
                self.discard(unused);
            }
            changed
        });
        self.ask_for_remakes();
        changed
    }

    /// Gives each plugin of a new set its slot, keeping those that stay.
    fn rebuild<'a>(&mut self, wanted: impl Iterator<Item = &'a Arc<Installed>>) -> bool {
        let mut old = std::mem::take(&mut self.slots);
        let before: Vec<u64> = old.iter().map(|slot| slot.installed.id).collect();
        for installed in wanted {
            let kept = old.iter().position(|slot| slot.installed.id == installed.id);
            self.slots.push(match kept {
                Some(index) => old.swap_remove(index),
                None => Slot::new(Arc::clone(installed)),
            });
        }
        for slot in old {
            self.discard(slot.instance);
        }
        !self.slots.iter().map(|slot| slot.installed.id).eq(before)
    }

    /// Lets the workshop take an instance apart, which costs more than a tick should spend on it.
    fn discard(&self, instance: Option<Instance>) {
        if let Some(instance) = instance {
            let _ = self.jobs.try_send(Job::Discard(Box::new(instance)));
        }
    }

    fn ask_for_remakes(&mut self) {
        for slot in self.slots.iter_mut().filter(|slot| slot.died.is_some() && !slot.remake_asked) {
            let job = Job::Remake { mailbox: Arc::downgrade(&self.mailbox), installed: Arc::clone(&slot.installed) };
            slot.remake_asked = self.jobs.try_send(job).is_ok();
        }
    }

    /// Something of the host failed in the middle of a call: no instance can be trusted any more.
    pub(super) fn forget_instances(&mut self) {
        for slot in &mut self.slots {
            slot.instance = None;
            slot.died = Some(Instant::now());
        }
        self.ask_for_remakes();
    }

    /// Places of the plugins that answer a hook, in the order in which they are asked.
    pub(super) fn answering(&self, hook: Hook) -> impl DoubleEndedIterator<Item = usize> + use<> {
        // One bit a place, so that asking costs no allocation in a tick.
        const { assert!(PLUGINS_MAX <= 64) };
        let answers = |place: usize| self.slots[place].installed.answers(hook);
        let places = (0..self.slots.len()).filter(|place| answers(*place)).fold(0_u64, |bits, place| bits | 1 << place);
        (0..64).filter(move |place| places & 1 << place != 0)
    }

    /// Name and version of the plugin at a place.
    pub(super) fn label(&self, place: usize) -> String {
        self.slots[place].installed.label()
    }

    /// Calls the plugin at a place; `None` when it gave no answer and the failure policy holds. Returns with the CPU time.
    pub(super) fn call<T>(
        &mut self,
        place: usize,
        function: Function,
        call: impl FnOnce(&mut Instance) -> Result<T, CallError>,
    ) -> (Option<T>, Duration) {
        let slot = &mut self.slots[place];
        if let (None, Some(died), LaneKind::General) = (&slot.instance, slot.died, self.mailbox.kind) {
            slot.instance = self.mailbox.wait_for_instance(slot.installed.id, died + REMAKE_WAIT);
            if slot.instance.is_some() {
                slot.died = None;
                slot.remake_asked = false;
            }
        }
        let name = &slot.installed.plugin.manifest().name;
        let Some(instance) = &mut slot.instance else {
            failed(name, function, "dead");
            return (None, Duration::ZERO);
        };
        let outcome = call(instance);
        let used = instance.used();
        slot.figures.called(name, function, used);
        match outcome {
            Ok(answer) => (Some(answer), used),
            Err(error) => {
                failed(name, function, error.kind());
                slot.log_failure(function, &error);
                if slot.instance.as_ref().is_some_and(Instance::is_dead) {
                    slot.died = Some(Instant::now());
                    let dead = slot.instance.take();
                    self.discard(dead);
                    self.ask_for_remakes();
                }
                (None, used)
            }
        }
    }
}
