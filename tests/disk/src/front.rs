//! What the system asks of the disk, translated.

use std::{
    ffi::OsStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use crate::platter::{PAGE_BYTES, Platter, SIZE_BYTES};

/// How long the system may remember names and attributes: nobody but itself changes them.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Nothing is opened, nothing has to be remembered.
const HANDLE: FileHandle = FileHandle(0);
const GENERATION: Generation = Generation(0);
const NAME_BYTES_MAX: u32 = 255;

pub(crate) struct Front(Arc<Mutex<Platter>>);

impl Front {
    pub(crate) fn new(platter: Arc<Mutex<Platter>>) -> Self {
        Self(platter)
    }

    /// Does something while there is power.
    fn ask<T>(&self, act: impl FnOnce(&mut Platter) -> Result<T, rustix::io::Errno>) -> Result<T, Errno> {
        let mut platter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        platter.powered().and_then(act).map_err(|error| Errno::from_i32(error.raw_os_error()))
    }
}

fn attributes(platter: &mut Platter, number: u64) -> Result<FileAttr, rustix::io::Errno> {
    let (length, is_folder) = (platter.length(number), platter.is_folder(number));
    let node = platter.node(number)?;
    Ok(FileAttr {
        ino: INodeNo(number),
        size: length as u64,
        blocks: (length.div_ceil(PAGE_BYTES) * PAGE_BYTES / 512) as u64,
        atime: node.changed,
        mtime: node.changed,
        ctime: node.changed,
        crtime: node.changed,
        kind: if is_folder { FileType::Directory } else { FileType::RegularFile },
        perm: node.mode,
        nlink: 1,
        uid: node.owner.0,
        gid: node.owner.1,
        rdev: 0,
        blksize: 4_096,
        flags: 0,
    })
}

/// The bits of a mode that say who may do what.
fn permissions(mode: u32) -> u16 {
    u16::try_from(mode & 0o7777).expect("twelve bits")
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("a place in memory")
}

macro_rules! answer {
    ($reply:ident, $outcome:expr, $said:pat => $answer:expr) => {
        match $outcome {
            Ok($said) => $answer,
            Err(error) => $reply.error(error),
        }
    };
}

impl Filesystem for Front {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.ask(|platter| {
            let node = platter.find(parent.0, name)?;
            attributes(platter, node)
        });
        answer!(reply, found, found => reply.entry(&REMEMBERED, &found, GENERATION));
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let found = self.ask(|platter| attributes(platter, node.0));
        answer!(reply, found, found => reply.attr(&REMEMBERED, &found));
    }

    fn setattr(
        &self,
        _: &Request,
        node: INodeNo,
        mode: Option<u32>,
        user: Option<u32>,
        group: Option<u32>,
        length: Option<u64>,
        _accessed: Option<TimeOrNow>,
        changed: Option<TimeOrNow>,
        _noted: Option<SystemTime>,
        _: Option<FileHandle>,
        _made: Option<SystemTime>,
        _checked: Option<SystemTime>,
        _kept: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = self.ask(|platter| {
            if let Some(length) = length {
                platter.set_length(node.0, place(length))?;
            }
            let stored = platter.node(node.0)?;
            stored.mode = mode.map_or(stored.mode, permissions);
            stored.owner = (user.unwrap_or(stored.owner.0), group.unwrap_or(stored.owner.1));
            match changed {
                Some(TimeOrNow::SpecificTime(time)) => stored.changed = time,
                Some(TimeOrNow::Now) => stored.changed = SystemTime::now(),
                None => {}
            }
            attributes(platter, node.0)
        });
        answer!(reply, set, set => reply.attr(&REMEMBERED, &set));
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let made = self.ask(|platter| {
            let owner = (request.uid(), request.gid());
            let node = platter.make(parent.0, name, true, permissions(mode & !umask), owner)?;
            attributes(platter, node)
        });
        answer!(reply, made, made => reply.entry(&REMEMBERED, &made, GENERATION));
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let made = self.ask(|platter| {
            let owner = (request.uid(), request.gid());
            let node = platter.make(parent.0, name, false, permissions(mode & !umask), owner)?;
            attributes(platter, node)
        });
        answer!(reply, made, made => reply.created(&REMEMBERED, &made, GENERATION, HANDLE, FopenFlags::FOPEN_KEEP_CACHE));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, self.ask(|platter| platter.remove(parent.0, name, false)), () => reply.ok());
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer!(reply, self.ask(|platter| platter.remove(parent.0, name, true)), () => reply.ok());
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let replace = flags.is_empty();
        let renamed = self.ask(|platter| platter.rename((parent.0, name), (new_parent.0, new_name), replace));
        answer!(reply, renamed, () => reply.ok());
    }

    fn open(&self, _: &Request, node: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        // The cache of the system is kept: files that are mapped into memory live there.
        let opened = self.ask(|platter| platter.node(node.0).map(|_| ()));
        answer!(reply, opened, () => reply.opened(HANDLE, FopenFlags::FOPEN_KEEP_CACHE));
    }

    fn read(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let length = usize::try_from(size).expect("a length in memory");
        let read = self.ask(|platter| platter.read(node.0, place(offset), length).map(<[u8]>::to_vec));
        answer!(reply, read, read => reply.data(&read));
    }

    fn write(
        &self,
        _: &Request,
        node: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = u32::try_from(data.len()).expect("a request is short");
        let outcome = self.ask(|platter| platter.write(node.0, place(offset), data));
        answer!(reply, outcome, () => reply.written(written));
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, node: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer!(reply, self.ask(|platter| platter.sync_file(node.0)), () => reply.ok());
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self.ask(|platter| {
            platter.sync_names();
            Ok(())
        });
        answer!(reply, synced, () => reply.ok());
    }

    fn readdir(&self, _: &Request, node: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let found = self.ask(|platter| {
            let dots = [(".".into(), node.0), ("..".into(), node.0)];
            let entries = dots.into_iter().chain(platter.list(node.0));
            Ok(entries.map(|(name, number)| (name, number, platter.is_folder(number))).collect::<Vec<_>>())
        });
        match found {
            Ok(entries) => {
                for (place, (name, number, is_folder)) in (1..).zip(entries).skip(place(offset)) {
                    let kind = if is_folder { FileType::Directory } else { FileType::RegularFile };
                    if reply.add(INodeNo(number), place, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let free = self.ask(|platter| Ok(platter.free_bytes()));
        let blocks = |bytes: u64| bytes / PAGE_BYTES as u64;
        let (size, many) = (4_096, 1 << 20);
        answer!(reply, free, free => {
            let free = blocks(free);
            reply.statfs(blocks(SIZE_BYTES), free, free, many, many, size, NAME_BYTES_MAX, size);
        });
    }
}
