//! The figures of one candidate: what a worker measures, and what limits and choice look at.

use super::bootstrap::Interval;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Figures of one candidate; `null` is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Mean over fills of `10^4 x side x (mid at the fill - mid 1 s later) / mid at the fill`: positive
    /// when prices move against us after we trade.
    pub adverse_bps_1s: Option<f64>,
    /// Fills whose next second was recorded.
    pub adverse_fills: Option<u64>,
    /// Simulated time, seconds.
    pub duration_s: Option<f64>,
    /// Fees paid over turnover, basis points; negative when rebates outweigh them.
    pub fees_bps: Option<f64>,
    /// Orders filled at least in part over orders placed.
    pub fill_rate: Option<f64>,
    /// Executions.
    pub fills: Option<u64>,
    /// `10^4 x (cash flow + inventory at final mid) / turnover`, before fees.
    pub gross_bps: Option<f64>,
    /// Maker turnover over turnover.
    pub maker_share: Option<f64>,
    /// Largest absolute position, base units.
    pub max_inventory: Option<f64>,
    /// `10^4 x (cash flow + inventory at final mid - fees) / turnover`.
    pub net_bps: Option<f64>,
    /// 95th percentile, linearly interpolated, of how old orders were when they were filled, milliseconds:
    /// an old quote is the one that is filled at a price nobody would quote any more.
    pub order_age_p95_ms: Option<f64>,
    /// 95th percentile of the life of every order that ended, milliseconds.
    pub order_life_p95_ms: Option<f64>,
    /// Orders placed.
    pub orders_placed: Option<u64>,
    /// Replaces a minute.
    pub replace_rate_per_min: Option<f64>,
    /// Turnover that took liquidity, percent of turnover.
    pub taker_share_pct: Option<f64>,
    /// Money turned over, quote units.
    pub turnover: Option<f64>,
}

/// Figures, how sure the profit is, and why what is unknown is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// The figures.
    pub metrics: Metrics,
    /// Block-bootstrap interval of `net_bps`.
    pub net_interval: Option<Interval>,
    /// Reason by figure, for every figure that is null.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
}
