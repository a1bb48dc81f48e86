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
    pub(super) suspicion: Option<Suspicion>,
    /// Of the files that were asked about.
    pub(super) explanations: Vec<Explanation>,
    /// What a killed rotation left half done, and what became of it.
    pub(super) unfinished: Vec<Unfinished>,
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

/// What was left alone for one reason.
#[derive(Debug)]
pub(super) struct Skipped {
    pub(super) row: &'static str,
    pub(super) reason: &'static str,
    /// Whether a person need not look at them.
    pub(super) is_usual: bool,
    pub(super) count: u64,
    /// The directories, or those that hold what was left alone.
    pub(super) dirs: Names,
}

/// Why a file stays or goes, and until when.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Explanation {
    /// As it was asked for.
    pub(super) path: String,
    /// `keep` or `remove`.
    pub(super) action: &'static str,
    /// The rule that it falls under, if it falls under one.
    pub(super) rule: Option<String>,
    /// The members that it competes with.
    pub(super) group: Option<String>,
    /// The limits that mark it, or what keeps it.
    pub(super) because: Vec<String>,
    /// When it is from, by what dates files.
    pub(super) dated: Option<String>,
    /// Until when it stays, if nothing else changes.
    pub(super) until: String,
}

/// A directory that a killed rotation was about to remove.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) reason: String,
    /// Whether a part of it is gone, and the rest is not.
    pub(super) is_torn: bool,
}

/// Why what the clock says is not believed.
#[derive(Debug)]
pub(super) struct Suspicion {
    pub(super) reason: String,
    /// Whether it was asked for all the same.
    pub(super) is_allowed: bool,
}

/// How much of the process table could be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessTable {
    pub(super) is_readable: bool,
    /// Processes whose open files could not be seen.
    pub(super) hidden: u64,
    /// Whether processes outside of this one's namespace could not be seen at all.
    pub(super) is_partial: bool,
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
    /// Whether limits out of reach take what they can.
    pub(super) best_effort: bool,
    /// Patterns of what is to be kept that match nothing.
    pub(super) unmatched: Vec<String>,
    pub(super) basis: Basis,
}

/// By what the limits measured.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct Basis {
    /// What dates a file: `mtime`, `ctime` or `name`.
    pub(super) by: &'static str,
    /// What counts towards a limit of the size: `allocated` or `apparent`.
    pub(super) sizes: &'static str,
    /// The time zone by whose clock tiers cut days.
    pub(super) timezone: String,
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

    /// Whether a clock that may have jumped keeps everything where it is.
    pub(super) fn is_refused(&self) -> bool {
        self.suspicion.as_ref().is_some_and(|suspicion| !suspicion.is_allowed)
    }

    /// Whether a size is out of reach, and nothing was taken for it.
    pub(super) fn is_out_of_reach(&self) -> bool {
        let is_size =
            |limit: &UnmetLimit| limit.unmet.mark == Marks::SIZE || limit.unmet.mark == Marks::TOTAL;
        !self.decision.best_effort && self.decision.unmet.iter().any(is_size)
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
