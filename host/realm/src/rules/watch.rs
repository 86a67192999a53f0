//! The thread that watches the folder: by the system's notices, and by looking every two seconds in case one was lost.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};

use super::{
    folder::counts,
    keeper::Keeper,
    orders::Order,
    quiet::{Quiet, Sign},
    signature,
};

/// Most notices that wait; beyond, the folder is looked through instead.
pub(super) const NOTICES_MAX: usize = 1_024;
/// How often the folder is looked through.
const RESCAN_EVERY: Duration = Duration::from_secs(2);

/// What wakes the watching thread.
pub(super) enum Notice {
    /// Something happened to a file.
    File(String, Sign),
    /// The operator orders something.
    Order(Order),
    /// The breaker of this installation has opened.
    Failing(u64),
    /// The realm is stopping.
    Stop,
}

/// The system's notices of one folder, until dropped.
pub(super) struct Notices {
    _watcher: Option<RecommendedWatcher>,
    lost: Arc<AtomicBool>,
}

impl Notices {
    /// Begins to watch. Where the system gives no notices, the regular look through the folder has to do.
    pub(super) fn of(path: &Path, sender: SyncSender<Notice>) -> Self {
        let lost = Arc::new(AtomicBool::new(false));
        let lost_by_watcher = Arc::clone(&lost);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let complete = event.is_ok_and(|event| {
                !event.need_rescan()
                    && signs(&event).into_iter().all(|(file, sign)| sender.try_send(Notice::File(file, sign)).is_ok())
            });
            if !complete {
                lost_by_watcher.store(true, Ordering::Relaxed);
            }
        })
        .and_then(|mut watcher| watcher.watch(path, RecursiveMode::NonRecursive).map(|()| watcher));
        let watcher = watcher
            .inspect_err(|error| {
                tracing::warn!(
                    "the system gives no notices of {}: {error}; it is looked through every {} s instead",
                    path.display(),
                    RESCAN_EVERY.as_secs()
                );
            })
            .ok();
        Self { _watcher: watcher, lost }
    }

    fn lost(&self) -> bool {
        self.lost.swap(false, Ordering::Relaxed)
    }
}

/// Which files an event is about, and what it says of them. Reading a file gives events too; those say nothing.
fn signs(event: &Event) -> Vec<(String, Sign)> {
    let first_gone = matches!(event.kind, EventKind::Modify(ModifyKind::Name(RenameMode::Both)));
    let sign = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => Sign::Finished,
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => Sign::Writing,
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Sign::Gone,
        EventKind::Modify(_) | EventKind::Any => Sign::Touched,
        EventKind::Access(_) | EventKind::Other => return Vec::new(),
    };
    let files = event.paths.iter().enumerate().filter_map(|(index, path)| {
        let name = path.file_name()?.to_str()?;
        if let Some(file) = name.strip_suffix(signature::SUFFIX).filter(|file| counts(file)) {
            return Some((file.to_owned(), Sign::Touched));
        }
        let file = Some(name).filter(|name| counts(name))?;
        let sign = if first_gone && index == 0 { Sign::Gone } else { sign };
        Some((file.to_owned(), sign))
    });
    files.collect()
}

/// Does what a notice says; false when it says to stop.
fn take(notice: Notice, keeper: &mut Keeper, quiet: &mut Quiet) -> bool {
    match notice {
        Notice::File(file, sign) => quiet.note(&file, sign, Instant::now()),
        Notice::Order(order) => keeper.carry_out(order, quiet),
        Notice::Failing(id) => keeper.failing(id, quiet),
        Notice::Stop => return false,
    }
    true
}

/// Watches until told to stop. `open` begins the watching anew after the folder was away.
pub(super) fn run(
    mut keeper: Keeper,
    mut quiet: Quiet,
    notices: &Receiver<Notice>,
    mut watched: Notices,
    open: impl Fn() -> Notices,
) {
    let mut next_scan = Instant::now() + RESCAN_EVERY;
    let mut reachable = true;
    loop {
        let wake = quiet.next().map_or(next_scan, |due| due.min(next_scan));
        match notices.recv_timeout(wake.saturating_duration_since(Instant::now())) {
            Ok(notice) => {
                if !take(notice, &mut keeper, &mut quiet) {
                    return;
                }
                // Take what else has arrived before anything is looked at; not more, else a stream of notices could keep it from that.
                for _ in 0..NOTICES_MAX {
                    let Ok(notice) = notices.try_recv() else { break };
                    if !take(notice, &mut keeper, &mut quiet) {
                        return;
                    }
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = Instant::now();
        if now >= next_scan || watched.lost() {
            next_scan = now + RESCAN_EVERY;
            let found = keeper.rescan(&mut quiet);
            if found && !reachable {
                watched = open();
            }
            reachable = found;
        }
        for file in quiet.take(now) {
            keeper.look_at(&file, &mut quiet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, DataChange, RemoveKind};

    fn of(kind: EventKind, paths: &[&str]) -> Vec<(String, Sign)> {
        let event = paths.iter().fold(Event::new(kind), |event, path| event.add_path(path.into()));
        signs(&event)
    }

    #[test]
    fn events_are_read_as_signs() {
        let one = |sign| vec![("a.wasm".to_owned(), sign)];
        let close = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert_eq!(of(close, &["/p/a.wasm"]), one(Sign::Finished));
        assert_eq!(of(EventKind::Create(CreateKind::File), &["/p/a.wasm"]), one(Sign::Writing));
        assert_eq!(of(EventKind::Modify(ModifyKind::Data(DataChange::Any)), &["/p/a.wasm"]), one(Sign::Writing));
        assert_eq!(of(EventKind::Remove(RemoveKind::File), &["/p/a.wasm"]), one(Sign::Gone));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::Both));
        assert_eq!(of(renamed, &["/p/a.wasm.tmp", "/p/a.wasm"]), one(Sign::Finished));
        assert_eq!(of(renamed, &["/p/a.wasm", "/p/a.wasm.old"]), one(Sign::Gone));
        assert!(of(EventKind::Access(AccessKind::Close(AccessMode::Read)), &["/p/a.wasm"]).is_empty());
        assert!(of(close, &["/p/.a.wasm.swp"]).is_empty());
    }
}
