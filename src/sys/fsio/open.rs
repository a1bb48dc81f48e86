//! The one way in which a file is opened to be read, or to be written on in place.
//!
//! An input is a regular file: a pipe would be waited for, with locks held and no signal heard, and a device
//! may never end. A pipe is read where the command line asks for one by its descriptor, `/dev/fd/N`, which is
//! how a shell passes `<(command)`.
#![expect(clippy::disallowed_methods, reason = "this folder owns the file system")]

use super::path::{shown, unreadable};
use crate::report::exit::Fault;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Never waits for the other end of a pipe, and takes no terminal for its own.
const CAREFULLY: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// How much of a file is taken into memory, by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SizeLimit {
    /// What people write: configuration, plans, policies, keys.
    Configuration,
    /// What programs write of one run: reports, verdicts, manifests.
    Document,
    /// Recorded markets, and plans that name every file of a tree.
    Data,
}

impl SizeLimit {
    fn bytes(self) -> u64 {
        match self {
            SizeLimit::Configuration => 16 << 20,
            SizeLimit::Document => 256 << 20,
            SizeLimit::Data => 4 << 30,
        }
    }
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> Result<File, Fault> {
    if names_descriptor(path) {
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()));
        return opened.map(File::from).map_err(|error| unreadable(path, &error.into()));
    }
    let file = open_carefully(path, OFlags::RDONLY).map_err(|error| unreadable(path, &error))?;
    match special_kind(&file).map_err(|error| unreadable(path, &error))? {
        None => Ok(file),
        Some("a directory") => Err(unreadable(path, &Errno::ISDIR.into())),
        Some(kind) => Err(Fault::config(format!("failed to read {}: it is {kind}, not a file", shown(path)))
            .hint("write it to a file first; a shell passes `<(command)` as well")),
    }
}

/// Opens a directory, to hold it or to lock it.
pub(crate) fn open_directory(path: &Path) -> Result<File, Fault> {
    open_dir(path).map(File::from).map_err(|error| unreadable(path, &error.into()))
}

/// The same with the error of the system.
pub(super) fn open_dir(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
}

/// Reads a whole file that is no larger than `limit`.
pub(crate) fn read_within(path: &Path, limit: SizeLimit) -> Result<Vec<u8>, Fault> {
    let most = limit.bytes();
    let mut bytes = Vec::new();
    let read = open(path)?.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > most {
        let most = most >> 20;
        return Err(Fault::config(format!("failed to read {}: it is larger than {most} MiB", shown(path))));
    }
    Ok(bytes)
}

/// Opens an existing file for writing over its content.
pub(crate) fn open_writable(path: &Path) -> Result<File, Fault> {
    regular(path, OFlags::WRONLY)
}

/// Creates a file for appending, or opens it.
pub(crate) fn append(path: &Path) -> Result<File, Fault> {
    regular(path, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE)
}

/// The same where what is appended may go to a pipe or a terminal as well.
pub(crate) fn append_stream(path: &Path) -> Result<File, Fault> {
    open_stream(path).map_err(|error| Fault::write(shown(path), &error))
}

fn regular(path: &Path, flags: OFlags) -> Result<File, Fault> {
    let file = open_carefully(path, flags).map_err(|error| Fault::write(shown(path), &error))?;
    match special_kind(&file).map_err(|error| Fault::write(shown(path), &error))? {
        None => Ok(file),
        Some(kind) => {
            Err(Fault::config(format!("failed to write {}: it is {kind}, not a file", shown(path))))
        }
    }
}

/// Opens what can be written to from one end to the other. Nobody waits for a reader: a pipe without one is
/// refused.
pub(super) fn open_stream(path: &Path) -> io::Result<File> {
    let file = match open_carefully(path, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE) {
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            return Err(io::Error::other("nobody reads the pipe"));
        }
        opened => opened?,
    };
    // A slow reader is waited for.
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}

fn open_carefully(path: &Path, flags: OFlags) -> io::Result<File> {
    let mode = Mode::from_raw_mode(0o666);
    Ok(File::from(retry_on_intr(|| rustix::fs::open(path, flags | CAREFULLY, mode))?))
}

/// What an opened file is, unless it is a regular one.
fn special_kind(file: &File) -> io::Result<Option<&'static str>> {
    Ok(match FileType::from_raw_mode(rustix::fs::fstat(file)?.st_mode) {
        FileType::RegularFile => None,
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a pipe"),
        FileType::Socket => Some("a socket"),
        _ => Some("a device"),
    })
}

/// Whether a path names a descriptor that whoever started this process has opened for it.
pub(crate) fn names_descriptor(path: &Path) -> bool {
    ["/dev/stdin", "/dev/stdout", "/dev/stderr"].iter().any(|name| path == Path::new(name))
        || ["/dev/fd", "/proc/self/fd"].iter().any(|dir| path.parent() == Some(Path::new(dir)))
}

#[cfg(test)]
mod tests {
    use super::super::dirs::scratch_dir;
    use super::*;
    use std::os::fd::AsRawFd as _;

    fn pipe(dir: &Path) -> std::path::PathBuf {
        let path = dir.join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .expect("made");
        path
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let dir = scratch_dir("open").expect("a directory");
        let pipe = pipe(dir.path());
        for (path, kind) in [(&*pipe, "a pipe"), (Path::new("/dev/zero"), "a device")] {
            for refused in [open(path), open_writable(path), append(path)] {
                let message = refused.expect_err("refused").to_string();
                assert!(message.contains(kind) || message.contains("No such device"), "{message}");
            }
        }
        assert!(open(dir.path()).expect_err("refused").to_string().contains("Is a directory"));
        let message = append_stream(&pipe).expect_err("refused").to_string();
        assert!(message.ends_with("nobody reads the pipe"), "{message}");
    }

    #[test]
    fn a_pipe_is_read_where_its_descriptor_is_named() {
        let (reader, mut writer) = io::pipe().expect("a pipe");
        io::Write::write_all(&mut writer, b"steps: []").expect("written");
        drop(writer);
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let read = read_within(Path::new(&path), SizeLimit::Configuration).expect("read");
        assert_eq!(read, b"steps: []");
    }

    #[test]
    fn a_file_beyond_its_limit_is_refused() {
        let dir = scratch_dir("open").expect("a directory");
        let path = dir.path().join("large.yaml");
        let file = append(&path).expect("created");
        file.set_len((16 << 20) + 1).expect("sparse");
        let message = read_within(&path, SizeLimit::Configuration).expect_err("refused").to_string();
        assert!(message.ends_with("it is larger than 16 MiB"), "{message}");
        file.set_len(16 << 20).expect("cut");
        assert!(read_within(&path, SizeLimit::Configuration).is_ok());
    }
}
