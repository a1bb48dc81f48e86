//! A file that appears under its name only when it is complete.
//!
//! It is written under a temporary name in the same directory and renamed. A durable one is on the disk
//! before it gets its name, and the name is before the write counts as done: a crash at any moment leaves
//! the old content or the new, nothing between.

use super::dirs::create_dirs;
use super::path::{parent, shown};
use super::read::{FileKind, kind, list, open, remove, target_kind, unreadable};
use crate::format::json;
use crate::report::exit::Fault;
use crate::sys::clock::Clock;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

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

const PLAIN: Temporary = Temporary { prefix: ".mmops-", suffix: ".tmp", mode: 0o644 };

/// So many names of unfinished files that killed processes left behind are passed over.
const MOST_LEFT: u32 = 10_000;

/// An unfinished file; removed when dropped.
#[derive(Debug)]
pub(crate) struct AtomicFile {
    dir: OwnedFd,
    target: PathBuf,
    temporary: OsString,
    file: File,
    naming: Naming,
    /// Whether a frozen clock dates it; a file that is restored has a time of its own.
    is_dated: bool,
    is_named: bool,
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
    /// is created; the permissions of a file that is replaced are kept.
    pub(crate) fn create(target: &Path) -> Result<Self, Fault> {
        let naming = Naming { no_replace: false, durable: true };
        Self::replacing(target, naming).map_err(|error| Fault::write(shown(target), &error))
    }

    /// Like [`AtomicFile::create`], and removes what stands there: an answer that is asked for again is not
    /// known until there is a new one.
    pub(crate) fn create_anew(target: &Path) -> Result<Self, Fault> {
        let file = Self::create(target)?;
        match remove(target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::write(shown(target), &error)),
            _ => Ok(file),
        }
    }

    fn replacing(target: &Path, naming: Naming) -> io::Result<Self> {
        let is_dir = target_kind(target).is_ok_and(|kind| kind == FileKind::Dir);
        if is_dir || target.file_name().is_none() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let above = parent(target);
        let dir = match open_dir(above) {
            Err(Errno::NOENT) => {
                create_dirs(above)?;
                open_dir(above)?
            }
            opened => opened?,
        };
        let mut file = Self::create_at(dir, target, PLAIN, naming)?;
        file.is_dated = true;
        if let Some(mode) = file.replaced_mode() {
            rustix::fs::fchmod(&file.file, mode)?;
        }
        Ok(file)
    }

    /// Permission bits of the plain file that has the name now.
    fn replaced_mode(&self) -> Option<Mode> {
        let stat = rustix::fs::statat(&self.dir, self.name(), AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
        is_file.then(|| Mode::from_raw_mode(stat.st_mode & 0o777))
    }

    /// Starts a file in an opened directory, in which it is to have the last name of `target`.
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
            match rustix::fs::openat(&dir, name.as_os_str(), flags, mode) {
                Ok(fd) => {
                    let (target, file) = (target.to_owned(), File::from(fd));
                    return Ok(Self {
                        dir,
                        target,
                        temporary: name,
                        file,
                        naming,
                        is_dated: false,
                        is_named: false,
                    });
                }
                Err(Errno::EXIST) if left < MOST_LEFT => left += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Starts a file in `dir` that gets its name by [`AtomicFile::commit_as`], after removing those that
    /// writers left there which are dead: each holds a lock on its own.
    pub(crate) fn create_locked(dir: &Path, temporary: Temporary) -> Result<Self, Fault> {
        let fail = |error: io::Error| Fault::write(shown(dir), &error);
        remove_abandoned(dir, temporary)?;
        let opened = open_dir(dir).map_err(|error| fail(error.into()))?;
        let naming = Naming { no_replace: true, durable: true };
        let mut file =
            Self::create_at(opened, &dir.join(temporary.prefix), temporary, naming).map_err(fail)?;
        file.is_dated = true;
        rustix::fs::flock(&file.file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| fail(error.into()))?;
        Ok(file)
    }

    fn name(&self) -> &OsStr {
        self.target.file_name().unwrap_or_default()
    }

    /// The path it has once it is complete.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where the content goes.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The path it has until it is complete.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.target.with_file_name(&self.temporary)
    }

    /// Opens what was written so far for reading.
    pub(crate) fn reread(&self) -> Result<File, Fault> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.dir, self.temporary.as_os_str(), flags, Mode::empty());
        opened.map(File::from).map_err(|error| unreadable(&self.temporary(), &error.into()))
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
        let name = self.name().to_owned();
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
        if let Some(clock) = FROZEN.get().filter(|_| self.is_dated) {
            self.file.set_modified(clock.now().into())?;
        }
        if durable {
            self.file.sync_all()?;
        }
        let (dir, temporary) = (&self.dir, self.temporary.as_os_str());
        if no_replace {
            rustix::fs::renameat_with(dir, temporary, dir, name, RenameFlags::NOREPLACE)?;
        } else {
            rustix::fs::renameat(dir, temporary, dir, name)?;
        }
        self.is_named = true;
        if durable {
            rustix::fs::fsync(dir)?;
        }
        Ok(())
    }

    fn fault(&self, error: &io::Error) -> Fault {
        Fault::write(shown(&self.target), error)
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.is_named {
            return;
        }
        match rustix::fs::unlinkat(&self.dir, self.temporary.as_os_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => tracing::warn!("a temporary file stays behind: {}", io::Error::from(error)),
        }
    }
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

/// Replaces `path` with a JSON document: sorted keys where the value is a map, two-space indentation,
/// one trailing newline.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Fault> {
    write_atomic(path, json::document(value).as_bytes())
}

/// Removes unfinished files that nobody holds a lock on.
fn remove_abandoned(dir: &Path, Temporary { prefix, suffix, .. }: Temporary) -> Result<(), Fault> {
    for path in list(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with(prefix) && name.ends_with(suffix)) || kind(&path)? != FileKind::File {
            continue;
        }
        let Ok(file) = open(&path) else { continue };
        let is_abandoned = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        if is_abandoned && remove(&path).is_ok() {
            tracing::info!("removed `{}`, left unfinished by a process that died", path.display());
        }
    }
    Ok(())
}

fn open_dir(dir: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::super::dirs::scratch_dir;
    use super::super::read::{metadata, read};
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_abandoned_write_leaves_the_old_content_and_no_other_file() {
        let dir = scratch_dir("atomic").expect("a directory");
        let path = dir.path().join("sub/state.json");
        write_atomic(&path, b"old").expect("written");
        let mut file = AtomicFile::create(&path).expect("created");
        file.file().write_all(b"half").expect("written");
        drop(file);
        assert_eq!(read(&path).expect("read"), b"old");
        assert_eq!(list(&dir.path().join("sub")).expect("listed"), [path]);
    }

    #[test]
    fn the_permissions_of_the_replaced_file_are_kept() {
        let dir = scratch_dir("atomic").expect("a directory");
        let path = dir.path().join("secret.yaml");
        let mode = || metadata(&path).expect("there").permissions().mode() & 0o777;
        write_atomic(&path, b"old").expect("written");
        open(&path).expect("opened").set_permissions(PermissionsExt::from_mode(0o600)).expect("changed");
        write_volatile(&path, b"new").expect("written");
        assert_eq!((mode(), read(&path).expect("read")), (0o600, b"new".to_vec()));
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone_and_the_next_is_tried() {
        let dir = scratch_dir("atomic").expect("a directory");
        let temporary = Temporary { prefix: ".mmops-x-", suffix: ".partial", mode: 0o644 };
        write_atomic(&dir.path().join("a"), b"old").expect("written");
        let file = AtomicFile::create_locked(dir.path(), temporary).expect("created");
        let other = AtomicFile::create_locked(dir.path(), temporary).expect("created");
        let names = || ["a", "b"].map(str::to_owned);
        assert_eq!(file.commit_as(names()).expect("named"), Some(dir.path().join("b")));
        assert_eq!(other.commit_as(names()).expect("refused"), None);
        let left = list(dir.path()).expect("listed");
        assert_eq!(left, ["a", "b"].map(|name| dir.path().join(name)));
    }

    #[test]
    fn a_directory_is_no_target() {
        let dir = scratch_dir("atomic").expect("a directory");
        let message = AtomicFile::create(dir.path()).expect_err("refused").to_string();
        assert!(message.ends_with("is a directory"), "{message}");
    }
}
