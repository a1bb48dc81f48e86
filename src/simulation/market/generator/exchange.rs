//! The simulated exchange: an order book on whole ticks and lots whose participants follow a hidden fair
//! price. Makers queue around it and pull quotes that it has crossed, takers hit what it makes cheap.

use crate::simulation::market::spec::Regime;
use crate::simulation::random::Xoshiro256;
use std::collections::BTreeMap;

/// Fair price at the start, ticks.
const START_TICK: i64 = 600_000;

/// The hidden price counts in thousandths of a tick.
const MILLI: i64 = 1000;

/// Levels on each side that makers keep filled.
const DEPTH_TICKS: i64 = 60;

/// Levels this far from the touch are taken out of the book.
const PRUNED_TICKS: i64 = 200;

/// Sizes of orders in lots, small ones more often: drawn uniformly.
const SIZES: [i64; 16] = [1, 1, 2, 2, 3, 5, 8, 10, 15, 20, 30, 50, 80, 120, 200, 400];

/// How much more often orders come in a burst; trading on real venues is as uneven.
const BURST_FACTOR: i64 = 10;

/// How a regime behaves; chances are per 10,000 and millisecond.
#[derive(Clone, Copy, Debug)]
struct RegimeRates {
    /// Chance that a burst of activity begins.
    burst_begins: i64,
    /// Chance that it ends.
    burst_ends: i64,
    /// Chance of a move of the hidden price in a burst, and its largest size in ticks.
    step: (i64, i64),
    /// Drift of the hidden price with every move, ticks.
    drift: i64,
    /// Pull back to the start with every move: one part in this many; 0 for none.
    pull: i64,
    /// Chance of a jump, and its largest size in ticks.
    jump: (i64, i64),
    /// Chance of a market order in quiet times; `BURST_FACTOR` times that in a burst.
    market_orders: i64,
    /// Chance of a limit order, and of a cancellation, in quiet times; `BURST_FACTOR` times that in a burst.
    limit_orders: i64,
    /// Ticks that makers leave between best bid and best ask.
    spread: i64,
    /// Lots on a level that is filled up, on average.
    level_lots: i64,
}

impl RegimeRates {
    fn of(regime: Regime) -> Self {
        let calm = Self {
            burst_begins: 12,
            burst_ends: 50,
            step: (400, 45),
            drift: 0,
            pull: 100,
            jump: (0, 0),
            market_orders: 60,
            limit_orders: 160,
            spread: 1,
            level_lots: 600,
        };
        match regime {
            Regime::Calm => calm,
            Regime::Trend => Self { drift: 3, pull: 0, market_orders: 60, ..calm },
            Regime::Jump => Self { jump: (1, 150), ..calm },
            Regime::Thin => Self { market_orders: 8, limit_orders: 160, spread: 12, level_lots: 40, ..calm },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Bid,
    Ask,
}

impl Side {
    /// Away from the touch.
    fn outward(self) -> i64 {
        match self {
            Side::Bid => -1,
            Side::Ask => 1,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Print {
    pub(super) tick: i64,
    pub(super) lots: i64,
    pub(super) buyer_is_maker: bool,
}

#[derive(Debug)]
pub(super) struct Exchange {
    rates: RegimeRates,
    random: Xoshiro256,
    fair: i64,
    trend: i64,
    bursting: bool,
    sides: [BTreeMap<i64, i64>; 2],
    /// Levels changed since they were last asked for, with the number of changes.
    changed: [BTreeMap<i64, i64>; 2],
    changes: u64,
}

impl Exchange {
    /// An exchange with a full book around the start.
    pub(super) fn new(seed: u64, regime: Regime) -> Self {
        let mut exchange = Self {
            rates: RegimeRates::of(regime),
            random: Xoshiro256::new(seed),
            fair: START_TICK * MILLI + MILLI / 2,
            trend: 1,
            bursting: false,
            sides: Default::default(),
            changed: Default::default(),
            changes: 0,
        };
        exchange.refill();
        exchange
    }

    /// One side of the book: lots by tick.
    pub(super) fn levels(&self, side: Side) -> &BTreeMap<i64, i64> {
        &self.sides[side as usize]
    }

    /// Best price of a side and its lots. Both sides always have one.
    pub(super) fn best(&self, side: Side) -> (i64, i64) {
        let levels = self.levels(side);
        let best = match side {
            Side::Bid => levels.last_key_value(),
            Side::Ask => levels.first_key_value(),
        };
        best.map_or((START_TICK, 0), |(tick, lots)| (*tick, *lots))
    }

    /// How many changes of the book there have been.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The levels that changed since the last call, with what rests there now.
    pub(super) fn take_changed(&mut self) -> [BTreeMap<i64, i64>; 2] {
        std::mem::take(&mut self.changed)
    }

    /// Moves one millisecond on and returns what was executed.
    pub(super) fn step(&mut self) -> Vec<Print> {
        self.move_fair();
        let mut prints = Vec::new();
        self.clear_crossed_quotes(&mut prints);
        let factor = if self.bursting { BURST_FACTOR } else { 1 };
        if self.random.chance(self.rates.market_orders * factor) {
            let side = if self.random.coin() { Side::Bid } else { Side::Ask };
            let lots = self.size();
            self.take(side, lots, &mut prints);
        }
        if self.random.chance(self.rates.limit_orders * factor) {
            self.add();
        }
        if self.random.chance(self.rates.limit_orders * factor) {
            self.cancel();
        }
        self.refill();
        prints
    }

    fn move_fair(&mut self) {
        let rates = self.rates;
        let turn = if self.bursting { rates.burst_ends } else { rates.burst_begins };
        self.bursting ^= self.random.chance(turn);
        if self.random.chance(rates.jump.0) {
            self.fair += self.random.around(rates.jump.1) * MILLI;
            self.bursting = true;
        }
        // Once in 40 s on average.
        if self.random.below(40_000) == 0 {
            self.trend = -self.trend;
        }
        if self.bursting && self.random.chance(rates.step.0) {
            self.fair += (self.random.around(rates.step.1) + self.trend * rates.drift) * MILLI;
            if rates.pull > 0 {
                self.fair -= (self.fair - START_TICK * MILLI) / rates.pull;
            }
        }
        // The price stays positive whatever the seed and the length.
        self.fair = self.fair.clamp(START_TICK * MILLI / 2, START_TICK * MILLI * 2);
    }

    /// Quotes that the hidden price has crossed are taken or pulled.
    fn clear_crossed_quotes(&mut self, prints: &mut Vec<Print>) {
        let fair = self.fair.div_euclid(MILLI);
        for side in [Side::Bid, Side::Ask] {
            loop {
                let (tick, lots) = self.best(side);
                let crossed = match side {
                    Side::Bid => tick > fair - (self.rates.spread - 1) / 2,
                    Side::Ask => tick <= fair + self.rates.spread / 2,
                };
                // A level that stays for a while lets the price lag behind.
                if !crossed || self.random.chance(1500) {
                    break;
                }
                if self.random.chance(4000) {
                    self.take(side, lots, prints);
                } else {
                    self.set(side, tick, 0);
                }
                self.refill();
            }
        }
    }

    fn take(&mut self, side: Side, mut lots: i64, prints: &mut Vec<Print>) {
        while lots > 0 && self.levels(side).len() > 1 {
            let (tick, resting) = self.best(side);
            let filled = lots.min(resting);
            self.set(side, tick, resting - filled);
            prints.push(Print { tick, lots: filled, buyer_is_maker: side == Side::Bid });
            lots -= filled;
        }
    }

    fn add(&mut self) {
        let side = if self.random.coin() { Side::Bid } else { Side::Ask };
        let tick = self.tick_near_touch(side);
        let lots = self.levels(side).get(&tick).copied().unwrap_or(0);
        let size = self.size();
        // A level has room for a few times its average.
        if lots < 4 * self.rates.level_lots {
            self.set(side, tick, lots + size);
        }
    }

    fn cancel(&mut self) {
        let side = if self.random.coin() { Side::Bid } else { Side::Ask };
        let tick = self.tick_near_touch(side);
        if let Some(lots) = self.levels(side).get(&tick).copied() {
            let left = lots - self.size().min(lots);
            if left > 0 || self.levels(side).len() > 1 {
                self.set(side, tick, left);
            }
        }
    }

    /// A tick near the touch, the touch itself most often.
    fn tick_near_touch(&mut self, side: Side) -> i64 {
        let (best, _) = self.best(side);
        let distance = self.random.below(20).min(self.random.below(20)).min(self.random.below(20));
        best + side.outward() * distance
    }

    fn size(&mut self) -> i64 {
        let size = SIZES[usize::try_from(self.random.below(16)).unwrap_or(0)];
        (size * self.rates.level_lots / 600).max(1)
    }

    /// Makers fill their side up to the spread around the hidden price and forget what is far away.
    fn refill(&mut self) {
        let fair = self.fair.div_euclid(MILLI);
        for side in [Side::Bid, Side::Ask] {
            let touch = match side {
                Side::Bid => fair - (self.rates.spread - 1) / 2,
                Side::Ask => fair + 1 + self.rates.spread / 2,
            };
            let (other, _) = self.best(if side == Side::Bid { Side::Ask } else { Side::Bid });
            let has_other = !self.sides[1 - side as usize].is_empty();
            // Never into the other side: what stands there has to go first.
            let touch = match side {
                Side::Bid if has_other => touch.min(other - 1),
                Side::Ask if has_other => touch.max(other + 1),
                _ => touch,
            };
            let (best, _) = self.best(side);
            let is_full = !self.levels(side).is_empty() && best == touch && !self.random.chance(100);
            if is_full {
                continue;
            }
            for distance in 0..DEPTH_TICKS {
                let tick = touch + side.outward() * distance;
                // A thin book has holes.
                if !self.levels(side).contains_key(&tick) && tick % self.rates.spread.min(3) == 0 {
                    let lots = self.rates.level_lots / 2 + self.random.below(self.rates.level_lots) + 1;
                    self.set(side, tick, lots);
                }
            }
            let is_far = |tick: &i64| (tick - touch).abs() > PRUNED_TICKS;
            for tick in self.levels(side).keys().copied().filter(is_far).collect::<Vec<_>>() {
                self.set(side, tick, 0);
            }
        }
    }

    fn set(&mut self, side: Side, tick: i64, lots: i64) {
        self.changes += 1;
        if lots > 0 {
            self.sides[side as usize].insert(tick, lots);
        } else {
            self.sides[side as usize].remove(&tick);
        }
        self.changed[side as usize].insert(tick, lots);
    }
}
