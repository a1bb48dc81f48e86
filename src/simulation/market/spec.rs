//! What a generated market depends on; it is written into the first line of every generated feed.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What the simulated market does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Bursts of activity around a price that returns to where it was
    Calm,
    /// A persistent drift that turns round now and then
    Trend,
    /// Calm, with sudden moves of many ticks
    Jump,
    /// Few orders in the book and a wide spread
    Thin,
}

impl Regime {
    /// As on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().expect("no regime is hidden").get_name().to_owned()
    }
}

/// Everything a generated feed depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedSpec {
    /// Seed of the random numbers.
    pub seed: u64,
    /// Length, minutes; 0 counts as 1.
    pub minutes: u32,
    /// What the market does.
    pub regime: Regime,
    /// Symbol; letters and digits count.
    pub symbol: String,
}
