//! What is measured: the definitions of `kpis.yaml`, and what one window of samples shows of each.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod collector;
mod declared;
mod measurement;
pub(crate) mod quantile;
pub(crate) mod selector;
mod unit;

pub use declared::Declared;
pub use measurement::Member;
pub(crate) use measurement::{Build, DataState, LifeBegin, LifeCause, Measurement, Piece};
pub use selector::Selector;
pub(crate) use unit::factor as unit_factor;

use crate::format::exposition::Kind;
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
    /// Unit of the value: ns, us, ms, s, min, h, d, bytes, KiB, MiB, GiB, TiB, ratio, percent, bps, 1/s, 1/min,
    /// 1/h, count, flag, or `custom:NAME`.
    pub unit: String,
    /// Unit of the metric, where it is another one of the same quantity: the value is converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The value is multiplied by this, and what the metric says of its unit is not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
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
    /// How often a process was started anew: changes of its `process_start_time_seconds`; of a process that does
    /// not show it, falls of its counters.
    Restarts,
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
    fn as_str(self) -> &'static str {
        match self {
            TimeUnit::Second => "second",
            TimeUnit::Minute => "minute",
            TimeUnit::Hour => "hour",
        }
    }

    /// The unit of a rate.
    fn unit(self) -> &'static str {
        match self {
            TimeUnit::Second => "1/s",
            TimeUnit::Minute => "1/min",
            TimeUnit::Hour => "1/h",
        }
    }

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
            Measure::Restarts => Vec::new(),
        }
    }

    /// Whether its observations are events, not points.
    pub(crate) fn counts_events(&self) -> bool {
        match self {
            Measure::Ratio { .. } | Measure::Quantile { .. } => true,
            Measure::Gauge { .. } | Measure::Rate { .. } | Measure::Increase { .. } | Measure::Restarts => {
                false
            }
        }
    }

    /// Whether its value is in the unit of its metric.
    fn keeps_the_unit(&self) -> bool {
        match self {
            Measure::Gauge { .. } | Measure::Increase { .. } | Measure::Quantile { .. } => true,
            Measure::Ratio { .. } | Measure::Rate { .. } | Measure::Restarts => false,
        }
    }

    /// Why series of this kind are not what it reads.
    fn contradicts(&self, kind: Kind) -> Option<&'static str> {
        let (reads_counters, reads_gauges) = match self {
            Measure::Gauge { .. } => (false, true),
            Measure::Ratio { .. }
            | Measure::Rate { .. }
            | Measure::Increase { .. }
            | Measure::Quantile { .. } => (true, false),
            Measure::Restarts => (true, true),
        };
        match kind {
            Kind::Counter | Kind::Histogram if !reads_counters => Some("a value that only rises"),
            Kind::Gauge | Kind::GaugeHistogram | Kind::StateSet | Kind::Info if !reads_gauges => {
                Some("a value that may fall")
            }
            Kind::Counter
            | Kind::Histogram
            | Kind::Gauge
            | Kind::GaugeHistogram
            | Kind::StateSet
            | Kind::Info
            | Kind::Summary
            | Kind::Unknown => None,
        }
    }
}

impl KpiDefinition {
    /// What the value of its measure is multiplied by.
    pub(crate) fn factor(&self) -> f64 {
        let from = self.from.as_deref().and_then(unit::of_word);
        self.scale.unwrap_or(1.0) * from.and_then(|from| unit::factor(from, &self.unit)).unwrap_or(1.0)
    }

    /// Why a series cannot be what the figure measures, by what its family says of itself.
    pub(crate) fn contradiction(&self, name: &str, declared: &Declared) -> Option<String> {
        if let Some(kind) = declared.kind
            && let Some(what) = self.measure.contradicts(kind)
        {
            return Some(format!("`{name}` says that it is {what} (TYPE {})", kind.as_str()));
        }
        let says = declared.unit.as_deref().and_then(unit::of_word)?;
        let problem = self.unit_problem(says)?;
        Some(format!("`{name}` says that it is in {says}: {problem}"))
    }

    /// Why a metric in this unit does not give the figure.
    fn unit_problem(&self, of_metric: &str) -> Option<String> {
        let expected = match self.from.as_deref() {
            Some(from) => unit::of_word(from)?,
            None => &self.unit,
        };
        let is_checked =
            self.scale.is_none() && self.measure.keeps_the_unit() && !expected.starts_with("custom:");
        let reason = || {
            format!(
                "the figure is in `{expected}`; say `from: {of_metric}`, or `scale` where it is something else"
            )
        };
        (is_checked && expected != of_metric).then(reason)
    }

    /// What is wrong with its units.
    fn unit_problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = unit::problem(&self.unit).into_iter().collect();
        if self.scale.is_some_and(|scale| !(scale.is_normal() && scale > 0.0)) {
            problems.push("scale must be finite and above 0".to_owned());
        }
        match self.from.as_deref().map(|from| (from, unit::of_word(from))) {
            Some((from, None)) => {
                problems.extend(unit::problem(from).map(|problem| format!("from: {problem}")));
            }
            Some((from, Some(known))) if unit::factor(known, &self.unit).is_none() => {
                problems.push(format!("`{from}` cannot become `{}`", self.unit));
            }
            Some(_) | None => {}
        }
        if let Measure::Rate { per, .. } = &self.measure
            && self.scale.is_none()
            && self.unit.starts_with("1/")
            && self.unit != per.unit()
        {
            problems.push(format!(
                "a rate per {} is in `{}`, not in `{}`",
                per.as_str(),
                per.unit(),
                self.unit
            ));
        }
        if self.promql.is_none() {
            problems.extend(self.measure.selectors().iter().find_map(|selector| {
                let problem = self.unit_problem(unit::of_metric(&selector.name)?)?;
                Some(format!("`{}`: {problem}", selector.name))
            }));
        }
        problems
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
                | Measure::Quantile { .. }
                | Measure::Restarts => {}
            }
            kpi.unit_problems().iter().for_each(|problem| bad(problem));
        }
        problems
    }
}
