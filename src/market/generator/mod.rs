//! A seeded market: the same seed gives the same feed on every machine.

use crate::market::feed::Feed;
use serde::{Deserialize, Serialize};

/// What the simulated market does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Small moves around a slowly wandering price
    Calm,
    /// A persistent drift with bursts of one-sided trading
    Trend,
    /// Calm, with sudden moves of many ticks
    Jump,
    /// Few orders in the book and wide spreads
    Thin,
}

/// Everything a generated feed depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Seed of the random numbers.
    pub seed: u64,
    /// Length, minutes.
    pub minutes: u32,
    /// What the market does.
    pub regime: Regime,
    /// Upper-case symbol.
    pub symbol: String,
}

/// Generates the feed of `spec`.
pub fn generate(spec: &Spec) -> Feed {
    unimplemented!("{spec:?}")
}
