//! The starting and stopping of the plugin threads, and the way in which a new set of plugins is published.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use crate::types::{Urgency, spawn_thread};

use super::{
    Doors, Hooks, Settings,
    general::{self, Work},
    lane::Lane,
    mailbox::{LaneKind, Mailbox},
    set::PluginSet,
    workshop::{Change, ChangeError, Job, Wanted, Workshop},
};

/// Most questions that wait for the general lane.
const QUESTIONS_MAX: usize = 1_024;
/// Most jobs that wait for the workshop.
const JOBS_MAX: usize = 1_024;
/// Longest wait for a change: every lane's `init` within its deadline by the wall clock.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest wait for the end of a change that cannot fail any more.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// Changes the set of plugins; the folder's watcher holds it.
pub(crate) struct Publisher {
    jobs: SyncSender<Job>,
    work: mpsc::WeakSender<Work>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Hooks {
    /// Starts the plugin threads, with no plugin at work and nothing that an operator has set.
    pub(crate) fn start() -> io::Result<(Self, Publisher)> {
        Self::start_with(Settings::default())
    }

    /// Starts the plugin threads, with no plugin at work.
    pub(crate) fn start_with(settings: Settings) -> io::Result<(Self, Publisher)> {
        let published = Arc::new(ArcSwap::from_pointee(PluginSet::default()));
        let (jobs, jobs_in) = sync_channel(JOBS_MAX);
        let (work, work_in) = mpsc::channel(QUESTIONS_MAX);
        let workshop = Workshop::new(jobs_in, Arc::clone(&published), work.downgrade(), settings.clone());
        let lane = Lane::new(Arc::new(Mailbox::new(LaneKind::General)), jobs.clone()).under(settings.clone());
        register(&jobs, lane.mailbox());
        let threads = vec![
            spawn_thread("plugin-workshop".to_owned(), Urgency::Background, move || workshop.run())?,
            spawn_thread("plugin-lane".to_owned(), Urgency::Async, move || general::run(lane, work_in))?,
        ];
        let publisher = Publisher { jobs: jobs.clone(), work: work.downgrade(), threads: Mutex::new(threads) };
        Ok((Self { published, doors: Some(Doors { work, jobs }), settings }, publisher))
    }
}

/// Tells the workshop of a lane; the receiver resolves when its first instances are delivered.
pub(super) fn register(jobs: &SyncSender<Job>, mailbox: &Arc<Mailbox>) -> std::sync::mpsc::Receiver<()> {
    let (done, registered) = sync_channel(1);
    let _ = jobs.send(Job::Register(Arc::clone(mailbox), done));
    registered
}

impl Publisher {
    /// Changes the set of plugins; returns the new generation when every lane has its instance, and a call that begins
    /// afterwards is answered by the new version. After an error everything is and stays as before. Blocks.
    pub(crate) fn change(&self, change: Change) -> Result<u64, ChangeError> {
        self.change_within(change, CHANGE_TIMEOUT)
    }

    pub(super) fn change_within(&self, change: Change, patience: Duration) -> Result<u64, ChangeError> {
        let (answer, answered) = sync_channel(1);
        let wanted = Wanted::default();
        self.jobs.send(Job::Change(change, wanted.clone(), answer)).map_err(|_| ChangeError::Stopped)?;
        let outcome = match answered.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) if wanted.settle() => return Err(ChangeError::Late(patience)),
            // It is being carried out this very moment.
            Err(RecvTimeoutError::Timeout) => answered.recv_timeout(DELIVERY_TIMEOUT),
            outcome => outcome,
        };
        outcome.unwrap_or(Err(ChangeError::Stopped))
    }

    /// Ends the plugin threads; from then on every hook gives what its failure policy says. Blocks for at most `patience`.
    pub(crate) fn stop(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let _ = self.jobs.try_send(Job::Stop);
        let _ = self.work.upgrade().map(|work| work.try_send(Work::Stop));
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
    }
}
