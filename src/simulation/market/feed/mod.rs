//! A market feed in memory: where it comes from, how good it is, and its events in the simulator's form.
//!
//! Recordings and generated feeds go through the same reader. A feed is refused, with file, line, count
//! and limit, rather than traded on a book that is not the market's.

mod book;
mod lines;
mod npz;
mod order;
pub(crate) mod quality;
mod recording;

use crate::format::hash;
pub(in crate::simulation::market) use book::Grid;
pub(crate) use quality::{Limits, Quality};
pub(in crate::simulation::market) use recording::SIMULATED_ORIGIN;

use crate::report::exit::Fault;
use crate::sys::fsio;
use hftbacktest::depth::{INVALID_MAX, INVALID_MIN, L2MarketDepth as _};
use hftbacktest::types::{DEPTH_EVENT, EXCH_ASK_DEPTH_EVENT, EXCH_BID_DEPTH_EVENT, EXCH_EVENT, Event};
use std::path::Path;

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
    pub quality: Quality,
    /// Events with the simulator's exchange and local flags, in order on both clocks.
    pub events: Vec<Event>,
    pub(in crate::simulation::market) grid: Grid,
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

/// Loads a feed: `<local ns> <raw JSON>` lines, plain or gzip, or hftbacktest's `.npz`.
pub fn load(path: &Path, limits: &Limits) -> anyhow::Result<Feed> {
    let bytes = fsio::read(path)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let shown = path.display().to_string();
    if bytes.is_empty() {
        return Err(refused(&shown, "the file is empty").into());
    }
    let is_archive = bytes.starts_with(b"PK");
    let sha256 = hash::sha256(&bytes);
    let mut feed =
        if is_archive { npz::read(&shown, &bytes, limits)? } else { read(&shown, &bytes, limits)? };
    (feed.name, feed.sha256) = (name, sha256);
    Ok(feed)
}

/// Reads the text of a recording or of a generated feed; name and digest are left to the caller.
pub(in crate::simulation::market) fn read(shown: &str, bytes: &[u8], limits: &Limits) -> Result<Feed, Fault> {
    let mut recording = recording::read(shown, bytes)?;
    recording.quality.check(shown, limits)?;
    if recording.quality.lines == 0 {
        return Err(refused(shown, "the file is empty"));
    }
    if recording.quality.trade_messages == 0 {
        let lines = recording.quality.lines;
        return Err(refused(shown, &format!("there is not one trade in its {lines} lines")));
    }
    let grid = Grid::infer(&recording).map_err(|why| refused(shown, &why))?;
    let clocks = order::Clocks::measure(&recording.messages);
    let replay = book::replay(&mut recording, grid, |message| clocks.times(message));
    let recording::Recording { symbol, simulated, mut quality, .. } = recording;
    quality.clock_shift_ns = clocks.shift_ns;
    quality.check(shown, limits)?;
    let Some(ready) = replay.events.get(replay.ready) else {
        let lines = quality.lines;
        return Err(refused(shown, &format!("its book never has both sides in {lines} lines")));
    };
    let (ready_local_ns, first_ns) = (ready.local_ts, ready.exch_ts);
    let events = order::on_both_clocks(&replay.events);
    Ok(assemble(Parts { symbol, simulated, quality, grid, events, ready_local_ns, first_ns }))
}

/// What a reader finds out about a feed.
struct Parts {
    symbol: String,
    simulated: bool,
    quality: Quality,
    grid: Grid,
    events: Vec<Event>,
    ready_local_ns: i64,
    first_ns: i64,
}

fn assemble(parts: Parts) -> Feed {
    let Parts { symbol, simulated, quality, grid, events, ready_local_ns, first_ns } = parts;
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
fn mids(events: &[Event], grid: Grid) -> Vec<Mid> {
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
            #[expect(clippy::float_cmp, reason = "both come from whole ticks by the same arithmetic")]
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
