//! The price and quantity steps of a feed, and the range of prices that can matter.

use crate::simulation::market::feed::decimal::Decimal;
use crate::simulation::market::feed::recording::{BestPrices, Content, Recording};
use hftbacktest::depth::ROIVectorMarketDepth;

/// Prices this far beyond every best price and trade are kept, basis points; what is further away can
/// neither be traded nor become the best price.
const MARGIN_BPS: i64 = 10;

/// Ticks kept beyond the margin, for symbols whose tick is coarse.
const MARGIN_TICKS: i64 = 50;

/// The widest range of prices a feed may span; wider means that a price or the tick is wrong.
const WIDEST_TICKS: i64 = 1 << 22;

/// Price and quantity steps, and the range of prices that can matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::simulation::market) struct PriceGrid {
    /// Smallest price step in units of 10^-8.
    tick: i64,
    /// Smallest quantity step in units of 10^-8.
    lot: i64,
    /// Lowest and highest tick kept.
    pub(super) range: (i64, i64),
}

/// One unit of the fixed-point numbers.
const UNIT: f64 = 1e-8;

pub(super) fn float(decimal: i64) -> f64 {
    // Division by a power of ten rounds correctly; multiplication by 1e-8 would not.
    decimal as f64 / (1.0 / UNIT).round()
}

/// A price or quantity in units of 10^-8, or `None` when it is no such number.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
pub(super) fn decimal(number: f64) -> Option<i64> {
    let scaled = number / UNIT;
    (0.0..9e15).contains(&scaled).then(|| scaled.round() as i64)
}

/// What is seen of prices and quantities: their greatest common divisors and their range.
#[derive(Debug)]
pub(super) struct GridSteps {
    tick: i64,
    lot: i64,
    low: i64,
    high: i64,
}

impl Default for GridSteps {
    fn default() -> Self {
        Self { tick: 0, lot: 0, low: i64::MAX, high: 0 }
    }
}

impl GridSteps {
    /// Takes the steps of a level or trade into account.
    pub(super) fn add_steps(&mut self, price: i64, qty: i64) {
        self.tick = gcd(self.tick, price);
        self.lot = gcd(self.lot, qty);
    }

    /// Takes a price into the range of those that can matter.
    pub(super) fn extend_range(&mut self, price: i64) {
        (self.low, self.high) = (self.low.min(price), self.high.max(price));
    }

    pub(super) fn grid(&self) -> Result<PriceGrid, String> {
        let Self { tick, lot, low, high } = *self;
        if tick == 0 || lot == 0 || low > high {
            return Err("there is no price or no quantity in it".to_owned());
        }
        let margin = |price: i64| price / 10_000 * MARGIN_BPS / tick + MARGIN_TICKS;
        let range = ((low / tick - margin(low)).max(1), high / tick + margin(high));
        if range.1 - range.0 > WIDEST_TICKS {
            let (low, high, tick) = (float(low), float(high), float(tick));
            return Err(format!(
                "its prices, {low} to {high}, span more than {WIDEST_TICKS} ticks of {tick}"
            ));
        }
        Ok(PriceGrid { tick, lot, range })
    }
}

impl PriceGrid {
    /// Infers the steps and the range, the latter from best prices and trades.
    pub(super) fn infer(recording: &Recording) -> Result<Self, String> {
        let mut steps = GridSteps::default();
        for level in &recording.levels {
            steps.add_steps(level.price.0, level.qty.0);
        }
        for message in &recording.messages {
            match message.content {
                Content::Ticker(BestPrices { bid, ask, .. }) => {
                    for level in [bid, ask] {
                        steps.add_steps(level.price.0, level.qty.0);
                        steps.extend_range(level.price.0);
                    }
                }
                Content::Trade { price, qty, .. } => {
                    steps.add_steps(price.0, qty.0);
                    steps.extend_range(price.0);
                }
                Content::Depth { .. } | Content::Snapshot { .. } => {}
            }
        }
        steps.grid()
    }

    /// Smallest price step, quote units.
    pub(in crate::simulation::market) fn tick_size(&self) -> f64 {
        float(self.tick)
    }

    /// Smallest quantity step, base units.
    pub(in crate::simulation::market) fn lot_size(&self) -> f64 {
        float(self.lot)
    }

    pub(in crate::simulation::market) fn empty_book(&self) -> ROIVectorMarketDepth {
        let (low, high) = (self.price(self.range.0), self.price(self.range.1));
        ROIVectorMarketDepth::new(self.tick_size(), self.lot_size(), low, high)
    }

    pub(in crate::simulation::market) fn mid(&self, bid: i64, ask: i64) -> f64 {
        float((bid + ask) * self.tick) / 2.0
    }

    /// What a crossed book is told with; ticks.
    pub(super) fn crossed(&self, bid: i64, ask: i64) -> String {
        format!("best bid {} is not below best ask {}", self.price(bid), self.price(ask))
    }

    /// The price of a tick, correctly rounded.
    pub(in crate::simulation::market) fn price(&self, tick: i64) -> f64 {
        float(tick * self.tick)
    }

    /// The tick of a price in units of 10^-8.
    pub(super) fn tick(&self, price: i64) -> i64 {
        price / self.tick
    }

    pub(super) fn tick_of(&self, price: Decimal) -> i64 {
        self.tick(price.0)
    }

    /// Whether a price lies in the range.
    pub(super) fn contains(&self, tick: i64) -> bool {
        (self.range.0..=self.range.1).contains(&tick)
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    // Nearly every number is a multiple of the step found so far.
    if b == 0 || (a != 0 && b % a == 0) {
        return a;
    }
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
