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
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use realm_plugin_host::{Breaker, CallError, Hook, Instance, Level};
use tokio::sync::mpsc;

use super::{
    Settings, figures,
    general::Work,
    heir::{Ballot, Proposal, Vote},
    mailbox::{LaneKind, Mailbox},
    set::{Installed, PluginSet},
    tape,
};

/// Most plugins at work.
pub(super) const PLUGINS_MAX: usize = 64;
/// How long the workshop sleeps when nothing is to be done.
const IDLE: Duration = Duration::from_secs(3_600);
/// A chat filter that keeps failing is started this often at least, because no line passes while it is away.
const FILTER_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Between two looks for lanes that have ended.
const VOTE_PULSE: Duration = Duration::from_millis(50);

/// Why a change of the set of plugins was not made; everything is as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The new plugin does not start.
    #[error("{0}")]
    Instance(#[from] CallError),
    /// The state of the version at work cannot be taken over.
    #[error("{0}; to begin without it, delete the file, and put it there again")]
    State(String),
    /// A lane did not prepare in time.
    #[error("a thread was too busy to hand the plugin's state over within {} s; save the file again later", .0.as_secs())]
    NotQuiet(Duration),
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
    Discard(Box<Instance>, Option<Arc<Installed>>),
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

/// A lane's new instance, which is to take over what its old one leaves.
struct Inheritance {
    lane: Arc<Mailbox>,
    from: Arc<Installed>,
    to: Arc<Installed>,
    instance: Instance,
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
                Ok(Job::Discard(instance, installed)) => self.end(*instance, installed.as_deref()),
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
        let heir_to = change.install.as_ref().and_then(|installed| self.inherits_from(installed, &change.remove));
        let mut deliveries = Vec::with_capacity(lanes.len());
        let mut heirs = Vec::new();
        for lane in lanes {
            let mut instances = Vec::new();
            if let Some(installed) = change.install.as_ref().filter(|installed| lane.kind.wants(installed)) {
                let instance = make(installed)?;
                match heir_to.as_ref().filter(|from| lane.kind.wants(from)) {
                    Some(from) => {
                        let (lane, from, to) = (Arc::clone(&lane), Arc::clone(from), Arc::clone(installed));
                        heirs.push(Inheritance { lane, from, to, instance });
                    }
                    None => instances.push((installed.id, instance)),
                }
            }
            deliveries.push((lane, instances));
        }
        let proposed: Vec<Arc<Mailbox>> = heirs.iter().map(|heir| Arc::clone(&heir.lane)).collect();
        self.put_to_the_vote(heirs)?;
        if !wanted.settle() {
            // Whoever asked believes that everything is as before.
            self.withdraw(&proposed);
            return Err(ChangeError::Stopped);
        }
        // From here on nothing can fail.
        for (lane, instances) in deliveries {
            lane.deliver_set(&set, instances);
            self.wake(&lane);
        }
        self.forget(&change.remove);
        let generation = set.generation;
        self.published.store(set);
        Ok(generation)
    }

    /// What goes has no breaker any more; what comes in its place begins with a closed one.
    fn forget(&mut self, removed: &[u64]) {
        let set = self.published.load();
        for old in set.plugins.iter().filter(|old| removed.contains(&old.id)) {
            if self.health.remove(&old.id).is_some() {
                figures::breaker(&old.plugin.manifest().name, false);
            }
        }
    }

    /// The version whose state the new one takes over: the one of the same plugin that goes, if it keeps a state.
    fn inherits_from(&self, installed: &Installed, removed: &[u64]) -> Option<Arc<Installed>> {
        let name = &installed.plugin.manifest().name;
        let goes = |old: &&Arc<Installed>| {
            removed.contains(&old.id) && old.shadow == installed.shadow && old.plugin.manifest().name == *name
        };
        let set = self.published.load();
        set.plugins.iter().find(goes).filter(|old| old.plugin.has_lifecycle()).cloned()
    }

    /// Lets every lane prepare for its heir; after an error none of them has changed anything.
    fn put_to_the_vote(&self, heirs: Vec<Inheritance>) -> Result<(), ChangeError> {
        let (vote, votes) = sync_channel::<(usize, Vote)>(heirs.len().max(1));
        let lanes: Vec<Arc<Mailbox>> = heirs.iter().map(|heir| Arc::clone(&heir.lane)).collect();
        for (number, Inheritance { lane, from, to, instance }) in heirs.into_iter().enumerate() {
            lane.propose(Proposal { from, to, instance, vote: Ballot { number, sender: vote.clone() } });
            self.wake(&lane);
        }
        let mut voted = vec![false; lanes.len()];
        let deadline = Instant::now() + self.settings.vote_timeout;
        let outcome = loop {
            // A lane that has ended has nothing against it.
            if voted.iter().zip(&lanes).all(|(voted, lane)| *voted || lane.is_closed()) {
                break Ok(());
            }
            match votes.recv_timeout(VOTE_PULSE) {
                Ok((number, Ok(()))) => voted[number] = true,
                Ok((_, Err(problem))) => break Err(ChangeError::State(problem)),
                Err(_) if Instant::now() >= deadline => break Err(ChangeError::NotQuiet(self.settings.vote_timeout)),
                Err(_) => {}
            }
        };
        if outcome.is_err() {
            self.withdraw(&lanes);
        }
        outcome
    }

    fn withdraw(&self, lanes: &[Arc<Mailbox>]) {
        for lane in lanes {
            drop(lane.withdraw());
            self.wake(lane);
        }
    }

    /// Lets the general lane look into its mailbox, while nobody asks it anything.
    fn wake(&self, lane: &Mailbox) {
        if lane.kind == LaneKind::General {
            let _ = self.wake.upgrade().map(|wake| wake.try_send(Work::Wake));
        }
    }

    fn schedule(&mut self, mailbox: Weak<Mailbox>, installed: Arc<Installed>) {
        if !self.published.load().contains(installed.id) {
            return;
        }
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

impl Workshop {
    /// Tells an instance that it is not called again, and takes it apart.
    fn end(&self, mut instance: Instance, installed: Option<&Installed>) {
        if instance.is_dead() {
            return;
        }
        let shadow = installed.is_some_and(|installed| installed.shadow);
        let ended = catch_unwind(AssertUnwindSafe(|| tape::shaded_if(shadow, || instance.shutdown())));
        if let (Ok(Err(error)), Some(installed)) = (ended, installed) {
            let name = &installed.plugin.manifest().name;
            figures::failed_at_end(name, error.kind());
            let line = format!("plugin {} failed in shutdown: {error}; nothing comes of it", installed.label());
            tracing::info!("{line}");
            self.settings.journal.note(name, Level::Info, &line);
        }
    }
}

/// Makes an instance; a fault of the engine on some plugin must not end the workshop.
fn make(installed: &Installed) -> Result<Instance, CallError> {
    let start = || installed.plugin.instantiate(&installed.configuration);
    // What a shadow writes at its start is not kept, either.
    let started = || if installed.shadow { tape::in_shade(Vec::new(), start) } else { start() };
    catch_unwind(AssertUnwindSafe(started))
        .unwrap_or_else(|_| Err(CallError::NoInstance("the engine failed".to_owned())))
}
