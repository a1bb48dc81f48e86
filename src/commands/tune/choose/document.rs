//! The sweep's report, `mmops.param-sweep.v1`: everything the choice was made from, so that it can be
//! made again by whoever reads it.

use super::bootstrap::BootstrapSettings;
use super::figures::Figures;
use super::grid::{CandidateGrid, WalkForwardSplit};
use super::safety::SafetyLimits;
use crate::evidence::header::{self, Header};
use crate::format::hash;
use crate::format::json;
use crate::report::Outcome;
use crate::tuning::key::ParameterPoint;
use crate::tuning::limits::{Bounds, Violation};
use crate::tuning::trading::{Fees, Latency};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) const SCHEMA: &str = "mmops.param-sweep.v1";

/// A feed the candidates traded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedRecord {
    /// Exchange time of the first event.
    pub(crate) first_utc: String,
    /// Exchange time of the last event.
    pub(crate) last_utc: String,
    /// File name, or the generator's description.
    pub(crate) name: String,
    /// Gaps, crossed books and other defects, as the reader counted them.
    pub(crate) quality: serde_json::Value,
    /// SHA-256 of the feed.
    pub(crate) sha256: String,
    /// Whether the market was generated.
    pub(crate) simulated: bool,
    /// Symbol as the exchange names it.
    pub(crate) symbol: String,
}

/// The limits that were in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsRecord {
    /// Ranges of the parameters.
    pub(crate) bounds: Bounds,
    /// Most defects of each kind in a feed.
    pub(crate) feed: serde_json::Value,
    /// Limits on a candidate's figures.
    pub(crate) safety: SafetyLimits,
}

/// Everything that decides the figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepInputs {
    /// How intervals are drawn.
    pub(crate) bootstrap: BootstrapSettings,
    /// Simulator and tool with their versions.
    pub(crate) engine: String,
    /// The feeds, in the order they were traded.
    pub(crate) feeds: Vec<FeedRecord>,
    /// Fees.
    pub(crate) fees: Fees,
    /// What is tried.
    pub(crate) grid: CandidateGrid,
    /// Delays.
    pub(crate) latency: Latency,
    /// What is allowed.
    pub(crate) limits: LimitsRecord,
    /// How each feed is split.
    pub(crate) walk_forward: WalkForwardSplit,
}

impl SweepInputs {
    /// Whether any feed was generated. No feed at all is no recording either.
    pub(crate) fn simulated(&self) -> bool {
        self.feeds.is_empty() || self.feeds.iter().any(|feed| feed.simulated)
    }

    /// Of the inputs as they stand in a document.
    pub(crate) fn sha256(&self) -> String {
        hash::sha256(json::document(self))
    }
}

/// The measured figures of one candidate: what a worker computes, a journal keeps and a shard carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CandidateFigures {
    /// Number in the grid.
    pub(crate) index: usize,
    /// On the rest of each feed.
    pub(crate) test: Figures,
    /// On the first part of each feed.
    pub(crate) train: Figures,
    /// On both parts together.
    pub(crate) whole: Figures,
}

/// One candidate with its judgement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Candidate {
    /// Number in the grid.
    pub(crate) index: usize,
    /// Its run-time parameters.
    pub(crate) params: ParameterPoint,
    /// Whether it keeps every limit.
    pub(crate) safe: bool,
    /// On the rest of each feed.
    pub(crate) test: Figures,
    /// On the first part of each feed.
    pub(crate) train: Figures,
    /// The limits it breaks.
    pub(crate) violations: Vec<Violation>,
    /// On both parts together.
    pub(crate) whole: Figures,
}

/// The chosen candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BestCandidate {
    /// Number in the grid.
    pub(crate) index: usize,
    /// `net_bps` on all of the recording.
    pub(crate) net_bps: Option<f64>,
    /// Lower end of its interval, by which it was chosen.
    pub(crate) net_bps_lower: f64,
    /// 95th percentile of how old orders were when they were filled, milliseconds.
    pub(crate) order_age_p95_ms: f64,
    /// Its run-time parameters.
    pub(crate) params: ParameterPoint,
}

/// What became of the choice when it was made on the first part only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalkForward {
    /// Candidate chosen on the first part; null when none was safe there.
    pub(crate) chosen: Option<usize>,
    /// Why the choice does not hold on the rest; absent when it does.
    pub(crate) flag: Option<String>,
    /// Its figures on the rest.
    pub(crate) test: Option<Figures>,
    /// Its `net_bps` on the first part.
    pub(crate) train_net_bps: Option<f64>,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepDocument {
    /// The chosen candidate; null when none is safe.
    pub(crate) best_safe: Option<BestCandidate>,
    /// All candidates: the safe ones best first, then the others in grid order.
    pub(crate) candidates: Vec<Candidate>,
    /// When the last candidate was measured; of a merged sweep when its oldest slice was, of a resumed one
    /// when it first began.
    #[serde(deserialize_with = "header::time_field")]
    #[schemars(with = "String")]
    pub(crate) finished_at: Timestamp,
    /// Simulated where any feed was generated; such a sweep is no evidence for a real market.
    #[serde(flatten)]
    pub(crate) header: Header,
    /// Everything that decides the figures.
    pub(crate) inputs: SweepInputs,
    /// SHA-256 of the inputs as canonical JSON.
    pub(crate) inputs_sha256: String,
    /// The walk-forward check.
    pub(crate) walk_forward: WalkForward,
}

impl SweepDocument {
    pub(crate) fn safe_count(&self) -> usize {
        self.candidates.iter().filter(|candidate| candidate.safe).count()
    }
}

impl WalkForward {
    /// A choice that does not hold on the rest is worth a look, and a no where a limit is set on it.
    pub(crate) fn outcome(&self, safety: &SafetyLimits) -> Outcome {
        match (&self.flag, safety.min_walk_forward_net_bps) {
            (None, _) => Outcome::Pass,
            (Some(_), None) => Outcome::Warn,
            (Some(_), Some(_)) => Outcome::Fail,
        }
    }
}
