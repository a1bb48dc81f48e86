//! Puts files back under a directory, creating what is missing, following no link and replacing nothing.

use super::{OPEN_DIR, openat};
use crate::sys::fsio::{self, AtomicFile, Naming, Temporary};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use rustix::fs::{futimens, mkdirat, symlinkat, utimensat};
use rustix::io::{Errno, retry_on_intr};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Nobody else may read a file before it has the permissions of the one that was archived.
const TEMPORARY: Temporary = Temporary { prefix: ".mmops-restore-", suffix: ".tmp", mode: 0o600 };

/// A directory that files are put into.
#[derive(Debug)]
pub(crate) struct RestoreDir {
    top: OwnedFd,
    /// Directories in which nothing is left of a restore that was killed.
    clean: Mutex<BTreeSet<PathBuf>>,
}

impl RestoreDir {
    /// Opens the directory, which must exist.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        #[expect(
            clippy::disallowed_methods,
            reason = "a directory, with the error that its caller tells apart"
        )]
        let top = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?;
        Ok(Self { top, clean: Mutex::default() })
    }

    /// Opens the directory that is to hold `path`, creating it and those above it on request.
    fn parent(&self, path: &Path, create: bool) -> io::Result<(OwnedFd, OsString)> {
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let (Some(name), true) = (path.file_name(), plain) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leaves its directory"));
        };
        let mut dir = openat(&self.top, c".", OPEN_DIR)?;
        for part in path.parent().into_iter().flat_map(Path::components) {
            let opened = openat(&dir, part.as_os_str(), OPEN_DIR);
            dir = match opened {
                Err(Errno::NOENT) if create => {
                    match mkdirat(&dir, part.as_os_str(), Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    openat(&dir, part.as_os_str(), OPEN_DIR)?
                }
                other => other?,
            };
        }
        Ok((dir, name.to_owned()))
    }

    /// Opens an existing file, or says that there is none.
    pub(crate) fn existing(&self, path: &Path) -> io::Result<Option<File>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = self.parent(path, false).and_then(|(dir, name)| {
            let fd = openat(&dir, name.as_os_str(), flags)?;
            Ok(File::from(fd))
        });
        if_there(opened)
    }

    /// Target of an existing link, or none if there is nothing of that name.
    pub(crate) fn existing_link(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let read = self.parent(path, false).and_then(|(dir, name)| {
            Ok(rustix::fs::readlinkat(&dir, name.as_os_str(), Vec::new())?.into_bytes())
        });
        if_there(read)
    }

    /// Starts a file that appears under `path` when [`finish`] is called for it, unless its name is taken
    /// by then.
    pub(crate) fn create(&self, path: &Path) -> io::Result<AtomicFile> {
        let (dir, _) = self.parent(path, true)?;
        let above = path.parent().unwrap_or(Path::new("")).to_owned();
        if self.clean.lock().unwrap_or_else(PoisonError::into_inner).insert(above) {
            let opened = format!("/proc/self/fd/{}", dir.as_raw_fd());
            fsio::remove_abandoned(Path::new(&opened), TEMPORARY).map_err(io::Error::other)?;
        }
        let naming = Naming { no_replace: true, durable: false };
        AtomicFile::create_at(dir, path, TEMPORARY, naming)
    }

    /// Creates a symbolic link with its old time.
    pub(crate) fn link(&self, path: &Path, target: &[u8], modified_ns: i64) -> io::Result<()> {
        let (dir, name) = self.parent(path, true)?;
        symlinkat(OsStr::from_bytes(target), &dir, name.as_os_str())?;
        Ok(utimensat(&dir, name.as_os_str(), &times(modified_ns), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Waits until every name that was given is on the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::syncfs(&self.top))?)
    }
}

/// Nothing of a name is no error.
fn if_there<T>(found: io::Result<T>) -> io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// Gives a restored file its permissions, time and name. Its content is on the disk by then; that the names
/// of all are is waited for once, by [`RestoreDir::sync`].
pub(crate) fn finish(mut file: AtomicFile, permissions: u32, modified_ns: i64) -> io::Result<()> {
    let opened = file.file();
    rustix::fs::fchmod(&*opened, Mode::from_raw_mode(permissions & 0o777))?;
    futimens(&*opened, &times(modified_ns))?;
    opened.sync_all()?;
    file.try_commit()
}

fn times(modified_ns: i64) -> Timestamps {
    let time = Timespec {
        tv_sec: modified_ns.div_euclid(1_000_000_000),
        tv_nsec: modified_ns.rem_euclid(1_000_000_000),
    };
    Timestamps { last_access: time, last_modification: time }
}
