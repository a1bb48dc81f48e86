//! What a candidate must keep to: safety limits on what it did, bounds on what it may set.
//!
//! Every limit binds on a figure that may be unknown, and an unknown figure breaks its limit.

use super::key::{PerKey, Point};
use crate::domain::tuning::measure::Measured;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Closed range of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Smallest allowed value.
    pub min: f64,
    /// Largest allowed value.
    pub max: f64,
}

/// Ranges of all run-time parameters.
pub type Bounds = PerKey<Bound>;

/// Limits on a candidate's figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Safety {
    /// Largest 95th percentile of how old orders were when they were filled, milliseconds.
    pub max_order_age_p95_ms: f64,
    /// Largest share of taker turnover, percent.
    pub max_taker_share_pct: f64,
    /// Fewest executions that count as evidence.
    pub min_fills: u64,
    /// Largest absolute position, base units.
    pub max_inventory: f64,
    /// Widest interval of `net_bps` that still counts as knowledge, basis points; no limit when absent.
    #[serde(default)]
    pub max_net_bps_width: Option<f64>,
    /// Least lower end of the `net_bps` interval; no limit when absent.
    #[serde(default)]
    pub min_net_bps_lower: Option<f64>,
    /// Least `net_bps` of the walk-forward choice on the part it was not chosen on; only flagged when
    /// absent.
    #[serde(default)]
    pub min_walk_forward_net_bps: Option<f64>,
}

/// One limit that a candidate breaks, with its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// Name of the limit in the limits file.
    pub limit: String,
    /// The candidate's value, or null where it is unknown.
    pub value: Option<f64>,
    /// The limit's value; null where nothing but knowledge is asked for.
    pub bound: Option<f64>,
    /// Why the value is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.limit)?;
        if let Some(bound) = self.bound {
            write!(f, " {bound}")?;
        }
        match (self.value, &self.unknown) {
            (Some(value), _) => write!(f, ": is {value}"),
            (None, Some(reason)) => write!(f, ": unknown, {reason}"),
            (None, None) => write!(f, ": unknown"),
        }
    }
}

impl Safety {
    /// What is wrong with the limits themselves.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut need = |ok: bool, name: &str, value: f64, rule: &str| {
            if !ok {
                problems.push(format!("`safety.{name}` is {value}: it must be {rule}"));
            }
        };
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let age = self.max_order_age_p95_ms;
        need(positive(age), "max_order_age_p95_ms", age, "a positive number");
        let share = self.max_taker_share_pct;
        need((0.0..=100.0).contains(&share), "max_taker_share_pct", share, "between 0 and 100");
        need(self.min_fills >= 1, "min_fills", 0.0, "at least 1, since no fills prove nothing");
        need(positive(self.max_inventory), "max_inventory", self.max_inventory, "a positive number");
        if let Some(width) = self.max_net_bps_width {
            need(positive(width), "max_net_bps_width", width, "a positive number");
        }
        if let Some(net) = self.min_net_bps_lower {
            need(net.is_finite(), "min_net_bps_lower", net, "a finite number");
        }
        if let Some(net) = self.min_walk_forward_net_bps {
            need(net.is_finite(), "min_walk_forward_net_bps", net, "a finite number");
        }
        problems
    }

    /// The same limits for a part of the recording: the evidence asked for shrinks with it.
    #[must_use]
    pub fn for_part(&self, fraction: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a fill count times a fraction of 0..1, rounded up"
        )]
        let min_fills = (self.min_fills as f64 * fraction).ceil() as u64;
        Self { min_fills: min_fills.max(1), ..*self }
    }

    /// Every limit that these figures break or cannot be shown to keep.
    pub fn broken_by(&self, measured: &Measured) -> Vec<Violation> {
        let metrics = &measured.metrics;
        let mut broken = Vec::new();
        let mut judge = |limit: &str, metric: &str, value: Option<f64>, bound: f64, most: bool| {
            let kept = value.is_some_and(|value| if most { value <= bound } else { value >= bound });
            if !kept {
                let unknown = match value {
                    Some(_) => None,
                    None => measured.unknown.get(metric).cloned(),
                };
                broken.push(Violation { limit: limit.to_owned(), value, bound: Some(bound), unknown });
            }
        };
        judge(
            "max_order_age_p95_ms",
            "order_age_p95_ms",
            metrics.order_age_p95_ms,
            self.max_order_age_p95_ms,
            true,
        );
        let taker = metrics.taker_share_pct;
        judge("max_taker_share_pct", "taker_share_pct", taker, self.max_taker_share_pct, true);
        judge("min_fills", "fills", metrics.fills.map(|n| n as f64), self.min_fills as f64, false);
        judge("max_inventory", "max_inventory", metrics.max_inventory, self.max_inventory, true);
        let lower = measured.net_interval.map(|interval| interval.lower);
        if let Some(least) = self.min_net_bps_lower {
            judge("min_net_bps_lower", "net_interval", lower, least, false);
        }
        if let Some(most) = self.max_net_bps_width {
            let width = measured.net_interval.map(|interval| interval.upper - interval.lower);
            judge("max_net_bps_width", "net_interval", width, most, true);
        }
        // The choice is made by the lower end: a candidate without one cannot be compared.
        if !lower.is_some_and(f64::is_finite) {
            let unknown = measured.unknown.get("net_interval").cloned();
            broken.push(Violation { limit: "net_interval".to_owned(), value: None, bound: None, unknown });
        }
        broken
    }
}

/// What is wrong with the bounds themselves.
pub fn bounds_problems(bounds: &Bounds) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, bound) in bounds.iter() {
        if !(bound.min.is_finite() && bound.max.is_finite()) {
            problems
                .push(format!("`bounds.{name}` is {}..{}: both ends must be finite", bound.min, bound.max));
        } else if bound.min > bound.max {
            problems.push(format!("`bounds.{name}` has min {} above max {}", bound.min, bound.max));
        }
    }
    problems
}

/// Every parameter of a point that lies outside its bounds.
pub fn out_of_bounds(point: &Point, bounds: &Bounds) -> Vec<Violation> {
    let mut broken = Vec::new();
    for ((name, value), bound) in point.iter().zip(bounds.values()) {
        let edge = if *value > bound.max { bound.max } else { bound.min };
        if !(bound.min..=bound.max).contains(value) {
            let value = value.is_finite().then_some(*value);
            let unknown = value.is_none().then(|| "it is not a finite number".to_owned());
            broken.push(Violation { limit: format!("bounds.{name}"), value, bound: Some(edge), unknown });
        }
    }
    broken
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::tuning::bootstrap::Interval;
    use crate::domain::tuning::measure::Metrics;

    pub(crate) fn safety() -> Safety {
        Safety {
            max_order_age_p95_ms: 350.0,
            max_taker_share_pct: 15.0,
            min_fills: 30,
            max_inventory: 1.0,
            max_net_bps_width: None,
            min_net_bps_lower: None,
            min_walk_forward_net_bps: None,
        }
    }

    pub(crate) fn bounds() -> Bounds {
        let ends = [(0.0, 0.6), (0.04, 0.12), (0.10, 0.20), (50.0, 300.0), (120.0, 360.0), (400.0, 1000.0)];
        PerKey::from_fn(|i| Bound { min: ends[i].0, max: ends[i].1 })
    }

    /// Figures that keep every limit of [`safety`], none of them by much.
    pub(crate) fn measured(lower: f64, p95: f64) -> Measured {
        Measured {
            metrics: Metrics {
                order_age_p95_ms: Some(p95),
                taker_share_pct: Some(15.0),
                fills: Some(30),
                max_inventory: Some(1.0),
                net_bps: Some(lower + 0.5),
                ..Metrics::default()
            },
            net_interval: Some(Interval { lower, upper: lower + 1.0 }),
            unknown: std::collections::BTreeMap::new(),
        }
    }

    fn names(violations: &[Violation]) -> Vec<&str> {
        violations.iter().map(|violation| violation.limit.as_str()).collect()
    }

    #[test]
    fn each_limit_binds_exactly_beyond_its_value() {
        let ok = measured(1.0, 350.0);
        assert_eq!(safety().broken_by(&ok), []);
        let change: [(&str, fn(&mut Measured)); 5] = [
            ("max_order_age_p95_ms", |m| m.metrics.order_age_p95_ms = Some(350.000_001)),
            ("max_taker_share_pct", |m| m.metrics.taker_share_pct = Some(15.001)),
            ("min_fills", |m| m.metrics.fills = Some(29)),
            ("max_inventory", |m| m.metrics.max_inventory = Some(1.01)),
            ("net_interval", |m| m.net_interval = None),
        ];
        for (limit, change) in change {
            let mut bad = ok.clone();
            change(&mut bad);
            assert_eq!(names(&safety().broken_by(&bad)), [limit]);
        }
    }

    #[test]
    fn an_unknown_or_nan_figure_breaks_its_limit() {
        let unknown = Measured::default();
        let limits = Safety { max_net_bps_width: Some(9.0), ..safety() };
        assert_eq!(limits.broken_by(&unknown).len(), 6);
        let mut nan = measured(1.0, f64::NAN);
        assert_eq!(names(&safety().broken_by(&nan)), ["max_order_age_p95_ms"]);
        nan = measured(f64::NAN, 100.0);
        assert_eq!(names(&safety().broken_by(&nan)), ["net_interval"]);
    }

    #[test]
    fn optional_limits_bind_when_set() {
        let ok = measured(1.0, 300.0);
        let width = Safety { max_net_bps_width: Some(0.9), ..safety() };
        assert_eq!(names(&width.broken_by(&ok)), ["max_net_bps_width"]);
        let net = Safety { min_net_bps_lower: Some(1.1), ..safety() };
        assert_eq!(names(&net.broken_by(&ok)), ["min_net_bps_lower"]);
    }

    #[test]
    fn contradicting_limits_are_named() {
        let bad = Safety {
            max_order_age_p95_ms: f64::NAN,
            max_taker_share_pct: 101.0,
            min_fills: 0,
            max_inventory: -1.0,
            max_net_bps_width: Some(0.0),
            min_net_bps_lower: Some(f64::INFINITY),
            min_walk_forward_net_bps: Some(f64::NAN),
        };
        assert_eq!(bad.problems().len(), 7);
        assert_eq!(safety().problems(), Vec::<String>::new());
        let mut swapped = bounds();
        swapped.tail_age_ms = Bound { min: 1000.0, max: 400.0 };
        swapped.min_interval_ms.max = f64::NAN;
        let problems = bounds_problems(&swapped);
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[1], "`bounds.tail_age_ms` has min 1000 above max 400");
    }

    #[test]
    fn a_point_outside_its_bounds_is_told_the_nearer_end() {
        let mut point = PerKey::from_fn(|i| bounds().values()[i].min);
        assert_eq!(out_of_bounds(&point, &bounds()), []);
        point.tail_age_ms = 1000.5;
        point.min_interval_ms = 49.0;
        point.impact_cap_ratio = f64::NAN;
        let broken: Vec<String> = out_of_bounds(&point, &bounds()).iter().map(ToString::to_string).collect();
        assert_eq!(
            broken,
            [
                "bounds.impact_cap_ratio 0.04: unknown, it is not a finite number",
                "bounds.min_interval_ms 50: is 49",
                "bounds.tail_age_ms 1000: is 1000.5",
            ]
        );
    }

    #[test]
    fn a_part_of_the_recording_owes_its_part_of_the_fills() {
        assert_eq!(safety().for_part(0.7).min_fills, 21);
        assert_eq!(Safety { min_fills: 1, ..safety() }.for_part(0.1).min_fills, 1);
    }
}
