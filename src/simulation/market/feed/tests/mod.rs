//! What is read from the lines of a recording, and what is refused.

mod archives;
mod files;

use super::*;
use crate::report::exit::{Exit, classify};
use crate::simulation::market::generator;
use crate::simulation::market::spec::{FeedSpec, Regime};
use crate::sys::fsio;
use hftbacktest::backtest::data::write_npy;
use hftbacktest::types::{BUY_EVENT, LOCAL_EVENT, SELL_EVENT, TRADE_EVENT};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const LOCAL_NS: i64 = 1_700_000_000_000_000_000;

fn line(ms: i64, json: &str) -> String {
    format!("{} {json}\n", LOCAL_NS + ms * 1_000_000)
}

fn exchange_ms(ms: i64) -> i64 {
    LOCAL_NS / 1_000_000 + ms - 5
}

fn depth(ms: i64, ids: (u64, u64), previous: u64, bids: &str, asks: &str) -> String {
    let (first, last) = ids;
    let t = exchange_ms(ms);
    line(
        ms,
        &format!(
            r#"{{"stream":"btcusdt@depth@0ms","data":{{"e":"depthUpdate","E":{t},"T":{t},"s":"BTCUSDT","U":{first},"u":{last},"pu":{previous},"b":{bids},"a":{asks}}}}}"#
        ),
    )
}

fn ticker(ms: i64, id: u64, bid: &str, ask: &str) -> String {
    let t = exchange_ms(ms);
    line(
        ms,
        &format!(
            r#"{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","u":{id},"s":"BTCUSDT","b":"{bid}","B":"1.5","a":"{ask}","A":"2.0","T":{t},"E":{t}}}}}"#
        ),
    )
}

fn trade(ms: i64, price: &str) -> String {
    let t = exchange_ms(ms);
    line(
        ms,
        &format!(
            r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{t},"T":{t},"s":"BTCUSDT","t":1,"p":"{price}","q":"0.3","X":"MARKET","m":true}}}}"#
        ),
    )
}

/// A small feed without a defect.
fn sound() -> Vec<String> {
    vec![
        depth(0, (10, 11), 9, r#"[["100.0","1.0"],["99.9","2.0"]]"#, r#"[["100.1","1.0"],["100.2","2.0"]]"#),
        ticker(10, 12, "100.0", "100.1"),
        trade(20, "100.0"),
        depth(30, (12, 14), 11, r#"[["100.0","1.2"]]"#, "[]"),
        trade(40, "100.0"),
    ]
}

fn read_text(text: &str) -> Result<Feed, Fault> {
    read("x.txt", text.as_bytes(), &FeedLimits::default())
}

fn refusal(lines: &[String], limits: FeedLimits) -> String {
    read("x.txt", lines.concat().as_bytes(), &limits).expect_err("refused").to_string()
}

const STRICT: FeedLimits = FeedLimits {
    gaps: 0,
    crossed_books: 0,
    time_reversals: 0,
    bad_numbers: 0,
    foreign_lines: 0,
    unknown_streams: 0,
};

#[test]
fn a_sound_feed_is_read_with_its_steps_and_counts() {
    let feed = read_text(&sound().concat()).expect("a feed");
    assert_eq!((feed.symbol.as_str(), feed.simulated), ("BTCUSDT", false));
    assert_eq!((feed.tick_size, feed.lot_size), (0.1, 0.1));
    assert_eq!((feed.quality.depth_messages, feed.quality.trade_messages), (2, 2));
    assert!(feed.quality.defects.is_empty());
    assert_eq!(feed.quality.clock_shift_ns, 0, "messages arrive after they were sent");
    assert_eq!(feed.mid_before(i64::MAX), Some(100.05));
}

#[test]
fn each_defect_is_counted_with_its_line_and_above_its_limit_the_feed_is_refused() {
    let insert = |at: usize, new: String| {
        let mut lines = sound();
        lines.insert(at, new);
        lines
    };
    let replace = |at: usize, new: String| {
        let mut lines = sound();
        lines[at] = new;
        lines
    };
    let nan = trade(25, "NaN");
    let negative = trade(25, "-5.0");
    let cases = [
        (
            insert(3, "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}\n".to_owned()),
            "1 foreign_lines exceed the limit of 0, first at line 4: no receive time in front of the message",
        ),
        (
            insert(3, line(25, r#"{"code":-1121}"#)),
            "1 foreign_lines exceed the limit of 0, first at line 4: not a market message",
        ),
        (
            insert(3, nan),
            "1 bad_numbers exceed the limit of 0, first at line 4: invalid value: string \"NaN\"",
        ),
        (
            insert(3, negative),
            "1 bad_numbers exceed the limit of 0, first at line 4: invalid value: string \"-5.0\"",
        ),
        (
            insert(3, line(25, r#"{"stream":"btcusdt@weather","data":{}}"#)),
            "1 unknown_streams exceed the limit of 0, first at line 4: stream `weather`",
        ),
        (
            insert(3, trade(25, "100.0").replace("\"BTCUSDT\"", "\"ETHUSDT\"")),
            "1 unknown_streams exceed the limit of 0, first at line 4: symbol `ETHUSDT` in a feed of `BTCUSDT`",
        ),
        (
            insert(3, trade(15, "100.0")),
            "1 time_reversals exceed the limit of 0, first at line 4: received 5000000 ns before the line above",
        ),
        (
            replace(3, depth(30, (13, 14), 12, "[]", "[]")),
            "1 gaps exceed the limit of 0, first at line 4: update 13 follows 12, but 11 came before",
        ),
        (
            insert(3, ticker(25, 13, "100.2", "100.1")),
            "1 crossed_books exceed the limit of 0, first at line 4: best bid 100.2 is not below best ask 100.1",
        ),
        (
            replace(3, depth(30, (12, 14), 11, r#"[["100.1","1.2"]]"#, "[]")),
            "1 crossed_books exceed the limit of 0, first at line 4: best bid 100.1 is not below best ask 100.1",
        ),
    ];
    for (lines, expected) in cases {
        let message = refusal(&lines, STRICT);
        assert!(message.starts_with(&format!("refused feed `x.txt`: {expected}")), "{message}\n{expected}");
        let lenient = FeedLimits {
            gaps: 1,
            crossed_books: 1,
            time_reversals: 1,
            bad_numbers: 1,
            foreign_lines: 1,
            unknown_streams: 1,
        };
        let feed = read("x.txt", lines.concat().as_bytes(), &lenient).expect("tolerated");
        assert_eq!(feed.quality.defects.values().sum::<u64>(), 1, "{expected}");
        assert_eq!(feed.quality.findings[0].line, 4, "{expected}");
    }
}

#[test]
fn a_spot_gap_is_a_jump_of_the_first_update_id() {
    let spot = |lines: Vec<String>| -> Vec<String> {
        let strip = |line: String| {
            line.split(",\"pu\":")
                .enumerate()
                .map(|(i, part)| {
                    if i == 0 {
                        part.to_owned()
                    } else {
                        part.split_once(',').map_or(String::new(), |(_, rest)| format!(",{rest}"))
                    }
                })
                .collect()
        };
        lines.into_iter().map(strip).collect()
    };
    assert!(read("x", spot(sound()).concat().as_bytes(), &STRICT).is_ok());
    let mut lines = sound();
    lines[3] = depth(30, (14, 15), 11, "[]", "[]");
    let message = refusal(&spot(lines), STRICT);
    assert!(
        message.contains("1 gaps exceed the limit of 0, first at line 4: update 14 follows 13, but 11"),
        "{message}"
    );
}

#[test]
fn a_feed_that_proves_nothing_is_refused() {
    for (lines, expected) in [
        (vec![], "the file is empty"),
        (
            vec![depth(0, (1, 2), 0, r#"[["1.0","1.0"]]"#, r#"[["1.1","1.0"]]"#)],
            "there is not one trade in its 1 lines",
        ),
        (
            vec![depth(0, (1, 2), 0, r#"[["1.0","1.0"]]"#, "[]"), trade(1, "1.0")],
            "its book never has both sides in 2 lines",
        ),
        (
            vec![trade(0, "0.00000001"), depth(1, (1, 2), 0, "[]", "[]"), trade(2, "1000000.0")],
            "its prices, 0.00000001 to 1000000, span more than 4194304 ticks of 0.00000001",
        ),
    ] {
        assert_eq!(refusal(&lines, STRICT), format!("refused feed `x.txt`: {expected}"));
    }
}

#[test]
fn streams_without_book_or_trades_are_counted_and_do_no_harm() {
    let mut lines = sound();
    lines.insert(2, line(15, r#"{"stream":"btcusdt@markPrice@1s","data":{}}"#));
    let fund = trade(45, "100.0").replace("MARKET", "INSURANCE_FUND");
    lines.push(fund);
    let feed = read("x", lines.concat().as_bytes(), &STRICT).expect("a feed");
    assert_eq!(feed.quality.unused_streams.get("markPrice@1s"), Some(&1));
    assert_eq!((feed.quality.off_book_trades, feed.quality.trade_messages), (1, 2));
}

#[test]
fn the_newest_word_on_a_level_wins_whatever_arrives_first() {
    let lines = [
        depth(0, (10, 11), 9, r#"[["100.0","1.0"]]"#, r#"[["100.2","1.0"]]"#),
        // The best prices of update 15 arrive before the differences up to 13, which are older.
        ticker(10, 15, "100.1", "100.2"),
        depth(12, (12, 13), 11, r#"[["100.1","9.0"],["99.9","3.0"]]"#, "[]"),
        ticker(13, 12, "100.0", "100.2"),
        trade(20, "100.1"),
    ];
    let feed = read("x", lines.concat().as_bytes(), &STRICT).expect("a feed");
    let bids: Vec<(f64, f64)> = feed
        .events
        .iter()
        .filter(|event| event.is(LOCAL_EVENT | DEPTH_EVENT | BUY_EVENT))
        .map(|event| (event.px, event.qty))
        .collect();
    assert_eq!(bids, [(100.0, 1.0), (100.1, 1.5), (99.9, 3.0)]);
    assert_eq!(feed.quality.superseded_tickers, 1);
}

#[test]
fn a_snapshot_replaces_what_it_knows_and_keeps_what_is_newer() {
    let snapshot =
        line(20, r#"{"lastUpdateId":12,"bids":[["100.0","7.0"],["99.8","4.0"]],"asks":[["100.3","5.0"]]}"#);
    let lines = [
        depth(0, (10, 11), 9, r#"[["100.0","1.0"],["99.9","2.0"]]"#, r#"[["100.3","1.0"]]"#),
        depth(10, (12, 13), 11, r#"[["100.0","1.1"]]"#, "[]"),
        snapshot,
        trade(30, "100.0"),
    ];
    let feed = read("x", lines.concat().as_bytes(), &STRICT).expect("a feed");
    let changes: Vec<(bool, f64, f64)> = feed
        .events
        .iter()
        .filter(|event| event.is(LOCAL_EVENT | DEPTH_EVENT) && event.local_ts == LOCAL_NS + 20_000_000)
        .map(|event| (event.is(SELL_EVENT), event.px, event.qty))
        .collect();
    assert_eq!(changes, [(false, 99.8, 4.0), (false, 99.9, 0.0), (true, 100.3, 5.0)]);
    assert_eq!(feed.ready_local_ns, LOCAL_NS + 30_000_000, "quoting starts after the snapshot");
}

#[test]
fn receive_times_before_exchange_times_are_moved() {
    let lines: Vec<String> =
        sound().iter().map(|line| line.replacen("1700000000", "1699999998", 1)).collect();
    let feed = read("x", lines.concat().as_bytes(), &STRICT).expect("a feed");
    assert_eq!(feed.quality.clock_shift_ns, 2_000_000_000 - 5_000_000 + 1_000_000);
    assert!(feed.events.iter().all(|event| event.local_ts > event.exch_ts));
}

fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = fsio::scratch_dir("feed").expect("a directory");
    let path = dir.path().join(name);
    fsio::write_atomic(&path, bytes).expect("written");
    (dir, path)
}

/// The recorded feeds beside the project, or `None` with a message.
pub(in crate::simulation::market) fn recorded(name: &str) -> Option<Feed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/market").join(name);
    if !fsio::exists(&path).expect("asked") {
        println!("skipped: no {}", path.display());
        return None;
    }
    Some(load(&path, &STRICT).expect("a recorded feed has no defect"))
}
