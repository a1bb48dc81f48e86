//! `REPORT_SOAK_<YYYYMMDD>.json`: what `soak daily` writes of a day and `readiness` reads of it.
//!
//! A report may also come from another program, so each field is read by itself: what is missing, null or of
//! another type takes nothing away from the others.
#![warn(clippy::wildcard_enum_match_arm)]

mod basis;
mod contradiction;
pub(crate) mod reader;
pub(crate) mod versions;

pub(crate) use basis::{
    Anomaly, Baseline, DailyBasis, DayGates, DayRules, FigureSource, LeftOut, RunSource, SourceFile,
    TestSource, ToldChange, WatchedBuild,
};
pub(crate) use contradiction::{shared_windows, untold_between};

use crate::evidence::header::Header;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeMap;

/// The schema of a report that `soak daily` made.
pub(crate) const SCHEMA: &str = "mmops.daily-report.v1";

/// Names of the fields that readiness scores.
pub(crate) const EDGE: &str = "edge_net_bps";
pub(crate) const ORDER_AGE: &str = "order_age_p95_ms";
pub(crate) const TAKER_SHARE: &str = "taker_share_pct";
pub(crate) const REG_GUARD: &str = "reg_guard";
pub(crate) const DRIFT: &str = "drift";
pub(crate) const CHAOS: &str = "chaos_result";
pub(crate) const BUG_BASH: &str = "bug_bash";

/// A guard that stopped nothing.
pub(crate) const NONE: &str = "NONE";
/// A regression guard without a day to compare with.
pub(crate) const NO_HISTORY: &str = "NO_HISTORY";
/// A drill or a test sweep that passed.
pub(crate) const OK: &str = "OK";
/// One that did not.
pub(crate) const FAIL: &str = "FAIL";

/// The value of a field as a document has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Field<T> {
    Value(T),
    /// The report says that there is none.
    Null,
    #[default]
    Missing,
    /// Something of another type.
    Other(Value),
}

impl<T> Field<T> {
    pub(crate) fn of(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }

    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Null | Self::Missing | Self::Other(_) => None,
        }
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Null | Self::Missing => serializer.serialize_none(),
            Self::Other(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = Value::deserialize(deserializer)?;
        if found.is_null() {
            return Ok(Self::Null);
        }
        Ok(T::deserialize(&found).map_or_else(|_| Self::Other(found.clone()), Self::Value))
    }
}

/// `REPORT_SOAK_<YYYYMMDD>.json`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DailyReport {
    #[serde(flatten)]
    pub(crate) header: Header,
    /// OK, FAIL or INCONCLUSIVE; none in the report of another program.
    #[serde(default)]
    #[schemars(with = "Option<DayVerdict>")]
    pub(crate) verdict: Field<DayVerdict>,
    #[serde(flatten)]
    pub(crate) fields: DailyFields,
    /// Where all of it came from; none in the report of another program.
    #[serde(flatten)]
    pub(crate) basis: Option<DailyBasis>,
}

/// What a report says of its day.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DailyFields {
    /// The date of the name again.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) date: Field<String>,
    /// Net edge, basis points; null where it is not known, as every field below.
    #[serde(default)]
    #[schemars(with = "Option<f64>", range(min = -10_000.0, max = 10_000.0))]
    pub(crate) edge_net_bps: Field<f64>,
    /// 95th percentile of order age, milliseconds.
    #[serde(default)]
    #[schemars(with = "Option<f64>", range(min = 0.0, max = 86_400_000.0))]
    pub(crate) order_age_p95_ms: Field<f64>,
    /// Taker share of volume, percent.
    #[serde(default)]
    #[schemars(with = "Option<f64>", range(min = 0.0, max = 100.0))]
    pub(crate) taker_share_pct: Field<f64>,
    /// `NONE` where the day is no regression against the days before.
    #[serde(default)]
    #[schemars(with = "Guard")]
    pub(crate) reg_guard: Field<Guard>,
    /// `NONE` or nothing where the parameters are those that were accepted.
    #[serde(default)]
    #[schemars(with = "Guard")]
    pub(crate) drift: Field<Guard>,
    /// `OK` where the newest failover drill passed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) chaos_result: Field<String>,
    /// `OK` where the test sweep passed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) bug_bash: Field<String>,
    /// Why a field is null, by its name.
    #[serde(default)]
    pub(crate) unknown: BTreeMap<String, String>,
}

/// What a guard says of a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Guard {
    /// `NONE`, or why it stopped the day.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) reason: Field<String>,
    /// What it was judged on, and what it found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

/// What the report of a day concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum DayVerdict {
    /// Every field is there and as it should be.
    Ok,
    /// Nothing is known to be wrong, and not everything is known.
    Inconclusive,
    /// A field is not as it should be.
    Fail,
}

impl DayVerdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        }
    }
}
