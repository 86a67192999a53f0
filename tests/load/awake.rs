//! Keeps cores from falling asleep while something is measured on them.
//!
//! A core with nothing to do sleeps. On a virtual machine that means handing it back to the system below and getting it again
//! with strange caches and after a while, and both is then counted as work of whatever woke it: the same rooms cost a sixth more the less
//! there is to do. A process of idle priority that only counts keeps nothing of the measurement waiting and never lets the core sleep; what runs
//! in other sessions of the machine may have to share with it.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::machine::{Cores, Usage, on_core};

/// The argument that makes a measuring program such a process.
pub const ARGUMENT: &str = "keep-awake";

/// One such process on each of the cores.
pub struct Awake {
    server: Child,
    load: Child,
}

impl Awake {
    /// Starts them; `None` without cores of their own, or where idle priority is not to be had.
    pub fn keep(cores: Option<Cores>) -> Option<Self> {
        let Cores { server, load } = cores?;
        let start = |core| {
            let program = std::env::current_exe().ok()?;
            let mut command = Command::new("chrt");
            command.args(["--idle", "0"]).arg(program).arg(ARGUMENT).stdin(Stdio::null());
            on_core(Some(core), || command.spawn()).ok()
        };
        Some(Self { server: start(server)?, load: start(load)? })
    }

    /// CPU time of the one on the server's core.
    pub fn on_server(&self) -> Duration {
        Usage::of(self.server.id()).total_since(&Usage::default())
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        for child in [&mut self.server, &mut self.load] {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
