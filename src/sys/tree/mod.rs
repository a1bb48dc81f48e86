//! The files below some directories as rotation sees them: which there are, how old and how large, and
//! which parts were skipped, gathered through directory descriptors without ever following a link.
//!
//! A [`Tree`] is compact (one record of 32 bytes a file, names in one arena), because rotation looks at
//! hundreds of thousands of files. Files and directories are numbered through all roots, root after root.
//! [`walk`] reads the tree, [`remove`] takes files out of it again, and both reach a file only by the chain of
//! directories below its opened root.

pub(crate) mod aside;
pub(crate) mod remove;
pub(crate) mod restore;
mod walk;
pub(crate) mod writers;

use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileId};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::{Errno, retry_on_intr};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, OsStr};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

pub(crate) use walk::walk;

/// A directory with a file of this name is left alone with everything below it.
pub(crate) const KEEP_MARKER: &str = ".mmops-keep";

const OPEN_DIR: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const STAT_MASK: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::MNT_ID);

/// Opens what stands in an opened directory.
fn openat(dir: impl AsFd, name: impl rustix::path::Arg + Copy, flags: OFlags) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| rustix::fs::openat(dir.as_fd(), name, flags, Mode::empty()))
}

/// An opened directory that rotation may work in.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) path: PathBuf,
    /// As the operator would write it.
    pub(crate) name: String,
    /// Device of the directory itself; the files below may name others although they are on the same mount.
    pub(crate) dev: u64,
    /// Inode of the directory itself.
    pub(crate) ino: u64,
    /// The mount that it is on; others begin below it and are not entered.
    mount: Option<u64>,
    fd: OwnedFd,
    /// Numbers of its first file, if it has one, and of the directory itself.
    first_file: u32,
    first_dir: u32,
}

impl Root {
    /// Opens a canonical path; its last component must be a directory and no link.
    pub(crate) fn open(path: &Path, name: String) -> Result<Self, Fault> {
        let fail = |error: Errno| fsio::unreadable(path, &error.into());
        #[expect(clippy::disallowed_methods, reason = "a directory that is not followed to")]
        let fd = retry_on_intr(|| rustix::fs::open(path, OPEN_DIR, Mode::empty())).map_err(fail)?;
        Self::of(fd, path, name).map_err(fail)
    }

    /// Of an opened directory.
    fn of(fd: OwnedFd, path: &Path, name: String) -> Result<Self, Errno> {
        let stat = rustix::fs::statx(&fd, c"", AtFlags::EMPTY_PATH, STAT_MASK)?;
        let (dev, ino, mount) = (device(&stat), stat.stx_ino, mount(&stat));
        Ok(Self { path: path.to_owned(), name, dev, ino, mount, fd, first_file: 0, first_dir: 0 })
    }

    /// Takes the lock that keeps two rotations of this directory apart; it is held until the root is
    /// dropped and dies with the process.
    pub(crate) fn lock(&self) -> Result<(), Fault> {
        let exclusive = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        retry_on_intr(|| rustix::fs::flock(&self.fd, exclusive)).map_err(|error| {
            let message = match error {
                Errno::WOULDBLOCK => "is being rotated by another process".to_owned(),
                other => format!("cannot be locked: {}", io::Error::from(other)),
            };
            let fault = Fault::dependency(format!("`{}` {message}", self.path.display()));
            fault.hint("wait for the other rotation to end")
        })
    }

    /// Bytes that an unprivileged process may still write to the file system of this root.
    pub(crate) fn free_bytes(&self) -> Result<u64, Fault> {
        let stat =
            rustix::fs::fstatvfs(&self.fd).map_err(|error| fsio::unreadable(&self.path, &error.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Waits until the file system of this root has carried out what was asked of it: some give the space
    /// of a removed file back only then.
    pub(crate) fn sync_filesystem(&self) -> Result<(), Fault> {
        retry_on_intr(|| rustix::fs::syncfs(&self.fd))
            .map_err(|error| fsio::unreadable(&self.path, &error.into()))
    }

    pub(crate) fn has(&self, name: &str) -> Result<bool, Fault> {
        match rustix::fs::statx(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(fsio::unreadable(&self.path.join(name), &error.into())),
        }
    }
}

/// Why a directory was not entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SkipReason {
    /// Its name starts with a dot, or it is the `lost+found` of a file system.
    Hidden,
    /// It holds a `.git`.
    Repository,
    /// It holds a [`KEEP_MARKER`].
    Marked,
    /// Another file system or a bind mount begins there.
    Mount,
    /// It could not be read, so what is below it is unknown.
    Unreadable,
}

/// One directory of a tree.
#[derive(Debug)]
pub(crate) struct Dir {
    /// Number of the directory above; a root is its own.
    pub(crate) parent: u32,
    /// Why it was not entered, if it was not.
    pub(crate) skipped: Option<SkipReason>,
    /// How many entries it had when it was read, of any type.
    pub(crate) entries: u32,
    /// How many of them are sockets, pipes or devices, which are never touched.
    pub(crate) special: u32,
    /// How many of them are files that are mounted there.
    pub(crate) mounted: u32,
    /// Device and inode, once it was opened.
    pub(crate) id: Option<(u64, u64)>,
    /// When an entry was last added or removed, in nanoseconds since 1970.
    pub(crate) modified_ns: i64,
    name: Box<CStr>,
}

impl Dir {
    fn new(parent: u32, skipped: Option<SkipReason>, name: Box<CStr>) -> Self {
        Self { parent, skipped, entries: 0, special: 0, mounted: 0, id: None, modified_ns: 0, name }
    }
}

/// One file or symbolic link.
#[derive(Clone, Copy, Debug)]
struct Record {
    ino: u64,
    bytes: u64,
    modified_ns: i64,
    name: u32,
    /// Number of the directory, and the flags in the bits that no number reaches.
    dir: u32,
}

const IS_LINK: u32 = 1 << 31;
const IS_SHARED: u32 = 1 << 30;
const DIR_BITS: u32 = IS_SHARED - 1;

/// What else is known of a file; kept only when it was asked for.
#[derive(Clone, Copy, Debug)]
struct Extra {
    /// When its content, its name or its permissions were last changed, which nobody can set back.
    changed_ns: i64,
    /// Blocks of 512 bytes on the disk, saturating at 2 TiB.
    blocks: u32,
    /// Names of the inode, saturating.
    links: u16,
}

/// What is to be known about each file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Identity, size, time.
    Plain,
    /// The space on the disk as well, how many names share it, and when it was last changed.
    Full,
}

/// What was found below the roots.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) roots: Vec<Root>,
    /// Every directory, entered or not; parents come before their children.
    pub(crate) dirs: Vec<Dir>,
    /// What could not be read, as the operator would write it, with the reason.
    pub(crate) unreadable: BTreeMap<String, String>,
    /// The latest change of any file, which the clock of the machine dated.
    pub(crate) newest_change_ns: Option<i64>,
    files: Vec<Record>,
    extra: Vec<Extra>,
    /// Devices of the files that name another one than their root: an overlay has one for each of its layers.
    devices: Vec<(u32, u64)>,
    names: Vec<u8>,
}

impl Tree {
    /// The files and symbolic links, by number.
    pub(crate) fn files(&self) -> Range<u32> {
        0..count(self.files.len())
    }

    /// The files below a root.
    pub(crate) fn files_of(&self, root: usize) -> Range<u32> {
        let end = self.roots.get(root + 1).map_or(count(self.files.len()), |next| next.first_file);
        self.roots[root].first_file..end
    }

    /// The directories of a root, itself the first.
    pub(crate) fn dirs_of(&self, root: usize) -> Range<u32> {
        let end = self.roots.get(root + 1).map_or(count(self.dirs.len()), |next| next.first_dir);
        self.roots[root].first_dir..end
    }

    /// Index of the root that a file is below.
    pub(crate) fn root_of(&self, file: u32) -> usize {
        self.roots.partition_point(|root| root.first_file <= file) - 1
    }

    /// Index of the root that a directory is or is below.
    pub(crate) fn root_of_dir(&self, dir: u32) -> usize {
        self.roots.partition_point(|root| root.first_dir <= dir) - 1
    }

    fn record(&self, file: u32) -> &Record {
        &self.files[file as usize]
    }

    pub(crate) fn modified_ns(&self, file: u32) -> i64 {
        self.record(file).modified_ns
    }

    pub(crate) fn bytes(&self, file: u32) -> u64 {
        self.record(file).bytes
    }

    /// Space on the disk; the apparent size where it was not asked for.
    pub(crate) fn disk_bytes(&self, file: u32) -> u64 {
        let known = self.extra.get(file as usize);
        known.map_or_else(|| self.bytes(file), |extra| u64::from(extra.blocks) * 512)
    }

    /// When it was last changed in any way, if that was asked for.
    pub(crate) fn changed_ns(&self, file: u32) -> Option<i64> {
        self.extra.get(file as usize).map(|extra| extra.changed_ns)
    }

    /// Every device that a file or a root is on.
    pub(crate) fn devices(&self) -> BTreeSet<u64> {
        let of_files = self.devices.iter().map(|(_, dev)| *dev);
        self.roots.iter().map(|root| root.dev).chain(of_files).collect()
    }

    fn device(&self, file: u32) -> u64 {
        match self.devices.binary_search_by_key(&file, |(file, _)| *file) {
            Ok(at) => self.devices[at].1,
            Err(_) => self.roots[self.root_of(file)].dev,
        }
    }

    /// How many names the file has, here and elsewhere, if it was asked for.
    pub(crate) fn links(&self, file: u32) -> Option<u16> {
        self.extra.get(file as usize).map(|extra| extra.links)
    }

    pub(crate) fn is_link(&self, file: u32) -> bool {
        self.record(file).dir & IS_LINK != 0
    }

    pub(crate) fn is_shared(&self, file: u32) -> bool {
        self.record(file).dir & IS_SHARED != 0
    }

    pub(crate) fn dir(&self, file: u32) -> u32 {
        self.record(file).dir & DIR_BITS
    }

    pub(crate) fn file_id(&self, file: u32) -> FileId {
        let record = self.record(file);
        FileId {
            dev: self.device(file),
            ino: record.ino,
            bytes: record.bytes,
            modified_ns: record.modified_ns,
        }
    }

    fn raw_name(&self, file: u32) -> &CStr {
        let start = self.record(file).name as usize;
        CStr::from_bytes_until_nul(&self.names[start..]).expect("names in the arena end with a NUL")
    }

    /// The file's name, without its directory.
    pub(crate) fn name(&self, file: u32) -> &[u8] {
        self.raw_name(file).to_bytes()
    }

    /// The directory's name, without its parent; empty for the root.
    pub(crate) fn dir_name(&self, dir: u32) -> &[u8] {
        self.dirs[dir as usize].name.to_bytes()
    }

    /// Numbers of the directories from below the root down to `dir`.
    fn chain(&self, dir: u32) -> Vec<u32> {
        let mut chain = Vec::new();
        let mut at = dir;
        while self.dirs[at as usize].parent != at {
            chain.push(at);
            at = self.dirs[at as usize].parent;
        }
        chain.reverse();
        chain
    }

    /// Path of a directory relative to its root.
    pub(crate) fn dir_path(&self, dir: u32) -> PathBuf {
        self.chain(dir).into_iter().map(|dir| OsStr::from_bytes(self.dir_name(dir))).collect()
    }

    /// Path of a file relative to its root.
    pub(crate) fn path(&self, file: u32) -> PathBuf {
        self.dir_path(self.dir(file)).join(OsStr::from_bytes(self.name(file)))
    }

    /// The file's path as the operator would write it.
    pub(crate) fn display(&self, file: u32) -> String {
        let (root, path) = (&self.roots[self.root_of(file)].name, self.path(file));
        if root == "." { path } else { Path::new(root).join(path) }.display().to_string()
    }

    /// The directory's path as the operator would write it.
    pub(crate) fn display_dir(&self, dir: u32) -> String {
        Path::new(&self.roots[self.root_of_dir(dir)].name).join(self.dir_path(dir)).display().to_string()
    }

    /// Orders two files by their roots, then by the bytes of their relative paths, without building them.
    pub(crate) fn path_cmp(&self, a: u32, b: u32) -> Ordering {
        let (dir_a, dir_b) = (self.dir(a), self.dir(b));
        if dir_a == dir_b {
            return self.name(a).cmp(self.name(b));
        }
        let by_root = self.root_of(a).cmp(&self.root_of(b));
        if by_root.is_ne() {
            return by_root;
        }
        let (chain_a, chain_b) = (self.chain(dir_a), self.chain(dir_b));
        let same = chain_a.iter().zip(&chain_b).take_while(|(a, b)| a == b).count();
        let part = |chain: &[u32], file: u32| match chain.get(same) {
            Some(&dir) => (self.dir_name(dir), Some(b'/')),
            None => (self.name(file), None),
        };
        let bytes =
            |(name, end): (&'_ [u8], Option<u8>)| name.iter().copied().chain(end).collect::<Vec<u8>>();
        bytes(part(&chain_a, a)).cmp(&bytes(part(&chain_b, b)))
    }
}

/// Fewer than 2^32 of anything are put into a tree; see [`walk`].
fn count(len: usize) -> u32 {
    u32::try_from(len).expect("a tree is no larger")
}

fn device(stat: &Statx) -> u64 {
    rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor)
}

/// The mount that something is on, where the kernel tells: devices do not, as the files of an overlay name those of
/// its layers.
fn mount(stat: &Statx) -> Option<u64> {
    (stat.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(stat.stx_mnt_id)
}

fn changed_ns(stat: &Statx) -> i64 {
    fsio::nanoseconds(stat.stx_ctime.tv_sec, stat.stx_ctime.tv_nsec.into())
}

fn modified_ns(stat: &Statx) -> i64 {
    fsio::nanoseconds(stat.stx_mtime.tv_sec, stat.stx_mtime.tv_nsec.into())
}

fn file_id(stat: &Statx) -> FileId {
    FileId { dev: device(stat), ino: stat.stx_ino, bytes: stat.stx_size, modified_ns: modified_ns(stat) }
}

fn file_type(stat: &Statx) -> FileType {
    FileType::from_raw_mode(u32::from(stat.stx_mode))
}

#[cfg(test)]
mod tests;
