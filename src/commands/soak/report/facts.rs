//! What a report is made of: the run as it was judged again, its goals, its figures, and what it says of itself.
#![warn(clippy::wildcard_enum_match_arm)]

use super::activity::Activity;
use super::earlier::EarlierSnapshot;
use super::figures::{Figure, FigureStats};
use crate::commands::soak::bands::Bands;
use crate::commands::soak::page::EvidenceFile;
use crate::commands::soak::verdict::{Occasion, SoakFacts, SoakVerdict};
use crate::evidence::header::Header;
use crate::judge::gate::GateProfile;
use crate::judge::kpi::KpiDefinition;
use crate::judge::record::Judgement;
use crate::judge::verdict::RunVerdict;
use crate::tuning::limits::Bounds;
use crate::tuning::overrides::{self, Overrides};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Everything that the files of a report say.
#[derive(Debug)]
pub(in crate::commands::soak) struct ReportFacts {
    /// The run as `soak gate` judges it.
    pub(in crate::commands::soak) run: SoakFacts,
    /// What `soak gate` says of it.
    pub(in crate::commands::soak) judged: SoakVerdict,
    /// The same, where a simulation counts as the rehearsal that it is, as it does for the run itself.
    pub(super) rehearsed: SoakVerdict,
    /// The gates that it is judged by.
    pub(in crate::commands::soak) profile: GateProfile,
    /// How its figures were measured.
    pub(super) kpis: BTreeMap<String, KpiDefinition>,
    /// What its samples were between the values of its windows.
    pub(super) bands: Bands,
    /// When it was planned to begin; none of a run of the earlier toolkit, whose windows have no times.
    pub(super) started_at_ms: Option<i64>,
    pub(in crate::commands::soak) goals: Goals,
    /// Iterations at the end that the figures are about, by number.
    pub(in crate::commands::soak) last: Vec<u32>,
    /// So many were asked for.
    pub(super) last_n: u32,
    pub(in crate::commands::soak) figures: Vec<Figure>,
    pub(in crate::commands::soak) activity: Activity,
    pub(super) kept_verdict: KeptVerdict,
    /// Whether the journal ended with a torn line, as a killed run leaves it.
    pub(super) is_torn: bool,
    /// Snapshots of the earlier toolkit that lie beside its summaries, or alone.
    pub(super) earlier: Vec<EarlierSnapshot>,
    /// Where the run-time parameters may lie.
    pub(super) bounds: Bounds,
    /// The overrides of the run: what the bot reported all the time that the figures are about, or what the earlier
    /// toolkit left.
    pub(super) overrides: Option<Map<String, Value>>,
    /// Of the documents, but for the schema: as old as the run that they rest on.
    pub(super) header: Header,
    /// When the report itself was made.
    pub(super) made_at: Option<Timestamp>,
    pub(super) sources: Vec<SourceFile>,
    /// The files that the run can be computed again from.
    pub(super) files: Vec<EvidenceFile>,
}

/// What a release needs of the last iterations, whatever profile the run is judged by.
#[derive(Debug)]
pub(in crate::commands::soak) struct Goals {
    pub(in crate::commands::soak) profile: GateProfile,
    pub(in crate::commands::soak) judgement: Judgement,
}

impl Goals {
    /// Whether all are known to be met.
    pub(super) fn are_met(&self) -> bool {
        !self.judgement.gates.is_empty() && self.judgement.gates.values().all(|goal| goal.pass)
    }
}

/// What the run itself left as its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeptVerdict {
    /// It left none: it was stopped, or is of the earlier toolkit.
    None,
    Said(RunVerdict),
    /// Why it cannot be read.
    Unreadable(String),
}

/// A file that the report is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct SourceFile {
    /// Its path as the root has it; of several files the pattern of their names.
    pub(super) path: String,
    /// SHA-256 of its bytes; of several files, of all of them in numeric order.
    pub(super) sha256: String,
    /// What it says that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<String>,
}

impl ReportFacts {
    /// The overrides as far as a bot may be given them. What the earlier toolkit left must be flat, and inside its limits.
    pub(super) fn settings(&self) -> Option<&Map<String, Value>> {
        let found = self.overrides.as_ref()?;
        let all: Overrides = found.clone().into_iter().collect();
        let is_whole =
            overrides::broken(&all, &self.bounds).is_empty() && overrides::foreign(&all).is_empty();
        let is_ours = matches!(self.run.occasion, Occasion::Kept { .. } | Occasion::Finished { .. });
        (is_ours || is_whole).then_some(found)
    }

    /// The number of the last iteration.
    pub(super) fn iterations_total(&self) -> u32 {
        let of_snapshot = self.earlier.iter().filter_map(|earlier| earlier.iterations_total).max();
        if self.has_windows() { self.run.ledger.iterations } else { of_snapshot.unwrap_or_default() }
    }

    /// Whether any iteration is there.
    pub(super) fn has_windows(&self) -> bool {
        self.run.ledger.iterations > 0
    }

    /// The last iterations as far as they are there.
    pub(super) fn analyzed(&self) -> Vec<u32> {
        let missing = &self.run.ledger.missing;
        self.last.iter().copied().filter(|number| !missing.contains(number)).collect()
    }

    /// Why the run's own verdict is not what it comes to now.
    pub(super) fn kept_problem(&self) -> Option<String> {
        let SoakVerdict::Judged(judged) = self.rehearsed else { return None };
        match &self.kept_verdict {
            KeptVerdict::None => None,
            KeptVerdict::Said(kept) if *kept == judged => None,
            KeptVerdict::Said(kept) => {
                Some(format!("the run itself said {}, judged again it is {}", kept.as_str(), judged.as_str()))
            }
            KeptVerdict::Unreadable(why) => Some(format!("the run's own verdict cannot be read: {why}")),
        }
    }

    /// Where a snapshot of the earlier toolkit says another thing than its run gives.
    pub(super) fn differences(&self, earlier: &EarlierSnapshot) -> Vec<String> {
        let SoakVerdict::Judged(verdict) = self.judged else { return Vec::new() };
        if !self.has_windows() {
            return Vec::new();
        }
        let found = |name: &str| {
            let figure = self.figures.iter().find(|figure| figure.name == name)?;
            let FigureStats { mean, median, min, max, .. } = &figure.last;
            Some([*mean, *median, *min, *max])
        };
        earlier.differences(verdict, found)
    }
}
