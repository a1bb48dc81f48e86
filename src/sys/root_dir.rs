//! Files below one directory, opened so that no link leads out of it.

use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind, FileState};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::{Errno, retry_on_intr};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A directory that files are read below.
#[derive(Debug)]
pub(crate) struct RootDir {
    path: PathBuf,
    fd: OwnedFd,
}

/// Why a file below the directory is not read.
#[derive(Debug)]
pub(crate) enum OpenError {
    Missing,
    /// A link on the way, or the file itself, leads out of the directory.
    Escapes,
    /// It is a directory, a device, a pipe or a socket.
    NotAFile(&'static str),
    Failed(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Missing => f.write_str("is missing"),
            OpenError::Escapes => f.write_str("is a link that leaves the root"),
            OpenError::NotAFile(kind) => write!(f, "is {kind}, not a file"),
            OpenError::Failed(error) => write!(f, "cannot be read: {error}"),
        }
    }
}

impl RootDir {
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        Ok(Self { path: path.to_owned(), fd: fsio::open_directory(path)?.into() })
    }

    /// Opens a file of this path relative to the directory.
    pub(crate) fn file(&self, relative: &Path) -> Result<File, OpenError> {
        // Without waiting, or a pipe that nobody writes to would be waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let bounds = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let fd = match retry_on_intr(|| openat2(&self.fd, relative, flags, Mode::empty(), bounds)) {
            Ok(fd) => fd,
            // Kernels before 5.6, and sandboxes that know no later call.
            Err(Errno::NOSYS | Errno::PERM) => self.open_by_path(relative, flags)?,
            Err(error) => return Err(open_error(error)),
        };
        let stat = fstat(&fd).map_err(open_error)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::from(fd)),
            FileType::Directory => Err(OpenError::NotAFile("a directory")),
            FileType::Fifo => Err(OpenError::NotAFile("a pipe")),
            FileType::Socket => Err(OpenError::NotAFile("a socket")),
            _ => Err(OpenError::NotAFile("a device")),
        }
    }

    fn open_by_path(&self, relative: &Path, flags: OFlags) -> Result<OwnedFd, OpenError> {
        let path = self.path.join(relative);
        let failed = |fault| OpenError::Failed(io::Error::other(fault));
        if fsio::kind(&path).map_err(failed)? == FileKind::Missing {
            return Err(OpenError::Missing);
        }
        let canonical = |path: &Path| fsio::canonical(path).map_err(failed);
        let (path, root) = (canonical(&path)?, canonical(&self.path)?);
        if !path.starts_with(root) {
            return Err(OpenError::Escapes);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "opened with the flags of its caller, who looks at the kind"
        )]
        retry_on_intr(|| rustix::fs::open(&*path, flags | OFlags::NOFOLLOW, Mode::empty()))
            .map_err(open_error)
    }
}

fn open_error(error: Errno) -> OpenError {
    match error {
        Errno::NOENT | Errno::NOTDIR => OpenError::Missing,
        Errno::XDEV => OpenError::Escapes,
        // What opening a socket says.
        Errno::NXIO => OpenError::NotAFile("a socket or a device without a driver"),
        other => OpenError::Failed(other.into()),
    }
}

/// Fills `buffer` from an offset on, of a file that must still be in `state` afterwards; the error says
/// what happened to it.
pub(crate) fn read_unchanged(
    file: &File,
    state: &FileState,
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), String> {
    let unchanged = |found: io::Result<FileState>| match found {
        Ok(found) if found == *state => Ok(()),
        Ok(_) => Err("changed while it was read".to_owned()),
        Err(error) => Err(format!("cannot be read: {error}")),
    };
    unchanged(FileState::of(file))?;
    file.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "became shorter while it was read".to_owned(),
        _ => format!("cannot be read: {error}"),
    })?;
    unchanged(FileState::of(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn said(root: &RootDir, path: &str) -> String {
        root.file(Path::new(path)).expect_err("refused").to_string()
    }

    #[test]
    fn links_inside_are_followed_and_links_outside_are_refused() {
        let dir = fsio::scratch_dir("root").expect("a directory");
        let root = dir.path().join("root");
        fsio::write_atomic(&root.join("sub/a"), b"x").expect("written");
        fsio::write_atomic(&dir.path().join("outside"), b"y").expect("written");
        symlink("sub/a", root.join("inside")).expect("linked");
        symlink("../outside", root.join("out")).expect("linked");
        symlink(dir.path(), root.join("above")).expect("linked");
        symlink("nowhere", root.join("dangling")).expect("linked");
        let opened = RootDir::open(&root).expect("opened");
        assert!(opened.file(Path::new("sub/a")).is_ok());
        assert!(opened.file(Path::new("inside")).is_ok());
        assert_eq!(said(&opened, "out"), "is a link that leaves the root");
        assert_eq!(said(&opened, "above/outside"), "is a link that leaves the root");
        assert_eq!(said(&opened, "../outside"), "is a link that leaves the root");
        assert_eq!(said(&opened, "dangling"), "is missing");
        assert_eq!(said(&opened, "none"), "is missing");
        assert_eq!(said(&opened, "sub"), "is a directory, not a file");
        rustix::fs::mkfifoat(rustix::fs::CWD, root.join("pipe"), Mode::RUSR).expect("made");
        assert_eq!(said(&opened, "pipe"), "is a pipe, not a file");
    }

    #[test]
    fn a_file_that_changes_is_noticed() {
        let dir = fsio::scratch_dir("root").expect("a directory");
        let path = dir.path().join("a");
        fsio::write_atomic(&path, b"12345678").expect("written");
        let file = fsio::open(&path).expect("opened");
        let state = FileState::of(&file).expect("known");
        let mut buffer = [0; 4];
        assert_eq!(read_unchanged(&file, &state, 4, &mut buffer), Ok(()));
        assert_eq!(&buffer, b"5678");
        fsio::open_writable(&path).expect("opened").set_len(2).expect("cut");
        assert!(read_unchanged(&file, &state, 0, &mut buffer).expect_err("noticed").contains("changed"));
    }
}
