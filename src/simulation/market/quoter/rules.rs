//! The quoter's rules, pure: where to quote, how much, and whether it may send anything now.

use crate::tuning::trading::{QuoterParams, Side};

/// The size of a quote with no position, as a fraction of the largest position: ten fills on one side
/// reach the limit.
const BASE_SIZE_RATIO: f64 = 0.1;

/// How strongly a position moves sizes: at a third of the largest position the side that adds to it
/// wants nothing more, and the other side wants twice its base size.
const SIZE_SKEW: f64 = 3.0;

/// How strongly the imbalance of the touch moves sizes: with nothing on the other side, the side that the
/// price would leave behind wants nothing and the side it moves towards wants twice its base size.
const SIZE_TILT: f64 = 1.0;

/// A quote at the right price stays, and keeps its place in the queue, while its size is within this
/// fraction of what is called for.
const SIZE_TOLERANCE: f64 = 0.05;

const NS_PER_MS: f64 = 1e6;
const NS_PER_MINUTE: f64 = 60e9;
const SECONDS_PER_MINUTE: f64 = 60.0;

/// The touch of the book as the quoter sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Touch {
    pub(super) bid_tick: i64,
    pub(super) ask_tick: i64,
    pub(super) bid_qty: f64,
    pub(super) ask_qty: f64,
}

/// Both quotes, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quotes {
    pub(super) bid_tick: i64,
    pub(super) ask_tick: i64,
    /// Where the touch leans: 1 with nothing offered, -1 with nothing bid.
    pub(super) imbalance: f64,
}

impl Quotes {
    pub(super) fn tick(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.bid_tick,
            Side::Sell => self.ask_tick,
        }
    }
}

/// Quotes around fair value: the mid, shifted towards the thinner side of the touch in proportion to the
/// imbalance, by `impact_cap_ratio` of the half spread at most. A quote never takes what we see.
#[expect(clippy::cast_possible_truncation, reason = "prices in ticks are far inside i64")]
pub(super) fn quotes(touch: Touch, params: &QuoterParams) -> Quotes {
    let mid = (touch.bid_tick + touch.ask_tick) as f64 / 2.0;
    let half = mid * params.base_spread_bps * 1e-4 / 2.0;
    let total = touch.bid_qty + touch.ask_qty;
    let imbalance = if total > 0.0 { (touch.bid_qty - touch.ask_qty) / total } else { 0.0 };
    let fair = mid + half * params.impact_cap_ratio * imbalance;
    Quotes {
        bid_tick: ((fair - half).floor() as i64).min(touch.ask_tick - 1),
        ask_tick: ((fair + half).ceil() as i64).max(touch.bid_tick + 1),
        imbalance,
    }
}

/// The size of one side's quotes: it moves towards what position and imbalance call for, by at most
/// `max_delta_ratio` of itself a requote. It counts in fractions of lots, and a size below one lot moves
/// as if it were one, so that an empty side can open again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sizer {
    base: f64,
    lot: f64,
    max_inventory: f64,
    max_delta_ratio: f64,
    current: f64,
}

impl Sizer {
    pub(super) fn new(params: &QuoterParams, lot: f64) -> Self {
        let base = params.max_inventory * BASE_SIZE_RATIO;
        let (max_inventory, max_delta_ratio) = (params.max_inventory, params.max_delta_ratio);
        Self { base, lot, max_inventory, max_delta_ratio, current: base }
    }

    /// The size of the next requote of `side`.
    pub(super) fn next(&self, side: Side, position: f64, imbalance: f64) -> f64 {
        let skew = SIZE_SKEW * position / self.max_inventory;
        let factor = 1.0 + side.sign() * (SIZE_TILT * imbalance - skew);
        let target = self.base * factor.clamp(0.0, 2.0);
        let bound = self.current.max(self.lot) * self.max_delta_ratio;
        self.current + (target - self.current).clamp(-bound, bound)
    }

    pub(super) fn requoted(&mut self, size: f64) {
        self.current = size;
    }
}

/// Whether a quote of `resting` lots may stay where `wanted` lots are called for.
pub(super) fn size_stays(resting: i64, wanted: i64) -> bool {
    (wanted - resting).abs() as f64 <= SIZE_TOLERANCE * resting as f64
}

/// Whole lots in a quantity, not counting a rest that is only rounding.
#[expect(clippy::cast_possible_truncation, reason = "quantities in lots are far inside i64")]
pub(super) fn lots(qty: f64, lot: f64) -> i64 {
    (qty / lot + 1e-6).floor() as i64
}

/// The bucket of replaces over both sides: it fills at `replace_rate_per_min` and holds one second's
/// worth, at least one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TokenBucket {
    per_ns: f64,
    capacity: f64,
    tokens: f64,
    at_ns: i64,
}

impl TokenBucket {
    pub(super) fn new(params: &QuoterParams, now_ns: i64) -> Self {
        let capacity = (params.replace_rate_per_min / SECONDS_PER_MINUTE).max(1.0);
        let per_ns = params.replace_rate_per_min / NS_PER_MINUTE;
        Self { per_ns, capacity, tokens: capacity, at_ns: now_ns }
    }

    /// When the next token is there; the past when one is there already.
    #[expect(clippy::cast_possible_truncation, reason = "a wait is cut to a day")]
    pub(super) fn ready_at(&self) -> i64 {
        let wait = ((1.0 - self.tokens) / self.per_ns).min(NS_PER_MS * 86_400_000.0);
        self.at_ns + wait.ceil() as i64
    }

    pub(super) fn take(&mut self, now_ns: i64) -> bool {
        let gained = (now_ns - self.at_ns) as f64 * self.per_ns;
        self.tokens = (self.tokens + gained).min(self.capacity);
        self.at_ns = now_ns;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// A duration in milliseconds as nanoseconds.
#[expect(clippy::cast_possible_truncation, reason = "the parameters are checked to be below a day")]
pub(super) fn ns(ms: f64) -> i64 {
    (ms * NS_PER_MS).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params() -> QuoterParams {
        QuoterParams {
            base_spread_bps: 2.0,
            min_interval_ms: 60.0,
            tail_age_ms: 600.0,
            impact_cap_ratio: 0.1,
            max_delta_ratio: 0.1,
            replace_rate_per_min: 600.0,
            max_inventory: 1.0,
        }
    }

    fn touch(bid_qty: f64, ask_qty: f64) -> Touch {
        Touch { bid_tick: 99_995, ask_tick: 100_005, bid_qty, ask_qty }
    }

    #[test]
    fn quotes_lie_half_a_spread_around_the_mid() {
        let quotes = quotes(touch(1.0, 1.0), &params());
        assert_eq!(quotes, Quotes { bid_tick: 99_990, ask_tick: 100_010, imbalance: 0.0 });
    }

    #[test]
    fn imbalance_shifts_both_quotes_to_the_thin_side_by_at_most_the_cap() {
        let capped = QuoterParams { impact_cap_ratio: 0.5, ..params() };
        for (bid_qty, ask_qty, bid_tick) in
            [(1.0, 1.0, 99_990), (3.0, 1.0, 99_992), (1e9, 1.0, 99_994), (1.0, 1e9, 99_985)]
        {
            assert_eq!(quotes(touch(bid_qty, ask_qty), &capped).bid_tick, bid_tick, "{bid_qty} {ask_qty}");
        }
        assert_eq!(quotes(touch(1e9, 1.0), &params()).bid_tick, 99_990, "a small cap moves little");
    }

    #[test]
    fn a_quote_never_takes_what_is_seen() {
        let narrow = QuoterParams { base_spread_bps: 0.0, impact_cap_ratio: 1.0, ..params() };
        let touch = Touch { bid_tick: 10, ask_tick: 11, bid_qty: 1e9, ask_qty: 1.0 };
        let quotes = quotes(touch, &narrow);
        assert!(quotes.bid_tick < 11 && quotes.ask_tick > 10, "{quotes:?}");
    }

    #[test]
    fn size_reacts_to_position_and_imbalance_and_the_bound_binds() {
        let mut sizer = Sizer::new(&params(), 0.001);
        let next = |sizer: &Sizer, side, position, imbalance| {
            (sizer.next(side, position, imbalance) * 1e6).round() / 1e6
        };
        assert_eq!(next(&sizer, Side::Buy, 0.0, 0.0), 0.1);
        assert_eq!(next(&sizer, Side::Buy, 0.01, 0.0), 0.097, "inside the bound the target is reached");
        assert_eq!(next(&sizer, Side::Buy, 1.0, 0.0), 0.09, "a tenth less, not nothing");
        assert_eq!(next(&sizer, Side::Sell, 1.0, 0.0), 0.11);
        assert_eq!(next(&sizer, Side::Buy, 0.0, -0.5), 0.09);
        assert_eq!(next(&sizer, Side::Sell, 0.0, -0.5), 0.11);
        sizer.requoted(0.0);
        assert_eq!(next(&sizer, Side::Buy, 0.0, 0.0), 0.0001, "an empty side can open again");
    }

    #[test]
    fn a_twentieth_of_the_size_is_no_reason_to_leave_the_queue() {
        assert!(size_stays(20, 21) && size_stays(20, 19));
        assert!(!size_stays(20, 22) && !size_stays(19, 20) && !size_stays(1, 0));
    }

    #[test]
    fn the_bucket_gives_its_rate_and_no_more_than_a_second_at_once() {
        let mut bucket = TokenBucket::new(&params(), 0);
        let burst = (0..100).filter(|_| bucket.take(0)).count();
        assert_eq!(burst, 10);
        let minute = (1..=60_000).filter(|ms| bucket.take(ms * 1_000_000)).count();
        assert_eq!(minute, 600);
    }

    #[test]
    fn lots_are_whole_in_spite_of_rounding() {
        assert_eq!(lots(0.3, 0.1), 3);
        assert_eq!(lots(0.29999, 0.1), 2);
    }
}
