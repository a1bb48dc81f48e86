//! What `tune apply` writes down.

use crate::commands::tune::choose::document::{BestCandidate, FeedRecord};
use crate::evidence::header::{self, Header};
use crate::tuning::overrides::Change;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What came of an apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Decision {
    /// The overrides file was replaced.
    Applied,
    /// It would have been replaced.
    DryRun,
    /// Nothing was touched, for the reasons given.
    Refused,
    /// The overrides file holds these values already.
    Unchanged,
}

/// `artifacts/TUNING_APPLY.json`, `mmops.tuning-apply.v1`. Until 0.1.0 it had the name `TUNING_REPORT.json`, which is that
/// of the journal of a soak that tunes.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TuningApply {
    /// When.
    pub(crate) at: String,
    /// The chosen candidate under the limits in force; null when none is safe.
    pub(crate) candidate: Option<BestCandidate>,
    /// Old and new value by key.
    pub(crate) changes: Vec<Change>,
    /// Feeds the sweep was made on.
    pub(crate) feeds: Vec<FeedRecord>,
    /// Simulated where the sweep was made on a generated market.
    #[serde(flatten)]
    pub(crate) header: Header,
    /// Why the sweep was refused.
    pub(crate) refusals: Vec<String>,
    /// The sweep's report.
    pub(crate) sweep: String,
    /// When the sweep was finished.
    #[serde(deserialize_with = "header::time_field")]
    #[schemars(with = "String")]
    pub(crate) sweep_finished_at: Timestamp,
    /// SHA-256 of the sweep's report.
    pub(crate) sweep_sha256: String,
    /// The overrides file.
    pub(crate) target: String,
    /// SHA-256 of the overrides file as it is now, or would be; null when refused.
    pub(crate) target_sha256_after: Option<String>,
    /// SHA-256 of the overrides file as it was; null when there was none.
    pub(crate) target_sha256_before: Option<String>,
    /// What came of it.
    pub(crate) verdict: Decision,
}

/// The fields of `tune apply --format json` beside those of every command.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct ApplyBody<'a> {
    /// The chosen candidate.
    pub(super) candidate: &'a Option<BestCandidate>,
    /// Old and new value by key.
    pub(super) changes: &'a [Change],
    /// What came of it.
    pub(super) apply_verdict: Decision,
}
