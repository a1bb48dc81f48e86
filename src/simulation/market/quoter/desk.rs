//! The quoter's state over one run: its orders, its position, and the record of both.

use crate::simulation::market::feed::Feed;
use crate::simulation::market::quoter::rules::{self, Quotes, Sizer, TokenBucket, Touch};
use crate::tuning::trading::{Fill, QuoterParams, Side, TradingOutcome};
use hftbacktest::backtest::{Backtest, BacktestError};
use hftbacktest::depth::{INVALID_MAX, INVALID_MIN, MarketDepth as _, ROIVectorMarketDepth};
use hftbacktest::types::{Bot as _, OrdType, Order, Status, TimeInForce};

const NS_PER_MS: f64 = 1e6;
const NS_PER_S: f64 = 1e9;

/// How long after a fill its adverse selection is read off the mid.
const MARKOUT_NS: i64 = 1_000_000_000;

/// How long to sleep when nothing is due and no message comes.
const LONGEST_SLEEP_NS: i64 = 1_000_000_000;

type Market = Backtest<ROIVectorMarketDepth>;
type Result = std::result::Result<(), BacktestError>;

/// An order of ours that has not ended as far as we know.
#[derive(Clone, Copy, Debug)]
struct WorkingOrder {
    id: u64,
    tick: i64,
    lots: i64,
    sent_ns: i64,
    accepted: bool,
}

#[derive(Clone, Debug)]
struct QuoteSide {
    side: Side,
    sizer: Sizer,
    /// The quote that is meant to rest.
    quote: Option<WorkingOrder>,
    /// The quote that was asked to leave and may still be filled.
    leaving: Option<WorkingOrder>,
    /// Whether a wrong quote was withdrawn and its replacement still waits for a token.
    replacement_due: bool,
    /// When the last order of this side was sent, withdrawn or filled, as we know it.
    updated_ns: Option<i64>,
}

pub(super) struct Desk<'a> {
    feed: &'a Feed,
    params: &'a QuoterParams,
    interval_ns: i64,
    tail_age_ns: i64,
    end_ns: i64,
    sides: [QuoteSide; 2],
    bucket: TokenBucket,
    position_lots: i64,
    limit_lots: i64,
    next_id: u64,
    now_ns: i64,
    outcome: TradingOutcome,
}

impl<'a> Desk<'a> {
    /// A desk without orders or position.
    pub(super) fn new(feed: &'a Feed, params: &'a QuoterParams, start_ns: i64, end_ns: i64) -> Self {
        let quote_side = |side| QuoteSide {
            side,
            sizer: Sizer::new(params, feed.lot_size),
            quote: None,
            leaving: None,
            replacement_due: false,
            updated_ns: None,
        };
        Self {
            feed,
            params,
            interval_ns: rules::ns(params.min_interval_ms),
            tail_age_ns: rules::ns(params.tail_age_ms),
            end_ns,
            sides: [quote_side(Side::Buy), quote_side(Side::Sell)],
            bucket: TokenBucket::new(params, start_ns),
            position_lots: 0,
            limit_lots: rules::lots(params.max_inventory, feed.lot_size),
            next_id: 1,
            now_ns: start_ns,
            outcome: TradingOutcome {
                duration_s: (end_ns - start_ns) as f64 / NS_PER_S,
                ..TradingOutcome::default()
            },
        }
    }

    /// The next time at which something is due even if nothing happens.
    pub(super) fn wakes_at(&self) -> i64 {
        let token =
            self.sides.iter().any(|quote_side| quote_side.replacement_due).then(|| self.bucket.ready_at());
        let rested =
            self.sides.iter().filter_map(|quote_side| Some(quote_side.updated_ns? + self.interval_ns));
        let aged =
            self.sides.iter().filter_map(|quote_side| Some(quote_side.quote?.sent_ns + self.tail_age_ns));
        let due = rested.chain(aged).chain(token).filter(|time| *time > self.now_ns);
        due.min().unwrap_or(i64::MAX).min(self.now_ns + LONGEST_SLEEP_NS)
    }

    /// Looks at answers and book, and sends what the rules allow.
    pub(super) fn act(&mut self, market: &mut Market) -> Result {
        self.now_ns = market.current_timestamp();
        self.collect(market);
        let depth = market.depth(0);
        let touch = Touch {
            bid_tick: depth.best_bid_tick(),
            ask_tick: depth.best_ask_tick(),
            bid_qty: depth.best_bid_qty(),
            ask_qty: depth.best_ask_qty(),
        };
        let quotes = (touch.bid_tick != INVALID_MIN && touch.ask_tick != INVALID_MAX)
            .then(|| rules::quotes(touch, self.params));
        // The side that has waited longer comes first, so that neither starves the other of tokens.
        let [buy, sell] = self.sides.each_ref().map(|quote_side| quote_side.updated_ns);
        for index in if buy <= sell { [0, 1] } else { [1, 0] } {
            self.update(index, quotes, market)?;
        }
        Ok(())
    }

    /// Takes note of orders that were accepted or have ended.
    fn collect(&mut self, market: &mut Market) {
        let mut ended = false;
        for index in 0..self.sides.len() {
            let quote_side = &mut self.sides[index];
            for slot in [&mut quote_side.leaving, &mut quote_side.quote] {
                let Some(working) = slot else { continue };
                let order = market.orders(0).get(&working.id);
                let order = order.expect("an order stays known until its end was collected");
                let accepted = matches!(order.status, Status::New | Status::Filled | Status::Canceled);
                if accepted && !working.accepted {
                    working.accepted = true;
                    self.outcome.orders_placed += 1;
                }
                if !matches!(order.status, Status::Filled | Status::Canceled | Status::Expired) {
                    continue;
                }
                ended = true;
                let working = *working;
                *slot = None;
                if working.accepted {
                    let age_ms = (self.now_ns - working.sent_ns) as f64 / NS_PER_MS;
                    self.outcome.order_lives_ms.push(age_ms);
                }
                if order.status == Status::Filled {
                    quote_side.updated_ns = Some(self.now_ns);
                    let lots = working.lots * if quote_side.side == Side::Buy { 1 } else { -1 };
                    self.position_lots += lots;
                    self.outcome.orders_filled += 1;
                    self.outcome.max_inventory = self
                        .outcome
                        .max_inventory
                        .max(quantity(self.position_lots.abs(), self.feed.lot_size));
                    self.outcome.fills.push(fill(self.feed, self.end_ns, quote_side.side, working, order));
                }
            }
        }
        if ended {
            market.clear_inactive_orders(Some(0));
        }
    }

    fn update(&mut self, index: usize, quotes: Option<Quotes>, market: &mut Market) -> Result {
        let position = self.position();
        let quote_side = &self.sides[index];
        let side = quote_side.side;
        let rested = quote_side.updated_ns.is_none_or(|updated| self.now_ns - updated >= self.interval_ns);
        let Some(quote) = quote_side.quote else {
            let Some(quotes) = quotes.filter(|_| rested) else { return Ok(()) };
            if quote_side.replacement_due {
                if !self.bucket.take(self.now_ns) {
                    return Ok(());
                }
                self.outcome.replaces += 1;
            }
            let size = self.sides[index].sizer.next(side, position, quotes.imbalance);
            return self.place(index, quotes.tick(side), size, market);
        };
        if !quote.accepted || quote_side.leaving.is_some() {
            return Ok(());
        }
        // Without a whole book there is no fair value to defend a quote with.
        if quotes.is_none() || self.now_ns - quote.sent_ns >= self.tail_age_ns {
            return self.withdraw(index, quote, market);
        }
        let Some(quotes) = quotes.filter(|_| rested) else { return Ok(()) };
        let (tick, size) = (quotes.tick(side), quote_side.sizer.next(side, position, quotes.imbalance));
        if tick == quote.tick && rules::size_stays(quote.lots, rules::lots(size, self.feed.lot_size)) {
            return Ok(());
        }
        // Cancelling needs no token: no quote is better than a wrong one.
        self.withdraw(index, quote, market)?;
        if !self.bucket.take(self.now_ns) {
            self.sides[index].replacement_due = true;
            return Ok(());
        }
        self.outcome.replaces += 1;
        self.place(index, tick, size, market)
    }

    fn withdraw(&mut self, index: usize, quote: WorkingOrder, market: &mut Market) -> Result {
        market.cancel(0, quote.id, false)?;
        let quote_side = &mut self.sides[index];
        quote_side.quote = None;
        quote_side.leaving = Some(quote);
        quote_side.updated_ns = Some(self.now_ns);
        Ok(())
    }

    /// Sends a new quote of at most what the inventory limit leaves when everything in flight is filled.
    fn place(&mut self, index: usize, tick: i64, size: f64, market: &mut Market) -> Result {
        let lot = self.feed.lot_size;
        let quote_side = &mut self.sides[index];
        quote_side.sizer.requoted(size);
        quote_side.replacement_due = false;
        let sign = if quote_side.side == Side::Buy { 1 } else { -1 };
        let in_flight = quote_side.leaving.map_or(0, |leaving| leaving.lots);
        let room = self.limit_lots - sign * self.position_lots - in_flight;
        let lots = rules::lots(size, lot).min(room);
        if lots <= 0 {
            return Ok(());
        }
        let id = self.next_id;
        self.next_id += 1;
        let (price, qty) = (self.feed.grid.price(tick), quantity(lots, lot));
        let (gtc, limit) = (TimeInForce::GTC, OrdType::Limit);
        match quote_side.side {
            Side::Buy => market.submit_buy_order(0, id, price, qty, gtc, limit, false)?,
            Side::Sell => market.submit_sell_order(0, id, price, qty, gtc, limit, false)?,
        };
        quote_side.quote = Some(WorkingOrder { id, tick, lots, sent_ns: self.now_ns, accepted: false });
        quote_side.updated_ns = Some(self.now_ns);
        Ok(())
    }

    fn position(&self) -> f64 {
        quantity(self.position_lots, self.feed.lot_size)
    }

    /// The record, with the position valued at the last mid of the window.
    pub(super) fn close(mut self) -> TradingOutcome {
        self.outcome.final_position = self.position();
        self.outcome.final_mid = self.feed.mid_before(self.end_ns).unwrap_or_default();
        self.outcome.fills.sort_by_key(|fill| fill.at_ns);
        self.outcome
    }
}

fn quantity(lots: i64, lot: f64) -> f64 {
    lots as f64 * lot
}

fn fill(feed: &Feed, end_ns: i64, side: Side, working: WorkingOrder, order: &Order) -> Fill {
    let at_ns = order.exch_timestamp;
    let later = at_ns + MARKOUT_NS;
    let price = feed.grid.price(order.exec_price_tick);
    Fill {
        at_ns,
        side,
        price,
        qty: quantity(working.lots, feed.lot_size),
        age_ms: (at_ns - working.sent_ns) as f64 / NS_PER_MS,
        maker: order.maker,
        mid: feed.mid_before(at_ns).unwrap_or(price),
        mid_after_1s: if later <= end_ns { feed.mid_before(later + 1) } else { None },
    }
}
