//! What is kept of one iteration.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::header::Header;
use crate::judge::kpi::{LifeBegin, Measurement, Member};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Schema of an iteration.
pub(crate) const ITERATION_SCHEMA: &str = "mmops.iter-summary.v2";

/// `ITER_SUMMARY_<i>.json`, and one line of the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Iteration {
    /// `mmops.iter-summary.v2`
    #[serde(flatten)]
    pub(crate) header: Header,
    /// Number, from 1.
    pub iteration: u32,
    /// Begin of the window, RFC 3339 UTC.
    pub from: String,
    /// End of the window.
    pub to: String,
    /// Where the figures come from.
    pub source: String,
    /// Seconds without observation before the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_before_secs: Option<f64>,
    /// By how many seconds the wall clock was set since the iteration before; windows go by a steady clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_step_secs: Option<f64>,
    /// The figures; empty where members are judged one by one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kpis: BTreeMap<String, Measurement>,
    /// Run-time parameters in force, as the bot itself reports them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, f64>,
    /// Lives of the watched processes that began in the window; those of members stand with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lives: Vec<LifeBegin>,
    /// The members of a fleet, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Member>,
    /// SHA-256 over the canonical form of the parameters in force.
    pub state_hash: String,
}
