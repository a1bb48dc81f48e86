//! What the market simulator is asked (parameters, fees, latency) and what it answers (fills, order
//! lives, inventory): the border between `market` and the decisions of this module.

use serde::{Deserialize, Serialize};

/// The quoter's parameters; each one acts, and a test shows it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoterParams {
    /// Full distance between our bid and our ask around fair value, in basis points of the mid.
    pub base_spread_bps: f64,
    /// Least time between two updates of one side, milliseconds.
    pub min_interval_ms: f64,
    /// Resting orders older than this are cancelled, milliseconds.
    pub tail_age_ms: f64,
    /// Bound on the price shift taken from book imbalance, as a fraction of the half spread.
    pub impact_cap_ratio: f64,
    /// Bound on the size change per requote, as a fraction of the current size.
    pub max_delta_ratio: f64,
    /// Most replaces a minute over both sides.
    pub replace_rate_per_min: f64,
    /// Largest absolute position, in base units.
    pub max_inventory: f64,
}

/// Exchange fees in basis points of notional; a rebate is negative.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Paid on fills of resting orders.
    pub maker_bps: f64,
    /// Paid on fills that took liquidity.
    pub taker_bps: f64,
}

/// One-way delays between us and the exchange, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// From our decision to the matching engine.
    pub entry_ms: f64,
    /// From the matching engine's answer back to us.
    pub response_ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    /// +1 for a buy, -1 for a sell.
    pub fn sign(self) -> f64 {
        match self {
            Side::Buy => 1.0,
            Side::Sell => -1.0,
        }
    }
}

/// One execution of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    /// Exchange time, nanoseconds since the epoch.
    pub at_ns: i64,
    pub side: Side,
    /// Price, quote units.
    pub price: f64,
    /// Quantity, base units.
    pub qty: f64,
    /// Time from sending the order to its execution, milliseconds.
    pub age_ms: f64,
    /// Whether our order rested in the book.
    pub maker: bool,
    /// Mid price of the book at the fill.
    pub mid: f64,
    /// Mid price one second later, or `None` where the recording ends before.
    pub mid_after_1s: Option<f64>,
}

/// Everything one candidate did on one feed (or on one part of it).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TradingOutcome {
    /// Executions in time order.
    pub fills: Vec<Fill>,
    /// Life of every order that ended (filled or cancelled), milliseconds, from submission by us to its
    /// end as we see it.
    pub order_lives_ms: Vec<f64>,
    /// Orders accepted by the exchange.
    pub orders_placed: u64,
    /// Orders that were filled at least in part.
    pub orders_filled: u64,
    /// Requotes that replaced a resting order.
    pub replaces: u64,
    /// Largest absolute position reached, base units.
    pub max_inventory: f64,
    /// Position at the end, base units, signed.
    pub final_position: f64,
    pub final_mid: f64,
    /// Time simulated, seconds.
    pub duration_s: f64,
}
