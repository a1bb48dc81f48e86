//! One line of a recording, `<local ns> <raw JSON>`, as a typed message: Binance depth differences,
//! best bid and offer, trades and REST snapshots, spot and futures, combined and raw streams.
//!
//! Text is borrowed, numbers are fixed point, and any bytes whatever lead to a message or a defect.

use crate::simulation::market::feed::decimal::{Decimal, Level};
use crate::simulation::market::feed::quality::{Defect, FeedDefect};
use crate::simulation::market::spec::FeedSpec;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The first year that a receive time in nanoseconds may lie in; earlier stamps are in another unit.
const EARLIEST_LOCAL_NS: i64 = 946_684_800_000_000_000;

/// A change of the book since the previous message.
#[derive(Debug, Deserialize)]
pub(super) struct Depth<'a> {
    #[serde(rename = "s")]
    pub(super) symbol: &'a str,
    #[serde(rename = "E")]
    event_ms: i64,
    #[serde(rename = "T")]
    transaction_ms: Option<i64>,
    #[serde(rename = "U")]
    pub(super) first_id: u64,
    #[serde(rename = "u")]
    pub(super) last_id: u64,
    #[serde(rename = "pu")]
    pub(super) previous_id: Option<u64>,
    #[serde(rename = "b")]
    pub(super) bids: Vec<Level>,
    #[serde(rename = "a")]
    pub(super) asks: Vec<Level>,
}

impl Depth<'_> {
    /// Time of the matching engine where the stream has it, else of the publisher.
    pub(super) fn exchange_ms(&self) -> i64 {
        self.transaction_ms.unwrap_or(self.event_ms)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Ticker<'a> {
    #[serde(rename = "s")]
    pub(super) symbol: &'a str,
    #[serde(rename = "T")]
    pub(super) exchange_ms: Option<i64>,
    #[serde(rename = "u")]
    pub(super) id: u64,
    #[serde(rename = "b")]
    pub(super) bid: Decimal,
    #[serde(rename = "B")]
    pub(super) bid_qty: Decimal,
    #[serde(rename = "a")]
    pub(super) ask: Decimal,
    #[serde(rename = "A")]
    pub(super) ask_qty: Decimal,
}

/// An execution between others.
#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(rename = "s")]
    pub(super) symbol: &'a str,
    #[serde(rename = "T")]
    pub(super) exchange_ms: i64,
    #[serde(rename = "p")]
    pub(super) price: Decimal,
    #[serde(rename = "q")]
    pub(super) qty: Decimal,
    #[serde(rename = "m")]
    pub(super) buyer_is_maker: bool,
    #[serde(rename = "X")]
    pub(super) origin: Option<&'a str>,
}

/// A whole book, asked for over REST.
#[derive(Debug, Deserialize)]
pub(super) struct Snapshot {
    #[serde(rename = "lastUpdateId")]
    pub(super) last_id: u64,
    #[serde(rename = "T")]
    pub(super) exchange_ms: Option<i64>,
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// The mark of a generated feed.
    Simulated(FeedSpec),
    Depth(Depth<'a>),
    Ticker(Ticker<'a>),
    Trade(Trade<'a>),
    Snapshot(Snapshot),
    /// A stream that is known and has nothing to say about book or trades.
    Unused(&'a str),
    /// A stream the reader does not know.
    Unknown(&'a str),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    stream: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(rename = "lastUpdateId", borrow)]
    last_update_id: Option<&'a RawValue>,
    #[serde(borrow)]
    mmops_sim_feed: Option<&'a RawValue>,
    e: Option<&'a str>,
    #[serde(rename = "B", borrow)]
    best_bid_qty: Option<&'a RawValue>,
}

/// Reads one line without its newline: when it was received, and what it says. A line that is not
/// `<local ns> <JSON>`, or not a market message, is foreign.
pub(super) fn parse(line: &[u8]) -> Result<(i64, Payload<'_>), Defect> {
    let foreign = |why: &str| (FeedDefect::ForeignLine, why.to_owned());
    let line = std::str::from_utf8(line).map_err(|_| foreign("invalid UTF-8"))?;
    let (stamp, json) = line.split_once(' ').ok_or_else(|| foreign("no space after the receive time"))?;
    if stamp.is_empty() || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(foreign("no receive time in front of the message"));
    }
    let envelope: Envelope<'_> = serde_json::from_str(json).map_err(|error| foreign(&error.to_string()))?;
    let local_ns = stamp.parse().ok().filter(|ns| *ns >= EARLIEST_LOCAL_NS);
    let local_ns = local_ns.ok_or_else(|| {
        (FeedDefect::BadNumber, format!("receive time `{stamp}` is not in nanoseconds since 1970"))
    })?;
    payload(json, &envelope).map(|payload| (local_ns, payload))
}

fn payload<'a>(json: &'a str, envelope: &Envelope<'a>) -> Result<Payload<'a>, Defect> {
    if let Some(spec) = envelope.mmops_sim_feed {
        return decode(spec.get()).map(Payload::Simulated);
    }
    if envelope.last_update_id.is_some() {
        return decode(json).map(Payload::Snapshot);
    }
    let (name, data) = match (envelope.stream, envelope.data, envelope.e) {
        (Some(stream), Some(data), _) => {
            (stream.split_once('@').map_or(stream, |(_, name)| name), data.get())
        }
        (None, None, Some("depthUpdate")) => ("depth", json),
        (None, None, Some(event)) => (event, json),
        (None, None, None) if envelope.best_bid_qty.is_some() => ("bookTicker", json),
        _ => return Err((FeedDefect::ForeignLine, "not a market message".to_owned())),
    };
    match name {
        "depth" | "depth@0ms" | "depth@100ms" | "depth@250ms" | "depth@500ms" | "depth@1000ms" => {
            decode(data).map(Payload::Depth)
        }
        "bookTicker" => decode(data).map(Payload::Ticker),
        "trade" => decode(data).map(Payload::Trade),
        _ if is_unused(name) => Ok(Payload::Unused(name)),
        _ => Ok(Payload::Unknown(name)),
    }
}

/// Streams of the exchange that repeat, aggregate or value what book and trades already say.
fn is_unused(name: &str) -> bool {
    let name = name.split(['@', '_']).next().unwrap_or(name);
    matches!(
        name,
        "aggTrade"
            | "markPrice"
            | "markPriceUpdate"
            | "indexPrice"
            | "forceOrder"
            | "kline"
            | "continuousKline"
            | "ticker"
            | "24hrTicker"
            | "miniTicker"
            | "24hrMiniTicker"
            | "avgPrice"
            | "openInterest"
            | "compositeIndex"
            | "depth5"
            | "depth10"
            | "depth20"
    )
}

fn decode<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Defect> {
    serde_json::from_str(json).map_err(|error| (FeedDefect::BadNumber, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "1723161255088176367";

    fn defect(line: &str) -> Defect {
        parse(line.as_bytes()).expect_err("refused")
    }

    #[test]
    fn both_forms_of_every_stream_are_read() {
        let trade = r#"{"e":"trade","E":1,"T":1723161256322,"s":"BTCUSDT","t":5,"p":"61800.30","q":"0.006","X":"MARKET","m":false}"#;
        let ticker = r#"{"u":7,"s":"ETHUSDT","b":"2683.80","B":"3.0","a":"2683.81","A":"31.4"}"#;
        let depth =
            r#"{"e":"depthUpdate","E":9,"T":8,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["1.0","2.0"]],"a":[]}"#;
        for (stream, data) in
            [("btcusdt@trade", trade), ("ethusdt@bookTicker", ticker), ("btcusdt@depth@0ms", depth)]
        {
            for line in
                [format!("{LOCAL} {{\"stream\":\"{stream}\",\"data\":{data}}}"), format!("{LOCAL} {data}")]
            {
                let (local, payload) = parse(line.as_bytes()).expect("a message");
                assert_eq!(local.to_string(), LOCAL);
                match payload {
                    Payload::Trade(trade) => assert_eq!(trade.price, Decimal(6_180_030_000_000)),
                    Payload::Ticker(ticker) => assert_eq!(ticker.ask_qty, Decimal(3_140_000_000)),
                    Payload::Depth(depth) => assert_eq!((depth.exchange_ms(), depth.bids.len()), (8, 1)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn foreign_text_and_bad_numbers_are_told_apart() {
        for line in [
            "",
            "{}",
            "1723161255088176367",
            "x {}",
            "1723161255088176367 {",
            "1723161255088176367 {\"code\":-1,\"msg\":\"x\"}",
        ] {
            assert!(matches!(defect(line), (FeedDefect::ForeignLine, _)), "{line}");
        }
        for price in ["NaN", "-5", "1e3", ""] {
            let line = format!(
                "{LOCAL} {{\"stream\":\"btcusdt@trade\",\"data\":{{\"T\":1,\"s\":\"B\",\"p\":\"{price}\",\"q\":\"1\",\"m\":true}}}}"
            );
            let (FeedDefect::BadNumber, why) = defect(&line) else { panic!("{line}") };
            assert!(why.starts_with("invalid value: string"), "{why}");
        }
        let milliseconds = "1723161255088 {\"e\":\"trade\"}";
        assert!(matches!(defect(milliseconds), (FeedDefect::BadNumber, why) if why.contains("nanoseconds")));
    }

    #[test]
    fn a_stream_is_used_known_or_unknown() {
        for (name, known) in
            [("markPrice@1s", true), ("kline_1m", true), ("depth20@100ms", true), ("weather", false)]
        {
            let line = format!("{LOCAL} {{\"stream\":\"btcusdt@{name}\",\"data\":{{}}}}");
            match parse(line.as_bytes()).expect("a message").1 {
                Payload::Unused(_) => assert!(known, "{name}"),
                Payload::Unknown(_) => assert!(!known, "{name}"),
                other => panic!("{other:?}"),
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
            let mut line = b"1723161255088176367 ".to_vec();
            line.extend(&bytes);
            let _ = parse(&line);
        }

        #[test]
        fn no_damage_to_a_real_line_makes_the_parser_panic(at in 0_usize..190, byte: u8, cut in 0_usize..190) {
            let mut line = format!("{LOCAL} {{\"stream\":\"btcusdt@depth@0ms\",\"data\":{{\"e\":\"depthUpdate\",\"E\":9,\"T\":8,\"s\":\"BTCUSDT\",\"U\":1,\"u\":2,\"pu\":0,\"b\":[[\"1.0\",\"2.0\"]],\"a\":[[\"1.5\",\"0.000\"]]}}}}").into_bytes();
            let len = line.len();
            line[at % len] = byte;
            let _ = parse(&line);
            line.truncate(cut % len);
            let _ = parse(&line);
        }
    }
}
