//! The workshop: the thread that makes instances for all lanes, so that no lane ever waits for `init`.
//!
//! A change of the set of plugins is made in two phases: first every lane's new instance is made and its `init` called;
//! only when all of them work are they delivered and the set published. Otherwise every lane stays with what it has.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use realm_plugin_host::{Breaker, CallError, Hook, Instance, Level};
use tokio::sync::mpsc;

use super::{
    Settings, figures,
    general::Work,
    mailbox::{LaneKind, Mailbox},
    set::{Installed, PluginSet},
};

/// Most plugins at work.
pub(super) const PLUGINS_MAX: usize = 64;
/// How long the workshop sleeps when nothing is to be done.
const IDLE: Duration = Duration::from_secs(3_600);
/// A chat filter that keeps failing is started this often at least, because no line passes while it is away.
const FILTER_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Why a change of the set of plugins was not made; everything is as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The new plugin does not start.
    #[error("{0}")]
    Instance(#[from] CallError),
    /// No room.
    #[error("{PLUGINS_MAX} plugins are at work, which is the most; remove one first")]
    TooMany,
    /// The realm is stopping.
    #[error("the plugin threads have ended")]
    Stopped,
    /// It took too long and was given up.
    #[error("it was not done within {} s and was given up; save the file again when the machine is less busy", .0.as_secs())]
    Late(Duration),
}

/// Whether a change is still wanted: it is either begun by the workshop or given up by who asked, never both.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// Decides the matter; false when the other side was faster.
    pub(super) fn settle(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// A change of the set of plugins.
pub(crate) struct Change {
    /// Comes to work.
    pub(crate) install: Option<Arc<Installed>>,
    /// Installations that end with it.
    pub(crate) remove: Vec<u64>,
}

/// What the workshop is asked for.
pub(super) enum Job {
    /// A new lane; the answer comes when its first instances are delivered.
    Register(Arc<Mailbox>, SyncSender<()>),
    /// A change of the set; the answer is the new generation.
    Change(Change, Wanted, SyncSender<Result<u64, ChangeError>>),
    /// An instance died and another shall take its place.
    Remake { mailbox: Weak<Mailbox>, installed: Arc<Installed> },
    /// An instance is not needed any more.
    Discard(Box<Instance>),
    /// The realm is stopping.
    Stop,
}

/// How a plugin has failed so far.
#[derive(Default)]
struct Health {
    breaker: Breaker,
    /// When an instance was last asked for in place of one that died.
    started: Option<Instant>,
}

struct Remake {
    due: Instant,
    mailbox: Weak<Mailbox>,
    installed: Arc<Installed>,
}

/// The state of the workshop's thread.
pub(super) struct Workshop {
    jobs: Receiver<Job>,
    published: Arc<ArcSwap<PluginSet>>,
    /// Wakes the general lane, so that an old instance does not outlive its version while nobody chats.
    wake: mpsc::WeakSender<Work>,
    lanes: Vec<Weak<Mailbox>>,
    remakes: Vec<Remake>,
    health: HashMap<u64, Health>,
    settings: Settings,
}

impl Workshop {
    pub(super) fn new(
        jobs: Receiver<Job>,
        published: Arc<ArcSwap<PluginSet>>,
        wake: mpsc::WeakSender<Work>,
        settings: Settings,
    ) -> Self {
        let (lanes, remakes, health) = (Vec::new(), Vec::new(), HashMap::new());
        Self { jobs, published, wake, lanes, remakes, health, settings }
    }

    /// Works until it is told to stop or nobody can ask any more.
    pub(super) fn run(mut self) {
        loop {
            let next = self.remakes.iter().map(|remake| remake.due).min();
            let pause = next.map_or(IDLE, |due| due.saturating_duration_since(Instant::now()));
            match self.jobs.recv_timeout(pause) {
                Ok(Job::Register(mailbox, done)) => {
                    self.register(&mailbox);
                    let _ = done.try_send(());
                }
                Ok(Job::Change(change, wanted, answer)) => {
                    let _ = answer.try_send(self.change(&change, &wanted));
                }
                Ok(Job::Remake { mailbox, installed }) => self.schedule(mailbox, installed),
                Ok(Job::Discard(instance)) => drop(instance),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.remake_due();
        }
    }

    fn register(&mut self, mailbox: &Arc<Mailbox>) {
        self.lanes.retain(|lane| lane.strong_count() > 0);
        let set = self.published.load_full();
        let mut instances = Vec::new();
        for installed in set.plugins.iter().filter(|installed| mailbox.kind.wants(installed)) {
            match make(installed) {
                Ok(instance) => instances.push((installed.id, instance)),
                Err(error) => {
                    tracing::warn!("plugin {} does not start on a new lane: {error}", installed.label());
                    mailbox.deliver_failed_start(installed.id);
                    self.schedule(Arc::downgrade(mailbox), Arc::clone(installed));
                }
            }
        }
        mailbox.deliver_set(&set, instances);
        self.lanes.push(Arc::downgrade(mailbox));
    }

    fn change(&mut self, change: &Change, wanted: &Wanted) -> Result<u64, ChangeError> {
        let set = Arc::new(self.published.load().changed(change.install.as_ref(), &change.remove));
        if set.plugins.len() > PLUGINS_MAX {
            return Err(ChangeError::TooMany);
        }
        self.lanes.retain(|lane| lane.strong_count() > 0);
        let lanes: Vec<Arc<Mailbox>> = self.lanes.iter().filter_map(Weak::upgrade).collect();
        let mut deliveries = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let mut instances = Vec::new();
            if let Some(installed) = change.install.as_ref().filter(|installed| lane.kind.wants(installed)) {
                instances.push((installed.id, make(installed)?));
            }
            deliveries.push((lane, instances));
        }
        if !wanted.settle() {
            // Whoever asked believes that everything is as before.
            return Err(ChangeError::Stopped);
        }
        // From here on nothing can fail.
        for (lane, instances) in deliveries {
            lane.deliver_set(&set, instances);
            if lane.kind == LaneKind::General {
                let _ = self.wake.upgrade().map(|wake| wake.try_send(Work::Wake));
            }
        }
        self.health.retain(|id, _| set.contains(*id));
        let generation = set.generation;
        self.published.store(set);
        Ok(generation)
    }

    fn schedule(&mut self, mailbox: Weak<Mailbox>, installed: Arc<Installed>) {
        let now = Instant::now();
        let health = self.health.entry(installed.id).or_default();
        let pause = health.breaker.failed(now);
        let filters = installed.answers(Hook::ChatFilter)
            && mailbox.upgrade().is_some_and(|mailbox| mailbox.kind == LaneKind::General);
        let due = if filters {
            // Counted from the last start, so that a filter which dies now and then is back at once.
            health.started.map_or(now, |started| (started + pause.min(FILTER_PAUSE_MAX)).max(now))
        } else {
            now + pause
        };
        installed.record.replaced();
        if due > now {
            let wait = due.duration_since(now);
            let line =
                format!("plugin {} keeps failing; it is tried again in {} ms", installed.label(), wait.as_millis());
            tracing::warn!("{line}");
            self.settings.journal.note(&installed.plugin.manifest().name, Level::Warn, &line);
            installed.record.pause(wait);
            figures::breaker(&installed.plugin.manifest().name, true);
        }
        if pause > Duration::ZERO
            && let Some(failing) = &self.settings.failing
        {
            failing(installed.id);
        }
        self.remakes.push(Remake { due, mailbox, installed });
    }

    fn remake_due(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = self.remakes.drain(..).partition(|remake| remake.due <= now);
        self.remakes = later;
        for Remake { mailbox, installed, .. } in due {
            let Some(lane) = mailbox.upgrade() else { continue };
            if !self.published.load().contains(installed.id) {
                continue;
            }
            self.health.entry(installed.id).or_default().started = Some(Instant::now());
            match make(&installed) {
                Ok(instance) => {
                    installed.record.pause(Duration::ZERO);
                    figures::breaker(&installed.plugin.manifest().name, false);
                    lane.deliver_instance(installed.id, instance);
                }
                Err(error) => {
                    let line = format!("plugin {} does not start again: {error}", installed.label());
                    tracing::warn!("{line}");
                    self.settings.journal.note(&installed.plugin.manifest().name, Level::Warn, &line);
                    installed.record.explain(format!("start {error}"));
                    lane.deliver_failed_start(installed.id);
                    self.schedule(mailbox, installed);
                }
            }
        }
    }
}

/// Makes an instance; a fault of the engine on some plugin must not end the workshop.
fn make(installed: &Installed) -> Result<Instance, CallError> {
    catch_unwind(AssertUnwindSafe(|| installed.plugin.instantiate(&installed.configuration)))
        .unwrap_or_else(|_| Err(CallError::NoInstance("the engine failed".to_owned())))
}
