//! Whether a file is the same file with the same content.

use jiff::Timestamp;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// Where content lives, and that nobody has written to it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    /// Device.
    pub(crate) dev: u64,
    /// Inode on that device.
    pub(crate) ino: u64,
    /// Size.
    pub(crate) bytes: u64,
    /// Time of the last write, in nanoseconds since 1970.
    pub(crate) modified_ns: i64,
}

impl FileId {
    pub(crate) fn of(found: &Metadata) -> Self {
        let modified_ns = nanoseconds(found.mtime(), found.mtime_nsec());
        Self { dev: found.dev(), ino: found.ino(), bytes: found.size(), modified_ns }
    }

    /// Whether it is one file by two names, whatever was written to it since.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }

    /// Time of the last write.
    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.modified_ns.into()).expect("64 bits of nanoseconds are in range")
    }
}

/// An open file with what changes besides when its permissions or names do, or its time is set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    pub(crate) id: FileId,
    changed_ns: i64,
    /// Type and permission bits.
    mode: u32,
}

impl FileState {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let found = file.metadata()?;
        let changed_ns = nanoseconds(found.ctime(), found.ctime_nsec());
        Ok(Self { id: FileId::of(&found), changed_ns, mode: found.mode() })
    }

    /// Its permission bits, those above the usual nine among them.
    pub(crate) fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Whether its owner may execute it.
    pub(crate) fn is_executable(&self) -> bool {
        self.mode & 0o100 != 0
    }
}

/// Nanoseconds since 1970. Times beyond the years 1677 to 2262 are cut to that range, which keeps their order.
pub(crate) fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}
