//! The time slice of a thread, which Linux lets every thread choose for itself since 6.12.

use std::{io, time::Duration};

/// The calling thread wants slices of this length. Older systems take no notice.
///
/// # Errors
/// When the system refuses it.
#[cfg(target_os = "linux")]
#[allow(
    unsafe_code,
    reason = "no library has this call; it reads one structure that outlives it, and changes nothing in memory"
)]
pub(super) fn set(slice: Duration) -> io::Result<()> {
    let attributes = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).expect("a small structure"),
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: rustix::process::getpriority_process(None)?,
        sched_priority: 0,
        sched_runtime: u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX),
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the kernel reads `size` bytes of a structure that lives until the call returns; thread 0 is the calling one, flags are none.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Elsewhere threads have no slices of their own.
#[cfg(not(target_os = "linux"))]
pub(super) fn set(_: Duration) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, time::Duration};

    #[test]
    fn a_thread_chooses_its_slice_and_keeps_its_urgency() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let thread = std::thread::spawn(move || {
            super::set(Duration::from_micros(700)).unwrap();
            assert_eq!(nice(), before);
            fs::read_to_string("/proc/thread-self/sched")
        });
        // Not every kernel tells of it, or knows it.
        let told = thread.join().unwrap();
        let line = told.ok().and_then(|told| Some(told.lines().find(|line| line.starts_with("se.slice"))?.to_owned()));
        let knows = fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|release| {
            let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
            (numbers.next(), numbers.next()) >= (Some(6), Some(12))
        });
        if let (Some(line), true) = (line, knows) {
            assert!(line.ends_with(" 700000"), "{line}");
        }
    }
}
