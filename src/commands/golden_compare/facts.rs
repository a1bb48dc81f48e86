//! What a comparison found, file by file, and what became of the new output.

use super::drift::listed::ListedDrift;
use std::collections::BTreeSet;

/// Before a line that belongs to the difference above it.
pub(super) const BELOW: &str = "    ";

/// Everything that the answer follows from.
pub(super) struct Facts {
    pub(super) files: Vec<FileFacts>,
    pub(super) fail_on_drift: bool,
    pub(super) decision: Decision,
    /// Rules that found nothing to count for, as they were given.
    pub(super) unused_rules: Vec<String>,
}

/// One file of the baseline against one of the actual output.
pub(super) struct FileFacts {
    /// Path below the two directories; absent where two files were named.
    pub(super) name: Option<String>,
    /// The actual file as it is shown.
    pub(super) actual: String,
    pub(super) state: FileState,
    /// The rules that found something to count for.
    pub(super) used_rules: BTreeSet<String>,
}

pub(super) enum FileState {
    Compared {
        /// All differences.
        differences: u64,
        /// The first of them.
        listed: Vec<ListedDrift>,
        /// Whether both files hold nothing, so that they could not differ.
        is_empty: bool,
    },
    /// Only the baseline has it.
    Missing,
    /// Only the actual directory has it.
    Extra,
    /// It could not be compared, for this reason.
    Unusable(String),
}

/// What became of a new output that was to be accepted.
pub(super) enum Decision {
    NotAsked,
    /// Nothing drifted.
    Needless,
    Declined,
    /// It is the new baseline, recorded in this file.
    Accepted(String),
}

impl FileFacts {
    pub(super) fn differences(&self) -> u64 {
        match self.state {
            FileState::Compared { differences, .. } => differences,
            FileState::Missing | FileState::Extra => 1,
            FileState::Unusable(_) => 0,
        }
    }

    pub(super) fn is_match(&self) -> bool {
        matches!(self.state, FileState::Compared { differences: 0, .. })
    }

    pub(super) fn fault(&self) -> Option<&str> {
        match &self.state {
            FileState::Unusable(fault) => Some(fault),
            FileState::Compared { .. } | FileState::Missing | FileState::Extra => None,
        }
    }

    pub(super) fn listed(&self) -> &[ListedDrift] {
        match &self.state {
            FileState::Compared { listed, .. } => listed,
            FileState::Missing | FileState::Extra | FileState::Unusable(_) => &[],
        }
    }
}

impl Facts {
    pub(super) fn differences(&self) -> u64 {
        self.files.iter().map(FileFacts::differences).sum()
    }

    /// Why the first file that could not be compared could not.
    pub(super) fn fault(&self) -> Option<&str> {
        self.files.iter().find_map(FileFacts::fault)
    }

    /// The listed differences, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for file in &self.files {
            let name = file.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            match &file.state {
                FileState::Missing => lines.push(format!("{name}missing file")),
                FileState::Extra => lines.push(format!("{name}extra file")),
                FileState::Unusable(_) => {}
                FileState::Compared { differences, listed, .. } => {
                    for drift in listed {
                        lines.push(format!("{name}{}", drift.message));
                        let hunk = drift.diff.iter().flat_map(|diff| diff.lines());
                        lines.extend(hunk.map(|line| format!("{BELOW}{line}")));
                    }
                    let count = listed.len() as u64;
                    if count > 0 && *differences > count {
                        lines.push(format!("{name}and {} more", differences - count));
                    }
                }
            }
        }
        lines
    }
}
