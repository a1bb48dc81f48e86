//! The two-sided quoter on hftbacktest: the simulator keeps the book, our place in the queue, order
//! latency and fees; here are the window, the loop, and what is written down about it.
//!
//! The quoter wakes at every message and every answer to an order. It keeps one quote a side, replaces it
//! by a cancel and a new order sent together, and counts everything in flight against the inventory limit.
//! Quotes are plain limit orders: one that the market overtakes on its way takes, and is counted as taker.
//!
//! Two properties of the simulator shape this. Its partially filling exchange loses partial fills on the
//! way to us, so orders are filled whole (see `queue`); and its amended orders keep their old quantity, so
//! none is amended.

mod desk;
mod queue;
mod rules;

use crate::report::exit::Fault;
use crate::simulation::market::feed::Feed;
use crate::tuning::trading::{Fees, Latency, QuoterParams, TradingOutcome};
use anyhow::Context as _;
use desk::Desk;
use hftbacktest::backtest::assettype::LinearAsset;
use hftbacktest::backtest::data::Data;
use hftbacktest::backtest::models::{CommonFees, ConstantLatency, TradingValueFeeModel};
use hftbacktest::backtest::{Backtest, DataSource, ExchangeKind, L2AssetBuilder};
use hftbacktest::depth::ROIVectorMarketDepth;
use hftbacktest::types::{Bot as _, EXCH_EVENT, ElapseResult, Event, LOCAL_EVENT};
use queue::WholeOrderQueue;

/// A duration parameter above this is no quoting any more.
const LONGEST_MS: f64 = 86_400_000.0;

/// The part of a feed that is traded, split by exchange time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Window {
    Whole,
    /// The first part, of this fraction of the feed's period.
    First(f64),
    /// What [`Window::First`] of the same fraction leaves; the book before it is known, not traded.
    Rest(f64),
}

impl Window {
    /// Start and end on the clock of a feed.
    fn bounds(self, feed: &Feed) -> Result<(i64, i64), Fault> {
        let (first, last) = (feed.first_ns.max(feed.ready_local_ns), feed.last_ns);
        let (Self::First(share) | Self::Rest(share)) = self else { return Ok((first, last)) };
        if !(share > 0.0 && share < 1.0) {
            return Err(Fault::config(format!(
                "cannot split a feed at {share}: give a fraction between 0 and 1"
            )));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a fraction of an i64 is an i64")]
        let split = first + ((last - first) as f64 * share) as i64;
        Ok(match self {
            Self::First(_) => (first, split),
            _ => (split, last),
        })
    }
}

/// Trades `feed` with one candidate. Equal arguments give equal outcomes, on any machine and thread.
pub fn simulate(
    feed: &Feed,
    window: Window,
    params: &QuoterParams,
    fees: &Fees,
    latency: &Latency,
) -> anyhow::Result<TradingOutcome> {
    check(params, fees, latency)?;
    let (start, end) = window.bounds(feed)?;
    let mut market = market(feed, end, fees, latency)?;
    let mut desk = Desk::new(feed, params, start, end);
    let failed = || format!("the simulation of `{}` failed", feed.name);
    // The simulator's clock starts at its first event, whatever is asked for.
    market.elapse(0).with_context(failed)?;
    market.elapse(start - market.current_timestamp()).with_context(failed)?;
    while market.current_timestamp() < end {
        let wait = (desk.wakes_at() - market.current_timestamp()).max(1);
        if market.wait_next_feed(true, wait).with_context(failed)? == ElapseResult::EndOfData {
            break;
        }
        if market.current_timestamp() >= end {
            break;
        }
        desk.act(&mut market).with_context(failed)?;
    }
    Ok(desk.close())
}

fn market(
    feed: &Feed,
    end: i64,
    fees: &Fees,
    latency: &Latency,
) -> anyhow::Result<Backtest<ROIVectorMarketDepth>> {
    let grid = feed.grid;
    let asset = L2AssetBuilder::new()
        .data(vec![DataSource::Data(Data::from_data(until(&feed.events, end)))])
        .latency_model(ConstantLatency::new(rules::ns(latency.entry_ms), rules::ns(latency.response_ms)))
        .asset_type(LinearAsset::new(1.0))
        .fee_model(TradingValueFeeModel::new(CommonFees::new(fees.maker_bps * 1e-4, fees.taker_bps * 1e-4)))
        .exchange(ExchangeKind::NoPartialFillExchange)
        .queue_model(WholeOrderQueue::new())
        .depth(move || grid.empty_book())
        .build()?;
    Ok(Backtest::builder().add_asset(asset).build()?)
}

/// The events up to `end`: after the first that is later on both clocks, all are.
fn until(events: &[Event], end: i64) -> &[Event] {
    let later = |event: &Event| {
        event.is(EXCH_EVENT) && event.is(LOCAL_EVENT) && event.exch_ts > end && event.local_ts > end
    };
    &events[..events.iter().position(later).unwrap_or(events.len())]
}

fn check(params: &QuoterParams, fees: &Fees, latency: &Latency) -> Result<(), Fault> {
    let QuoterParams { base_spread_bps, min_interval_ms, tail_age_ms, impact_cap_ratio, .. } = *params;
    let QuoterParams { max_delta_ratio, replace_rate_per_min, max_inventory, .. } = *params;
    for (name, value, low, high) in [
        ("base_spread_bps", base_spread_bps, 0.0, 10_000.0),
        ("min_interval_ms", min_interval_ms, 0.0, LONGEST_MS),
        ("tail_age_ms", tail_age_ms, 1.0, LONGEST_MS),
        ("impact_cap_ratio", impact_cap_ratio, 0.0, 1.0),
        ("max_delta_ratio", max_delta_ratio, 0.0, 1.0),
        ("replace_rate_per_min", replace_rate_per_min, 0.0, 1e9),
        ("max_inventory", max_inventory, f64::MIN_POSITIVE, 1e12),
        ("maker_bps", fees.maker_bps, -1_000.0, 1_000.0),
        ("taker_bps", fees.taker_bps, -1_000.0, 1_000.0),
        ("entry_ms", latency.entry_ms, 0.0, LONGEST_MS),
        ("response_ms", latency.response_ms, 0.0, LONGEST_MS),
    ] {
        if !(low..=high).contains(&value) {
            return Err(Fault::config(format!("`{name}` is {value}: it must lie between {low} and {high}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
