//! Where a stream stands among archives, and why it is not scanned to its end.

use crate::commands::scan_secrets::detect::finding::Source;
use crate::commands::scan_secrets::facts::Stats;
use crate::report::exit::Fault;
use std::io;

/// How deep archives are opened: an archive in an archive, each of which may be packed apart, as a `.tgz` is.
const DEEPEST: usize = 4;

/// Most members of one archive, nested ones included.
const MOST_MEMBERS: u64 = 100_000;

/// What is left of the bounds of one archive.
pub(super) struct Budget {
    pub(super) bytes: u64,
    members: u64,
}

impl Budget {
    pub(super) fn of(bytes: u64) -> Self {
        Self { bytes, members: MOST_MEMBERS }
    }

    /// Counts a member, unless there were too many before it.
    pub(super) fn take_member(&mut self) -> Result<(), StopReason> {
        let why = || format!("more than {MOST_MEMBERS} members; the rest was not scanned");
        let left = self.members.checked_sub(1);
        self.members = left.ok_or_else(|| StopReason::Unscanned(why()))?;
        Ok(())
    }
}

/// Where a stream stands among archives.
pub(super) struct Nesting<'l> {
    pub(super) source: Source<'l>,
    /// How many archives are around it.
    pub(super) depth: usize,
    pub(super) budget: &'l mut Budget,
}

impl Nesting<'_> {
    /// Counts an archive, unless it is too deep in others.
    pub(super) fn open(&self, stats: &mut Stats) -> Result<(), StopReason> {
        if self.depth >= DEEPEST {
            return Err(StopReason::Unscanned(format!("an archive more than {DEEPEST} deep is not opened")));
        }
        stats.archives += 1;
        Ok(())
    }
}

/// Why a stream was not scanned to its end.
pub(super) enum StopReason {
    /// It says so in the report, and the scan goes on.
    Unscanned(String),
    /// It ends the scan.
    Fault(Fault),
}

impl From<Fault> for StopReason {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for StopReason {
    fn from(error: io::Error) -> Self {
        Self::Unscanned(format!("failed to read: {error}"))
    }
}
