//! Cores, and what the kernel knows of a process: its CPU time by threads, its memory.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

/// The core of the server and that of the load.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    pub server: usize,
    pub load: usize,
}

impl Cores {
    /// The first two cores that this process may use; `None` where there is but one.
    pub fn find() -> Option<Self> {
        let allowed = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Some(Self { server: cores.next()?, load: cores.next()? })
    }
}

/// This thread, and those it starts from now on, run on one core.
pub fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).expect("a core that was found can be used");
}

/// Does something on another core, which a process or thread that is started meanwhile keeps.
pub fn on_core<T>(core: Option<usize>, act: impl FnOnce() -> T) -> T {
    let Some(core) = core else { return act() };
    let before = sched_getaffinity(None).expect("the cores of this thread are known");
    pin(core);
    let result = act();
    sched_setaffinity(None, &before).expect("the cores from before can be used");
    result
}

/// CPU time that this thread has used.
pub fn own_thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// CPU time of a process, by kind of thread.
#[derive(Debug, Clone, Default)]
pub struct Usage(BTreeMap<u32, (String, Duration)>);

impl Usage {
    /// What its threads have used so far.
    pub fn of(process: u32) -> Self {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A thread may end while it is read.
            let Ok(name) = fs::read_to_string(entry.path().join("comm")) else { continue };
            let Some(time) = thread_time(&entry.path()) else { continue };
            threads.insert(number, (kind(&name), time));
        }
        Self(threads)
    }

    /// What each kind of thread has used since an earlier look, the busiest first.
    pub fn since(&self, earlier: &Self) -> Vec<(String, Duration)> {
        let mut kinds = BTreeMap::<&str, Duration>::new();
        for (number, (kind, time)) in &self.0 {
            let before = earlier.0.get(number).map_or(Duration::ZERO, |(_, before)| *before);
            *kinds.entry(kind).or_default() += time.saturating_sub(before);
        }
        let mut kinds: Vec<_> = kinds.into_iter().map(|(kind, time)| (kind.to_owned(), time)).collect();
        kinds.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        kinds
    }

    /// All of it together.
    pub fn total_since(&self, earlier: &Self) -> Duration {
        self.since(earlier).iter().map(|(_, time)| *time).sum()
    }
}

/// `tick-0` and `tick-1` are of one kind.
fn kind(name: &str) -> String {
    name.trim().trim_end_matches(|last: char| last.is_ascii_digit() || last == '-').to_owned()
}

/// In nanoseconds where the kernel counts them, else in ticks of a hundredth of a second.
fn thread_time(folder: &Path) -> Option<Duration> {
    if let Ok(text) = fs::read_to_string(folder.join("schedstat")) {
        return text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos);
    }
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    let mut numbers = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks: u64 = numbers.next()?.parse::<u64>().ok()? + numbers.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// CPU time that everybody together has spent on one core, in steps of a hundredth of a second.
pub fn core_time(core: usize) -> Duration {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let name = format!("cpu{core} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_default();
    let ticks: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    // User, nice, system; then idle and waiting, which are nobody's; then interrupts.
    let busy = ticks.iter().enumerate().filter(|(place, _)| matches!(place, 0..=2 | 5..=6)).map(|(_, ticks)| ticks);
    Duration::from_millis(busy.sum::<u64>() * 10)
}

/// Memory that a process holds in RAM, in bytes.
pub fn resident_bytes(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1_024
}

/// How many files this process, and each that it starts, may have open: as many as the system allows without asking anybody.
pub fn files_max() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // Where raising it is refused, what there was is what there is.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// A pause of a measurement; not of a test, which waits for conditions.
pub fn pause(duration: Duration) {
    let end = std::time::Instant::now() + duration;
    while let Some(rest) = end.checked_duration_since(std::time::Instant::now()) {
        thread::park_timeout(rest);
    }
}
