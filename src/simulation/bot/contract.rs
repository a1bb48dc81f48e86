//! The names of the metric contract.

use crate::format::exposition::Kind;
use crate::tuning::key::NAMES;
use std::collections::BTreeMap;

/// Bounds of the tick-time buckets, milliseconds.
pub(super) const STAGE_BOUNDS_MS: [f64; 12] =
    [5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 125.0, 150.0, 200.0, 250.0, 400.0, 800.0];

/// Bounds of the order-age buckets, milliseconds.
pub(super) const AGE_BOUNDS_MS: [f64; 10] =
    [25.0, 50.0, 100.0, 200.0, 250.0, 300.0, 340.0, 400.0, 600.0, 1000.0];

/// One series of a bot: what it is called and what tells it from its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// Position of its metric in [`METRICS`].
    pub(super) metric: usize,
    /// Name of the sample, such as `mm_stage_duration_ms_bucket`.
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// Name, kind and meaning of each metric, in the order of the exposition.
pub(super) const METRICS: [(&str, Kind, &str); 25] = [
    ("mm_stage_duration_ms", Kind::Histogram, "Duration of a stage of the tick, milliseconds."),
    ("mm_order_age_ms", Kind::Histogram, "Age of orders when they end, milliseconds."),
    ("mm_tick_total", Kind::Counter, "Ticks."),
    ("mm_deadline_miss_total", Kind::Counter, "Ticks that took longer than their deadline."),
    ("mm_edge_bps_ema1h", Kind::Gauge, "Net edge, moving average over 1 h, basis points."),
    ("mm_edge_bps_ema24h", Kind::Gauge, "Net edge, moving average over 24 h, basis points."),
    ("mm_net_bps", Kind::Gauge, "Net edge, basis points."),
    ("mm_md_cache_hit_total", Kind::Counter, "Market data found in the cache."),
    ("mm_md_cache_miss_total", Kind::Counter, "Market data not found in the cache."),
    ("mm_maker_share_ratio", Kind::Gauge, "Maker volume to all volume."),
    ("mm_ws_lag_max_ms", Kind::Gauge, "Largest lag of the market data stream, milliseconds."),
    ("mm_ws_lag_p95_ms", Kind::Gauge, "95th percentile of the lag of the market data stream, milliseconds."),
    ("mm_circuit_breaker_state", Kind::Gauge, "1 for the state that holds."),
    ("mm_guard_trip_total", Kind::Counter, "Trips of a guard."),
    ("mm_active_orders_total", Kind::Gauge, "Resting orders."),
    ("mm_fills_total", Kind::Counter, "Fills."),
    ("mm_fill_volume_total", Kind::Counter, "Filled volume, quote currency."),
    ("mm_blocked_total", Kind::Counter, "Order actions that a guard held back."),
    ("mm_request_total", Kind::Counter, "Requests to the venue."),
    ("mm_request_error_total", Kind::Counter, "Requests to the venue that failed."),
    ("mm_param", Kind::Gauge, "Run-time parameter in force."),
    ("mm_build_info", Kind::Gauge, "Always 1."),
    ("mm_simulated", Kind::Gauge, "1: this process is a simulation."),
    ("process_resident_memory_bytes", Kind::Gauge, "Resident memory."),
    ("process_start_time_seconds", Kind::Gauge, "Start of the process, seconds since the epoch."),
];

/// Stages of a tick whose duration is measured; the first is the whole.
pub(super) const STAGES: [&str; 2] = ["tick_total", "fetch_md"];
/// Guards that may trip.
pub(super) const GUARDS: [&str; 3] = ["edge", "latency", "ws"];
/// States of the circuit breaker.
pub(super) const CIRCUIT: [&str; 3] = ["closed", "half_open", "open"];
/// Reasons to hold an order action back.
pub(super) const BLOCKS: [&str; 4] = ["concurrency", "min_interval", "risk", "throttle"];
/// Who provided liquidity.
pub(super) const LIQUIDITY: [&str; 2] = ["maker", "taker"];

/// Every series, in the order in which `SimulatedBot::values` gives its numbers.
pub(super) fn series(version: &str, config_hash: &str) -> Vec<Series> {
    let mut all = Vec::new();
    for (metric, (name, kind, _)) in METRICS.iter().enumerate() {
        let by = |label, values: &[&'static str]| values.iter().map(|value| vec![(label, *value)]).collect();
        let (siblings, bounds): (Vec<Vec<(&str, &str)>>, &[f64]) = match *name {
            "mm_stage_duration_ms" => (by("stage", &STAGES), &STAGE_BOUNDS_MS),
            "mm_order_age_ms" => (vec![Vec::new()], &AGE_BOUNDS_MS),
            "mm_circuit_breaker_state" => (by("state", &CIRCUIT), &[]),
            "mm_guard_trip_total" => (by("guard", &GUARDS), &[]),
            "mm_fills_total" | "mm_fill_volume_total" => (by("liquidity", &LIQUIDITY), &[]),
            "mm_blocked_total" => (by("reason", &BLOCKS), &[]),
            "mm_param" => (by("name", &NAMES), &[]),
            "mm_build_info" => (vec![vec![("version", version), ("config_hash", config_hash)]], &[]),
            _ => (vec![Vec::new()], &[]),
        };
        let mut add = |suffix: &str, labels: &[(&str, &str)]| {
            let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            all.push(Series { metric, name: format!("{name}{suffix}"), labels });
        };
        for labels in siblings {
            if *kind != Kind::Histogram {
                add("", &labels);
                continue;
            }
            for bound in bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]) {
                add("_bucket", &[&labels[..], &[("le", &*bound)]].concat());
            }
            add("_sum", &labels);
            add("_count", &labels);
        }
    }
    all
}
