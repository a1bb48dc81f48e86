//! What is tried: axes of run-time parameters, and what stays fixed. Candidates are numbered in key
//! order with the values of each axis ascending, so that the order of a list in the file means nothing.

use super::bootstrap::BootstrapSettings;
use super::safety::SafetyLimits;
use crate::tuning::key::{ParameterPoint, PerKey};
use crate::tuning::limits::{self, Bounds};
use crate::tuning::trading::{Fees, Latency, QuoterParams};
use serde::{Deserialize, Serialize};

/// More candidates than this are a mistake: a typing error away from a sweep of years.
pub(crate) const MAX_CANDIDATES: usize = 100_000;

/// The quoter's parameters that cannot change at run time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuoterSettings {
    /// Full distance between bid and ask before `base_spread_bps_delta` is added, basis points.
    pub(crate) base_spread_bps: f64,
    /// Largest absolute position, base units.
    pub(crate) max_inventory: f64,
}

/// How the recording is split for the walk-forward check.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WalkForwardSplit {
    /// Part of each feed's period, from its start, on which the choice is rehearsed.
    pub(crate) train_fraction: f64,
}

/// Candidates in their numbered order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CandidateGrid {
    /// Values of each parameter, ascending; a fixed parameter has one.
    pub(crate) axes: PerKey<Vec<f64>>,
    /// What stays fixed for all candidates.
    pub(crate) quoter: QuoterSettings,
}

impl CandidateGrid {
    /// Checks the axes and the fixed values against each other and the bounds; all problems at once.
    pub(crate) fn new(
        axes: &PerKey<Option<Vec<f64>>>,
        fixed: &PerKey<Option<f64>>,
        quoter: QuoterSettings,
        bounds: &Bounds,
        safety: &SafetyLimits,
    ) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut values = Vec::new();
        let mut count: u128 = 1;
        for ((name, axis), (fixed, bound)) in axes.iter().zip(fixed.values().into_iter().zip(bounds.values()))
        {
            let (section, list) = match (axis, fixed) {
                (Some(list), None) => ("grid", list.clone()),
                (None, Some(value)) => ("fixed", vec![*value]),
                (Some(_), Some(_)) => {
                    problems
                        .push(format!("`{name}` stands under `grid` and under `fixed`: keep one of them"));
                    continue;
                }
                (None, None) => {
                    problems.push(format!(
                        "`{name}` is missing: list values under `grid` or set it under `fixed`"
                    ));
                    continue;
                }
            };
            if list.is_empty() {
                problems.push(format!("`{section}.{name}` is an empty list: give at least one value"));
            }
            count = count.saturating_mul(list.len() as u128);
            for (i, value) in list.iter().enumerate() {
                if !value.is_finite() {
                    problems.push(format!("`{section}.{name}` has {value}: values must be finite"));
                } else if list[..i].contains(value) {
                    problems.push(format!("`{section}.{name}` has {value} twice"));
                } else if !(bound.min..=bound.max).contains(value) {
                    let (min, max) = (bound.min, bound.max);
                    problems.push(format!("`{section}.{name}` has {value}, outside its bounds {min}..{max}"));
                }
                if problems.len() > 20 {
                    return Err(problems);
                }
            }
            values.push(list);
        }
        if count > MAX_CANDIDATES as u128 {
            problems.push(format!("`grid` has {count} combinations: at most {MAX_CANDIDATES} are tried"));
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !positive(quoter.base_spread_bps) {
            let value = quoter.base_spread_bps;
            problems.push(format!("`quoter.base_spread_bps` is {value}: it must be a positive number"));
        }
        if !positive(quoter.max_inventory) || quoter.max_inventory > safety.max_inventory {
            let (value, most) = (quoter.max_inventory, safety.max_inventory);
            problems.push(format!(
                "`quoter.max_inventory` is {value}: it must be positive and at most `safety.max_inventory`, {most}"
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        for list in &mut values {
            list.sort_by(f64::total_cmp);
        }
        let mut values = values.into_iter();
        let axes = PerKey::from_fn(|_| values.next().expect("each of the six axes was pushed"));
        Ok(Self { axes, quoter })
    }

    /// Number of candidates; of axes from a file that nobody checked it may be any.
    pub(crate) fn len(&self) -> usize {
        self.axes.values().iter().fold(1, |count: usize, axis| count.saturating_mul(axis.len()))
    }

    /// The candidate of this number; the last key varies fastest.
    ///
    /// # Panics
    /// When `index` is not below [`CandidateGrid::len`].
    pub(crate) fn point(&self, index: usize) -> ParameterPoint {
        assert!(index < self.len(), "candidate {index} of {}", self.len());
        let axes = self.axes.values();
        let mut rest = index;
        let mut chosen = [0.0; 6];
        for (value, axis) in chosen.iter_mut().zip(axes).rev() {
            *value = axis[rest % axis.len()];
            rest /= axis.len();
        }
        PerKey::from_fn(|i| chosen[i])
    }

    /// What the simulated quoter is told for a candidate.
    pub(crate) fn params(&self, point: &ParameterPoint) -> QuoterParams {
        QuoterParams {
            base_spread_bps: self.quoter.base_spread_bps + point.base_spread_bps_delta,
            min_interval_ms: point.min_interval_ms,
            tail_age_ms: point.tail_age_ms,
            impact_cap_ratio: point.impact_cap_ratio,
            max_delta_ratio: point.max_delta_ratio,
            replace_rate_per_min: point.replace_rate_per_min,
            max_inventory: self.quoter.max_inventory,
        }
    }
}

/// What is wrong with a grid file beside its axes.
pub(crate) fn settings_problems(
    fees: &Fees,
    latency: &Latency,
    split: WalkForwardSplit,
    bootstrap: &BootstrapSettings,
) -> Vec<String> {
    let mut problems = bootstrap.problems();
    for (name, bps) in [("maker", fees.maker_bps), ("taker", fees.taker_bps)] {
        // One percent either way is beyond every venue's table, and an amount in percent or as a
        // fraction by mistake usually is as well.
        if !(-100.0..=100.0).contains(&bps) {
            problems.push(format!("`fees.{name}_bps` is {bps}: it must be between -100 and 100"));
        }
    }
    for (name, ms) in [("entry", latency.entry_ms), ("response", latency.response_ms)] {
        if !(0.0..=60_000.0).contains(&ms) {
            problems.push(format!("`latency.{name}_ms` is {ms}: it must be between 0 and 60000"));
        }
    }
    if !(0.1..=0.9).contains(&split.train_fraction) {
        let fraction = split.train_fraction;
        problems.push(format!("`walk_forward.train_fraction` is {fraction}: it must be 0.1..0.9"));
    }
    problems
}

/// Checks a whole limits file.
pub(crate) fn limits_problems(safety: &SafetyLimits, bounds: &Bounds) -> Vec<String> {
    let mut problems = safety.problems();
    problems.extend(limits::bounds_problems(bounds));
    problems
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::commands::tune::choose::safety::tests::safety;
    use crate::tuning::limits::tests::bounds;

    pub(crate) const QUOTER: QuoterSettings = QuoterSettings { base_spread_bps: 4.0, max_inventory: 0.5 };

    pub(crate) fn axes() -> (PerKey<Option<Vec<f64>>>, PerKey<Option<f64>>) {
        let axes = PerKey {
            base_spread_bps_delta: None,
            impact_cap_ratio: Some(vec![0.08, 0.06, 0.10]),
            max_delta_ratio: Some(vec![0.10, 0.12, 0.15]),
            min_interval_ms: Some(vec![60.0, 80.0, 100.0]),
            replace_rate_per_min: None,
            tail_age_ms: Some(vec![600.0, 700.0, 800.0]),
        };
        let fixed = PerKey {
            base_spread_bps_delta: Some(0.0),
            replace_rate_per_min: Some(300.0),
            ..PerKey::default()
        };
        (axes, fixed)
    }

    fn problems(change: impl Fn(&mut PerKey<Option<Vec<f64>>>, &mut PerKey<Option<f64>>)) -> Vec<String> {
        let (mut axes, mut fixed) = axes();
        change(&mut axes, &mut fixed);
        CandidateGrid::new(&axes, &fixed, QUOTER, &bounds(), &safety())
            .map(|grid| grid.len())
            .expect_err("refused")
    }

    #[test]
    fn the_standard_grid_has_81_points_in_key_order_whatever_the_order_of_a_list() {
        let (axes, fixed) = axes();
        let grid = CandidateGrid::new(&axes, &fixed, QUOTER, &bounds(), &safety()).unwrap();
        assert_eq!(grid.len(), 81);
        let points: Vec<[f64; 6]> = (0..81).map(|i| grid.point(i).values().map(|value| *value)).collect();
        assert!(points.is_sorted());
        assert_eq!(points[0], [0.0, 0.06, 0.10, 60.0, 300.0, 600.0]);
        assert_eq!(points[1], [0.0, 0.06, 0.10, 60.0, 300.0, 700.0]);
        assert_eq!(points[80], [0.0, 0.10, 0.15, 100.0, 300.0, 800.0]);
    }

    #[test]
    fn the_delta_widens_the_base_spread() {
        let (mut axes, mut fixed) = axes();
        fixed.base_spread_bps_delta = None;
        axes.base_spread_bps_delta = Some(vec![0.5]);
        let grid = CandidateGrid::new(&axes, &fixed, QUOTER, &bounds(), &safety()).unwrap();
        assert!((grid.params(&grid.point(0)).base_spread_bps - 4.5).abs() < 1e-12);
    }

    #[test]
    fn each_bad_axis_is_named_with_its_value() {
        let cases: [(&str, Vec<f64>); 5] = [
            ("`grid.tail_age_ms` is an empty list", vec![]),
            ("`grid.tail_age_ms` has NaN: values must be finite", vec![600.0, f64::NAN]),
            ("`grid.tail_age_ms` has inf: values must be finite", vec![f64::INFINITY]),
            ("`grid.tail_age_ms` has 600 twice", vec![600.0, 700.0, 600.0]),
            ("`grid.tail_age_ms` has 1001, outside its bounds 400..1000", vec![600.0, 1001.0]),
        ];
        for (expected, list) in cases {
            let found = problems(|axes, _| axes.tail_age_ms = Some(list.clone()));
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{found:?}");
        }
    }

    #[test]
    fn every_bound_binds_at_both_ends() {
        let (bounds, standard) = (bounds(), axes().0);
        for i in 0..6 {
            for outside in [bounds.values()[i].min - 0.001, bounds.values()[i].max + 0.001] {
                let list = |k: usize| {
                    if k == i { Some(vec![outside]) } else { standard.values()[k].clone() }
                };
                let found = problems(|axes, fixed| {
                    *axes = PerKey::from_fn(list);
                    let keep = *fixed;
                    *fixed = PerKey::from_fn(|k| if k == i { None } else { *keep.values()[k] });
                });
                assert_eq!(found.len(), 1, "{found:?}");
                assert!(found[0].contains("outside its bounds"), "{found:?}");
            }
        }
    }

    #[test]
    fn a_parameter_stands_in_exactly_one_section() {
        let both = problems(|_, fixed| fixed.tail_age_ms = Some(600.0));
        assert!(both[0].contains("under `grid` and under `fixed`"), "{both:?}");
        let none = problems(|axes, _| axes.tail_age_ms = None);
        assert!(none[0].starts_with("`tail_age_ms` is missing"), "{none:?}");
    }

    #[test]
    fn a_billion_combinations_are_refused_without_making_them() {
        let found = problems(|axes, fixed| {
            let many = |i: usize| {
                let bound = bounds().values()[i].to_owned();
                let step = (bound.max - bound.min) / 40.0;
                Some((0..40).map(|k| bound.min + step * f64::from(k)).collect())
            };
            *axes = PerKey::from_fn(many);
            *fixed = PerKey::default();
        });
        assert_eq!(found, ["`grid` has 4096000000 combinations: at most 100000 are tried"]);
    }

    #[test]
    fn an_inventory_above_its_limit_and_a_spread_of_nothing_are_refused() {
        let (axes, fixed) = axes();
        let quoter = QuoterSettings { base_spread_bps: 0.0, max_inventory: 1.5 };
        let found = CandidateGrid::new(&axes, &fixed, quoter, &bounds(), &safety()).unwrap_err();
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let fees = Fees { maker_bps: f64::NAN, taker_bps: 500.0 };
        let latency = Latency { entry_ms: -1.0, response_ms: f64::INFINITY };
        let split = WalkForwardSplit { train_fraction: 1.0 };
        let bootstrap = BootstrapSettings { seed: 0, resamples: 1, level: 1.0 };
        assert_eq!(settings_problems(&fees, &latency, split, &bootstrap).len(), 7);
    }
}
