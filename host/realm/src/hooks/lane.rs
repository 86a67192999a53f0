//! A lane: the instances that one thread owns and calls.

use std::{
    sync::{Arc, mpsc::SyncSender},
    time::{Duration, Instant},
};

use realm_plugin_host::{CallError, Hook, Instance, Level};

use super::{
    Settings,
    commands::Book,
    figures::{Figures, Function},
    heir::{Heir, Proposal},
    mailbox::{LaneKind, Mailbox},
    set::Installed,
    strikes::Strikes,
    tape::Recorder,
    workshop::{Job, PLUGINS_MAX},
};

/// A plugin that fails again and again is logged this often.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// So many starts that failed one after the other, and a plugin counts as one that cannot be started.
const STARTS_FAILED_MAX: u32 = 2;
/// So many questions without any answer since it came to work, and a plugin counts as one that does not work.
const UNANSWERED_MAX: u32 = 5;

/// Why a plugin gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It failed at this question and is alive.
    Failed,
    /// It died of this question.
    Died,
    /// It has died before, and its next instance is on the way.
    Away,
}

/// One plugin of a lane.
pub(super) struct Slot {
    pub(super) installed: Arc<Installed>,
    pub(super) instance: Option<Instance>,
    pub(super) died: Option<Instant>,
    remake_asked: bool,
    /// How many starts have failed since the last that did not.
    starts_failed: u32,
    /// True from its first answer on.
    pub(super) answered: bool,
    /// How many questions it has failed at.
    pub(super) unanswered: u32,
    /// How many answers against the contract it has given since its last good one.
    pub(super) nonsense: u32,
    /// The operator has been told that it does not work.
    pub(super) alarmed: bool,
    pub(super) figures: Figures,
    /// The name under which it is counted.
    pub(super) counted_as: String,
    logged: Option<Instant>,
    unlogged: u64,
}

impl Slot {
    fn new(installed: Arc<Installed>) -> Self {
        Self {
            counted_as: installed.counted_as(),
            installed,
            instance: None,
            died: None,
            remake_asked: false,
            starts_failed: 0,
            answered: false,
            unanswered: 0,
            nonsense: 0,
            alarmed: false,
            figures: Figures::default(),
            logged: None,
            unlogged: 0,
        }
    }

    pub(super) fn fill(&mut self, instance: Instance) -> Option<Instance> {
        self.died = None;
        self.remake_asked = false;
        self.starts_failed = 0;
        self.nonsense = 0;
        self.instance.replace(instance)
    }

    /// It cannot be started, or has come to work and never answered anything: the fault is its own, and no question's.
    fn broken(&self) -> bool {
        let never_starts = self.instance.is_none() && self.starts_failed >= STARTS_FAILED_MAX;
        never_starts || (!self.answered && self.unanswered >= UNANSWERED_MAX)
    }

    pub(super) fn log_failure(&mut self, function: Function, error: &CallError, settings: &Settings) {
        let now = Instant::now();
        self.installed.record.explain(format!("{} {error}", function.as_str()));
        if self.logged.is_some_and(|logged| now.duration_since(logged) < LOG_EVERY) {
            self.unlogged += 1;
            return;
        }
        let manifest = self.installed.plugin.manifest();
        let line = format!(
            "plugin {} failed in {}: {error}; {}",
            self.installed.label(),
            function.as_str(),
            if self.installed.shadow {
                "it is a shadow, and nothing comes of it"
            } else {
                settings.policies.words(function)
            },
        );
        tracing::warn!(
            plugin = manifest.name,
            version = manifest.version,
            function = function.as_str(),
            unlogged_before = self.unlogged,
            "{line}"
        );
        settings.journal.note(&manifest.name, Level::Warn, &line);
        self.logged = Some(now);
        self.unlogged = 0;
    }
}

/// The instances of one thread.
pub(super) struct Lane {
    pub(super) mailbox: Arc<Mailbox>,
    jobs: SyncSender<Job>,
    pub(super) slots: Vec<Slot>,
    pub(super) strikes: Strikes,
    pub(super) settings: Settings,
    /// Some slot holds a shadow.
    pub(super) has_shadows: bool,
    /// Its number in recordings.
    pub(super) number: u32,
    /// A new version that has been prepared for and not come to work yet.
    heir: Option<Heir>,
    /// Other plugins or instances are here than when [`Self::take_news`] was last asked.
    pub(super) news: bool,
    /// The slash commands of the plugins here.
    pub(super) book: Book,
}

impl Lane {
    pub(super) fn new(mailbox: Arc<Mailbox>, jobs: SyncSender<Job>) -> Self {
        let (slots, strikes, settings) = (Vec::new(), Strikes::default(), Settings::default());
        Self {
            mailbox,
            jobs,
            slots,
            strikes,
            settings,
            heir: None,
            has_shadows: false,
            number: 0,
            news: false,
            book: Book::default(),
        }
    }

    /// The same under the operator's settings.
    pub(super) fn under(mut self, settings: Settings) -> Self {
        self.number = settings.recorder.as_ref().map_or(0, Recorder::lane);
        self.settings = settings;
        self
    }

    /// True when a call of this function without an answer means no.
    pub(super) fn is_closed(&self, function: Function) -> bool {
        self.settings.policies.is_closed(function)
    }

    /// The instances that are here.
    pub(super) fn instances(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.slots.iter_mut().filter_map(|slot| slot.instance.as_mut())
    }

    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Takes over what the workshop has delivered. True when other versions are at work than before.
    pub(super) fn pick_up(&mut self) -> bool {
        let changed = self.mailbox.take().is_some_and(|mail| {
            if mail.withdrawn {
                self.drop_heir();
            }
            let changed = mail.set.is_some_and(|set| {
                let kind = self.mailbox.kind;
                self.rebuild(set.plugins.iter().filter(|installed| kind.wants(installed)))
            });
            self.news |= changed || !mail.instances.is_empty();
            for id in mail.failed_starts {
                if let Some(slot) = self.slots.iter_mut().find(|slot| slot.installed.id == id) {
                    slot.starts_failed = slot.starts_failed.saturating_add(1);
                }
            }
            for (id, instance) in mail.instances {
                let slot = self.slots.iter_mut().find(|slot| slot.installed.id == id);
                let (unused, of) = match slot {
                    Some(slot) => (slot.fill(instance), Some(Arc::clone(&slot.installed))),
                    None => (Some(instance), None),
                };
                self.discard(unused, of.as_ref());
            }
            if let Some(proposal) = mail.proposal {
                self.prepare(proposal);
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
            let slot = match kept {
                Some(index) => old.swap_remove(index),
                None => {
                    let mut slot = Slot::new(Arc::clone(installed));
                    if let Some(heir) = self.heir.take_if(|heir| heir.to.id == installed.id) {
                        let before = old.iter_mut().find(|slot| slot.installed.id == heir.from.id);
                        self.succeed(&mut slot, heir, before);
                    }
                    slot
                }
            };
            self.slots.push(slot);
        }
        for slot in old {
            self.discard(slot.instance, Some(&slot.installed));
        }
        self.has_shadows = self.slots.iter().any(|slot| slot.installed.shadow);
        !self.slots.iter().map(|slot| slot.installed.id).eq(before)
    }

    /// Lets a new version take over the state of the one at work, and votes.
    fn prepare(&mut self, proposal: Proposal) {
        self.drop_heir();
        let (vote, to) = (proposal.vote.clone(), Arc::clone(&proposal.to));
        let in_tick = self.mailbox.kind == LaneKind::Tick;
        let slot = self.slots.iter_mut().find(|slot| slot.installed.id == proposal.from.id);
        let prepared = Heir::prepare(proposal, slot.and_then(|slot| slot.instance.as_mut()), in_tick);
        let said = match prepared {
            Ok(heir) => {
                self.heir = Some(heir);
                Ok(())
            }
            Err((unused, problem)) => {
                self.discard(Some(*unused), Some(&to));
                Err(problem)
            }
        };
        self.bury();
        vote.cast(said);
    }

    /// Puts an heir in its place, with what has changed since it was prepared.
    fn succeed(&mut self, slot: &mut Slot, mut heir: Heir, before: Option<&mut Slot>) {
        if let Some(old) = before.and_then(|before| before.instance.as_mut())
            && let Err(error) = heir.succeed(old)
        {
            let line = format!(
                "plugin {} has the state of a moment before it came to work, without the last changes: {error}",
                heir.to.label()
            );
            tracing::warn!("{line}");
            self.settings.journal.note(&heir.to.plugin.manifest().name, Level::Warn, &line);
        }
        if heir.instance.is_dead() {
            slot.died = Some(Instant::now());
            self.discard(Some(heir.instance), Some(&heir.to));
        } else {
            slot.instance = Some(heir.instance);
        }
    }

    fn drop_heir(&mut self) {
        if let Some(heir) = self.heir.take() {
            self.discard(Some(heir.instance), Some(&heir.to));
        }
    }

    /// Gives up instances that have died outside a call, and asks for others.
    fn bury(&mut self) {
        for place in 0..self.slots.len() {
            let slot = &mut self.slots[place];
            if slot.instance.as_ref().is_some_and(Instance::is_dead) {
                slot.died = Some(Instant::now());
                let (dead, of) = (slot.instance.take(), Arc::clone(&slot.installed));
                self.discard(dead, Some(&of));
            }
        }
        self.ask_for_remakes();
    }

    /// Lets the workshop take an instance apart, which costs more than a tick should spend on it.
    pub(super) fn discard(&self, instance: Option<Instance>, of: Option<&Arc<Installed>>) {
        if let Some(instance) = instance {
            let _ = self.jobs.try_send(Job::Discard(Box::new(instance), of.cloned()));
        }
    }

    pub(super) fn ask_for_remakes(&mut self) {
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

    /// True when other plugins or instances are here than at the last time.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// The plugin at a place.
    pub(super) fn installed(&self, place: usize) -> &Arc<Installed> {
        &self.slots[place].installed
    }

    /// Name and version of the plugin at a place.
    pub(super) fn label(&self, place: usize) -> String {
        self.slots[place].installed.label()
    }

    /// True when the plugin at a place does not work, whatever it is asked; the operator is told once.
    pub(super) fn is_broken(&mut self, place: usize) -> bool {
        let slot = &mut self.slots[place];
        let broken = slot.broken();
        if broken && !std::mem::replace(&mut slot.alarmed, true) {
            tracing::error!(
                plugin = slot.installed.plugin.manifest().name,
                "plugin {} does not work: it cannot be started, or has answered nothing since it came to work; \
                 until it is replaced or deleted, what it should judge goes on unjudged",
                slot.installed.label(),
            );
        }
        broken
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}
