//! A disk for tests: a file system in memory, mounted by FUSE, that can lose its power and be full.
//!
//! What was written and not synced is in the disk's own memory. When the power is cut, some of it is lost, or all, page by page and out of
//! order, as disks and systems do; what was synced stays. `platter` is what the disk does, and knows no FUSE; `front` is what the system asks
//! of it.
//!
//! The program under test is another process. The one that serves the disk may read and write files on it, but maps none into memory: the
//! system would wait for its thread while it holds its memory, and for ever.

mod front;
mod platter;

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fuser::{BackgroundSession, Config, MountOption};

use front::Front;
pub use platter::Platter;

/// Set to `none` where no file system may be mounted: then the tests that need a disk of their own do nothing, and say so.
pub const VARIABLE: &str = "REALM_TEST_DISK";

/// May the tests mount disks here? Only the operator of the machine may say that they may not.
#[must_use]
pub fn is_wanted() -> bool {
    std::env::var(VARIABLE).map_or(true, |value| value != "none")
}

/// A mounted disk; unmounted when it is dropped.
pub struct Disk {
    folder: PathBuf,
    platter: Arc<Mutex<Platter>>,
    session: Option<BackgroundSession>,
}

impl Disk {
    /// Mounts what is on a platter over a folder, which is there and empty.
    ///
    /// # Errors
    /// When the system does not let this user mount; the text says what is needed.
    pub fn mount(folder: &Path, platter: Platter) -> io::Result<Self> {
        let platter = Arc::new(Mutex::new(platter));
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("realm-disk".to_owned()), MountOption::NoAtime];
        let session = fuser::spawn_mount(Front::new(Arc::clone(&platter)), folder, &config).map_err(|problem| {
            let text = format!(
                "the tests cannot mount a disk of their own ({problem}): they need /dev/fuse and the right to mount, or Debian's `fuse3`, \
                 which `cargo xtask test` installs for who is not root; where that cannot be had, {VARIABLE}=none leaves out what needs it"
            );
            io::Error::new(problem.kind(), text)
        })?;
        Ok(Self { folder: folder.to_owned(), platter, session: Some(session) })
    }

    /// Cuts the power: from this moment every request fails. Gives what the next one will find; `dice` throws numbers below a limit.
    pub fn cut(&self, dice: &mut dyn FnMut(u64) -> u64) -> Platter {
        self.platter().cut(dice)
    }

    /// Lets no file take more room, or lets them again.
    pub fn fill(&self, is_full: bool) {
        self.platter().fill(is_full);
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also when somebody still has a file open: then it is gone with the last of them. Whoever is not root has a helper for it.
        let unmount = |program: &str, flags: &str| {
            let mut command = Command::new(program);
            command.arg(flags).arg(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|done| done.success())
        };
        let _ = unmount("umount", "-l") || unmount("fusermount3", "-uz");
        drop(self.session.take());
    }
}
