//! Directories and links: created, published and replaced whole.
#![expect(clippy::disallowed_methods, reason = "this folder owns the file system")]

use super::locked::{is_taken_away, lock};
use super::open::open_dir;
use super::path::{parent, shown, with_ending};
use super::read::{FileKind, kind, list};
use crate::report::exit::Fault;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Creates a directory and its parents.
pub(crate) fn create_dir(dir: &Path) -> Result<(), Fault> {
    create_dirs(dir).map_err(|error| Fault::write(shown(dir), &error))
}

pub(super) fn create_dirs(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Creates a directory; false when it is there already.
pub(crate) fn create_new_dir(dir: &Path) -> Result<bool, Fault> {
    match fs::create_dir(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Fault::write(shown(dir), &error)),
    }
}

/// Lets the symbolic link `link` name `target`, which lies in the same directory. The link is replaced whole;
/// anything else under its name is left alone and refused.
pub(crate) fn replace_link(link: &Path, target: &Path) -> Result<(), Fault> {
    let fail = |error: io::Error| Fault::write(shown(link), &error);
    if !matches!(kind(link)?, FileKind::Link | FileKind::Missing) {
        let message = format!("{} is not a link to the newest run", shown(link));
        return Err(Fault::config(message).hint("move it away: every run has a directory of its own"));
    }
    let name = target.file_name().expect("a directory below its parent has a name");
    let fresh = with_ending(link, ".new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(name, &fresh).map_err(fail)?;
    fs::rename(&fresh, link).map_err(fail)
}

/// A fresh private directory that is removed when the value is dropped.
#[cfg(test)]
pub(crate) fn scratch_dir(prefix: &str) -> Result<tempfile::TempDir, Fault> {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir();
    dir.map_err(|error| Fault::write("a temporary directory", &error))
}

/// A fresh private directory for work that is not complete; removed when dropped. It is locked for as long, which
/// tells it from one that a killed process left behind.
#[derive(Debug)]
pub(crate) struct ScratchDir {
    dir: tempfile::TempDir,
    _lock: OwnedFd,
}

/// What scratch directories are called before what they are for.
const SCRATCH: &str = ".mmops-";

impl ScratchDir {
    /// Creates one in `dir`, which is created, after removing those of the same use whose makers are dead.
    pub(crate) fn create_in(dir: &Path, name: &str) -> Result<Self, Fault> {
        create_dir(dir)?;
        let prefix = format!("{SCRATCH}{name}-");
        remove_abandoned(dir, &prefix)?;
        loop {
            let made = tempfile::Builder::new().prefix(&prefix).tempdir_in(dir).and_then(|dir| {
                let lock = open_dir(dir.path())?;
                let is_taken_away = is_taken_away(&lock)?;
                Ok((Self { dir, _lock: lock }, is_taken_away))
            });
            // The error's own text has the name that it would have had, which says nothing to anybody.
            let what = || format!("a directory in {}", shown(dir));
            let (made, is_taken_away) = made.map_err(|error| Fault::write(what(), &error.kind().into()))?;
            // Who removes what is left behind may have come between the two.
            if !is_taken_away {
                return Ok(made);
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Keeps it for people to look at, under its name without what marks it as incomplete.
    pub(crate) fn keep(self) -> Result<PathBuf, Fault> {
        let from = self.dir.path();
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let to = from.with_file_name(name.strip_prefix(SCRATCH).unwrap_or(&name));
        move_new(from, &to)?;
        drop(self.dir.keep());
        Ok(to)
    }

    /// Puts it under its name, durably and for everybody to read; the name must be free.
    pub(super) fn publish(self, to: &Path) -> Result<(), Fault> {
        let fail = |error: io::Error| Fault::write(shown(to), &error);
        let made = self.dir.path();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(made, mode).map_err(fail)?;
        sync_dir(made).map_err(fail)?;
        move_new(made, to)?;
        // The name it was made under is gone; there is nothing left to remove.
        drop(self.dir.keep());
        sync_dir(parent(to)).map_err(|error| {
            // A name that may be gone after a crash is none.
            let _kept = remove_dir(to);
            fail(error)
        })
    }
}

fn move_new(from: &Path, to: &Path) -> Result<(), Fault> {
    let moved = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
    moved.map_err(|error| Fault::write(shown(to), &error.into()))
}

/// Removes the scratch directories that nobody holds a lock on.
fn remove_abandoned(dir: &Path, prefix: &str) -> Result<(), Fault> {
    for path in list(dir)? {
        let is_scratch = path.file_name().unwrap_or_default().to_string_lossy().starts_with(prefix);
        if !is_scratch || kind(&path)? != FileKind::Dir {
            continue;
        }
        let Ok(opened) = open_dir(&path) else { continue };
        if lock(&opened).is_ok() && remove_dir(&path).is_ok() {
            tracing::info!("removed `{}`, left unfinished by a process that died", path.display());
        }
    }
    Ok(())
}

/// Removes a directory with all that is in it.
pub(super) fn remove_dir(dir: &Path) -> io::Result<()> {
    fs::remove_dir_all(dir)
}

/// Directories that were created for work that may fail; unless they are kept, those that are still empty
/// are removed again.
#[derive(Debug)]
pub(crate) struct NewDirs(Vec<PathBuf>);

impl NewDirs {
    /// Creates a directory and its parents.
    pub(crate) fn create(dir: &Path) -> Result<Self, Fault> {
        let mut new = Self(Vec::new());
        for missing in dir.ancestors().filter(|dir| !dir.as_os_str().is_empty()) {
            if kind(missing)? != FileKind::Missing {
                break;
            }
            new.0.push(missing.to_owned());
        }
        create_dir(dir)?;
        Ok(new)
    }

    /// Keeps what was created.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewDirs {
    fn drop(&mut self) {
        for dir in &self.0 {
            // One that somebody else uses by now stays.
            if fs::remove_dir(dir).is_err() {
                return;
            }
        }
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
