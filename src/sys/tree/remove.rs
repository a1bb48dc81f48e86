//! Takes files out of a tree that was walked before, each only if it is still the very file that was
//! seen: same device, inode, size and time of last write, under the same chain of directories.

use super::{OPEN_DIR, STAT_MASK, Tree, file_id, file_type, openat};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, FlockOperation, OFlags, fstat, readlinkat, statx, unlinkat};
use rustix::io::Errno;
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::fmt;
use std::fs::File;
use std::io;

/// Why a file was left where it is.
#[derive(Debug)]
pub(crate) enum RemoveError {
    /// Somebody else has removed it.
    Gone,
    /// It was written to, or another file has its name, since the scan.
    Changed,
    /// Another process holds a lock on it.
    Locked,
    /// Another process has it open for writing.
    Open,
    /// Another file of the directory that goes or stays as one has to stay.
    Unit,
    Failed(io::Error),
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RemoveError::Gone => f.write_str("removed by somebody else since the scan"),
            RemoveError::Changed => f.write_str("changed since the scan"),
            RemoveError::Locked => f.write_str("locked by another process"),
            RemoveError::Open => f.write_str("open for writing in another process"),
            RemoveError::Unit => f.write_str("a file beside it in the unit has to stay"),
            RemoveError::Failed(error) => error.fmt(f),
        }
    }
}

impl From<Errno> for RemoveError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT => RemoveError::Gone,
            Errno::LOOP | Errno::NOTDIR => RemoveError::Changed,
            other => RemoveError::Failed(other.into()),
        }
    }
}

/// Reaches files of a tree through directory descriptors; consecutive files of one directory share one.
#[derive(Debug)]
pub(crate) struct Remover<'a> {
    pub(super) tree: &'a Tree,
    pub(super) at: Option<(u32, OwnedFd)>,
    /// Who may reach the directory that was opened last, as permissions to read.
    access: Cell<u32>,
    /// A directory that has another name for now.
    pub(super) aside: Option<(u32, CString)>,
}

impl<'a> Remover<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        Self { tree, at: None, access: Cell::new(0o777), aside: None }
    }

    /// What it takes files out of.
    pub(crate) fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// Ends with a directory that was set aside and is gone.
    pub(crate) fn forget_aside(&mut self) {
        (self.at, self.aside) = (None, None);
    }

    /// Who may reach the file that was opened last, as permissions to read.
    pub(crate) fn access(&self) -> u32 {
        self.access.get()
    }

    /// What a directory is called now.
    pub(super) fn name_of(&self, dir: u32) -> &CStr {
        match &self.aside {
            Some((aside, name)) if *aside == dir => name,
            Some(_) | None => &self.tree.dirs[dir as usize].name,
        }
    }

    pub(super) fn open_dir(&self, dir: u32) -> Result<OwnedFd, Errno> {
        let mut fd = openat(&self.tree.roots[self.tree.root_of_dir(dir)].fd, c".", OPEN_DIR)?;
        let mut access = reach(&fd)?;
        for below in self.tree.chain(dir) {
            fd = openat(&fd, self.name_of(below), OPEN_DIR)?;
            access &= reach(&fd)?;
        }
        self.access.set(access);
        Ok(fd)
    }

    fn dir(&mut self, dir: u32) -> Result<&OwnedFd, Errno> {
        if self.at.as_ref().is_none_or(|(at, _)| *at != dir) {
            self.at = Some((dir, self.open_dir(dir)?));
        }
        let (_, fd) = self.at.as_ref().expect("set above");
        Ok(fd)
    }

    /// Opens a file for reading, after checking that it is the one that was seen.
    pub(crate) fn open(&mut self, file: u32) -> Result<File, RemoveError> {
        let tree = self.tree;
        let fd = openat(self.dir(tree.dir(file))?, tree.raw_name(file), READ)?;
        let opened = File::from(fd);
        self.check(file, &opened)?;
        Ok(opened)
    }

    /// Whether an opened file still is what was seen.
    pub(crate) fn check(&self, file: u32, opened: &File) -> Result<(), RemoveError> {
        let stat = statx(opened, c"", AtFlags::EMPTY_PATH, STAT_MASK)?;
        let same = file_type(&stat) == FileType::RegularFile && file_id(&stat) == self.tree.file_id(file);
        if same { Ok(()) } else { Err(RemoveError::Changed) }
    }

    pub(crate) fn link_target(&mut self, file: u32) -> Result<Vec<u8>, RemoveError> {
        let tree = self.tree;
        let target = readlinkat(self.dir(tree.dir(file))?, tree.raw_name(file), Vec::new());
        match target {
            Ok(target) => Ok(target.into_bytes()),
            Err(Errno::INVAL) => Err(RemoveError::Changed),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes one file or link, unless it changed or somebody holds a lock on it.
    pub(crate) fn remove(&mut self, file: u32) -> Result<(), RemoveError> {
        let tree = self.tree;
        let (name, link) = (tree.raw_name(file), tree.is_link(file));
        let dir = self.dir(tree.dir(file))?;
        // The lock is held until the name is gone: who takes one later takes it on a nameless file.
        let held = if link { None } else { Some(File::from(openat(dir, name, READ)?)) };
        if let Some(held) = &held
            && rustix::fs::flock(held, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
        {
            return Err(RemoveError::Locked);
        }
        let stat = statx(dir, name, AtFlags::SYMLINK_NOFOLLOW, STAT_MASK)?;
        let expected = if link { FileType::Symlink } else { FileType::RegularFile };
        if file_type(&stat) != expected || file_id(&stat) != tree.file_id(file) {
            return Err(RemoveError::Changed);
        }
        Ok(unlinkat(dir, name, AtFlags::empty())?)
    }

    /// Removes a directory if it is empty; says whether it did.
    pub(crate) fn remove_dir(&mut self, dir: u32) -> Result<bool, RemoveError> {
        let name = self.name_of(dir).to_owned();
        // The descriptor of a directory below would keep nothing alive, yet it must not be reused.
        self.at = self.at.take().filter(|(at, _)| *at != dir);
        match unlinkat(self.dir(self.tree.dirs[dir as usize].parent)?, &*name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Who may pass through a directory, as permissions to read a file in it.
fn reach(dir: &OwnedFd) -> Result<u32, Errno> {
    let passes = fstat(dir)?.st_mode & 0o011;
    Ok(0o733 | passes << 2)
}

/// `NONBLOCK`, because the name may meanwhile belong to a pipe.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
