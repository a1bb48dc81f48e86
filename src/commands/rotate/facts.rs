//! What a rotation found, decided and did: everything that its verdict and its report are made from.

use super::retention::decide::Unmet;
use super::retention::member::{Exempt, Guard, Marks};
use crate::format::size::total;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// So many names are printed; the plan file has all of them.
pub(super) const NAMES: usize = 20;

/// Whether anything is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Nothing.
    DryRun,
    /// What has to go.
    Real,
}

/// Files and their bytes, each inode once.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(super) struct Amount {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// The first of some names, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) first: Vec<String>,
    pub(super) count: usize,
}

impl Names {
    /// Of names in the order in which they are shown.
    pub(super) fn of(count: usize, names: impl Iterator<Item = String>) -> Self {
        Self { first: names.take(NAMES).collect(), count }
    }
}

/// Everything about one rotation, up to where it came.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) mode: Mode,
    pub(super) roots: Vec<RootBody>,
    pub(super) skipped: Vec<Skipped>,
    /// What could not be read, with the reason.
    pub(super) unreadable: BTreeMap<String, String>,
    /// Files whose time of last write is in the future.
    pub(super) future: Names,
    /// Whether the processes that write could be known, where that was asked.
    pub(super) process_table: Option<ProcessTable>,
    pub(super) decision: Decision,
    pub(super) going: Amount,
    /// What goes, the oldest first where limits decided.
    pub(super) going_names: Names,
    pub(super) plan: PlanFacts,
    pub(super) course: Course,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct RootBody {
    pub(super) path: String,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) directories: u64,
}

/// Directories that were not entered for one reason.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) row: &'static str,
    /// Whether a person need not look at them.
    pub(super) is_usual: bool,
    pub(super) dirs: Names,
}

/// How much of the process table could be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessTable {
    pub(super) is_readable: bool,
    /// Processes whose open files could not be seen.
    pub(super) hidden: u64,
}

/// What the limits and the guards say; nothing where a plan says what goes.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// How many members each limit in force marks.
    pub(super) marked: Vec<(&'static str, u64)>,
    /// The rules of a policy, by name, in its order.
    pub(super) rules: Vec<(String, RuleBody)>,
    /// What each guard keeps from being removed, the oldest first.
    pub(super) saved: Vec<(Guard, Names)>,
    /// How many files take no part.
    pub(super) exempt: BTreeMap<Exempt, u64>,
    pub(super) unmet: Vec<UnmetLimit>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub(super) struct RuleBody {
    pub(super) members: u64,
    pub(super) going: u64,
}

/// A limit that is still exceeded, with the name of what exceeds it.
#[derive(Debug)]
pub(super) struct UnmetLimit {
    pub(super) of: String,
    pub(super) unmet: Unmet,
}

/// The plan file of a rotation.
#[derive(Debug)]
pub(super) enum PlanFacts {
    /// There is none.
    None,
    Written(PlanBody),
    /// It is carried out: nothing has changed since it was made.
    Unchanged,
    /// It is not carried out; how the tree differs.
    Changed(Names),
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct PlanBody {
    pub(super) path: String,
    pub(super) seal: String,
}

/// How far a rotation went.
#[derive(Debug)]
pub(super) enum Course {
    /// Nothing was to be removed yet.
    DryRun {
        /// Directories that would go.
        dirs: u64,
        /// Where files would be archived.
        archive_dir: Option<String>,
    },
    /// The plan did not fit.
    Refused,
    Done(Done),
}

/// What was removed, and what was not and why.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) removed: Amount,
    pub(super) dirs: u64,
    /// Kept, because it changed or is in use.
    pub(super) kept: BTreeMap<String, String>,
    /// Should have gone, but the system refused.
    pub(super) failed: BTreeMap<String, String>,
    /// It was read back and verified.
    pub(super) archive: Option<ArchiveBody>,
    pub(super) short_disks: Vec<ShortDisk>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct ArchiveBody {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) bytes: u64,
    pub(super) members: u64,
}

/// A disk with less free space than asked for, or of which that is not known.
#[derive(Debug)]
pub(super) struct ShortDisk {
    pub(super) of: String,
    pub(super) free: Result<u64, String>,
    pub(super) wanted: u64,
}

impl Facts {
    /// Everything below the roots.
    pub(super) fn found(&self) -> Amount {
        Amount {
            files: self.roots.iter().map(|root| root.files).sum(),
            bytes: total(self.roots.iter().map(|root| root.bytes)),
        }
    }

    /// The limits that are told as unmet: free space is measured instead once files were removed.
    pub(super) fn unmet_limits(&self) -> impl Iterator<Item = &UnmetLimit> {
        let is_measured = self.mode == Mode::Real;
        let unmet = self.decision.unmet.iter();
        unmet.filter(move |limit| !(is_measured && limit.unmet.mark == Marks::MIN_FREE))
    }

    /// Whether a disk has, or would have, less free space than asked for. After the removals it is measured.
    pub(super) fn is_short_of_space(&self) -> bool {
        match &self.course {
            Course::Done(done) => !done.short_disks.is_empty(),
            Course::DryRun { .. } | Course::Refused => {
                self.decision.unmet.iter().any(|unmet| unmet.unmet.mark == Marks::MIN_FREE)
            }
        }
    }
}
