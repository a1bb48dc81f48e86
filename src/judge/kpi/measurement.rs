//! What one window shows of a figure, and how much is known of it.
#![warn(clippy::wildcard_enum_match_arm)]

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much is known of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DataState {
    /// Measured, with enough of the expected points.
    Measured,
    /// Measured on too few of the expected points.
    Partial,
    /// Nothing was there to measure.
    NoData,
    /// The source or the series cannot be used.
    ToolError,
}

/// What one window shows of one figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// The value; null when there is none.
    pub value: Option<f64>,
    /// The value is only known to be at least this: the quantile lies beyond the last bucket bound.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond: bool,
    /// Unit of the value.
    pub unit: String,
    /// Observations behind the value: events of a counter or histogram, points of a gauge.
    pub n: u64,
    /// Points that were there.
    pub points: u32,
    /// Points that should have been there.
    pub expected: u32,
    /// `points / expected`.
    pub coverage: f64,
    /// How much is known.
    pub state: DataState,
    /// Restarts of counters in the window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resets: u32,
    /// Where it comes from.
    pub source: String,
    /// Why it is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Measurement {
    /// A value that was read once, and should have been.
    pub(crate) fn single(value: f64, unit: &str, source: &str) -> Self {
        Self {
            value: Some(value),
            beyond: false,
            unit: unit.to_owned(),
            n: 1,
            points: 1,
            expected: 1,
            coverage: 1.0,
            state: DataState::Measured,
            resets: 0,
            source: source.to_owned(),
            reason: None,
        }
    }

    /// A figure of which nothing is known.
    pub(crate) fn unknown(state: DataState, unit: &str, expected: u32, source: &str, reason: &str) -> Self {
        Self {
            value: None,
            beyond: false,
            unit: unit.to_owned(),
            n: 0,
            points: 0,
            expected,
            coverage: 0.0,
            state,
            resets: 0,
            source: source.to_owned(),
            reason: Some(reason.to_owned()),
        }
    }
}

/// What one window shows of one member of a fleet: figures by name, and the parameters it reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The figures.
    pub kpis: BTreeMap<String, Measurement>,
    /// Run-time parameters in force, as the bot itself reports them.
    pub params: BTreeMap<String, f64>,
}
