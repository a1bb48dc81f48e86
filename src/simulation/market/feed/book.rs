//! From the messages of a recording to one consistent book: depth differences, best prices and snapshots
//! carry the same update ids, so the newest word on every level wins whatever order they arrived in.

use crate::simulation::market::feed::decimal::{Decimal, Level};
use crate::simulation::market::feed::grid::{PriceGrid, float};
use crate::simulation::market::feed::quality::{FeedDefect, FeedQuality};
use crate::simulation::market::feed::recording::{BestPrices, Content, Message, Recording};
use hftbacktest::depth::{
    INVALID_MAX, INVALID_MIN, L2MarketDepth as _, MarketDepth as _, ROIVectorMarketDepth,
};
use hftbacktest::types::{BUY_EVENT, DEPTH_EVENT, Event, SELL_EVENT, TRADE_EVENT};
use std::collections::BTreeMap;
use std::ops::Range;

/// The events of a recording in arrival order, without the simulator's clock flags.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) events: Vec<Event>,
    /// Position in `events` from which the book is complete.
    pub(super) ready: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Bid,
    Ask,
}

struct Builder<'a> {
    grid: PriceGrid,
    levels: &'a [Level],
    book: ROIVectorMarketDepth,
    events: Vec<Event>,
    quality: &'a mut FeedQuality,
    /// Receive and exchange time of the message at hand.
    now: (i64, i64),
    /// Last update id of the newest depth message or snapshot.
    depth_id: Option<u64>,
    ticker: Option<BestPrices>,
    ready: Option<usize>,
}

/// Rebuilds the book message by message. `times` gives receive and exchange time of each message.
pub(super) fn replay(
    recording: &mut Recording,
    grid: PriceGrid,
    times: impl Fn(&Message) -> (i64, i64),
) -> Replay {
    let Recording { messages, levels, quality, .. } = recording;
    let mut builder = Builder {
        grid,
        levels,
        book: grid.empty_book(),
        events: Vec::with_capacity(messages.len() * 4),
        quality,
        now: (0, 0),
        depth_id: None,
        ticker: None,
        ready: None,
    };
    let has_snapshot = builder.quality.snapshots > 0;
    let mut newest_depth = None;
    for (index, message) in messages.iter().enumerate() {
        builder.now = times(message);
        let asks_from = builder.book.best_ask_tick;
        let bids_to = builder.book.best_bid_tick;
        match &message.content {
            Content::Trade { price, qty, buyer_is_maker } => {
                builder.trade(*price, *qty, *buyer_is_maker);
                continue;
            }
            Content::Ticker(ticker) => builder.ticker(message.line, *ticker),
            Content::Depth { ids, previous_id, bids, asks } => {
                let expected = match (newest_depth, previous_id) {
                    (None, _) => builder.depth_id.filter(|id| ids.start > id + 1),
                    (Some(newest), Some(previous)) => Some(newest).filter(|newest| newest != previous),
                    (Some(newest), None) => Some(newest).filter(|newest| ids.start != newest + 1),
                };
                if let Some(newest) = expected {
                    let (first, previous) = (ids.start, previous_id.unwrap_or(ids.start - 1));
                    let detail = format!("update {first} follows {previous}, but {newest} came before");
                    builder.quality.note(FeedDefect::Gap, message.line, detail);
                }
                newest_depth = Some(ids.end);
                builder.depth(ids.end, bids.clone(), asks.clone());
            }
            Content::Snapshot { id, bids, asks } => {
                let newer = messages[..index].iter().filter_map(|earlier| match &earlier.content {
                    Content::Depth { ids, bids, asks, .. } if ids.end > *id => Some((ids, bids, asks)),
                    _ => None,
                });
                let mut target = SnapshotBook::new(grid, levels, bids.clone(), asks.clone());
                for (ids, bids, asks) in newer {
                    target.apply(bids.clone(), asks.clone());
                    builder.depth_id = builder.depth_id.max(Some(ids.end));
                }
                builder.snapshot(*id, &target);
            }
        }
        builder.uncross(message.line, asks_from, bids_to);
        builder.note_completeness(has_snapshot, matches!(message.content, Content::Snapshot { .. }));
    }
    let Builder { events, ready, .. } = builder;
    let ready = ready.unwrap_or(events.len());
    Replay { events, ready }
}

impl Builder<'_> {
    fn trade(&mut self, price: Decimal, qty: Decimal, buyer_is_maker: bool) {
        let side = if buyer_is_maker { SELL_EVENT } else { BUY_EVENT };
        self.push(TRADE_EVENT | side, float(price.0), float(qty.0));
    }

    fn ticker(&mut self, line: u64, ticker: BestPrices) {
        let newest = self.depth_id.max(self.ticker.map(|ticker| ticker.id));
        if newest.is_some_and(|newest| ticker.id <= newest) {
            self.quality.superseded_tickers += 1;
            return;
        }
        let (bid, ask) = (self.grid.tick_of(ticker.bid.price), self.grid.tick_of(ticker.ask.price));
        if bid >= ask && ticker.bid.qty.0 > 0 && ticker.ask.qty.0 > 0 {
            self.quality.note(FeedDefect::CrossedBook, line, self.grid.crossed(bid, ask));
            return;
        }
        // Removing before setting keeps the book uncrossed at every step.
        self.remove_better(Side::Bid, bid);
        self.remove_better(Side::Ask, ask);
        self.set(Side::Bid, bid, ticker.bid.qty);
        self.set(Side::Ask, ask, ticker.ask.qty);
        self.ticker = Some(ticker);
    }

    fn depth(&mut self, id: u64, bids: Range<usize>, asks: Range<usize>) {
        if self.depth_id.is_some_and(|newest| id <= newest) {
            return;
        }
        self.depth_id = Some(id);
        // A best price that is newer than this message has already said what rests at the touch.
        let ticker = self.ticker.filter(|ticker| ticker.id > id);
        let (bid, ask) = self.touch(ticker);
        for (side, range, touch) in [(Side::Bid, bids, bid), (Side::Ask, asks, ask)] {
            for index in range {
                let level = self.levels[index];
                let tick = self.grid.tick_of(level.price);
                let superseded = match side {
                    Side::Bid => tick >= touch,
                    Side::Ask => tick <= touch,
                };
                if !superseded {
                    self.set(side, tick, level.qty);
                }
            }
        }
    }

    fn touch(&self, ticker: Option<BestPrices>) -> (i64, i64) {
        ticker.map_or((i64::MAX, i64::MIN), |ticker| {
            (self.grid.tick_of(ticker.bid.price), self.grid.tick_of(ticker.ask.price))
        })
    }

    fn snapshot(&mut self, id: u64, target: &SnapshotBook<'_>) {
        self.depth_id = self.depth_id.max(Some(id));
        let ticker = self.ticker.filter(|ticker| Some(ticker.id) > self.depth_id);
        let (bid, ask) = self.touch(ticker);
        if let Some((lowest, _)) = target.bids.first_key_value() {
            for tick in (*lowest).max(self.grid.range.0)..=self.grid.range.1.min(bid.saturating_sub(1)) {
                self.set(Side::Bid, tick, target.bids.get(&tick).copied().unwrap_or_default());
            }
        }
        if let Some((highest, _)) = target.asks.last_key_value() {
            for tick in self.grid.range.0.max(ask.saturating_add(1))..=(*highest).min(self.grid.range.1) {
                self.set(Side::Ask, tick, target.asks.get(&tick).copied().unwrap_or_default());
            }
        }
        let far = |ticks: &BTreeMap<i64, Decimal>| {
            ticks.keys().filter(|tick| !self.grid.contains(**tick)).count() as u64
        };
        self.quality.far_levels += far(&target.bids) + far(&target.asks);
    }

    /// Removes every level of one side that is better than its best price.
    fn remove_better(&mut self, side: Side, best: i64) {
        match side {
            Side::Bid if self.book.best_bid_tick != INVALID_MIN => {
                for tick in (best.max(self.grid.range.0 - 1) + 1..=self.book.best_bid_tick).rev() {
                    self.set(side, tick, Decimal(0));
                }
            }
            Side::Ask if self.book.best_ask_tick != INVALID_MAX => {
                for tick in self.book.best_ask_tick..best.min(self.grid.range.1 + 1) {
                    self.set(side, tick, Decimal(0));
                }
            }
            _ => {}
        }
    }

    /// Sets a level, unless it is far away or already so.
    fn set(&mut self, side: Side, tick: i64, qty: Decimal) {
        if !self.grid.contains(tick) {
            self.quality.far_levels += 1;
            return;
        }
        let qty = float(qty.0);
        let price = self.grid.price(tick);
        let flag = match side {
            Side::Bid if self.book.bid_qty_at_tick(tick) == qty => return,
            Side::Ask if self.book.ask_qty_at_tick(tick) == qty => return,
            Side::Bid => {
                self.book.update_bid_depth(price, qty, 0);
                BUY_EVENT
            }
            Side::Ask => {
                self.book.update_ask_depth(price, qty, 0);
                SELL_EVENT
            }
        };
        self.push(DEPTH_EVENT | flag, price, qty);
    }

    fn push(&mut self, ev: u64, px: f64, qty: f64) {
        let (local_ts, exch_ts) = self.now;
        self.events.push(Event { ev, exch_ts, local_ts, px, qty, order_id: 0, ival: 0, fval: 0.0 });
    }

    /// Finds levels that the newest message has crossed, counts it, and lets the newest word win. The
    /// simulator's book only hides such levels, and they would come back as soon as the best price goes.
    fn uncross(&mut self, line: u64, asks_from: i64, bids_to: i64) {
        let (best_bid, best_ask) = (self.book.best_bid_tick, self.book.best_ask_tick);
        let mut crossed = None;
        if best_bid != INVALID_MIN && asks_from != INVALID_MAX {
            for tick in asks_from..=best_bid {
                if self.book.ask_qty_at_tick(tick) > 0.0 {
                    crossed.get_or_insert((best_bid, tick));
                    self.set(Side::Ask, tick, Decimal(0));
                }
            }
        }
        if best_ask != INVALID_MAX && bids_to != INVALID_MIN {
            for tick in best_ask..=bids_to {
                if self.book.bid_qty_at_tick(tick) > 0.0 {
                    crossed.get_or_insert((tick, best_ask));
                    self.set(Side::Bid, tick, Decimal(0));
                }
            }
        }
        if let Some((bid, ask)) = crossed {
            self.quality.note(FeedDefect::CrossedBook, line, self.grid.crossed(bid, ask));
        }
    }

    fn note_completeness(&mut self, has_snapshot: bool, is_snapshot: bool) {
        let two_sided = self.book.best_bid_tick != INVALID_MIN && self.book.best_ask_tick != INVALID_MAX;
        if self.ready.is_some() {
            self.quality.one_sided_books += u64::from(!two_sided);
        } else if two_sided && (is_snapshot || !has_snapshot) {
            self.ready = Some(self.events.len());
        }
    }
}

/// The book that a snapshot and the differences after it describe.
struct SnapshotBook<'a> {
    grid: PriceGrid,
    levels: &'a [Level],
    bids: BTreeMap<i64, Decimal>,
    asks: BTreeMap<i64, Decimal>,
}

impl<'a> SnapshotBook<'a> {
    fn new(grid: PriceGrid, levels: &'a [Level], bids: Range<usize>, asks: Range<usize>) -> Self {
        let mut target = Self { grid, levels, bids: BTreeMap::new(), asks: BTreeMap::new() };
        target.apply(bids, asks);
        target
    }

    fn apply(&mut self, bids: Range<usize>, asks: Range<usize>) {
        for (ticks, range) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in &self.levels[range] {
                ticks.insert(self.grid.tick_of(level.price), level.qty);
            }
        }
    }
}
