//! A seeded market for where nothing is recorded: the same specification gives the same text on every
//! machine, in the form of a recorded Binance futures feed, so that it goes through the same reader.
//!
//! A generated feed says so twice, that nobody takes it for evidence: its first line is
//! `<ns> {"mmops_sim_feed":{"seed":..,"minutes":..,"regime":..,"symbol":..}}`, and every trade carries
//! `"X":"SIMULATED"` where a recorded one carries `"X":"MARKET"`. The reader believes either.

mod exchange;

use crate::format::hash;
use crate::simulation::market::feed::{self, Feed, FeedLimits, SIMULATED_ORIGIN};
use crate::simulation::market::spec::FeedSpec;
use crate::simulation::random::Xoshiro256;
use exchange::{Exchange, Side};
use std::collections::BTreeMap;
use std::io::Write as _;

/// 2024-01-01T00:00:00Z, when every generated feed begins.
const START_MS: i64 = 1_704_067_200_000;

/// How often changed levels are published.
const DEPTH_INTERVAL_MS: i64 = 50;

/// The way from the exchange to us: at least this long, and up to so much more.
const FEED_LATENCY_NS: (i64, i64) = (2_000_000, 1_500_000);

pub fn generate(spec: &FeedSpec) -> Feed {
    let text = text(spec);
    let name = format!("sim-{}-{}-seed{}-{}m", symbol(spec), spec.regime.name(), spec.seed, spec.minutes);
    let feed = feed::read(&name, text.as_bytes(), &FeedLimits::default());
    let mut feed = feed.expect("the reader takes what the generator writes");
    (feed.name, feed.sha256) = (name, hash::sha256(text.as_bytes()));
    feed
}

/// The feed of `spec` as the lines of a recording.
pub(crate) fn text(spec: &FeedSpec) -> String {
    let mut writer = Writer {
        symbol: symbol(spec),
        stream: symbol(spec).to_ascii_lowercase(),
        text: String::new(),
        // The jitter of receive times must not depend on how much the market draws.
        jitter: Xoshiro256::new(!spec.seed),
        local_ns: 0,
        trade_id: 0,
    };
    let mut exchange = Exchange::new(spec.seed, spec.regime);
    let spec = FeedSpec { symbol: symbol(spec), ..spec.clone() };
    let mark = serde_json::to_string(&spec).expect("plain data serialises");
    writer.line(START_MS, &format!("{{\"mmops_sim_feed\":{mark}}}"));

    let mut published = exchange.changes();
    writer.snapshot(START_MS, &exchange);
    exchange.take_changed();
    let mut best = (exchange.best(Side::Bid), exchange.best(Side::Ask));
    for ms in 1..=i64::from(spec.minutes.max(1)) * 60_000 {
        let now = START_MS + ms;
        for print in exchange.step() {
            writer.trade(now, print);
        }
        let touch = (exchange.best(Side::Bid), exchange.best(Side::Ask));
        if touch != best {
            writer.ticker(now, exchange.changes(), touch);
            best = touch;
        }
        if ms % DEPTH_INTERVAL_MS == 0 && exchange.changes() > published {
            writer.depth(now, published, exchange.changes(), exchange.take_changed());
            published = exchange.changes();
        }
    }
    writer.text
}

/// Compresses a feed: one gzip member without name or time, so that the same text gives the same bytes.
pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail")
}

fn symbol(spec: &FeedSpec) -> String {
    let kept: String = spec.symbol.chars().filter(char::is_ascii_alphanumeric).collect();
    if kept.is_empty() { "SIMULATED".to_owned() } else { kept.to_ascii_uppercase() }
}

struct Writer {
    symbol: String,
    stream: String,
    text: String,
    jitter: Xoshiro256,
    local_ns: i64,
    trade_id: u64,
}

type Touch = ((i64, i64), (i64, i64));

impl Writer {
    fn line(&mut self, now_ms: i64, message: &str) {
        let received = now_ms * 1_000_000 + FEED_LATENCY_NS.0 + self.jitter.below(FEED_LATENCY_NS.1);
        // One connection delivers in order.
        self.local_ns = received.max(self.local_ns + 1000);
        self.text.push_str(&format!("{} {message}\n", self.local_ns));
    }

    fn trade(&mut self, now: i64, print: exchange::Print) {
        self.trade_id += 1;
        let Self { symbol, stream, trade_id, .. } = self;
        let (price, qty, maker) = (price(print.tick), qty(print.lots), print.buyer_is_maker);
        let message = format!(
            "{{\"stream\":\"{stream}@trade\",\"data\":{{\"e\":\"trade\",\"E\":{now},\"T\":{now},\
             \"s\":\"{symbol}\",\"t\":{trade_id},\"p\":\"{price}\",\"q\":\"{qty}\",\
             \"X\":\"{SIMULATED_ORIGIN}\",\"m\":{maker}}}}}"
        );
        self.line(now, &message);
    }

    fn ticker(&mut self, now: i64, id: u64, ((bid, bid_lots), (ask, ask_lots)): Touch) {
        let Self { symbol, stream, .. } = self;
        let (bid, bid_qty, ask, ask_qty) = (price(bid), qty(bid_lots), price(ask), qty(ask_lots));
        let message = format!(
            "{{\"stream\":\"{stream}@bookTicker\",\"data\":{{\"e\":\"bookTicker\",\"u\":{id},\
             \"s\":\"{symbol}\",\"b\":\"{bid}\",\"B\":\"{bid_qty}\",\"a\":\"{ask}\",\
             \"A\":\"{ask_qty}\",\"T\":{now},\"E\":{now}}}}}"
        );
        self.line(now, &message);
    }

    fn depth(&mut self, now: i64, previous: u64, last: u64, [bids, asks]: [BTreeMap<i64, i64>; 2]) {
        let Self { symbol, stream, .. } = self;
        let (first, bids, asks) = (previous + 1, levels(&bids), levels(&asks));
        let message = format!(
            "{{\"stream\":\"{stream}@depth@0ms\",\"data\":{{\"e\":\"depthUpdate\",\"E\":{now},\
             \"T\":{now},\"s\":\"{symbol}\",\"U\":{first},\"u\":{last},\"pu\":{previous},\
             \"b\":[{bids}],\"a\":[{asks}]}}}}"
        );
        self.line(now, &message);
    }

    fn snapshot(&mut self, now: i64, exchange: &Exchange) {
        let id = exchange.changes();
        let (bids, asks) =
            (levels(exchange.levels(Side::Bid).iter().rev()), levels(exchange.levels(Side::Ask)));
        let message =
            format!("{{\"lastUpdateId\":{id},\"E\":{now},\"T\":{now},\"bids\":[{bids}],\"asks\":[{asks}]}}");
        self.line(now, &message);
    }
}

fn levels<'a>(levels: impl IntoIterator<Item = (&'a i64, &'a i64)>) -> String {
    let pair = |(tick, lots): (&i64, &i64)| format!("[\"{}\",\"{}\"]", price(*tick), qty(*lots));
    levels.into_iter().map(pair).collect::<Vec<_>>().join(",")
}

/// A tick is 0.1.
fn price(tick: i64) -> String {
    format!("{}.{}0", tick / 10, tick % 10)
}

/// A lot is 0.001.
fn qty(lots: i64) -> String {
    format!("{}.{:03}", lots / 1000, lots % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::market::spec::Regime;

    fn spec(seed: u64, regime: Regime) -> FeedSpec {
        FeedSpec { seed, minutes: 1, regime, symbol: "BTCUSDT".to_owned() }
    }

    #[test]
    fn every_regime_is_a_market_without_a_defect() {
        for regime in [Regime::Calm, Regime::Trend, Regime::Jump, Regime::Thin] {
            let feed = generate(&spec(7, regime));
            let quality = &feed.quality;
            assert!(feed.simulated);
            assert!(quality.defects.is_empty(), "{regime:?} {:?}", quality.findings);
            assert_eq!((feed.tick_size, feed.lot_size), (0.1, 0.001), "{regime:?}");
            assert_eq!((quality.one_sided_books, quality.clock_shift_ns), (0, 0), "{regime:?}");
            assert!(quality.trade_messages > 200 && quality.depth_messages > 500, "{regime:?} {quality:?}");
        }
    }

    #[test]
    fn the_text_depends_on_every_part_of_the_specification_and_on_nothing_else() {
        let base = text(&spec(7, Regime::Calm));
        assert_eq!(base, text(&spec(7, Regime::Calm)));
        assert_ne!(base, text(&spec(8, Regime::Calm)));
        assert_ne!(base, text(&spec(7, Regime::Jump)));
        let first = base.lines().next().expect("a line");
        let mark = r#"{"mmops_sim_feed":{"seed":7,"minutes":1,"regime":"calm","symbol":"BTCUSDT"}}"#;
        assert!(first.ends_with(mark), "{first}");
    }

    #[test]
    fn a_simulated_feed_without_its_first_line_is_still_known_as_one() {
        let text = text(&spec(7, Regime::Calm));
        let (_, rest) = text.split_once('\n').expect("lines");
        let feed = feed::read("laundered", rest.as_bytes(), &FeedLimits::default()).expect("a feed");
        assert!(feed.simulated);
    }
}
