//! Which files are open for writing, by any process this one may look into.

use crate::sys::fsio;
use rustix::fs::{AtFlags, FileType, StatxFlags, statx};
use std::collections::BTreeSet;
use std::path::Path;

/// Files that somebody has open for writing.
#[derive(Clone, Debug, Default)]
pub struct Writers {
    files: BTreeSet<(u64, u64)>,
    /// Whether there was a process table to look at; if not, only locks tell who is using a file.
    pub known: bool,
}

impl Writers {
    /// Whether the file with this device and inode is being written to.
    pub fn has(&self, dev: u64, ino: u64) -> bool {
        self.files.contains(&(dev, ino))
    }
}

/// Looks through `/proc/*/fd`. Without privileges that is the operator's own processes only.
pub fn scan(devices: &BTreeSet<u64>) -> Writers {
    let mut writers = Writers::default();
    for process in walkdir::WalkDir::new("/proc").min_depth(1).max_depth(1).into_iter().flatten() {
        let name = process.file_name().to_string_lossy();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        writers.known = true;
        look_into(process.path(), devices, &mut writers.files);
    }
    writers
}

fn look_into(process: &Path, devices: &BTreeSet<u64>, found: &mut BTreeSet<(u64, u64)>) {
    let open = walkdir::WalkDir::new(process.join("fd")).min_depth(1).max_depth(1);
    for entry in open.into_iter().flatten() {
        let Ok(stat) = statx(rustix::fs::CWD, entry.path(), AtFlags::empty(), StatxFlags::BASIC_STATS) else {
            continue;
        };
        let key = (super::device(&stat), stat.stx_ino);
        let regular = super::file_type(&stat) == FileType::RegularFile;
        if regular && devices.contains(&key.0) && is_writing(process, entry.file_name()) {
            found.insert(key);
        }
    }
}

/// Whether a descriptor was opened for writing; one that closed meanwhile was not.
fn is_writing(process: &Path, descriptor: &std::ffi::OsStr) -> bool {
    let path = process.join("fdinfo").join(descriptor);
    let Ok(text) = fsio::read_text(&path) else {
        return false;
    };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    // The two lowest bits are the access mode: 0 is read-only.
    flags.is_some_and(|flags| flags & 0o3 != 0)
}
