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

#[test]
fn a_gzip_stream_that_ends_in_the_middle_is_refused_with_its_place() {
    let text =
        generator::text(&FeedSpec { seed: 1, minutes: 1, regime: Regime::Thin, symbol: "X".to_owned() });
    let whole = generator::gzip(text.as_bytes());
    for bytes in [&whole[..whole.len() / 2], &whole[..whole.len() - 4]] {
        let (_dir, path) = write("cut.gz", bytes);
        let error = load(&path, &FeedLimits::default()).expect_err("refused");
        assert_eq!(classify(&error), Exit::Config);
        let message = error.to_string();
        assert!(message.contains("cut.gz`: the gzip stream ends in the middle after line "), "{message}");
        assert!(message.ends_with(&format!(" of {} compressed)", bytes.len())), "{message}");
    }
    let mut damaged = whole.clone();
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let (_dir, path) = write("damaged.gz", &damaged);
    let message = load(&path, &FeedLimits::default()).expect_err("refused").to_string();
    assert!(message.contains("the gzip stream is damaged"), "{message}");
}

#[test]
fn members_of_a_gzip_file_are_read_one_after_the_other() {
    let text =
        generator::text(&FeedSpec { seed: 1, minutes: 1, regime: Regime::Thin, symbol: "X".to_owned() });
    let middle = text.len() / 2;
    let mut bytes = generator::gzip(&text.as_bytes()[..middle]);
    bytes.extend(generator::gzip(&text.as_bytes()[middle..]));
    let (_dir, path) = write("two.gz", &bytes);
    let feed = load(&path, &FeedLimits::default()).expect("a feed");
    assert_eq!(feed.quality.lines, text.lines().count() as u64);
}

#[test]
fn an_empty_or_missing_file_is_refused() {
    let (_dir, path) = write("empty.gz", b"");
    let error = load(&path, &FeedLimits::default()).expect_err("refused");
    assert!(error.to_string().ends_with("empty.gz`: the file is empty"), "{error}");
    let error = load(&path.with_file_name("none"), &FeedLimits::default()).expect_err("refused");
    assert_eq!(classify(&error), Exit::Config);
}

#[test]
fn a_generated_feed_is_the_same_from_memory_from_text_and_from_gzip() {
    let spec = FeedSpec { seed: 5, minutes: 1, regime: Regime::Jump, symbol: "BTCUSDT".to_owned() };
    let (text, generated) = (generator::text(&spec), generator::generate(&spec));
    let (_dir, path) = write("sim.txt", text.as_bytes());
    let plain = load(&path, &FeedLimits::default()).expect("a feed");
    assert!(plain.simulated);
    assert_eq!(Feed { name: generated.name.clone(), ..plain }, generated);
    let (_dir, path) = write("sim.gz", &generator::gzip(text.as_bytes()));
    let zipped = load(&path, &FeedLimits::default()).expect("a feed");
    let (name, sha256) = (generated.name.clone(), generated.sha256.clone());
    assert_eq!(Feed { name, sha256, ..zipped }, generated);
}

fn npz(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("started");
        writer.write_all(bytes).expect("written");
    }
    writer.finish().expect("finished").into_inner()
}

fn events() -> Vec<Event> {
    let both = EXCH_EVENT | LOCAL_EVENT;
    let event = |ev, ms: i64, px, qty| Event {
        ev: both | ev,
        exch_ts: LOCAL_NS + ms * 1_000_000,
        local_ts: LOCAL_NS + (ms + 5) * 1_000_000,
        px,
        qty,
        order_id: 0,
        ival: 0,
        fval: 0.0,
    };
    vec![
        event(DEPTH_EVENT | BUY_EVENT, 0, 100.0, 1.0),
        event(DEPTH_EVENT | SELL_EVENT, 0, 100.1, 1.5),
        event(TRADE_EVENT | SELL_EVENT, 1, 100.0, 0.2),
        event(DEPTH_EVENT | BUY_EVENT, 2, 99.9, 3.0),
    ]
}

fn npz_of(events: &[Event]) -> Vec<u8> {
    let mut array = Vec::new();
    write_npy(&mut array, events).expect("written");
    npz(&[("data.npy", &array)])
}

#[test]
fn an_npz_gives_the_feed_it_was_written_from() {
    let (_dir, path) = write("feed.npz", &npz_of(&events()));
    let feed = load(&path, &STRICT).expect("a feed");
    assert_eq!(feed.events, events());
    assert_eq!((feed.tick_size, feed.lot_size), (0.1, 0.1));
    assert_eq!(feed.quality.lines, 4);
}

#[test]
fn a_clear_in_an_npz_becomes_the_removal_of_what_it_covers() {
    let mut rows = events();
    let clear =
        Event { ev: EXCH_EVENT | LOCAL_EVENT | 3 | BUY_EVENT, px: 100.0, qty: 0.0, ..rows[3].clone() };
    rows.push(clear);
    let feed = npz::read("x", &npz_of(&rows), &STRICT).expect("a feed");
    let last = feed.events.last().expect("an event");
    assert_eq!((last.px, last.qty, last.is(DEPTH_EVENT | BUY_EVENT)), (100.0, 0.0, true));
    assert_eq!(feed.events.len(), 5, "99.9 stays");
}

#[test]
fn an_npz_that_holds_anything_else_is_refused_with_what_it_holds() {
    let floats = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }             \n\0\0\0\0\0\0\0\0";
    let other = b"\x93NUMPY\x01\x00\x56\x00{'descr': [('ts', '<i8'), ('px', '<f8')], 'fortran_order': False, 'shape': (1,), }    \n";
    let mut short = Vec::new();
    write_npy(&mut short, &events()).expect("written");
    short.truncate(short.len() - 8);
    for (bytes, expected) in [
        (npz(&[("data.npy", other)]), "`data.npy` holds [ts <i8, px <f8], not hftbacktest's events"),
        (npz(&[("data.npy", floats)]), "`data.npy` has an invalid header: "),
        (npz(&[("data.npy", b"hello")]), "`data.npy` is cut short"),
        (npz(&[("data.npy", b"hello, hello, hello")]), "`data.npy` is not an array in numpy's format 1.0"),
        (npz(&[("data.npy", &short)]), "`data.npy` says 4 rows and holds 248 bytes"),
        (npz(&[("other.npy", b"x")]), "no array `data` in it"),
        (b"PK\x03\x04garbage".to_vec(), "not a zip archive"),
    ] {
        let message = npz::read("x.npz", &bytes, &STRICT).expect_err("refused").to_string();
        assert!(message.starts_with(&format!("failed to read `x.npz`: {expected}")), "{message}");
    }
    let mut rows = events();
    rows[3].px = f64::NAN;
    let message = npz::read("x.npz", &npz_of(&rows), &STRICT).expect_err("refused").to_string();
    assert!(message.contains("1 bad_numbers exceed the limit of 0, first at line 4: price NaN"), "{message}");
    let mut rows = events();
    rows[3].exch_ts -= 10_000_000;
    let message = npz::read("x.npz", &npz_of(&rows), &STRICT).expect_err("refused").to_string();
    assert!(message.contains("1 time_reversals exceed the limit of 0, first at line 4"), "{message}");
    let mut rows = events();
    rows[3].px = 100.1;
    let message = npz::read("x.npz", &npz_of(&rows), &STRICT).expect_err("refused").to_string();
    assert!(message.contains("1 crossed_books exceed the limit of 0, first at line 4"), "{message}");
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

#[test]
fn the_recorded_futures_feed_is_complete_and_consistent() {
    let Some(feed) = recorded("binance-usdm-btcusdt-20240808.gz") else { return };
    let quality = &feed.quality;
    assert_eq!(feed.sha256, "0ad7b3a0f5cff220761ea890cfd6e3c15f6899edc7f94637ec915043d7a72251");
    assert_eq!((feed.symbol.as_str(), feed.tick_size, feed.lot_size), ("BTCUSDT", 0.1, 0.001));
    assert_eq!((quality.lines, quality.ticker_messages, quality.depth_messages), (93_954, 66_089, 6_551));
    assert_eq!((quality.trade_messages, quality.snapshots, quality.levels), (21_313, 1, 445_521));
    assert_eq!((quality.superseded_tickers, quality.one_sided_books), (1_093, 0));
    assert_eq!(quality.clock_shift_ns, 1_273_402_468);
    assert!(quality.defects.is_empty());
}

#[test]
fn the_recorded_spot_feed_is_complete_and_consistent() {
    let Some(feed) = recorded("binance-spot-ethusdt-20240808.gz") else { return };
    let quality = &feed.quality;
    assert_eq!((feed.symbol.as_str(), feed.tick_size), ("ETHUSDT", 0.01));
    assert_eq!((quality.lines, quality.ticker_messages, quality.depth_messages), (33_618, 24_077, 3_434));
    assert_eq!((quality.trade_messages, quality.snapshots), (6_106, 1));
    assert_eq!((quality.superseded_tickers, quality.one_sided_books), (0, 0));
    assert!(quality.defects.is_empty());
}
