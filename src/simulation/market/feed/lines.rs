//! One line of a recording, `<local ns> <raw JSON>`, as a typed message: Binance depth differences,
//! best bid and offer, trades and REST snapshots, spot and futures, combined and raw streams.
//!
//! Text is borrowed, numbers are fixed point, and any bytes whatever lead to a message or a defect.

use crate::simulation::market::spec::Spec;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Decimal places of the fixed-point numbers in which prices and quantities are read.
pub(super) const DECIMALS: u32 = 8;

/// The first year that a receive time in nanoseconds may lie in; earlier stamps are in another unit.
const EARLIEST_LOCAL_NS: i64 = 946_684_800_000_000_000;

/// A price or quantity in units of 10^-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal(pub(super) i64);

impl Decimal {
    /// Reads a plain non-negative decimal number: digits, optionally a point and more digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut value: i64 = 0;
        let mut places = None;
        let mut digits = 0;
        for &byte in bytes {
            match byte {
                b'0'..=b'9' => {
                    digits += 1;
                    if places == Some(DECIMALS) {
                        if byte != b'0' {
                            return None;
                        }
                        continue;
                    }
                    value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                    places = places.map(|places| places + 1);
                }
                b'.' if places.is_none() && digits > 0 => places = Some(0),
                _ => return None,
            }
        }
        if digits == 0 || bytes.last() == Some(&b'.') {
            return None;
        }
        let missing = DECIMALS - places.unwrap_or(0);
        value.checked_mul(10_i64.pow(missing)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a non-negative decimal number in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                Decimal::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// One price level: price and the quantity that now rests there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    /// Price.
    pub(super) price: Decimal,
    /// Quantity; zero removes the level.
    pub(super) qty: Decimal,
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Level;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a price and a quantity")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Level, A::Error> {
                let price: Decimal =
                    items.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let qty = items.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                while items.next_element::<de::IgnoredAny>()?.is_some() {}
                if price.0 == 0 {
                    return Err(de::Error::custom("a price of zero"));
                }
                Ok(Level { price, qty })
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

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

/// Best bid and best offer.
#[derive(Debug, Deserialize)]
pub(super) struct Ticker<'a> {
    #[serde(rename = "s")]
    pub(super) symbol: &'a str,
    #[serde(rename = "T")]
    pub(super) exchange_ms: Option<i64>,
    #[serde(rename = "u")]
    pub(super) id: u64,
    #[serde(rename = "b")]
    bid: Decimal,
    #[serde(rename = "B")]
    bid_qty: Decimal,
    #[serde(rename = "a")]
    ask: Decimal,
    #[serde(rename = "A")]
    ask_qty: Decimal,
}

impl Ticker<'_> {
    /// The best bid.
    pub(super) fn bid(&self) -> Level {
        Level { price: self.bid, qty: self.bid_qty }
    }

    /// The best offer.
    pub(super) fn ask(&self) -> Level {
        Level { price: self.ask, qty: self.ask_qty }
    }
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

/// What a line says.
#[derive(Debug)]
pub(super) enum Payload<'a> {
    /// The mark of a generated feed.
    Simulated(Spec),
    /// A change of the book.
    Depth(Depth<'a>),
    /// Best bid and offer.
    Ticker(Ticker<'a>),
    /// An execution.
    Trade(Trade<'a>),
    /// A whole book.
    Snapshot(Snapshot),
    /// A stream that is known and has nothing to say about book or trades.
    Unused(&'a str),
    /// A stream the reader does not know.
    Unknown(&'a str),
}

/// Why a line cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Defect {
    /// Not `<local ns> <JSON>`, or not a market message.
    Foreign(String),
    /// A market message with a number that is none.
    BadNumber(String),
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

/// Reads one line without its newline: when it was received, and what it says.
pub(super) fn parse(line: &[u8]) -> Result<(i64, Payload<'_>), Defect> {
    let foreign = |why: &str| Defect::Foreign(why.to_owned());
    let line = std::str::from_utf8(line).map_err(|_| foreign("invalid UTF-8"))?;
    let (stamp, json) = line.split_once(' ').ok_or_else(|| foreign("no space after the receive time"))?;
    if stamp.is_empty() || !stamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(foreign("no receive time in front of the message"));
    }
    let envelope: Envelope<'_> = serde_json::from_str(json).map_err(|error| foreign(&error.to_string()))?;
    let local_ns = stamp.parse().ok().filter(|ns| *ns >= EARLIEST_LOCAL_NS);
    let local_ns = local_ns.ok_or_else(|| {
        Defect::BadNumber(format!("receive time `{stamp}` is not in nanoseconds since 1970"))
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
        _ => return Err(Defect::Foreign("not a market message".to_owned())),
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
    serde_json::from_str(json).map_err(|error| Defect::BadNumber(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "1723161255088176367";

    fn defect(line: &str) -> Defect {
        parse(line.as_bytes()).expect_err("refused")
    }

    #[test]
    fn a_decimal_is_exact_and_everything_else_is_refused() {
        for (text, value) in
            [("0", 0), ("61800.20", 6_180_020_000_000), ("0.00000001", 1), ("5.000000000", 500_000_000)]
        {
            assert_eq!(Decimal::parse(text), Some(Decimal(value)), "{text}");
        }
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e5", "NaN", "inf", "0.000000001", "1,0", "99999999999999"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
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
                    Payload::Ticker(ticker) => assert_eq!(ticker.ask().qty, Decimal(3_140_000_000)),
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
            assert!(matches!(defect(line), Defect::Foreign(_)), "{line}");
        }
        for price in ["NaN", "-5", "1e3", ""] {
            let line = format!(
                "{LOCAL} {{\"stream\":\"btcusdt@trade\",\"data\":{{\"T\":1,\"s\":\"B\",\"p\":\"{price}\",\"q\":\"1\",\"m\":true}}}}"
            );
            let Defect::BadNumber(why) = defect(&line) else { panic!("{line}") };
            assert!(why.starts_with("invalid value: string"), "{why}");
        }
        let milliseconds = "1723161255088 {\"e\":\"trade\"}";
        assert!(matches!(defect(milliseconds), Defect::BadNumber(why) if why.contains("nanoseconds")));
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
