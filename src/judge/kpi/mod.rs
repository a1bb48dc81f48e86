//! What is measured: the definitions of `kpis.yaml`, and what one window of samples shows of each.

pub(crate) mod collector;
pub(crate) mod quantile;
pub(crate) mod selector;

pub(crate) use collector::Collector;
pub use selector::Selector;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The part of the expected points that a figure needs unless its definition says otherwise.
pub(crate) const MIN_COVERAGE: f64 = 0.95;

/// `kpis.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Definitions by name.
    pub kpis: BTreeMap<String, Definition>,
}

/// How one figure is measured.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What it is, for people.
    pub description: String,
    /// Unit of the value.
    pub unit: String,
    /// Which series, and what becomes of them.
    pub measure: Measure,
    /// How many series each selector must find, buckets of one histogram counting as one.
    #[serde(default)]
    pub series: Expected,
    /// The part of the expected points that must be there.
    #[serde(default = "min_coverage")]
    pub min_coverage: f64,
    /// A query whose result replaces the measure where a Prometheus is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promql: Option<String>,
    /// Where an edge report has the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_report: Option<Field>,
}

fn min_coverage() -> f64 {
    MIN_COVERAGE
}

/// A value in a JSON document.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Keys from the top, joined with dots.
    pub path: String,
    /// The value is multiplied by this.
    #[serde(default = "one")]
    pub scale: f64,
}

fn one() -> f64 {
    1.0
}

/// How many series are expected.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// At least.
    pub min: u32,
    /// At most; more is an error of the definition or of the exporter.
    pub max: u32,
}

impl Default for Expected {
    fn default() -> Self {
        Self { min: 1, max: 64 }
    }
}

/// What becomes of the series.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// A value that goes up and down.
    Gauge {
        /// Its series.
        of: Selector,
        /// How the points of a window become one value.
        over: Reduce,
        /// How several series become one at each point.
        #[serde(default = "largest")]
        across: Reduce,
    },
    /// What some counters grew by, in relation to what others grew by.
    Ratio {
        /// Counters above the line.
        of: Vec<Selector>,
        /// Counters below the line.
        to: Vec<Selector>,
    },
    /// What counters grew by in a unit of time.
    Rate {
        /// The counters.
        of: Vec<Selector>,
        /// The unit of time.
        per: Per,
    },
    /// What counters grew by in the window.
    Increase {
        /// The counters.
        of: Vec<Selector>,
    },
    /// A quantile of a classic histogram.
    Quantile {
        /// Name and labels of the histogram, without `_bucket`.
        of: Selector,
        /// Between 0 and 1.
        q: f64,
    },
}

fn largest() -> Reduce {
    Reduce::Max
}

/// Many values to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reduce {
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// The mean.
    Mean,
    /// The sum.
    Sum,
    /// The last.
    Last,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Per {
    /// Its length in seconds.
    pub fn secs(self) -> f64 {
        match self {
            Per::Second => 1.0,
            Per::Minute => 60.0,
            Per::Hour => 3600.0,
        }
    }
}

impl Measure {
    /// Every selector of samples that it needs, histograms as their buckets.
    pub fn selectors(&self) -> Vec<Selector> {
        match self {
            Measure::Gauge { of, .. } => vec![of.clone()],
            Measure::Ratio { of, to } => of.iter().chain(to).cloned().collect(),
            Measure::Rate { of, .. } | Measure::Increase { of } => of.clone(),
            Measure::Quantile { of, .. } => vec![of.buckets()],
        }
    }
}

impl Catalogue {
    /// Everything that makes the definitions unusable, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, kpi) in &self.kpis {
            let mut bad = |what: &str| problems.push(format!("kpis.{name}: {what}"));
            if !(kpi.min_coverage > 0.0 && kpi.min_coverage <= 1.0) {
                bad("min_coverage must be above 0 and at most 1");
            }
            if kpi.series.min == 0 || kpi.series.max < kpi.series.min {
                bad("series.min must be at least 1 and at most series.max");
            }
            if kpi.edge_report.as_ref().is_some_and(|field| !field.scale.is_normal()) {
                bad("edge_report.scale must be finite and not zero");
            }
            match &kpi.measure {
                Measure::Quantile { q, .. } if !(*q > 0.0 && *q < 1.0) => bad("q must lie between 0 and 1"),
                Measure::Ratio { of, to } if of.is_empty() || to.is_empty() => {
                    bad("a ratio needs selectors in `of` and `to`");
                }
                Measure::Rate { of, .. } | Measure::Increase { of } if of.is_empty() => {
                    bad("`of` needs a selector");
                }
                _ => {}
            }
        }
        problems
    }
}

/// How much is known of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Knowledge {
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
    pub state: Knowledge,
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
    pub fn single(value: f64, unit: &str, source: &str) -> Self {
        Self {
            value: Some(value),
            beyond: false,
            unit: unit.to_owned(),
            n: 1,
            points: 1,
            expected: 1,
            coverage: 1.0,
            state: Knowledge::Measured,
            resets: 0,
            source: source.to_owned(),
            reason: None,
        }
    }

    /// A figure of which nothing is known.
    pub fn unknown(state: Knowledge, unit: &str, expected: u32, source: &str, reason: &str) -> Self {
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
