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
use std::fmt::Write as _;
use std::io::Write as _;

/// 2024-01-01T00:00:00Z, when every generated feed begins.
const START_MS: i64 = 1_704_067_200_000;

/// How often changed levels are published.
const DEPTH_INTERVAL_MS: i64 = 50;

/// The way from the exchange to us: at least this long, and up to so much more.
const FEED_LATENCY_NS: (i64, i64) = (2_000_000, 1_500_000);

pub fn generate(spec: &FeedSpec) -> Feed {
    let text = text(spec);
    let name = format!("sim-{}-{}-seed{}-{}m", symbol(spec), spec.regime.as_str(), spec.seed, spec.minutes);
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
    writer.line(START_MS, |text| write!(text, "{{\"mmops_sim_feed\":{mark}}}"));

    let mut published = exchange.changes();
    writer.snapshot(START_MS, &exchange);
    exchange.take_changed(Side::Bid);
    exchange.take_changed(Side::Ask);
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
            let (bids, asks) = (exchange.take_changed(Side::Bid), exchange.take_changed(Side::Ask));
            writer.depth(now, published, exchange.changes(), &bids, &asks);
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
    fn line(&mut self, now_ms: i64, body: impl FnOnce(&mut String) -> std::fmt::Result) {
        let received = now_ms * 1_000_000 + FEED_LATENCY_NS.0 + self.jitter.below(FEED_LATENCY_NS.1);
        // One connection delivers in order.
        self.local_ns = received.max(self.local_ns + 1000);
        write!(self.text, "{} ", self.local_ns).expect("writing to a string cannot fail");
        body(&mut self.text).expect("writing to a string cannot fail");
        self.text.push('\n');
    }

    fn trade(&mut self, now: i64, print: exchange::Print) {
        self.trade_id += 1;
        let (symbol, stream, id) = (self.symbol.clone(), self.stream.clone(), self.trade_id);
        let (price, qty, maker) = (price(print.tick), qty(print.lots), print.buyer_is_maker);
        self.line(now, |text| {
            write!(
                text,
                "{{\"stream\":\"{stream}@trade\",\"data\":{{\"e\":\"trade\",\"E\":{now},\"T\":{now},\
                 \"s\":\"{symbol}\",\"t\":{id},\"p\":\"{price}\",\"q\":\"{qty}\",\
                 \"X\":\"{SIMULATED_ORIGIN}\",\"m\":{maker}}}}}"
            )
        });
    }

    fn ticker(&mut self, now: i64, id: u64, ((bid, bid_lots), (ask, ask_lots)): Touch) {
        let (symbol, stream) = (self.symbol.clone(), self.stream.clone());
        let (bid, bid_qty, ask, ask_qty) = (price(bid), qty(bid_lots), price(ask), qty(ask_lots));
        self.line(now, |text| {
            write!(
                text,
                "{{\"stream\":\"{stream}@bookTicker\",\"data\":{{\"e\":\"bookTicker\",\"u\":{id},\
                 \"s\":\"{symbol}\",\"b\":\"{bid}\",\"B\":\"{bid_qty}\",\"a\":\"{ask}\",\
                 \"A\":\"{ask_qty}\",\"T\":{now},\"E\":{now}}}}}"
            )
        });
    }

    fn depth(
        &mut self,
        now: i64,
        previous: u64,
        last: u64,
        bids: &BTreeMap<i64, i64>,
        asks: &BTreeMap<i64, i64>,
    ) {
        let (symbol, stream, first) = (self.symbol.clone(), self.stream.clone(), previous + 1);
        self.line(now, |text| {
            write!(
                text,
                "{{\"stream\":\"{stream}@depth@0ms\",\"data\":{{\"e\":\"depthUpdate\",\"E\":{now},\
                 \"T\":{now},\"s\":\"{symbol}\",\"U\":{first},\"u\":{last},\"pu\":{previous},\"b\":"
            )?;
            levels(text, bids.iter())?;
            text.push_str(",\"a\":");
            levels(text, asks.iter())?;
            text.push_str("}}");
            Ok(())
        });
    }

    fn snapshot(&mut self, now: i64, exchange: &Exchange) {
        let id = exchange.changes();
        self.line(now, |text| {
            write!(text, "{{\"lastUpdateId\":{id},\"E\":{now},\"T\":{now},\"bids\":")?;
            levels(text, exchange.levels(Side::Bid).iter().rev())?;
            text.push_str(",\"asks\":");
            levels(text, exchange.levels(Side::Ask).iter())?;
            text.push('}');
            Ok(())
        });
    }
}

fn levels<'a>(text: &mut String, levels: impl Iterator<Item = (&'a i64, &'a i64)>) -> std::fmt::Result {
    text.push('[');
    for (index, (tick, lots)) in levels.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}[\"{}\",\"{}\"]", price(*tick), qty(*lots))?;
    }
    text.push(']');
    Ok(())
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
