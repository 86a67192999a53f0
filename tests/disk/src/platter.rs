//! What is on the disk, what is only in its memory, and what becomes of it when the power is cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    time::SystemTime,
};

use rustix::io::Errno;

/// The folder that is mounted.
pub(crate) const ROOT: u64 = 1;
/// What the disk takes, in bytes.
pub(crate) const SIZE_BYTES: u64 = 1 << 30;
/// The unit in which room is given.
pub(crate) const PAGE_BYTES: usize = 4_096;
/// What a disk writes in one piece.
const SECTOR_BYTES: usize = 512;
/// What a file may keep in memory; then the system writes it by itself.
const PENDING_BYTES_MAX: usize = 32 << 20;

/// A file or a folder.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// `None` for a folder.
    file: Option<File>,
    pub(crate) mode: u16,
    pub(crate) owner: (u32, u32),
    pub(crate) changed: SystemTime,
}

#[derive(Debug, Clone, Default)]
struct File {
    now: Vec<u8>,
    /// What it is when nothing of what is pending was written.
    synced: Vec<u8>,
    pending: Vec<Change>,
    pending_bytes: usize,
}

/// A change of a file that was not synced.
#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                if to.len() < at + bytes.len() {
                    to.resize(at + bytes.len(), 0);
                }
                to[*at..at + bytes.len()].copy_from_slice(bytes);
            }
            Self::Length(length) => to.resize(*length, 0),
        }
    }

    /// What may be written of it apart from the rest: the parts of a write that lie in one unit of the file.
    fn parts(&self, unit: usize) -> Vec<Self> {
        let Self::Write { at, bytes } = self else { return vec![self.clone()] };
        let (mut parts, mut begin) = (Vec::new(), 0);
        while begin < bytes.len() {
            let end = bytes.len().min(begin + unit - (at + begin) % unit);
            parts.push(Self::Write { at: at + begin, bytes: bytes[begin..end].to_vec() });
            begin = end;
        }
        parts
    }
}

impl File {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        if let Change::Write { bytes, .. } = &change {
            self.pending_bytes += bytes.len();
        }
        self.pending.push(change);
        if self.pending_bytes > PENDING_BYTES_MAX {
            self.sync();
        }
    }

    fn sync(&mut self) {
        self.pending.drain(..).for_each(|change| change.apply(&mut self.synced));
        self.pending_bytes = 0;
    }
}

/// A name in a folder.
type Name = (u64, OsString);
type Names = BTreeMap<Name, u64>;

/// A change of names that was not synced. They reach the disk in their order.
#[derive(Debug, Clone)]
enum Naming {
    Link(Name, u64),
    Unlink(Name),
    Rename(Name, Name),
}

impl Naming {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Link(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

/// How much of what was not synced is there after a cut.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Nothing,
    /// Each part by itself, in whatever order: one of two.
    Some {
        unit: usize,
    },
    Everything,
}

/// The disk, as the running system sees it, and as it is found after a cut.
#[derive(Debug, Clone)]
pub struct Platter {
    nodes: BTreeMap<u64, Node>,
    names: Names,
    synced_names: Names,
    namings: Vec<Naming>,
    next: u64,
    has_power: bool,
    is_full: bool,
}

impl Default for Platter {
    fn default() -> Self {
        let root = Node { file: None, mode: 0o700, owner: (0, 0), changed: SystemTime::UNIX_EPOCH };
        Self {
            nodes: BTreeMap::from([(ROOT, root)]),
            names: Names::new(),
            synced_names: Names::new(),
            namings: Vec::new(),
            next: ROOT + 1,
            has_power: true,
            is_full: false,
        }
    }
}

impl Platter {
    pub(crate) fn fill(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    /// Bytes that files may still take.
    pub(crate) fn free_bytes(&self) -> u64 {
        let pages = |node: &Node| node.file.as_ref().map_or(1, |file| file.now.len().div_ceil(PAGE_BYTES));
        let taken = self.nodes.values().map(pages).sum::<usize>() * PAGE_BYTES;
        if self.is_full { 0 } else { SIZE_BYTES.saturating_sub(taken as u64) }
    }

    /// Everything fails without power.
    pub(crate) fn powered(&mut self) -> Result<&mut Self, Errno> {
        if self.has_power { Ok(self) } else { Err(Errno::IO) }
    }

    pub(crate) fn node(&mut self, node: u64) -> Result<&mut Node, Errno> {
        self.nodes.get_mut(&node).ok_or(Errno::NOENT)
    }

    pub(crate) fn find(&self, folder: u64, name: &OsStr) -> Result<u64, Errno> {
        self.names.get(&(folder, name.to_owned())).copied().ok_or(Errno::NOENT)
    }

    /// The names in a folder.
    pub(crate) fn list(&self, folder: u64) -> Vec<(OsString, u64)> {
        let names = self.names.range((folder, OsString::new())..(folder + 1, OsString::new()));
        names.map(|((_, name), node)| (name.clone(), *node)).collect()
    }

    pub(crate) fn is_folder(&self, node: u64) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.file.is_none())
    }

    pub(crate) fn make(
        &mut self,
        folder: u64,
        name: &OsStr,
        is_folder: bool,
        mode: u16,
        owner: (u32, u32),
    ) -> Result<u64, Errno> {
        if self.find(folder, name).is_ok() {
            return Err(Errno::EXIST);
        }
        if self.is_full {
            return Err(Errno::NOSPC);
        }
        let (node, file) = (self.next, (!is_folder).then(File::default));
        self.next += 1;
        self.nodes.insert(node, Node { file, mode, owner, changed: SystemTime::now() });
        self.name(Naming::Link((folder, name.to_owned()), node));
        Ok(node)
    }

    pub(crate) fn remove(&mut self, folder: u64, name: &OsStr, is_folder: bool) -> Result<(), Errno> {
        let node = self.find(folder, name)?;
        match (is_folder, self.is_folder(node)) {
            (true, false) => return Err(Errno::NOTDIR),
            (false, true) => return Err(Errno::ISDIR),
            (true, true) if !self.list(node).is_empty() => return Err(Errno::NOTEMPTY),
            _ => {}
        }
        // Its content stays: somebody may have it open, and a cut may bring the name back.
        self.name(Naming::Unlink((folder, name.to_owned())));
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr), replace: bool) -> Result<(), Errno> {
        self.find(from.0, from.1)?;
        if let Ok(there) = self.find(to.0, to.1) {
            if !replace {
                return Err(Errno::EXIST);
            }
            if !self.list(there).is_empty() {
                return Err(Errno::NOTEMPTY);
            }
        }
        if from != to {
            self.name(Naming::Rename((from.0, from.1.to_owned()), (to.0, to.1.to_owned())));
        }
        Ok(())
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.namings.push(naming);
    }

    fn file(&mut self, node: u64) -> Result<&mut File, Errno> {
        let node = self.node(node)?;
        node.changed = SystemTime::now();
        node.file.as_mut().ok_or(Errno::ISDIR)
    }

    pub(crate) fn length(&self, node: u64) -> usize {
        let file = self.nodes.get(&node).and_then(|node| node.file.as_ref());
        file.map_or(PAGE_BYTES, |file| file.now.len())
    }

    pub(crate) fn read(&self, node: u64, at: usize, length: usize) -> Result<&[u8], Errno> {
        let file = self.nodes.get(&node).and_then(|node| node.file.as_ref()).ok_or(Errno::ISDIR)?;
        let end = file.now.len().min(at.saturating_add(length));
        Ok(file.now.get(at..end).unwrap_or_default())
    }

    pub(crate) fn write(&mut self, node: u64, at: usize, bytes: &[u8]) -> Result<(), Errno> {
        self.room_for(node, at + bytes.len())?;
        self.file(node)?.change(Change::Write { at, bytes: bytes.to_vec() });
        Ok(())
    }

    pub(crate) fn set_length(&mut self, node: u64, length: usize) -> Result<(), Errno> {
        self.room_for(node, length)?;
        self.file(node)?.change(Change::Length(length));
        Ok(())
    }

    /// A full disk takes what goes into pages that are there.
    fn room_for(&self, node: u64, length: usize) -> Result<(), Errno> {
        let has = self.length(node).next_multiple_of(PAGE_BYTES);
        if self.is_full && length > has { Err(Errno::NOSPC) } else { Ok(()) }
    }

    /// Puts what was written into a file on the disk. Its name may still be missing there.
    pub(crate) fn sync_file(&mut self, node: u64) -> Result<(), Errno> {
        if let Some(file) = &mut self.node(node)?.file {
            file.sync();
        }
        Ok(())
    }

    /// Puts all changes of names on the disk, as the journal of a file system does when a folder is synced.
    pub(crate) fn sync_names(&mut self) {
        self.namings.drain(..).for_each(|naming| naming.apply(&mut self.synced_names));
    }

    /// Takes the power away, and gives what is there when it comes back.
    pub(crate) fn cut(&mut self, dice: &mut dyn FnMut(u64) -> u64) -> Self {
        self.has_power = false;
        let luck = match dice(10) {
            0..4 => Luck::Nothing,
            4..7 => Luck::Some { unit: PAGE_BYTES },
            7..9 => Luck::Some { unit: SECTOR_BYTES },
            _ => Luck::Everything,
        };
        let mut names = self.synced_names.clone();
        let kept = match luck {
            Luck::Nothing => 0,
            Luck::Some { .. } => usize::try_from(dice(self.namings.len() as u64 + 1)).expect("an index"),
            Luck::Everything => self.namings.len(),
        };
        self.namings[..kept].iter().for_each(|naming| naming.apply(&mut names));
        let mut nodes = BTreeMap::new();
        for number in reachable(&names) {
            let mut node = self.nodes[&number].clone();
            node.file = node.file.map(|file| found(&file, luck, dice));
            nodes.insert(number, node);
        }
        names.retain(|(folder, _), _| nodes.contains_key(folder));
        Self {
            nodes,
            synced_names: names.clone(),
            names,
            namings: Vec::new(),
            next: self.next,
            has_power: true,
            is_full: self.is_full,
        }
    }
}

/// What is reached from the root.
fn reachable(names: &Names) -> BTreeSet<u64> {
    let (mut found, mut unseen) = (BTreeSet::from([ROOT]), vec![ROOT]);
    while let Some(folder) = unseen.pop() {
        for (_, node) in names.range((folder, OsString::new())..(folder + 1, OsString::new())) {
            if found.insert(*node) {
                unseen.push(*node);
            }
        }
    }
    found
}

/// A file as it is found after a cut.
fn found(file: &File, luck: Luck, dice: &mut dyn FnMut(u64) -> u64) -> File {
    let mut synced = file.synced.clone();
    match luck {
        Luck::Nothing => {}
        Luck::Everything => synced.clone_from(&file.now),
        Luck::Some { unit } => {
            let parts = file.pending.iter().flat_map(|change| change.parts(unit));
            parts.filter(|_| dice(2) == 0).for_each(|part| part.apply(&mut synced));
        }
    }
    File { now: synced.clone(), synced, pending: Vec::new(), pending_bytes: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSES_ALL: u64 = 0;
    const KEEPS_SOME: u64 = 4;
    const KEEPS_ALL: u64 = 9;

    /// Throws one number first, and then others by turns.
    fn dice(first: u64) -> impl FnMut(u64) -> u64 {
        let mut thrown = 0;
        move |limit| {
            thrown += 1;
            if thrown == 1 { first } else { thrown % limit }
        }
    }

    fn content(platter: &Platter, name: &str) -> Option<Vec<u8>> {
        let node = platter.find(ROOT, OsStr::new(name)).ok()?;
        Some(platter.read(node, 0, 1 << 20).unwrap().to_vec())
    }

    fn with_file(name: &str) -> (Platter, u64) {
        let mut platter = Platter::default();
        let node = platter.make(ROOT, OsStr::new(name), false, 0o600, (0, 0)).unwrap();
        (platter, node)
    }

    #[test]
    fn a_cut_takes_what_was_not_synced_and_leaves_what_was() {
        let (mut platter, node) = with_file("log");
        platter.write(node, 0, b"first").unwrap();
        assert_eq!(content(&platter.clone().cut(&mut dice(LOSES_ALL)), "log"), None, "its name was never synced");
        platter.sync_names();
        assert_eq!(content(&platter.clone().cut(&mut dice(LOSES_ALL)), "log"), Some(Vec::new()));
        platter.sync_file(node).unwrap();
        platter.write(node, 5, b" second").unwrap();
        platter.set_length(node, 3).unwrap();
        assert_eq!(content(&platter, "log").unwrap(), b"fir", "whoever runs sees what was written last");
        assert_eq!(content(&platter.clone().cut(&mut dice(LOSES_ALL)), "log").unwrap(), b"first");
        let mut cut = platter.cut(&mut dice(KEEPS_ALL));
        assert_eq!(content(&cut, "log").unwrap(), b"fir");
        assert!(matches!(platter.powered(), Err(Errno::IO)) && cut.powered().is_ok());
    }

    #[test]
    fn some_pages_survive_without_those_before_them() {
        let (mut platter, node) = with_file("log");
        platter.sync_names();
        let pages: Vec<u8> = (0..4_u8).flat_map(|page| vec![page + 1; PAGE_BYTES]).collect();
        platter.write(node, 0, &pages).unwrap();
        let found = content(&platter.cut(&mut dice(KEEPS_SOME)), "log").unwrap();
        let seen: Vec<u8> = found.chunks(PAGE_BYTES).map(|page| page[0]).collect();
        assert!(seen.contains(&0), "a page is missing before one that is there: {seen:?}");
        assert!(found.chunks(PAGE_BYTES).all(|page| page.iter().all(|byte| *byte == page[0])), "pages are whole");
    }

    #[test]
    fn names_come_back_and_go_in_their_order() {
        let (mut platter, old) = with_file("note");
        platter.write(old, 0, b"old").unwrap();
        platter.sync_file(old).unwrap();
        platter.sync_names();
        let new = platter.make(ROOT, OsStr::new("note.new"), false, 0o600, (0, 0)).unwrap();
        platter.write(new, 0, b"new").unwrap();
        platter.sync_file(new).unwrap();
        platter.rename((ROOT, OsStr::new("note.new")), (ROOT, OsStr::new("note")), true).unwrap();
        assert_eq!(content(&platter.clone().cut(&mut dice(LOSES_ALL)), "note").unwrap(), b"old");
        platter.sync_names();
        assert_eq!(content(&platter.clone().cut(&mut dice(LOSES_ALL)), "note").unwrap(), b"new");
        platter.remove(ROOT, OsStr::new("note"), false).unwrap();
        assert_eq!(content(&platter.clone().cut(&mut dice(LOSES_ALL)), "note").unwrap(), b"new");
        assert_eq!(content(&platter.cut(&mut dice(KEEPS_ALL)), "note"), None);
    }

    #[test]
    fn a_full_disk_takes_what_goes_into_pages_that_are_there() {
        let (mut platter, node) = with_file("log");
        platter.write(node, 0, b"begun").unwrap();
        platter.fill(true);
        assert_eq!(platter.free_bytes(), 0);
        platter.write(node, 5, b" and goes on").unwrap();
        assert_eq!(platter.write(node, PAGE_BYTES, b"more"), Err(Errno::NOSPC));
        assert_eq!(platter.set_length(node, 2 * PAGE_BYTES), Err(Errno::NOSPC));
        assert_eq!(platter.make(ROOT, OsStr::new("other"), false, 0o600, (0, 0)), Err(Errno::NOSPC));
        platter.fill(false);
        platter.write(node, PAGE_BYTES, b"more").unwrap();
        assert!(platter.free_bytes() > 0);
    }
}
