//! Which run-time parameter moves which figure, which way, and what the run itself shows of it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::soak::trail::ParametersInForce;
use crate::judge::statistics::median;
use std::collections::BTreeMap;

/// A parameter that moves a figure the way that is wanted, when it is changed by a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lever {
    pub(super) parameter: &'static str,
    /// Towards what is wanted.
    pub(super) step: f64,
    /// Why it should.
    pub(super) because: &'static str,
}

const fn lever(parameter: &'static str, step: f64, because: &'static str) -> Lever {
    Lever { parameter, step, because }
}

const WIDER: Lever =
    lever("base_spread_bps_delta", 0.02, "a wider quote earns more on each fill, and rests longer");
const SLOWER: Lever = lever("min_interval_ms", 10.0, "fewer updates of a side keep its place in the queue");
const CALMER: Lever = lever("replace_rate_per_min", -30.0, "fewer replaces do less in each tick");
const YOUNGER: Lever = lever("tail_age_ms", -50.0, "orders are cancelled before they grow old");
const OLDER: Lever = lever("tail_age_ms", 50.0, "orders that rest longer pay less to be filled");
const LESS_IMPACT: Lever = lever("impact_cap_ratio", -0.01, "quotes follow the book's imbalance less far");
const LESS_DELTA: Lever = lever("max_delta_ratio", -0.01, "a requote changes less at once");
const FASTER: Lever = lever("min_interval_ms", -10.0, "a side may be updated sooner");

/// The parameters that bring a figure to where it should be, the first choice first.
pub(super) fn levers(kpi: &str, driver: Option<&str>) -> &'static [Lever] {
    match (kpi, driver) {
        ("maker_share_ratio", _) => &[WIDER, SLOWER, CALMER],
        ("order_latency_p95_ms", _) => &[YOUNGER, FASTER],
        ("risk_block_ratio", _) => &[LESS_IMPACT, SLOWER],
        ("net_bps" | "edge_ema24h_bps" | "edge_ema1h_bps", Some("adverse_p95_bps")) => {
            &[LESS_IMPACT, LESS_DELTA, WIDER]
        }
        ("net_bps" | "edge_ema24h_bps" | "edge_ema1h_bps", Some("slippage_p95_bps")) => &[WIDER, OLDER],
        ("net_bps" | "edge_ema24h_bps" | "edge_ema1h_bps", _) => &[WIDER, LESS_IMPACT],
        ("tick_latency_p95_ms" | "tick_latency_p50_ms" | "deadline_miss_ratio", _) => &[CALMER, SLOWER],
        ("ws_lag_max_ms", _) => &[SLOWER, CALMER],
        _ => &[],
    }
}

/// What a parameter did to a figure in the run: the difference of the figure's medians under its smallest and its
/// largest value, by the difference of both values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MeasuredEffect {
    pub(super) per_unit: f64,
    /// The values between which it was measured, and the iterations under each.
    pub(super) values: (f64, f64),
    pub(super) iterations: (usize, usize),
}

/// Fewer iterations under a value show nothing of it.
const LEAST: usize = 4;

/// The effect, where the run had the parameter at two values or more for long enough.
pub(super) fn measured(
    parameter: &str,
    windows: &[ParametersInForce],
    figure: &[(u32, f64)],
) -> Option<MeasuredEffect> {
    let figure: BTreeMap<u32, f64> = figure.iter().copied().collect();
    let mut levels: BTreeMap<u64, (f64, Vec<f64>)> = BTreeMap::new();
    for window in windows {
        let Some(value) = window.parameters.get(parameter) else { continue };
        let Some(shown) = figure.get(&window.iteration) else { continue };
        levels.entry(value.to_bits()).or_insert((*value, Vec::new())).1.push(*shown);
    }
    let mut levels: Vec<(f64, Vec<f64>)> =
        levels.into_values().filter(|(_, shown)| shown.len() >= LEAST).collect();
    levels.sort_by(|one, other| one.0.total_cmp(&other.0));
    let ((low, under_low), (high, under_high)) = (levels.first()?, levels.last()?);
    let per_unit = (median(under_high)? - median(under_low)?) / (high - low);
    let effect =
        MeasuredEffect { per_unit, values: (*low, *high), iterations: (under_low.len(), under_high.len()) };
    (high > low && per_unit != 0.0).then_some(effect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuning::key::NAMES;
    use std::sync::Arc;

    #[test]
    fn every_lever_is_a_run_time_parameter() {
        let kpis =
            ["maker_share_ratio", "order_latency_p95_ms", "risk_block_ratio", "net_bps", "ws_lag_max_ms"];
        for kpi in kpis.into_iter().chain(["tick_latency_p95_ms"]) {
            for driver in [None, Some("adverse_p95_bps")] {
                let levers = levers(kpi, driver);
                assert!(!levers.is_empty() && levers.iter().all(|lever| NAMES.contains(&lever.parameter)));
            }
        }
        assert_eq!(levers("hit_ratio", None), []);
    }

    #[test]
    fn an_effect_is_measured_where_the_parameter_had_two_values_for_long_enough() {
        let windows = |changed_at: u32| -> Vec<ParametersInForce> {
            let value = |number| if number < changed_at { 600.0 } else { 700.0 };
            let parameters = |number| BTreeMap::from([("tail_age_ms".to_owned(), value(number))]);
            let window = |iteration| ParametersInForce {
                iteration,
                parameters: parameters(iteration).into(),
                members: Arc::default(),
            };
            (1..=10).map(window).collect()
        };
        let figure: Vec<(u32, f64)> =
            (1..=10).map(|number| (number, if number < 6 { 180.0 } else { 190.0 })).collect();
        let effect = measured("tail_age_ms", &windows(6), &figure).expect("an effect");
        assert!((effect.per_unit - 0.1).abs() < 1e-12, "{effect:?}");
        assert_eq!(effect.iterations, (5, 5));
        assert_eq!(measured("tail_age_ms", &windows(3), &figure), None, "too short");
        assert_eq!(measured("tail_age_ms", &windows(1), &figure), None, "never changed");
    }
}
