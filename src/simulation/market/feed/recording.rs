//! Reads the lines of a recording, plain or gzip, into messages with fixed-point levels; everything that
//! is not used is counted.

use crate::report::exit::Fault;
use crate::simulation::market::feed::decimal::{Decimal, Level};
use crate::simulation::market::feed::lines::{self, Payload};
use crate::simulation::market::feed::quality::{Defect, FeedDefect, FeedQuality};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::ops::Range;

/// The longest line that is read: far above the largest snapshot of 5,000 levels.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// A receive time further than this from the exchange's time is no clock skew.
const MAX_SKEW_NS: i64 = 3_600_000_000_000;

const NS_PER_MS: i64 = 1_000_000;

/// The value of `X` that marks an execution in a generated feed, beside its first line.
pub(in crate::simulation::market) const SIMULATED_ORIGIN: &str = "SIMULATED";

/// The messages of a recording in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) symbol: String,
    pub(super) simulated: bool,
    pub(super) messages: Vec<Message>,
    pub(super) levels: Vec<Level>,
    pub(super) quality: FeedQuality,
    newest_local_ns: i64,
    /// Newest exchange time by stream: depth, ticker, trade.
    newest_exchange_ns: [i64; 3],
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) line: u64,
    pub(super) local_ns: i64,
    /// `None` where the stream carries no time.
    pub(super) exchange_ns: Option<i64>,
    pub(super) content: Content,
}

/// What a message says; levels are ranges of [`Recording::levels`].
#[derive(Debug)]
pub(super) enum Content {
    Depth { ids: Range<u64>, previous_id: Option<u64>, bids: Range<usize>, asks: Range<usize> },
    Ticker(BestPrices),
    Trade { price: Decimal, qty: Decimal, buyer_is_maker: bool },
    Snapshot { id: u64, bids: Range<usize>, asks: Range<usize> },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct BestPrices {
    pub(super) id: u64,
    pub(super) bid: Level,
    pub(super) ask: Level,
}

/// Reads a recording from the bytes of its file.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Recording, Fault> {
    let mut recording = Recording::default();
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        recording.read_lines(name, bytes, |_| String::new())?;
        return Ok(recording);
    }
    let decoder = BufReader::with_capacity(256 << 10, MultiGzDecoder::new(bytes));
    recording.read_lines(name, decoder, |reader| {
        let at = bytes.len() - reader.get_ref().get_ref().len();
        format!(" (byte {at} of {} compressed)", bytes.len())
    })?;
    Ok(recording)
}

impl Recording {
    fn read_lines<R: BufRead>(
        &mut self,
        name: &str,
        mut reader: R,
        place: impl Fn(&R) -> String,
    ) -> Result<(), Fault> {
        let mut line = Vec::with_capacity(64 << 10);
        loop {
            line.clear();
            match (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => {
                    let why = match error.kind() {
                        ErrorKind::UnexpectedEof => "the gzip stream ends in the middle".to_owned(),
                        _ => format!("the gzip stream is damaged: {error}"),
                    };
                    let (lines, place) = (self.quality.lines, place(&reader));
                    return Err(Fault::config(format!(
                        "failed to read `{name}`: {why} after line {lines}{place}"
                    )));
                }
            }
            self.quality.lines += 1;
            if line.len() as u64 == MAX_LINE_BYTES {
                return Err(Fault::config(format!(
                    "failed to read `{name}`: line {} is longer than {MAX_LINE_BYTES} bytes",
                    self.quality.lines
                )));
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            self.add(text);
        }
    }

    fn add(&mut self, text: &[u8]) {
        let line = self.quality.lines;
        let taken = lines::parse(text).and_then(|(local_ns, payload)| self.take(line, local_ns, payload));
        if let Err((defect, detail)) = taken {
            self.quality.note(defect, line, detail);
        }
    }

    fn take(&mut self, line: u64, local_ns: i64, payload: Payload<'_>) -> Result<(), Defect> {
        let (symbol, stream, exchange_ms) = match &payload {
            Payload::Simulated(spec) => {
                if line != 1 {
                    let why = "the mark of a simulated feed after the first line".to_owned();
                    return Err((FeedDefect::ForeignLine, why));
                }
                self.simulated = true;
                self.symbol.clone_from(&spec.symbol);
                return Ok(());
            }
            Payload::Unused(name) => {
                *self.quality.unused_streams.entry((*name).to_owned()).or_default() += 1;
                return Ok(());
            }
            Payload::Unknown(name) => return Err((FeedDefect::UnknownStream, format!("stream `{name}`"))),
            Payload::Depth(depth) => (Some(depth.symbol), Some(0), Some(depth.exchange_ms())),
            Payload::Ticker(ticker) => (Some(ticker.symbol), Some(1), ticker.exchange_ms),
            Payload::Trade(trade) => (Some(trade.symbol), Some(2), Some(trade.exchange_ms)),
            Payload::Snapshot(snapshot) => (None, None, snapshot.exchange_ms),
        };
        if let Some(symbol) = symbol {
            self.check_symbol(symbol)?;
        }
        let exchange_ns = exchange_ms.map(|ms| exchange_ns(local_ns, ms)).transpose()?;
        self.check_order(line, local_ns, stream, exchange_ns);
        let content = self.content(payload)?;
        if let Some(content) = content {
            self.messages.push(Message { line, local_ns, exchange_ns, content });
        }
        Ok(())
    }

    fn check_symbol(&mut self, symbol: &str) -> Result<(), Defect> {
        if self.symbol.is_empty() {
            symbol.clone_into(&mut self.symbol);
        }
        if self.symbol == symbol {
            return Ok(());
        }
        Err((FeedDefect::UnknownStream, format!("symbol `{symbol}` in a feed of `{}`", self.symbol)))
    }

    fn check_order(&mut self, line: u64, local_ns: i64, stream: Option<usize>, exchange_ns: Option<i64>) {
        let mut back = (self.newest_local_ns > local_ns)
            .then(|| format!("received {} ns before the line above", self.newest_local_ns - local_ns));
        self.newest_local_ns = self.newest_local_ns.max(local_ns);
        if let (Some(stream), Some(exchange_ns)) = (stream, exchange_ns) {
            let newest = &mut self.newest_exchange_ns[stream];
            if *newest > exchange_ns {
                let ms = (*newest - exchange_ns) / NS_PER_MS;
                back = back.or_else(|| Some(format!("sent {ms} ms before its predecessor in the stream")));
            }
            *newest = exchange_ns.max(*newest);
        }
        if let Some(detail) = back {
            self.quality.note(FeedDefect::TimeReversal, line, detail);
        }
    }

    fn content(&mut self, payload: Payload<'_>) -> Result<Option<Content>, Defect> {
        let bad = |why: &str| Err((FeedDefect::BadNumber, why.to_owned()));
        Ok(Some(match payload {
            Payload::Depth(depth) => {
                if depth.first_id > depth.last_id {
                    return bad("the first update id is above the last");
                }
                self.quality.depth_messages += 1;
                let (bids, asks) = (self.keep(&depth.bids), self.keep(&depth.asks));
                let ids = depth.first_id..depth.last_id;
                Content::Depth { ids, previous_id: depth.previous_id, bids, asks }
            }
            Payload::Ticker(ticker) => {
                let bid = Level { price: ticker.bid, qty: ticker.bid_qty };
                let ask = Level { price: ticker.ask, qty: ticker.ask_qty };
                if bid.price.0 == 0 || ask.price.0 == 0 {
                    return bad("a best price of zero");
                }
                self.quality.ticker_messages += 1;
                Content::Ticker(BestPrices { id: ticker.id, bid, ask })
            }
            Payload::Trade(trade) => {
                if trade.price.0 == 0 || trade.qty.0 == 0 {
                    return bad("a trade at a price or of a quantity of zero");
                }
                match trade.origin {
                    None | Some("MARKET") => {}
                    Some(SIMULATED_ORIGIN) => self.simulated = true,
                    Some(_) => {
                        self.quality.off_book_trades += 1;
                        return Ok(None);
                    }
                }
                self.quality.trade_messages += 1;
                let (price, qty) = (trade.price, trade.qty);
                Content::Trade { price, qty, buyer_is_maker: trade.buyer_is_maker }
            }
            Payload::Snapshot(snapshot) => {
                self.quality.snapshots += 1;
                let (bids, asks) = (self.keep(&snapshot.bids), self.keep(&snapshot.asks));
                Content::Snapshot { id: snapshot.last_id, bids, asks }
            }
            Payload::Simulated(_) | Payload::Unused(_) | Payload::Unknown(_) => return Ok(None),
        }))
    }

    fn keep(&mut self, levels: &[Level]) -> Range<usize> {
        let start = self.levels.len();
        self.levels.extend_from_slice(levels);
        self.quality.levels += levels.len() as u64;
        start..self.levels.len()
    }
}

fn exchange_ns(local_ns: i64, exchange_ms: i64) -> Result<i64, Defect> {
    let exchange_ns = exchange_ms.checked_mul(NS_PER_MS);
    let near = |ns: &i64| local_ns.abs_diff(*ns) <= MAX_SKEW_NS.unsigned_abs();
    exchange_ns.filter(near).ok_or_else(|| {
        let why = format!("exchange time {exchange_ms} ms is more than an hour from the receive time");
        (FeedDefect::BadNumber, why)
    })
}
