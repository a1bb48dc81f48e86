//! What a run must be beside its gates: long enough, whole, of one build.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::verdict::RunVerdict;
use serde::{Deserialize, Serialize};

/// What a run must be beside its gates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Condition {
    /// What it is about: observed, gaps, members or build.
    pub(crate) name: String,
    /// What the run can be at best.
    pub(crate) verdict: RunVerdict,
    /// What was found.
    pub(crate) note: String,
    /// Why it is not PASS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl Condition {
    /// PASS, or not known.
    pub(super) fn known_if(holds: bool, name: &str, note: String, reason: &str) -> Self {
        let verdict = if holds { RunVerdict::Pass } else { RunVerdict::Inconclusive };
        let reason = (!holds).then(|| reason.to_owned());
        Self { name: name.to_owned(), verdict, note, reason }
    }

    pub(super) fn fails(name: &str, note: String, reason: String) -> Self {
        Self { name: name.to_owned(), verdict: RunVerdict::Fail, note, reason: Some(reason) }
    }

    pub(super) fn holds(name: &str, note: String) -> Self {
        Self { name: name.to_owned(), verdict: RunVerdict::Pass, note, reason: None }
    }
}
