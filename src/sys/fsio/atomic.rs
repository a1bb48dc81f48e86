//! A file that appears under its name only when it is complete.
//!
//! It is written under a temporary name in the same directory and renamed. A durable one is on the disk
//! before it gets its name, and the name is before the write counts as done: a crash at any moment leaves
//! the old content or the new, nothing between.
#![expect(clippy::disallowed_methods, reason = "this folder owns the file system")]

use super::dirs::create_dirs;
use super::locked::{is_taken_away, lock};
use super::open::{open, open_dir};
use super::path::{parent, shown, unreadable};
use super::read::{FileKind, kind, list, remove};
use super::target::{self, Target};
use crate::report::exit::Fault;
use crate::sys::clock::Clock;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Gid, MemfdFlags, Mode, OFlags, RenameFlags, Uid};
use rustix::io::{Errno, retry_on_intr};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use tempfile::{NamedTempFile, TempPath};

/// How a finished file takes its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Naming {
    /// Whether the file fails where something has its name by then, rather than replace it.
    pub(crate) no_replace: bool,
    /// Whether the disk is waited for, before the file gets its name and after.
    pub(crate) durable: bool,
}

/// What a file is called while it is unfinished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Temporary {
    pub(crate) prefix: &'static str,
    pub(crate) suffix: &'static str,
    /// Permission bits, of which the umask takes some away.
    pub(crate) mode: u32,
}

/// Whether a file of this name is one that a run is writing, or has left unfinished: no content of anything.
pub(crate) fn is_unfinished(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(PLAIN.prefix.as_bytes()) && name.ends_with(PLAIN.suffix.as_bytes())
}

const PLAIN: Temporary = Temporary { prefix: ".mmops-", suffix: ".tmp", mode: 0o644 };

/// So many names of unfinished files that killed processes left behind are passed over.
const MOST_LEFT: u32 = 10_000;

/// An unfinished file; removed when dropped.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    /// As it was named.
    target: PathBuf,
    place: Place,
    file: File,
    naming: Naming,
    /// Whether a frozen clock dates it; a file that is restored has a time of its own.
    is_dated: bool,
}

/// Where a file is until it is complete, and what it becomes then.
#[derive(Debug)]
enum Place {
    /// A file with a temporary name beside the one that it is to have.
    Beside { dir: OwnedFd, path: PathBuf, temporary: OsString },
    /// In memory, until all of it goes through a pipe or a device.
    Stream(File),
    /// It has its name.
    Named,
}

/// Whether this process has not yet begun a file in this directory. What dead runs have left there is looked for
/// once, as a run may write thousands of files into one.
fn is_first_in(dir: &Path) -> bool {
    static BEGUN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    BEGUN.lock().unwrap_or_else(PoisonError::into_inner).insert(dir.to_owned())
}

/// The frozen clock of this process, if it has one.
static FROZEN: OnceLock<Clock> = OnceLock::new();

/// Lets files that are written from now on have the time of a frozen clock as their last change: else ages that
/// the same clock judges would lie in its future.
pub(crate) fn date_by(clock: &Clock) {
    if clock.is_frozen() {
        // Only the first clock of a process counts, which has no other.
        drop(FROZEN.set(clock.clone()));
    }
}

impl AtomicFile {
    /// Starts a file that replaces `target`, so that a bad path fails before the work starts. The directory
    /// is created; the permissions and the owner of a file that is replaced are kept.
    pub(crate) fn create(target: &Path) -> Result<Self, Fault> {
        if is_first_in(parent(target)) {
            remove_left_behind(target);
        }
        let naming = Naming { no_replace: false, durable: true };
        Self::replacing(target, naming).map_err(|error| Fault::write(shown(target), &error))
    }

    fn replacing(target: &Path, naming: Naming) -> io::Result<Self> {
        let path = match target::resolve(target)? {
            Target::File(path) => path,
            Target::Stream(stream) => {
                let file = rustix::fs::memfd_create("output", MemfdFlags::CLOEXEC)?.into();
                let place = Place::Stream(stream);
                return Ok(Self { target: target.to_owned(), place, file, naming, is_dated: false });
            }
        };
        let above = parent(&path);
        let dir = match open_dir(above) {
            Err(Errno::NOENT) => {
                create_dirs(above)?;
                open_dir(above)?
            }
            opened => opened?,
        };
        let mut file = Self::create_at(dir, &path, PLAIN, naming)?;
        file.is_dated = true;
        file.take_after_replaced()?;
        target.clone_into(&mut file.target);
        Ok(file)
    }

    /// Gives it the owner and the permissions of the plain file that has the name now.
    fn take_after_replaced(&self) -> io::Result<()> {
        let Place::Beside { dir, path, .. } = &self.place else { return Ok(()) };
        let name = path.file_name().unwrap_or_default();
        let Ok(old) = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(()) };
        if !rustix::fs::FileType::from_raw_mode(old.st_mode).is_file() {
            return Ok(());
        }
        let own = rustix::fs::fstat(&self.file)?;
        if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid) {
            let (user, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
            if rustix::fs::fchown(&self.file, Some(user), Some(group)).is_err() {
                tracing::warn!("{} gets another owner: only root may keep it", shown(&self.target));
            }
        }
        Ok(rustix::fs::fchmod(&self.file, Mode::from_raw_mode(old.st_mode & 0o7777))?)
    }

    /// Starts a file in an opened directory, in which it is to have the last name of `target`. It is locked
    /// as long as it is unfinished, which tells it from what a killed process left behind.
    pub(crate) fn create_at(
        dir: OwnedFd,
        target: &Path,
        temporary: Temporary,
        naming: Naming,
    ) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(temporary.mode);
        let Temporary { prefix, suffix, .. } = temporary;
        let mut left = 0;
        loop {
            // A killed process may have left its file, and process ids come again.
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = OsString::from(format!("{prefix}{}-{count}{suffix}", std::process::id()));
            match retry_on_intr(|| rustix::fs::openat(&dir, name.as_os_str(), flags, mode)) {
                Ok(fd) => {
                    let file = File::from(fd);
                    // Who removes what is left behind may have come between the two.
                    let is_taken_away = is_taken_away(&file);
                    if let Ok(true) = is_taken_away {
                        left += 1;
                        continue;
                    }
                    let place = Place::Beside { dir, path: target.to_owned(), temporary: name };
                    let file = Self { target: target.to_owned(), place, file, naming, is_dated: false };
                    return is_taken_away.map(|_| file);
                }
                Err(Errno::EXIST) if left < MOST_LEFT => left += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Starts a file in `dir` that gets its name by [`AtomicFile::commit_as`], after removing those that
    /// writers left there which are dead.
    pub(crate) fn create_locked(dir: &Path, temporary: Temporary) -> Result<Self, Fault> {
        remove_abandoned(dir, temporary)?;
        let opened = open_dir(dir).map_err(|error| Fault::write(shown(dir), &error.into()))?;
        let naming = Naming { no_replace: true, durable: true };
        let mut file = Self::create_at(opened, &dir.join(temporary.prefix), temporary, naming)
            .map_err(|error| Fault::write(shown(dir), &error))?;
        file.is_dated = true;
        Ok(file)
    }

    /// The path it has once it is complete, as it was named.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where the content goes.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The path it has until it is complete, where it has one.
    pub(crate) fn temporary(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Beside { path, temporary, .. } => Some(path.with_file_name(temporary)),
            Place::Stream(_) | Place::Named => None,
        }
    }

    /// Takes the permissions away that a file does not give whose content this one repeats.
    pub(crate) fn limit_to(&self, source: &Metadata) -> Result<(), Fault> {
        let limited = rustix::fs::fstat(&self.file).and_then(|own| {
            let mode = (own.st_mode & source.mode() | 0o600) & 0o7777;
            rustix::fs::fchmod(&self.file, Mode::from_raw_mode(mode))
        });
        limited.map_err(|error| self.fault(&error.into()))
    }

    /// Opens what was written so far for reading.
    pub(crate) fn reread(&self) -> Result<File, Fault> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = match &self.place {
            Place::Beside { dir, temporary, .. } => {
                retry_on_intr(|| rustix::fs::openat(dir, temporary.as_os_str(), flags, Mode::empty()))
            }
            Place::Stream(_) | Place::Named => {
                let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                retry_on_intr(|| rustix::fs::open(&*path, flags - OFlags::NOFOLLOW, Mode::empty()))
            }
        };
        opened.map(File::from).map_err(|error| unreadable(&self.target, &error.into()))
    }

    /// Writes `bytes` and puts the file under its name.
    pub(crate) fn finish(mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all(bytes).map_err(|error| self.fault(&error))?;
        self.commit()
    }

    /// Writes `bytes` durably and leaves the name to [`Self::commit`]: of several files that belong
    /// together, none appears when the disk has no room for all.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all(bytes).map_err(|error| self.fault(&error))?;
        self.sync()
    }

    /// Waits until the content is on the disk.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        self.file.sync_all().map_err(|error| self.fault(&error))
    }

    /// Puts what was written so far under its name.
    pub(crate) fn commit(self) -> Result<(), Fault> {
        let target = self.target.clone();
        self.try_commit().map_err(|error| Fault::write(shown(&target), &error))
    }

    /// The same, for a caller who names the file in the error.
    pub(crate) fn try_commit(mut self) -> io::Result<()> {
        let name = match &self.place {
            Place::Beside { path, .. } => path.file_name().unwrap_or_default().to_owned(),
            Place::Stream(_) | Place::Named => OsString::new(),
        };
        self.take_name(&name)
    }

    /// Puts it under the first of some names that nothing has; `None` when each of them is taken.
    pub(crate) fn commit_as(
        mut self,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Option<PathBuf>, Fault> {
        for name in names {
            let target = self.target.with_file_name(&name);
            match self.take_name(OsStr::new(&name)) {
                Ok(()) => return Ok(Some(target)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Fault::write(shown(&target), &error)),
            }
        }
        Ok(None)
    }

    fn take_name(&mut self, name: &OsStr) -> io::Result<()> {
        let Naming { no_replace, durable } = self.naming;
        let (dir, temporary) = match &mut self.place {
            Place::Named => return Ok(()),
            Place::Stream(stream) => {
                self.file.rewind()?;
                io::copy(&mut self.file, stream)?;
                self.place = Place::Named;
                return Ok(());
            }
            Place::Beside { dir, temporary, .. } => (&*dir, temporary.as_os_str()),
        };
        if let Some(clock) = FROZEN.get().filter(|_| self.is_dated) {
            self.file.set_modified(clock.now().into())?;
        }
        if durable {
            self.file.sync_all()?;
        }
        if no_replace {
            rename_new(dir, temporary, name)?;
        } else {
            rustix::fs::renameat(dir, temporary, dir, name)?;
        }
        let Place::Beside { dir, .. } = std::mem::replace(&mut self.place, Place::Named) else {
            return Ok(());
        };
        if durable {
            retry_on_intr(|| rustix::fs::fsync(&dir))?;
        }
        Ok(())
    }

    fn fault(&self, error: &io::Error) -> Fault {
        Fault::write(shown(&self.target), error)
    }
}

/// Renames a file unless something has the name. NFS, Ceph and some file systems in user space do not know how;
/// they do know not to give a second name to a file that another has.
fn rename_new(dir: &OwnedFd, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    match rustix::fs::renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::linkat(dir, from, dir, to, AtFlags::empty())?;
            rustix::fs::unlinkat(dir, from, AtFlags::empty())
        }
        renamed => renamed,
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        let Place::Beside { dir, temporary, .. } = &self.place else { return };
        match rustix::fs::unlinkat(dir, temporary.as_os_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => tracing::warn!("a temporary file stays behind: {}", io::Error::from(error)),
        }
    }
}

/// A second name for the plain file at `path`, under which it outlives that another one takes its place; the name goes
/// with the value. None where there is no such file, or the file system gives none.
pub(super) fn keep_aside(path: &Path) -> Option<TempPath> {
    let path = target::file_behind(path).ok().flatten()?;
    let mut named = tempfile::Builder::new();
    named.prefix(PLAIN.prefix).suffix(PLAIN.suffix);
    let kept = named.make_in(parent(&path), |aside| std::fs::hard_link(&path, aside));
    kept.inspect_err(|error| tracing::debug!("{} is not kept: {error}", shown(&path)))
        .ok()
        .map(NamedTempFile::into_temp_path)
}

/// Replaces `path` with `bytes`, whole or not at all.
pub(crate) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    AtomicFile::create(path)?.finish(bytes)
}

/// Replaces `path` with `bytes`, whole for every process at every moment, without waiting for the disk: for
/// state that need not survive a loss of power.
pub(crate) fn write_volatile(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let naming = Naming { no_replace: false, durable: false };
    let file = AtomicFile::replacing(path, naming).map_err(|error| Fault::write(shown(path), &error))?;
    file.finish(bytes)
}

/// Removes the unfinished outputs that killed runs left beside `target`. What cannot be removed does not
/// keep a run from its work.
pub(crate) fn remove_left_behind(target: &Path) {
    if let Ok(Some(path)) = target::file_behind(target)
        && let Err(fault) = remove_abandoned(parent(&path), PLAIN)
    {
        tracing::debug!("{fault}");
    }
}

fn is_another_process(id: u32) -> bool {
    let is_there = || !matches!(kind(Path::new(&format!("/proc/{id}"))), Ok(FileKind::Missing));
    id != std::process::id() && is_there()
}

/// Removes unfinished files that nobody holds a lock on and whose writers are gone.
pub(crate) fn remove_abandoned(dir: &Path, Temporary { prefix, suffix, .. }: Temporary) -> Result<(), Fault> {
    for path in list(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with(prefix) && name.ends_with(suffix)) || kind(&path)? != FileKind::File {
            continue;
        }
        // Its writer may be just about to lock it.
        let writer = name.strip_prefix(prefix).and_then(|rest| rest.split('-').next()?.parse().ok());
        if writer.is_some_and(is_another_process) {
            continue;
        }
        let Ok(file) = open(&path) else { continue };
        let is_abandoned = lock(&file).is_ok();
        if is_abandoned && remove(&path).is_ok() {
            tracing::info!("removed `{}`, left unfinished by a process that died", path.display());
        }
    }
    Ok(())
}
