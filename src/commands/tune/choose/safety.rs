//! What a candidate must keep to: safety limits on what it did.
//!
//! Every limit binds on a figure that may be unknown, and an unknown figure breaks its limit.

use super::figures::Figures;
use crate::tuning::limits::Violation;
use serde::{Deserialize, Serialize};

/// Limits on a candidate's figures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SafetyLimits {
    /// Largest 95th percentile of how old orders were when they were filled, milliseconds.
    pub(crate) max_order_age_p95_ms: f64,
    /// Largest share of taker turnover, percent.
    pub(crate) max_taker_share_pct: f64,
    /// Fewest executions that count as evidence.
    pub(crate) min_fills: u64,
    /// Largest absolute position, base units.
    pub(crate) max_inventory: f64,
    /// Widest interval of `net_bps` that still counts as knowledge, basis points; no limit when absent.
    #[serde(default)]
    pub(crate) max_net_bps_width: Option<f64>,
    /// Least lower end of the `net_bps` interval; no limit when absent.
    #[serde(default)]
    pub(crate) min_net_bps_lower: Option<f64>,
    /// Least `net_bps` of the walk-forward choice on the part it was not chosen on; only flagged when
    /// absent.
    #[serde(default)]
    pub(crate) min_walk_forward_net_bps: Option<f64>,
}

impl SafetyLimits {
    /// What is wrong with the limits themselves.
    pub(crate) fn problems(&self) -> Vec<String> {
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
        need(
            self.min_fills >= 1,
            "min_fills",
            self.min_fills as f64,
            "at least 1, since no fills prove nothing",
        );
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
    pub(crate) fn for_part(&self, fraction: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a fill count times a fraction of 0..1, rounded up"
        )]
        let min_fills = (self.min_fills as f64 * fraction).ceil() as u64;
        Self { min_fills: min_fills.max(1), ..*self }
    }

    /// Every limit that these figures break or cannot be shown to keep.
    pub(crate) fn broken_by(&self, measured: &Figures) -> Vec<Violation> {
        let metrics = &measured.metrics;
        let mut broken = Vec::new();
        let lower = measured.net_interval.map(|interval| interval.lower);
        let width = measured.net_interval.map(|interval| interval.upper - interval.lower);
        let fills = metrics.fills.map(|fills| fills as f64);
        let (order_age, taker_share) = (metrics.order_age_p95_ms, metrics.taker_share_pct);
        let (at_most, at_least) = (|value, bound| value <= bound, |value, bound| value >= bound);
        let limits: [(&str, Option<f64>, fn(f64, f64) -> bool, &str, Option<f64>); 6] = [
            ("order_age_p95_ms", order_age, at_most, "max_order_age_p95_ms", Some(self.max_order_age_p95_ms)),
            ("taker_share_pct", taker_share, at_most, "max_taker_share_pct", Some(self.max_taker_share_pct)),
            ("fills", fills, at_least, "min_fills", Some(self.min_fills as f64)),
            ("max_inventory", metrics.max_inventory, at_most, "max_inventory", Some(self.max_inventory)),
            ("net_interval", lower, at_least, "min_net_bps_lower", self.min_net_bps_lower),
            ("net_interval", width, at_most, "max_net_bps_width", self.max_net_bps_width),
        ];
        for (metric, value, holds, limit, bound) in limits {
            let Some(bound) = bound else { continue };
            if !value.is_some_and(|value| holds(value, bound)) {
                let unknown = measured.unknown.get(metric).filter(|_| value.is_none()).cloned();
                broken.push(Violation { limit: limit.to_owned(), value, bound: Some(bound), unknown });
            }
        }
        // The choice is made by the lower end: a candidate without one cannot be compared.
        if !lower.is_some_and(f64::is_finite) {
            let unknown = measured.unknown.get("net_interval").cloned();
            broken.push(Violation { limit: "net_interval".to_owned(), value: None, bound: None, unknown });
        }
        broken
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::commands::tune::choose::bootstrap::Interval;
    use crate::commands::tune::choose::figures::Metrics;

    pub(crate) fn safety() -> SafetyLimits {
        SafetyLimits {
            max_order_age_p95_ms: 350.0,
            max_taker_share_pct: 15.0,
            min_fills: 30,
            max_inventory: 1.0,
            max_net_bps_width: None,
            min_net_bps_lower: None,
            min_walk_forward_net_bps: None,
        }
    }

    /// Figures that keep every limit of [`safety`], none of them by much.
    pub(crate) fn measured(lower: f64, p95: f64) -> Figures {
        Figures {
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
        let change: [(&str, fn(&mut Figures)); 5] = [
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
        let unknown = Figures::default();
        let limits = SafetyLimits { max_net_bps_width: Some(9.0), ..safety() };
        assert_eq!(limits.broken_by(&unknown).len(), 6);
        let mut nan = measured(1.0, f64::NAN);
        assert_eq!(names(&safety().broken_by(&nan)), ["max_order_age_p95_ms"]);
        nan = measured(f64::NAN, 100.0);
        assert_eq!(names(&safety().broken_by(&nan)), ["net_interval"]);
    }

    #[test]
    fn optional_limits_bind_when_set() {
        let ok = measured(1.0, 300.0);
        let width = SafetyLimits { max_net_bps_width: Some(0.9), ..safety() };
        assert_eq!(names(&width.broken_by(&ok)), ["max_net_bps_width"]);
        let net = SafetyLimits { min_net_bps_lower: Some(1.1), ..safety() };
        assert_eq!(names(&net.broken_by(&ok)), ["min_net_bps_lower"]);
    }

    #[test]
    fn contradicting_limits_are_named() {
        let bad = SafetyLimits {
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
    }

    #[test]
    fn a_part_of_the_recording_owes_its_part_of_the_fills() {
        assert_eq!(safety().for_part(0.7).min_fills, 21);
        assert_eq!(SafetyLimits { min_fills: 1, ..safety() }.for_part(0.1).min_fills, 1);
    }
}
