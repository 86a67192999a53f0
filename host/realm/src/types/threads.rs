//! The threads of the process: their names, and how urgent they are. Where the system allows, everything else gives way to the ticks.

use std::{
    io,
    sync::OnceLock,
    thread::{Builder, JoinHandle},
    time::Duration,
};

/// How urgent a thread's work is: what it adds to the nice value that the process was started with. No privilege is needed for that,
/// and where the system refuses it all threads are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Steps games. Where the process may (root, `CAP_SYS_NICE`), also ahead of what else runs on the machine.
    Tick,
    /// Answers people: connections, requests, chat.
    Async,
    /// Costs time and hurries nobody: passwords, compiling plugins, logs of games.
    Background,
}

/// How far ahead of the process's nice value the ticks are where that is allowed. A thread that has had more than its share waits
/// for all others when it wakes: with this share ticks may use three quarters of a core that everything else of the realm wants
/// too, and the rest is left for that when they want all of it.
const AHEAD: i32 = 5;
/// Time slice of the ticks. A thread that wakes takes the place of one whose slice is longer at once; without that it waits until the system
/// looks at its clock again, which it does every 4 ms or 10 ms.
const SLICE: Duration = Duration::from_micros(200);

impl Urgency {
    /// What is added to the nice value of the process.
    #[must_use]
    pub fn nice(self) -> i32 {
        match self {
            Urgency::Tick => 0,
            Urgency::Async => 5,
            Urgency::Background => 10,
        }
    }

    /// Gives the calling thread this urgency.
    pub fn take(self) {
        if self != Urgency::Tick || set_nice(process_nice().saturating_sub(AHEAD)).is_err() {
            let wanted = process_nice().saturating_add(self.nice());
            if let Err(error) = set_nice(wanted) {
                tracing::debug!(%error, nice = wanted, "the system does not let a thread change its priority");
            }
        }
        if self == Urgency::Tick
            && let Err(error) = super::slice::set(SLICE)
        {
            tracing::debug!(%error, "the system does not let a thread choose its time slice");
        }
    }
}

/// Starts a named thread of this urgency.
///
/// # Errors
/// When the system gives no more threads.
pub fn spawn_thread<T: Send + 'static>(
    name: String,
    urgency: Urgency,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    process_nice();
    Builder::new().name(name).spawn(move || {
        urgency.take();
        work()
    })
}

/// The nice value of the thread that asked first, which is the one that started the realm: a thread inherits that of its maker.
pub fn process_nice() -> i32 {
    static NICE: OnceLock<i32> = OnceLock::new();
    *NICE.get_or_init(|| own_nice().unwrap_or(0))
}

/// On Linux a nice value belongs to a thread; elsewhere it is the whole process's, and left alone.
#[cfg(target_os = "linux")]
fn own_nice() -> io::Result<i32> {
    Ok(rustix::process::getpriority_process(None)?)
}

#[cfg(target_os = "linux")]
fn set_nice(nice: i32) -> io::Result<()> {
    if own_nice()? == nice {
        return Ok(());
    }
    Ok(rustix::process::setpriority_process(None, nice)?)
}

#[cfg(not(target_os = "linux"))]
fn own_nice() -> io::Result<i32> {
    Ok(0)
}

#[cfg(not(target_os = "linux"))]
fn set_nice(_: i32) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_its_own_urgency_and_the_others_keep_theirs() {
        let before = own_nice().unwrap();
        let of = |urgency| spawn_thread("urgency".to_owned(), urgency, own_nice).unwrap().join().unwrap().unwrap();
        assert_eq!(of(Urgency::Async), process_nice() + 5);
        assert_eq!(of(Urgency::Background), process_nice() + 10);
        let ahead = spawn_thread("ahead".to_owned(), Urgency::Async, || set_nice(process_nice() - AHEAD).is_ok());
        let ahead = if ahead.unwrap().join().unwrap() { AHEAD } else { 0 };
        assert_eq!(of(Urgency::Tick), process_nice() - ahead);
        assert_eq!(own_nice().unwrap(), before);
    }
}
