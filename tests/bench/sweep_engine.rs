//! What a sweep costs: reading each recorded feed once, then candidates over its events on one core.
//! Prints figures; `tests/bench/README.md` keeps them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints")]

use mmops::testing::market::{Feed, FeedLimits, FeedSpec, Regime, Window, generate, load, simulate};
use mmops::testing::trading::{Fees, Latency, QuoterParams};
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 9;

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (work(), started.elapsed())
}

fn feeds() -> Vec<(Feed, Duration)> {
    let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/market");
    let names = ["binance-usdm-btcusdt-20240808.gz", "binance-spot-ethusdt-20240808.gz"];
    let recorded = names.map(|name| recordings.join(name));
    let recorded = recorded.iter().filter(|path| path.exists());
    let mut feeds: Vec<_> =
        recorded.map(|path| timed(|| load(path, &FeedLimits::default()).unwrap())).collect();
    let spec = FeedSpec { seed: 7, minutes: 5, regime: Regime::Calm, symbol: "BTCUSDT".to_owned() };
    feeds.push(timed(|| generate(&spec)));
    feeds
}

fn main() {
    let params = QuoterParams {
        base_spread_bps: 2.0,
        min_interval_ms: 60.0,
        tail_age_ms: 600.0,
        impact_cap_ratio: 0.08,
        max_delta_ratio: 0.12,
        replace_rate_per_min: 300.0,
        max_inventory: 0.05,
    };
    let fees = Fees { maker_bps: 1.0, taker_bps: 5.0 };
    let latency = Latency { entry_ms: 10.0, response_ms: 10.0 };
    for (feed, loading) in feeds() {
        let trade = || simulate(&feed, Window::Whole, &params, &fees, &latency).unwrap();
        let mut times: Vec<Duration> = (0..ROUNDS).map(|_| timed(trade).1).collect();
        times.sort();
        let median = times[times.len() / 2];
        println!(
            "{}: loaded {} events in {loading:?}; a candidate {median:?} ({:?}..{:?}), {:.2} M events/s a core",
            feed.name,
            feed.events.len(),
            times[0],
            times[times.len() - 1],
            feed.events.len() as f64 / median.as_secs_f64() / 1e6,
        );
    }
}
