//! How a lane is handed instances that were made elsewhere, so that it never waits for one to be made.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use realm_plugin_host::{Hook, Instance};

use super::{
    heir::Proposal,
    set::{Installed, PluginSet},
};

/// What a lane is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneKind {
    /// Everything outside games.
    General,
    /// Hooks inside the tick.
    Tick,
}

impl LaneKind {
    /// Does a lane of this kind keep an instance of the plugin?
    pub(super) fn wants(self, installed: &Installed) -> bool {
        match self {
            Self::General => true,
            Self::Tick => installed.exports(Hook::AntiCheat),
        }
    }
}

/// What waits for a lane.
#[derive(Default)]
pub(super) struct Mail {
    /// The newest set, when it changed.
    pub(super) set: Option<Arc<PluginSet>>,
    /// New instances by installation.
    pub(super) instances: Vec<(u64, Instance)>,
    /// Installations that could not be started again, once for each try.
    pub(super) failed_starts: Vec<u64>,
    /// A new version that the lane shall prepare for.
    pub(super) proposal: Option<Proposal>,
    /// What the lane has prepared for does not come.
    pub(super) withdrawn: bool,
}

/// Failed starts that wait for a lane that picks nothing up.
const FAILED_STARTS_MAX: usize = 64;

/// The mailbox of one lane. Holds at most one instance of each plugin of the newest set.
pub(super) struct Mailbox {
    pub(super) kind: LaneKind,
    /// Mirrors "the mail is not empty", so that a tick without news costs one atomic load.
    waiting: AtomicBool,
    mail: Mutex<Mail>,
    arrived: Condvar,
    /// Its lane has ended.
    closed: AtomicBool,
}

impl Mailbox {
    pub(super) fn new(kind: LaneKind) -> Self {
        let (waiting, closed) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { kind, waiting, mail: Mutex::default(), arrived: Condvar::new(), closed }
    }

    /// The lane has ended: nobody takes anything from here any more.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers a new set with the instances that it needs beyond those the lane has.
    pub(super) fn deliver_set(&self, set: &Arc<PluginSet>, instances: Vec<(u64, Instance)>) {
        let mut mail = self.lock();
        mail.instances.retain(|(id, _)| set.contains(*id));
        mail.instances.extend(instances);
        mail.set = Some(Arc::clone(set));
        self.waiting.store(true, Ordering::Release);
        self.arrived.notify_all();
    }

    /// Delivers an instance in place of one that died.
    pub(super) fn deliver_instance(&self, id: u64, instance: Instance) {
        let mut mail = self.lock();
        mail.instances.retain(|(other, _)| *other != id);
        mail.instances.push((id, instance));
        self.waiting.store(true, Ordering::Release);
        self.arrived.notify_all();
    }

    /// Proposes a new version; the lane votes at its next quiet point.
    pub(super) fn propose(&self, proposal: Proposal) {
        self.lock().proposal = Some(proposal);
        self.waiting.store(true, Ordering::Release);
    }

    /// The proposed version does not come; gives the proposal back if the lane has not seen it.
    pub(super) fn withdraw(&self) -> Option<Proposal> {
        let mut mail = self.lock();
        mail.withdrawn = true;
        self.waiting.store(true, Ordering::Release);
        mail.proposal.take()
    }

    /// Tells that an instance in place of one that died could not be made.
    pub(super) fn deliver_failed_start(&self, id: u64) {
        let mut mail = self.lock();
        if mail.failed_starts.len() < FAILED_STARTS_MAX {
            mail.failed_starts.push(id);
            self.waiting.store(true, Ordering::Release);
        }
    }

    /// Takes everything that waits; `None` when nothing does, or when it is being filled this very moment.
    pub(super) fn take(&self) -> Option<Mail> {
        if !self.waiting.load(Ordering::Acquire) {
            return None;
        }
        // A tick never waits for the workshop: what is not there now will be there at the next tick.
        let mut mail = match self.kind {
            LaneKind::General => self.lock(),
            LaneKind::Tick => self.mail.try_lock().ok()?,
        };
        self.waiting.store(false, Ordering::Relaxed);
        Some(std::mem::take(&mut *mail))
    }

    /// Waits until `deadline` for a new instance of one plugin.
    pub(super) fn wait_for_instance(&self, id: u64, deadline: Instant) -> Option<Instance> {
        let mut mail = self.lock();
        loop {
            if let Some(index) = mail.instances.iter().position(|(other, _)| *other == id) {
                return Some(mail.instances.swap_remove(index).1);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left < Duration::from_micros(1) {
                return None;
            }
            mail = self.arrived.wait_timeout(mail, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
