//! What is measured: the definitions of `kpis.yaml`, and what one window of samples shows of each.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod collector;
mod measurement;
pub(crate) mod quantile;
pub(crate) mod selector;

pub use measurement::Member;
pub(crate) use measurement::{DataState, Measurement};
pub use selector::Selector;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The part of the expected points that a figure needs unless its definition says otherwise.
pub(crate) const MIN_COVERAGE: f64 = 0.95;

/// `kpis.yaml`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KpiCatalogue {
    pub(crate) kpis: BTreeMap<String, KpiDefinition>,
}

/// How one figure is measured.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KpiDefinition {
    /// What it is, for people.
    pub description: String,
    /// Unit of the value.
    pub unit: String,
    /// Which series, and what becomes of them.
    pub measure: Measure,
    /// How many series each selector must find, buckets of one histogram counting as one.
    #[serde(default)]
    pub series: SeriesCount,
    /// The part of the expected points that must be there.
    #[serde(default = "min_coverage")]
    pub min_coverage: f64,
    /// A query whose result replaces the measure where a Prometheus is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promql: Option<String>,
    /// Where an edge report has the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge_report: Option<ReportField>,
}

fn min_coverage() -> f64 {
    MIN_COVERAGE
}

/// A value in a JSON document.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportField {
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
pub struct SeriesCount {
    /// At least.
    pub min: u32,
    /// At most; more is an error of the definition or of the exporter.
    pub max: u32,
}

impl Default for SeriesCount {
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
        over: Reducer,
        /// How several series become one at each point.
        #[serde(default = "largest")]
        across: Reducer,
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
        per: TimeUnit,
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

fn largest() -> Reducer {
    Reducer::Max
}

/// Many values to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reducer {
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
pub enum TimeUnit {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl TimeUnit {
    pub(crate) fn secs(self) -> f64 {
        match self {
            TimeUnit::Second => 1.0,
            TimeUnit::Minute => 60.0,
            TimeUnit::Hour => 3600.0,
        }
    }
}

impl Measure {
    /// Every selector of samples that it needs, histograms as their buckets.
    pub(crate) fn selectors(&self) -> Vec<Selector> {
        match self {
            Measure::Gauge { of, .. } => vec![of.clone()],
            Measure::Ratio { of, to } => of.iter().chain(to).cloned().collect(),
            Measure::Rate { of, .. } | Measure::Increase { of } => of.clone(),
            Measure::Quantile { of, .. } => vec![of.buckets()],
        }
    }
}

impl KpiCatalogue {
    /// Everything that makes the definitions unusable, one sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
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
                Measure::Gauge { .. }
                | Measure::Ratio { .. }
                | Measure::Rate { .. }
                | Measure::Increase { .. }
                | Measure::Quantile { .. } => {}
            }
        }
        problems
    }
}
