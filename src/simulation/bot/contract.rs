//! The names of the metric contract.

use crate::format::exposition::Kind;
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
    /// Name of the sample, such as `mm_stage_duration_ms_bucket`.
    pub(crate) name: &'static str,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// Name, kind and meaning of each metric, in the order of the exposition.
pub(super) const METRICS: [(&str, Kind, &str); 22] = [
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
    ("mm_circuit_breaker_state", Kind::Gauge, "1 for the state that holds."),
    ("mm_guard_trip_total", Kind::Counter, "Trips of a guard."),
    ("mm_active_orders_total", Kind::Gauge, "Resting orders."),
    ("mm_fills_total", Kind::Counter, "Fills."),
    ("mm_fill_volume_total", Kind::Counter, "Filled volume, quote currency."),
    ("mm_blocked_total", Kind::Counter, "Order actions that a guard held back."),
    ("mm_param", Kind::Gauge, "Run-time parameter in force."),
    ("mm_build_info", Kind::Gauge, "Always 1."),
    ("mm_simulated", Kind::Gauge, "1: this process is a simulation."),
    ("process_resident_memory_bytes", Kind::Gauge, "Resident memory."),
    ("process_start_time_seconds", Kind::Gauge, "Start of the process, seconds since the epoch."),
];

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
    let mut one = |name: &'static str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        all.push(Series { name, labels });
    };
    let bounds = |bounds: &[f64]| -> Vec<String> {
        bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]).collect()
    };
    for le in bounds(&STAGE_BOUNDS_MS) {
        one("mm_stage_duration_ms_bucket", &[("stage", "tick_total"), ("le", &le)]);
    }
    one("mm_stage_duration_ms_sum", &[("stage", "tick_total")]);
    one("mm_stage_duration_ms_count", &[("stage", "tick_total")]);
    for le in bounds(&AGE_BOUNDS_MS) {
        one("mm_order_age_ms_bucket", &[("le", &le)]);
    }
    one("mm_order_age_ms_sum", &[]);
    one("mm_order_age_ms_count", &[]);
    for name in ["mm_tick_total", "mm_deadline_miss_total"] {
        one(name, &[]);
    }
    for name in ["mm_edge_bps_ema1h", "mm_edge_bps_ema24h", "mm_net_bps"] {
        one(name, &[]);
    }
    for name in
        ["mm_md_cache_hit_total", "mm_md_cache_miss_total", "mm_maker_share_ratio", "mm_ws_lag_max_ms"]
    {
        one(name, &[]);
    }
    for state in CIRCUIT {
        one("mm_circuit_breaker_state", &[("state", state)]);
    }
    for guard in GUARDS {
        one("mm_guard_trip_total", &[("guard", guard)]);
    }
    one("mm_active_orders_total", &[]);
    for liquidity in LIQUIDITY {
        one("mm_fills_total", &[("liquidity", liquidity)]);
    }
    for liquidity in LIQUIDITY {
        one("mm_fill_volume_total", &[("liquidity", liquidity)]);
    }
    for reason in BLOCKS {
        one("mm_blocked_total", &[("reason", reason)]);
    }
    for name in crate::tuning::key::NAMES {
        one("mm_param", &[("name", name)]);
    }
    one("mm_build_info", &[("version", version), ("config_hash", config_hash)]);
    one("mm_simulated", &[]);
    one("process_resident_memory_bytes", &[]);
    one("process_start_time_seconds", &[]);
    all
}
