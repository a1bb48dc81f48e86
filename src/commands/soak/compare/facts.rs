//! What a comparison is made of: both runs, and what was found of each figure.
#![warn(clippy::wildcard_enum_match_arm)]

use super::margins::Better;
use crate::judge::statistics::{Comparison, KpiJudgement, Margins, Shift, Tests};
use crate::report::maker::ClockKind;
use jiff::Timestamp;

/// One of both runs.
#[derive(Clone, Debug)]
pub(super) struct RunFacts {
    /// Its directory, as it is shown.
    pub(super) run_dir: String,
    /// Of its plan.
    pub(super) sha256: String,
    pub(super) subject: Option<String>,
    pub(super) simulated: bool,
    pub(super) clock: ClockKind,
    pub(super) observed: Option<(Timestamp, Timestamp)>,
    /// Iterations that are there, and that were planned.
    pub(super) iterations: u32,
    pub(super) planned: u32,
    /// Why what it has kept cannot be believed.
    pub(super) problems: Vec<String>,
}

/// A figure of both runs, of one member where members are judged one by one.
#[derive(Clone, Debug)]
pub(super) struct KpiFacts {
    /// Its name, with the member's in front.
    pub(super) name: String,
    /// As the margins name it.
    pub(super) kpi: String,
    pub(super) unit: String,
    pub(super) better: Better,
    pub(super) margins: Margins,
    /// The windows of both, each on its own grid, as they are measured.
    pub(super) series: [Vec<Option<f64>>; 2],
    pub(super) medians: [Option<f64>; 2],
    /// Windows with a value.
    pub(super) counts: [usize; 2],
    /// Windows whose value is only known to be at least that.
    pub(super) open: usize,
    /// What is to be known beside it.
    pub(super) notes: Vec<String>,
    /// What its rates are multiplied by to be in the unit, where it is judged by its events.
    pub(super) rate_factor: f64,
    pub(super) comparison: Comparison,
    pub(super) judgement: KpiJudgement,
}

/// How the windows of both runs lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concurrency {
    /// They have times in common: differences are taken.
    Paired,
    /// They ran at once, at other times.
    Overlapping,
    /// They ran one after the other.
    Apart,
}

#[derive(Clone, Debug)]
pub(super) struct CompareFacts {
    pub(super) baseline: RunFacts,
    pub(super) candidate: RunFacts,
    pub(super) concurrency: Concurrency,
    pub(super) kpis: Vec<KpiFacts>,
    /// Where the margins come from.
    pub(super) margins: String,
    /// Whether simulations are compared as the rehearsals that they are.
    pub(super) allow_simulated: bool,
}

impl CompareFacts {
    pub(super) fn runs(&self) -> [(&'static str, &RunFacts); 2] {
        [("baseline", &self.baseline), ("candidate", &self.candidate)]
    }

    /// The clock that the less believable one of both was made under.
    pub(super) fn clock(&self) -> ClockKind {
        self.baseline.clock.max(self.candidate.clock)
    }

    pub(super) fn is_simulated(&self) -> bool {
        self.baseline.simulated || self.candidate.simulated
    }

    /// Whether figures of a simulation are compared by somebody who wants to know of a service.
    pub(super) fn is_no_evidence(&self) -> bool {
        self.is_simulated() && !self.allow_simulated
    }
}

impl Concurrency {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Paired => "paired",
            Self::Overlapping => "concurrent, at other times",
            Self::Apart => "not concurrent",
        }
    }
}

impl KpiFacts {
    /// Candidate less baseline, as it is measured.
    pub(super) fn shift(&self) -> Option<Shift> {
        let worse_by = match &self.judgement.tests {
            Tests::Series(tests) => tests.shift,
            Tests::Events(_) | Tests::Unknown(_) => None,
        }?;
        Some(match self.better {
            Better::Lower => worse_by,
            Better::Higher => worse_by.mirrored(),
        })
    }

    pub(super) fn method(&self) -> &'static str {
        match &self.judgement.tests {
            Tests::Series(tests) if tests.is_paired => "paired",
            Tests::Series(_) => "unpaired",
            Tests::Events(_) => "events",
            Tests::Unknown(_) => "none",
        }
    }
}
