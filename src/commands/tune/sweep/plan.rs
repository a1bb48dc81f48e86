//! What a sweep is about to do, from the command line and the files that it names.

use super::arguments::Args;
use super::feeds;
use crate::commands::tune::choose::document::SweepInputs;
use crate::commands::tune::config;
use crate::ctx::Ctx;
use crate::simulation::market::Feed;
use crate::tuning::trading::{Fees, Latency};

/// Simulator and tool; figures of another version are not mixed with this one's.
const ENGINE: &str = concat!("hftbacktest 0.9.4, mmops ", env!("CARGO_PKG_VERSION"));

/// Everything that decides the figures, and the feeds themselves.
pub(super) struct SweepPlan {
    pub(super) inputs: SweepInputs,
    pub(super) inputs_sha256: String,
    pub(super) feeds: Vec<Feed>,
}

impl SweepPlan {
    pub(super) fn load(args: &Args, ctx: &Ctx) -> anyhow::Result<Self> {
        let limits = config::limits(args.limits.as_deref(), ctx)?.value;
        let mut file = config::grid(args.grid.as_deref(), ctx)?;
        if let Some((maker_bps, taker_bps)) = args.fees {
            file.value.fees = Fees { maker_bps, taker_bps };
        }
        if let Some((entry_ms, response_ms)) = args.latency {
            file.value.latency = Latency { entry_ms, response_ms };
        }
        let grid = config::grid_of(&file, &limits)?;
        let file = file.value;
        let named = if args.feed.is_empty() { &file.feeds } else { &args.feed };
        let feeds = feeds::load(named, &file.generated, &limits.feed, ctx)?;
        let inputs = SweepInputs {
            bootstrap: file.bootstrap,
            engine: ENGINE.to_owned(),
            feeds: feeds.iter().map(feeds::record).collect::<Result<_, _>>()?,
            fees: file.fees,
            grid,
            latency: file.latency,
            limits: limits.record(),
            walk_forward: file.walk_forward,
        };
        let inputs_sha256 = inputs.sha256();
        Ok(Self { inputs, inputs_sha256, feeds })
    }

    /// The number of events that a candidate meets.
    pub(super) fn events(&self) -> usize {
        self.feeds.iter().map(|feed| feed.events.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_names_the_simulator_that_is_linked() {
        let lock = include_str!("../../../../Cargo.lock");
        let (name, version) = ENGINE.split(',').next().unwrap().split_once(' ').unwrap();
        assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{version}\"")), "{ENGINE}");
    }
}
