//! A file that is being written and is nobody's yet: it is locked by its writer, so that the next one
//! can tell what a killed predecessor left behind, and it never replaces anything when it gets its name.

use crate::report::exit::Fault;
use crate::sys::fsio;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".partial";

/// An unfinished file; removed when dropped.
#[derive(Debug)]
pub(crate) struct Partial {
    dir: PathBuf,
    file: tempfile::NamedTempFile,
}

impl Partial {
    /// Starts a file in `dir`, after removing what writers that no longer live left there.
    pub(crate) fn create(dir: &Path, prefix: &str) -> Result<Self, Fault> {
        let fail = |error: io::Error| Fault::write(format!("`{}`", dir.display()), &error);
        let prefix = format!(".{prefix}");
        sweep(dir, &prefix)?;
        let mut builder = tempfile::Builder::new();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let file = builder.prefix(&prefix).suffix(SUFFIX).permissions(mode).tempfile_in(dir).map_err(fail)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| fail(error.into()))?;
        Ok(Self { dir: dir.to_owned(), file })
    }

    /// Where it is while it is unfinished.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Where the content goes.
    pub(crate) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Waits until the content is on the disk.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        let synced = self.file.as_file().sync_all();
        synced.map_err(|error| Fault::write(format!("`{}`", self.path().display()), &error))
    }

    /// Opens it anew for reading.
    pub(crate) fn reread(&self) -> Result<File, Fault> {
        self.file.reopen().map_err(|error| fsio::unreadable(self.path(), &error))
    }

    /// Gives it the first free name of `stem.extension`, `stem-2.extension`, and so on, durably.
    pub(crate) fn name(self, stem: &str, extension: &str) -> Result<PathBuf, Fault> {
        for count in 1..=9999_u32 {
            let name = if count == 1 {
                format!("{stem}.{extension}")
            } else {
                format!("{stem}-{count}.{extension}")
            };
            let target = self.dir.join(name);
            let fail = |error: io::Error| Fault::write(format!("`{}`", target.display()), &error);
            match renameat_with(CWD, self.path(), CWD, &target, RenameFlags::NOREPLACE) {
                Ok(()) => {
                    fsio::sync_dir(&self.dir).map_err(fail)?;
                    // The name it was created under is gone; there is nothing left to remove.
                    drop(self.file.into_temp_path().keep());
                    return Ok(target);
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(fail(error.into())),
            }
        }
        Err(Fault::config(format!("`{}` has too many archives called `{stem}`", self.dir.display())))
    }
}

/// Removes unfinished files that nobody holds a lock on.
fn sweep(dir: &Path, prefix: &str) -> Result<(), Fault> {
    for path in fsio::list(dir)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !(name.starts_with(prefix) && name.ends_with(SUFFIX)) || path.is_symlink() {
            continue;
        }
        let Ok(file) = fsio::open(&path) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() && fsio::remove(&path).is_ok() {
            tracing::info!("removed `{}`, left unfinished by a process that died", path.display());
        }
    }
    Ok(())
}
