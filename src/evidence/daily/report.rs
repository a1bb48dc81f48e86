//! `REPORT_SOAK_<YYYYMMDD>.json`: what `soak daily` writes of a day and `readiness` reads of it.
//!
//! A report may also come from another program, so each field is read by itself: what is missing, null or of
//! another type takes nothing away from the others.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::entry::Entry;
use crate::evidence::header::Header;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

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

impl DailyReport {
    /// Where its fields say more than what it says that they came from.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        let basis = self.basis.as_ref()?;
        let figures =
            [&self.fields.edge_net_bps, &self.fields.order_age_p95_ms, &self.fields.taker_share_pct];
        let has_figures = figures.into_iter().any(|figure| matches!(figure, Field::Value(_)));
        if has_figures && basis.runs.is_empty() {
            return Some("it has figures, and no run that they are of");
        }
        // Not a number is not enough either.
        if has_figures
            && basis.observed_hours.partial_cmp(&basis.min_observed_hours).is_none_or(Ordering::is_lt)
        {
            return Some("it has figures of a day of which less was seen than it says is needed");
        }
        let tests = basis.tests.as_ref();
        let rests_on_simulation = basis.runs.iter().any(|run| run.simulated)
            || basis.drill.as_ref().is_some_and(|drill| drill.simulated)
            || tests.is_some_and(|tests| tests.simulated);
        if rests_on_simulation && !self.header.simulated {
            return Some("it rests on a simulation, and does not say so");
        }
        let wrong =
            |tests: &TestSource| tests.failures.unwrap_or_default() + tests.errors.unwrap_or_default();
        let is_ok = matches!(&self.fields.bug_bash, Field::Value(text) if text == OK);
        (is_ok && tests.is_some_and(|tests| wrong(tests) > 0))
            .then_some("its tests failed, and bug_bash is OK")
    }
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
    #[schemars(with = "Option<f64>")]
    pub(crate) edge_net_bps: Field<f64>,
    /// 95th percentile of order age, milliseconds.
    #[serde(default)]
    #[schemars(with = "Option<f64>", range(min = 0.0))]
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

/// Where the fields of a report came from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DailyBasis {
    /// Hours of the day that were really seen.
    pub(crate) observed_hours: f64,
    /// Hours that must be.
    pub(crate) min_observed_hours: f64,
    /// The runs whose windows lie in the day.
    pub(crate) runs: Vec<RunSource>,
    /// Runs of the day that do not count, and why.
    pub(crate) left_out: Vec<LeftOut>,
    /// Builds that were watched, as they say themselves.
    pub(crate) builds: Vec<WatchedBuild>,
    /// Parameters at the end of the day, as the bot reports them; of several members those of the first.
    pub(crate) parameters: BTreeMap<String, f64>,
    /// How each figure was come by, by the name of its field.
    pub(crate) figures: BTreeMap<String, FigureSource>,
    /// What each figure was compared with, by the name of its field.
    pub(crate) baselines: BTreeMap<String, Baseline>,
    /// The reports of the days before that were compared with, newest first.
    pub(crate) history: Vec<SourceFile>,
    /// The accepted parameters.
    pub(crate) accepted: Option<SourceFile>,
    /// The newest failover drill.
    pub(crate) drill: Option<Entry>,
    /// What the test sweep showed.
    pub(crate) tests: Option<TestSource>,
    /// Windows that lie far from the others of the day, the farthest first, at most three a figure.
    pub(crate) anomalies: Vec<Anomaly>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SourceFile {
    /// Relative to the root where possible.
    pub(crate) path: String,
    /// Of its bytes; null where it could not be read.
    pub(crate) sha256: Option<String>,
}

/// A run whose windows lie in the day.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RunSource {
    /// The directory of the run.
    pub(crate) run_dir: String,
    /// Where its figures come from.
    pub(crate) source: String,
    /// SHA-256 of `RUN.json`, which the journal names as well.
    pub(crate) plan_sha256: String,
    /// SHA-256 of `JOURNAL.jsonl`, whose records name the samples.
    pub(crate) journal_sha256: String,
    /// First and last iteration whose window lies in the day.
    pub(crate) iterations: (u32, u32),
    /// Number of these windows.
    pub(crate) windows: u32,
    /// Windows over midnight, which belong to no day.
    pub(crate) over_midnight: u32,
    /// What the gates of the run say of these windows alone.
    pub(crate) gates: String,
    /// Hard gates that these windows break.
    pub(crate) broken_gates: Vec<String>,
    /// Whether it is a simulation.
    pub(crate) simulated: bool,
}

/// A run that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LeftOut {
    pub(crate) run_dir: String,
    pub(crate) reason: String,
}

/// A build that was watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub(crate) struct WatchedBuild {
    pub(crate) version: String,
    pub(crate) config_hash: String,
}

/// How a figure was come by.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FigureSource {
    /// The KPI of the runs.
    pub(crate) kpi: String,
    /// Its unit.
    pub(crate) unit: String,
    /// How the windows became one value.
    pub(crate) aggregate: String,
    /// Windows with a value.
    pub(crate) windows: u32,
    /// Windows without.
    pub(crate) unknown_windows: u32,
    /// Hours that the windows with a value cover.
    pub(crate) hours: f64,
}

/// What a figure was compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Baseline {
    /// Median of the days with a value; null where there is none.
    pub(crate) median: Option<f64>,
    /// Number of these days.
    pub(crate) days: usize,
    /// What the figure must not pass; null where there is no median.
    pub(crate) limit: Option<f64>,
}

/// What the test sweep showed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct TestSource {
    /// The files with the results, or the command.
    pub(crate) from: Vec<String>,
    /// SHA-256 of each file.
    pub(crate) sha256: Vec<String>,
    /// Test cases; null where a command gave no counts.
    pub(crate) tests: Option<u64>,
    pub(crate) failures: Option<u64>,
    pub(crate) errors: Option<u64>,
    pub(crate) skipped: Option<u64>,
    /// Age of the oldest result, such as `2h 5m`; null for a command, which was run now.
    pub(crate) age: Option<String>,
    /// Whether the command says that it rests on a simulation.
    pub(crate) simulated: bool,
}

/// A value that lies far from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Anomaly {
    /// The field.
    pub(crate) figure: String,
    /// Begin of the window, or the date.
    pub(crate) at: String,
    pub(crate) value: f64,
    /// Of all values.
    pub(crate) median: f64,
    /// Distance from the median in robust standard deviations (1.4826 times the median absolute deviation).
    pub(crate) score: f64,
}

/// The fields of a report, each with its reason where it shows nothing.
pub(crate) struct FieldReader<'a> {
    /// Name of the file.
    pub(crate) name: &'a str,
    pub(crate) report: &'a DailyFields,
}

impl FieldReader<'_> {
    pub(crate) fn number(
        &self,
        field: &str,
        found: &Field<f64>,
        range: &RangeInclusive<f64>,
    ) -> Result<f64, String> {
        let name = self.name;
        match found {
            Field::Value(value) if value.is_finite() && range.contains(value) => Ok(*value),
            Field::Value(value) => {
                Err(format!("`{name}`: {field} is {}, outside its range", Value::from(*value)))
            }
            Field::Other(found) => Err(format!("`{name}`: {field} is {found}, not a number")),
            Field::Null => Err(self.null(field, "a number")),
            Field::Missing => Err(format!("`{name}` has no {field}")),
        }
    }

    pub(crate) fn text<'t>(&self, field: &str, found: &'t Field<String>) -> Result<&'t str, String> {
        let name = self.name;
        match found {
            Field::Value(text) => Ok(text),
            Field::Other(found) => Err(format!("`{name}`: {field} is {found}, not text")),
            Field::Null => Err(self.null(field, "text")),
            Field::Missing => Err(format!("`{name}` has no {field}")),
        }
    }

    pub(crate) fn guard<'t>(&self, field: &str, found: &'t Field<Guard>) -> Result<&'t str, String> {
        let name = self.name;
        match found {
            Field::Value(Guard { reason: Field::Value(reason), .. }) => Ok(reason),
            Field::Value(Guard { reason: Field::Other(found), .. }) => {
                Err(format!("`{name}`: {field}.reason is {found}, not text"))
            }
            Field::Value(Guard { reason: Field::Null, .. }) => Err(self.null(field, "text")),
            Field::Null | Field::Missing | Field::Other(_) => Err(format!("`{name}` has no {field}.reason")),
            Field::Value(Guard { reason: Field::Missing, .. }) => {
                Err(format!("`{name}` has no {field}.reason"))
            }
        }
    }

    /// Why a field is null: as the report says itself where it does.
    fn null(&self, field: &str, wanted: &str) -> String {
        let name = self.name;
        match self.report.unknown.get(field) {
            Some(reason) => format!("`{name}`: {field} is null: {reason}"),
            None => format!("`{name}`: {field} is null, not {wanted}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_field_is_read_by_itself() {
        let document = json!({
            "edge_net_bps": 2, "order_age_p95_ms": "320", "taker_share_pct": null, "drift": {"reason": null},
            "reg_guard": "NONE", "bug_bash": ["OK"], "more": {}, "runs": 7,
            "unknown": {"drift": "no accepted parameters"},
        });
        let report: DailyReport = serde_json::from_value(document).expect("lenient");
        assert!(report.basis.is_none());
        let report = report.fields;
        let reader = FieldReader { name: "R", report: &report };
        let all = f64::NEG_INFINITY..=f64::INFINITY;
        assert_eq!(reader.number(EDGE, &report.edge_net_bps, &all), Ok(2.0));
        assert_eq!(
            reader.number(EDGE, &report.edge_net_bps, &(3.0..=4.0)),
            Err("`R`: edge_net_bps is 2.0, outside its range".to_owned())
        );
        for (found, expected) in [
            (
                reader.number(ORDER_AGE, &report.order_age_p95_ms, &all).map(|_| ""),
                "`R`: order_age_p95_ms is \"320\", not a number",
            ),
            (
                reader.number(TAKER_SHARE, &report.taker_share_pct, &all).map(|_| ""),
                "`R`: taker_share_pct is null, not a number",
            ),
            (reader.guard(DRIFT, &report.drift), "`R`: drift is null: no accepted parameters"),
            (reader.guard(REG_GUARD, &report.reg_guard), "`R` has no reg_guard.reason"),
            (reader.text(CHAOS, &report.chaos_result), "`R` has no chaos_result"),
            (reader.text(BUG_BASH, &report.bug_bash), "`R`: bug_bash is [\"OK\"], not text"),
        ] {
            assert_eq!(found, Err(expected.to_owned()));
        }
    }

    #[test]
    fn a_header_that_contradicts_itself_is_refused() {
        for (document, part) in [
            (json!({"simulated": "no"}), "simulated is \"no\", not a boolean"),
            (json!({"clock": "slow"}), "clock is \"slow\""),
        ] {
            let error = serde_json::from_value::<DailyReport>(document).expect_err("refused").to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
