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
    /// Of a ratio of counts: events above the line, of the `n` below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hits: Option<u64>,
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
    /// Where a process was started anew in the window: what each of its lives showed, the first one being the life
    /// that it began with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
    /// Where it comes from.
    pub source: String,
    /// Why it is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a window showed of a figure in one life of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    /// The value over these points; null where there is none.
    pub value: Option<f64>,
    /// The value of the last point less that of the first.
    pub rise: Option<f64>,
    /// Points that were there.
    pub points: u32,
}

/// Why a life of a process is thought to have begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LifeCause {
    /// It was seen for the first time.
    FirstSeen,
    /// Its start time changed.
    StartTime,
    /// Its counters fell.
    CountersFell,
    /// Another process took its place.
    Replaced,
    /// It says that it is another build, or says for the first time which one it is.
    Build,
}

/// The begin of a life of a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LifeBegin {
    /// The process, by the labels that tell it from others; empty where there is one.
    pub process: String,
    /// The scrape that showed it, RFC 3339 UTC.
    pub seen_at: String,
    /// Its start as it says itself, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at_secs: Option<f64>,
    /// Version and configuration hash as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    /// Why it is thought to have begun.
    pub cause: LifeCause,
}

/// What a process says of itself in `mm_build_info`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Its version.
    pub version: String,
    /// The hash of its configuration.
    pub config_hash: String,
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
            hits: None,
            points: 1,
            expected: 1,
            coverage: 1.0,
            state: DataState::Measured,
            resets: 0,
            pieces: Vec::new(),
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
            hits: None,
            points: 0,
            expected,
            coverage: 0.0,
            state,
            resets: 0,
            pieces: Vec::new(),
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
    /// Lives of its processes that began in the window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lives: Vec<LifeBegin>,
}
