//! Feeds as files: compressed, cut short, missing, recorded.

use super::*;

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
