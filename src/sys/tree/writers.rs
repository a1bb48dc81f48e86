//! Which files are open for writing, by any process this one may look into.

use crate::sys::fsio;
use rustix::fs::{AtFlags, FileType, StatxFlags, statx};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Files that somebody has open for writing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writers {
    files: BTreeSet<(u64, u64)>,
    /// Whether there was a process table to look at; if not, only locks tell who is using a file.
    pub(crate) known: bool,
    /// Processes whose open files this one may not see.
    pub(crate) closed: u64,
    /// Whether there are processes outside of this one's namespace, of which the table says nothing.
    pub(crate) is_partial: bool,
}

impl Writers {
    /// Whether the file with this device and inode is being written to.
    pub(crate) fn has(&self, dev: u64, ino: u64) -> bool {
        self.files.contains(&(dev, ino))
    }
}

/// The namespace of processes that a machine starts with; all others are below it and see a part of them.
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

/// Looks through `/proc/*/fd`. Without privileges that is the operator's own processes only, and in a container its
/// own processes only: who writes in another container that shares the directory is not seen.
pub(crate) fn scan(devices: &BTreeSet<u64>) -> Writers {
    let namespace = rustix::fs::readlink("/proc/self/ns/pid", Vec::new());
    let is_first = namespace.is_ok_and(|namespace| namespace.to_bytes() == FIRST_NAMESPACE.as_bytes());
    Writers { is_partial: !is_first, ..scan_table(Path::new("/proc"), devices) }
}

/// Looks through a process table.
pub(super) fn scan_table(table: &Path, devices: &BTreeSet<u64>) -> Writers {
    let mut writers = Writers::default();
    for process in walkdir::WalkDir::new(table).min_depth(1).max_depth(1).into_iter().flatten() {
        let name = process.file_name().to_string_lossy();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        writers.known = true;
        look_into(process.path(), devices, &mut writers);
    }
    writers
}

fn look_into(process: &Path, devices: &BTreeSet<u64>, writers: &mut Writers) {
    let mut closed = false;
    for entry in walkdir::WalkDir::new(process.join("fd")).min_depth(1).max_depth(1) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                closed |= !error.io_error().is_some_and(has_ended);
                continue;
            }
        };
        let Ok(stat) = statx(rustix::fs::CWD, entry.path(), AtFlags::empty(), StatxFlags::BASIC_STATS) else {
            continue;
        };
        let key = (super::device(&stat), stat.stx_ino);
        let regular = super::file_type(&stat) == FileType::RegularFile;
        if regular && devices.contains(&key.0) && may_write(process, entry.file_name()) {
            writers.files.insert(key);
        }
    }
    writers.closed += u64::from(closed);
}

/// Whether an error says that the process, or its descriptor, is no longer there.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error())
}

/// Whether a descriptor was opened for writing, or nobody can tell; one that closed meanwhile was not.
fn may_write(process: &Path, descriptor: &std::ffi::OsStr) -> bool {
    let path = process.join("fdinfo").join(descriptor);
    let Ok(text) = fsio::read_text(&path) else {
        return !matches!(fsio::exists(&path), Ok(false));
    };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    // The two lowest bits are the access mode: 0 is read-only.
    flags.is_none_or(|flags| flags & 0o3 != 0)
}
