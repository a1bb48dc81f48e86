//! A market feed in memory: where it comes from, how good it is, and its events in the simulator's form.
//!
//! Recordings and generated feeds go through the same reader. A feed is refused, with file, line, count
//! and limit, rather than traded on a book that is not the market's.

mod book;
mod clocks;
mod decimal;
mod grid;
mod lines;
pub(crate) mod load;
mod npz;
pub(crate) mod quality;
mod recording;

pub(in crate::simulation::market) use grid::PriceGrid;
pub(crate) use load::load;
pub(in crate::simulation::market) use load::read;
pub(crate) use quality::{FeedLimits, FeedQuality};
pub(in crate::simulation::market) use recording::SIMULATED_ORIGIN;

use crate::report::exit::Fault;
use hftbacktest::depth::{INVALID_MAX, INVALID_MIN, L2MarketDepth as _};
use hftbacktest::types::{DEPTH_EVENT, EXCH_ASK_DEPTH_EVENT, EXCH_BID_DEPTH_EVENT, EXCH_EVENT, Event};

/// A feed, ready to be traded by any number of candidates at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// File name, or a description of the generator's specification.
    pub name: String,
    /// SHA-256 of the file as stored; of a generated feed, that of the text it would be stored as.
    pub sha256: String,
    /// Whether the market was generated rather than recorded.
    pub simulated: bool,
    /// Upper-case symbol as the exchange names it; empty where the format does not carry one.
    pub symbol: String,
    /// Smallest price step seen, quote units.
    pub tick_size: f64,
    /// Smallest quantity step seen, base units.
    pub lot_size: f64,
    /// Exchange time from which the book is complete and may be traded, nanoseconds since the epoch.
    pub first_ns: i64,
    /// Exchange time of the last event, nanoseconds since the epoch.
    pub last_ns: i64,
    /// What was counted while reading.
    pub quality: FeedQuality,
    /// Events with the simulator's exchange and local flags, in order on both clocks.
    pub events: Vec<Event>,
    pub(in crate::simulation::market) grid: PriceGrid,
    /// Receive time from which the book is complete.
    pub(in crate::simulation::market) ready_local_ns: i64,
    /// The mid price after each exchange time at which it changed.
    pub(in crate::simulation::market) mids: Vec<Mid>,
}

/// A mid price and the exchange time from which it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::simulation::market) struct Mid {
    pub(in crate::simulation::market) from_ns: i64,
    pub(in crate::simulation::market) price: f64,
}

/// What a reader finds out about a feed.
struct FeedParts {
    symbol: String,
    simulated: bool,
    quality: FeedQuality,
    grid: PriceGrid,
    events: Vec<Event>,
    ready_local_ns: i64,
    first_ns: i64,
}

fn assemble(parts: FeedParts) -> Feed {
    let FeedParts { symbol, simulated, quality, grid, events, ready_local_ns, first_ns } = parts;
    let last_ns = events.iter().map(|event| event.exch_ts).max().unwrap_or(first_ns);
    Feed {
        name: String::new(),
        sha256: String::new(),
        simulated,
        symbol,
        tick_size: grid.tick_size(),
        lot_size: grid.lot_size(),
        first_ns,
        last_ns,
        quality,
        mids: mids(&events, grid),
        events,
        grid,
        ready_local_ns,
    }
}

fn refused(shown: &str, why: &str) -> Fault {
    Fault::config(format!("refused feed `{shown}`: {why}"))
}

/// Follows the book on the exchange's clock; several changes at one time count as one.
fn mids(events: &[Event], grid: PriceGrid) -> Vec<Mid> {
    let mut book = grid.empty_book();
    let mut mids: Vec<Mid> = Vec::new();
    for event in events.iter().filter(|event| event.is(EXCH_EVENT) && event.is(DEPTH_EVENT)) {
        if event.is(EXCH_BID_DEPTH_EVENT) {
            book.update_bid_depth(event.px, event.qty, 0);
        } else if event.is(EXCH_ASK_DEPTH_EVENT) {
            book.update_ask_depth(event.px, event.qty, 0);
        }
        let (bid, ask) = (book.best_bid_tick, book.best_ask_tick);
        if bid == INVALID_MIN || ask == INVALID_MAX {
            continue;
        }
        let mid = Mid { from_ns: event.exch_ts, price: grid.mid(bid, ask) };
        match mids.last_mut() {
            Some(last) if last.from_ns == mid.from_ns => last.price = mid.price,
            Some(last) if last.price == mid.price => {}
            _ => mids.push(mid),
        }
    }
    mids
}

impl Feed {
    /// The mid price just before an exchange time: what was known to whoever traded then.
    pub(in crate::simulation::market) fn mid_before(&self, at_ns: i64) -> Option<f64> {
        let after = self.mids.partition_point(|mid| mid.from_ns < at_ns);
        after.checked_sub(1).map(|last| self.mids[last].price)
    }
}

#[cfg(test)]
pub(in crate::simulation::market) mod tests;
