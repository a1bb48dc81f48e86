//! Reads a tree: `getdents` and `statx` relative to each directory's descriptor, on several threads.
//!
//! On a warm cache the kernel's `statx` is most of the work, so two cores are twice one; on a cold one
//! the disk is, so more threads than cores keep its queue filled.

use super::{
    DIR_BITS, Detail, Dir, Extra, IS_LINK, IS_SHARED, KEEP_MARKER, OPEN_DIR, Record, Root, STAT_MASK,
    SkipReason, Tree, changed_ns, count, device, file_type, modified_ns, mount, openat,
};
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::signal::Cancel;
use crate::sys::work::{self, Queue};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, FileType, RawDir, Statx, statx};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MOST_THREADS: usize = 8;
const THREADS_PER_CORE: usize = 4;
const BUFFER_BYTES: usize = 32 * 1024;

/// Room of a shard at first; memory from here on is asked of the system page by page.
const ROOM_BYTES: usize = 256 * 1024;

/// Reads everything below the roots, except what is skipped: hidden directories, repositories, marked
/// directories, other file systems.
pub(crate) fn walk(roots: Vec<Root>, detail: Detail, cancel: &Cancel) -> Result<Tree, Fault> {
    let threads = MOST_THREADS.min(THREADS_PER_CORE * work::processors());
    walk_with(roots, detail, cancel, threads)
}

pub(super) fn walk_with(
    roots: Vec<Root>,
    detail: Detail,
    cancel: &Cancel,
    threads: usize,
) -> Result<Tree, Fault> {
    let mut tree = Tree::default();
    let mut found: Option<Shard> = None;
    for mut root in roots {
        root.first_dir = count(tree.dirs.len());
        root.first_file = found.as_ref().map_or(0, |found| count(found.files.len()));
        let progress = Progress::new(std::mem::take(&mut tree.dirs), &root);
        let queue = Queue::new(progress.map_err(|error| fsio::unreadable(&root.path, &error))?);
        let mut shards = work::on_threads(threads, || read_dirs(&queue, &root, detail, cancel));
        if let Some(signal) = cancel.signal() {
            return Err(Fault::stopped(signal));
        }
        tree.dirs = queue.into_state().dirs;
        // The largest comes first, to be taken as it is.
        shards.sort_by_key(|shard| std::cmp::Reverse(shard.files.len()));
        let whole = found.into_iter().chain(shards).reduce(Shard::joined).unwrap_or_else(Shard::new);
        if whole.overflow || u32::try_from(whole.names.len()).is_err() {
            let root = root.path.display();
            let message = format!("`{root}` has too many files to be rotated in one run");
            return Err(Fault::dependency(message));
        }
        found = Some(whole);
        tree.roots.push(root);
    }
    let Some(Shard { names, files, extra, devices, newest_change_ns, unreadable, .. }) = found else {
        return Ok(tree);
    };
    (tree.names, tree.files, tree.extra, tree.devices) = (names, files, extra, devices);
    tree.newest_change_ns = newest_change_ns;
    for (dir, name, reason) in unreadable {
        let path = tree.dir_path(dir).join(name);
        let shown = Path::new(&tree.roots[tree.root_of_dir(dir)].name).join(path);
        tree.unreadable.insert(shown.display().to_string(), reason);
    }
    Ok(tree)
}

/// Directories to read, and those already known.
struct Progress {
    stack: Vec<Job>,
    dirs: Vec<Dir>,
}

struct Job {
    parent: Arc<OwnedFd>,
    dir: u32,
    name: CString,
}

struct Shard {
    names: Vec<u8>,
    files: Vec<Record>,
    extra: Vec<Extra>,
    /// By number, those that are on another device than the root.
    devices: Vec<(u32, u64)>,
    newest_change_ns: Option<i64>,
    unreadable: Vec<(u32, PathBuf, String)>,
    overflow: bool,
}

impl Shard {
    /// An empty shard. Its room is large enough to come as pages of its own, which are there once they are
    /// written to and grow in place; grown from nothing it would leave as much behind in every thread's heap.
    fn new() -> Self {
        Self {
            names: Vec::with_capacity(ROOM_BYTES),
            files: Vec::with_capacity(ROOM_BYTES / size_of::<Record>()),
            extra: Vec::new(),
            devices: Vec::new(),
            newest_change_ns: None,
            unreadable: Vec::new(),
            overflow: false,
        }
    }

    /// Both together, the files of `self` first.
    fn joined(mut self, other: Shard) -> Self {
        let base = u32::try_from(self.names.len());
        self.overflow |= other.overflow || base.is_err();
        let base = base.unwrap_or_default();
        self.names.reserve_exact(other.names.len());
        self.names.extend_from_slice(&other.names);
        drop(other.names);
        let before = count(self.files.len());
        self.devices.extend(other.devices.into_iter().map(|(file, dev)| (file + before, dev)));
        self.files.reserve_exact(other.files.len());
        let shifted = other.files.into_iter();
        self.files.extend(shifted.map(|file| Record { name: file.name.wrapping_add(base), ..file }));
        self.extra.extend(other.extra);
        self.newest_change_ns = self.newest_change_ns.max(other.newest_change_ns);
        self.unreadable.extend(other.unreadable);
        self
    }
}

/// What reading one directory told.
#[derive(Default)]
struct Visit {
    skipped: Option<SkipReason>,
    entries: u32,
    special: u32,
    mounted: u32,
    id: Option<(u64, u64)>,
    modified_ns: i64,
    /// Directories below, with the reason when they are not to be entered.
    below: Vec<(CString, Option<SkipReason>)>,
}

impl Progress {
    /// Of a root, behind the directories of those before it.
    fn new(mut dirs: Vec<Dir>, root: &Root) -> io::Result<Self> {
        let above = Arc::new(root.fd.try_clone()?);
        let job = Job { parent: above, dir: root.first_dir, name: c".".to_owned() };
        dirs.push(Dir::new(root.first_dir, None, c"".into()));
        Ok(Self { stack: vec![job], dirs })
    }

    /// Notes what was found in a directory; false when there are more directories than have a number.
    fn add(&mut self, dir: u32, fd: Option<&Arc<OwnedFd>>, visit: Visit) -> bool {
        let known = &mut self.dirs[dir as usize];
        (known.skipped, known.modified_ns) = (visit.skipped, visit.modified_ns);
        (known.entries, known.special, known.mounted) = (visit.entries, visit.special, visit.mounted);
        known.id = visit.id;
        for (name, skipped) in visit.below {
            let Some(id) = u32::try_from(self.dirs.len()).ok().filter(|id| *id <= DIR_BITS) else {
                return false;
            };
            self.dirs.push(Dir::new(dir, skipped, name.clone().into()));
            if let (None, Some(fd)) = (skipped, fd) {
                self.stack.push(Job { parent: Arc::clone(fd), dir: id, name });
            }
        }
        true
    }
}

/// Reads directories until all are read, or a stop is asked for.
fn read_dirs(queue: &Queue<Progress>, root: &Root, detail: Detail, cancel: &Cancel) -> Shard {
    let buffer = vec![MaybeUninit::uninit(); BUFFER_BYTES];
    let mut reader = Reader { root, detail, shard: Shard::new(), buffer, pending: Vec::new() };
    let next = |progress: &mut Progress| {
        if cancel.signal().is_some() {
            progress.stack.clear();
        }
        progress.stack.pop()
    };
    while let Some((job, running)) = queue.take(next) {
        let opened = openat(&*job.parent, &job.name, OPEN_DIR);
        let (fd, visit) = match opened {
            Ok(fd) => {
                let visit = reader.visit(job.dir, &fd);
                (Some(Arc::new(fd)), visit)
            }
            // Gone, or replaced by something else, since its name was read: nothing to rotate.
            Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => (None, Ok(Visit::default())),
            Err(error) => (None, Err(error)),
        };
        let visit = visit.unwrap_or_else(|error| {
            reader.shard.note_unreadable(job.dir, c"", error);
            Visit { skipped: Some(SkipReason::Unreadable), ..Visit::default() }
        });
        reader.shard.overflow |= !running.finish(|progress| progress.add(job.dir, fd.as_ref(), visit));
    }
    reader.shard
}

impl Shard {
    fn note_unreadable(&mut self, dir: u32, name: &CStr, error: Errno) {
        use std::os::unix::ffi::OsStrExt as _;
        let name = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
        self.unreadable.push((dir, name, io::Error::from(error).to_string()));
    }
}

/// A thread that reads directories, with its working memory.
struct Reader<'a> {
    root: &'a Root,
    detail: Detail,
    shard: Shard,
    buffer: Vec<MaybeUninit<u8>>,
    /// Where the names of the directory that is read begin.
    pending: Vec<u32>,
}

impl Reader<'_> {
    /// Whether another file system or a bind mount begins at what this is of.
    fn is_mounted(&self, stat: &Statx) -> bool {
        match (mount(stat), self.root.mount) {
            (Some(here), Some(root)) => here != root,
            (Some(_) | None, None) | (None, Some(_)) => device(stat) != self.root.dev,
        }
    }

    fn visit(&mut self, dir: u32, fd: &OwnedFd) -> Result<Visit, Errno> {
        let stat = statx(fd, c"", AtFlags::EMPTY_PATH, STAT_MASK)?;
        let id = Some((device(&stat), stat.stx_ino));
        let mut visit = Visit { modified_ns: modified_ns(&stat), id, ..Visit::default() };
        if self.is_mounted(&stat) {
            visit.skipped = Some(SkipReason::Mount);
            return Ok(visit);
        }
        let start = self.shard.names.len();
        self.pending.clear();
        visit.skipped = self.read_names(fd, &mut visit)?;
        if visit.skipped.is_some() {
            self.shard.names.truncate(start);
            visit.below.clear();
            return Ok(visit);
        }
        for at in 0..self.pending.len() {
            self.examine(dir, fd, self.pending[at], &mut visit);
        }
        Ok(visit)
    }

    /// Collects the names in a directory, and says whether one of them means that it is left alone.
    fn read_names(&mut self, fd: &OwnedFd, visit: &mut Visit) -> Result<Option<SkipReason>, Errno> {
        let mut skipped = None;
        let mut entries = RawDir::new(fd.as_fd(), &mut self.buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            match name.to_bytes() {
                b"." | b".." => continue,
                b".git" => skipped = Some(SkipReason::Repository),
                name if name == KEEP_MARKER.as_bytes() => skipped = skipped.or(Some(SkipReason::Marked)),
                _ => {}
            }
            visit.entries += 1;
            match entry.file_type() {
                FileType::Directory => visit.below.push((name.to_owned(), hidden(name))),
                FileType::RegularFile | FileType::Symlink | FileType::Unknown => {
                    let Ok(at) = u32::try_from(self.shard.names.len()) else {
                        self.shard.overflow = true;
                        continue;
                    };
                    self.shard.names.extend_from_slice(name.to_bytes_with_nul());
                    self.pending.push(at);
                }
                _ => visit.special += 1,
            }
        }
        Ok(skipped)
    }

    fn examine(&mut self, dir: u32, fd: &OwnedFd, at: u32, visit: &mut Visit) {
        let name =
            CStr::from_bytes_until_nul(&self.shard.names[at as usize..]).expect("names end with a NUL");
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        let stat = match statx(fd, name, flags, STAT_MASK) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return,
            Err(error) => {
                let name = name.to_owned();
                self.shard.note_unreadable(dir, &name, error);
                return;
            }
        };
        let is_link = match file_type(&stat) {
            FileType::RegularFile => 0,
            FileType::Symlink => IS_LINK,
            FileType::Directory => {
                visit.below.push((name.to_owned(), hidden(name)));
                return;
            }
            _ => {
                visit.special += 1;
                return;
            }
        };
        if self.is_mounted(&stat) {
            visit.mounted += 1;
            return;
        }
        if device(&stat) != self.root.dev {
            self.shard.devices.push((count(self.shard.files.len()), device(&stat)));
        }
        let changed_ns = changed_ns(&stat);
        self.shard.newest_change_ns = self.shard.newest_change_ns.max(Some(changed_ns));
        self.shard.files.push(Record {
            ino: stat.stx_ino,
            bytes: stat.stx_size,
            modified_ns: modified_ns(&stat),
            name: at,
            dir: dir | is_link | if stat.stx_nlink > 1 { IS_SHARED } else { 0 },
        });
        if self.detail == Detail::Full {
            self.shard.extra.push(Extra {
                changed_ns,
                blocks: u32::try_from(stat.stx_blocks).unwrap_or(u32::MAX),
                links: u16::try_from(stat.stx_nlink).unwrap_or(u16::MAX),
            });
        }
    }
}

fn hidden(name: &CStr) -> Option<SkipReason> {
    let name = name.to_bytes();
    (name.starts_with(b".") || name == b"lost+found").then_some(SkipReason::Hidden)
}
