//! Raw samples as they are kept: an append-only file of frames, each with its length and checksum, so that a
//! torn end is seen and every verdict can be computed again.
//!
//! A frame is `length (u32) | crc32 (u32) | deflated payload`, little endian. A payload begins with the
//! length of the rest before compression; then a dictionary frame has `D` and a JSON list of series, a block
//! frame `B`, the iteration, the number of scrapes and of series, the times, and the values. Values are
//! combined by exclusive or with the scrape before and stored plane by plane: bytes that rarely change lie
//! together.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::format::json::typed;
use crate::judge::kpi::Declared;
use serde::{Deserialize, Serialize};
use std::array;
use std::collections::BTreeMap;

/// First bytes of the file.
pub(crate) const MAGIC: &[u8] = b"mmops.samples.v1\n";
/// The value of a series that a scrape did not show: a NaN that no exporter sends.
const MISSING: u64 = 0x7ff8_dead_beef_0001;
/// Length and checksum before each body.
pub(crate) const HEAD: usize = 8;
/// Values after which a block is full.
const BLOCK_VALUES: usize = 1 << 18;
/// No payload is larger than this; a length beyond it is damage.
const MAX_PAYLOAD: usize = 64 << 20;

/// A series of the dictionary; its position is its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeriesKey {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// What its family said of itself when the series was first seen.
    #[serde(flatten)]
    pub(crate) declared: Declared,
}

/// Gathers scrapes and turns them into frames.
#[derive(Debug, Default)]
pub(crate) struct SampleEncoder {
    fresh: Vec<SeriesKey>,
    width: usize,
    times: Vec<i64>,
    rows: Vec<u64>,
    out: Vec<u8>,
}

impl SampleEncoder {
    /// An encoder that continues a file with so many known series.
    pub(crate) fn new(known_series: usize) -> Self {
        Self { width: known_series, ..Self::default() }
    }

    /// Adds a series to the dictionary; scrapes after it have a column for it.
    pub(crate) fn register(&mut self, iteration: u32, series: SeriesKey) {
        if !self.times.is_empty() {
            self.flush(iteration);
        }
        self.width += 1;
        self.fresh.push(series);
    }

    /// Begins a scrape.
    pub(crate) fn begin_scrape(&mut self, iteration: u32, at_ms: i64) {
        if self.rows.len() >= BLOCK_VALUES {
            self.flush(iteration);
        }
        self.times.push(at_ms);
        self.rows.resize(self.rows.len() + self.width, MISSING);
    }

    /// Sets a value of the scrape that was begun; the first one holds.
    pub(crate) fn sample(&mut self, series: u32, value: f64) {
        let at = self.rows.len() - self.width + series as usize;
        if self.rows[at] == MISSING {
            self.rows[at] = value.to_bits();
        }
    }

    /// The frames of everything that is complete; ends the block of the iteration.
    pub(crate) fn finish(&mut self, iteration: u32) -> Vec<u8> {
        self.flush(iteration);
        std::mem::take(&mut self.out)
    }

    /// Ends the block that is open; its frames come with the next ones.
    pub(crate) fn flush(&mut self, iteration: u32) {
        if !self.fresh.is_empty() {
            let mut payload = vec![b'D'];
            payload.extend(serde_json::to_vec(&self.fresh).expect("plain data serialises"));
            frame(&mut self.out, &payload);
            self.fresh.clear();
        }
        if !self.times.is_empty() {
            let mut payload = Vec::with_capacity(32 + 8 * (self.times.len() + self.rows.len()));
            payload.push(b'B');
            for count in [iteration, count(self.times.len()), count(self.width)] {
                payload.extend(count.to_le_bytes());
            }
            self.times.iter().for_each(|time| payload.extend(time.to_le_bytes()));
            planes(&mut payload, &mut self.rows, self.width);
            frame(&mut self.out, &payload);
            self.times.clear();
            self.rows.clear();
        }
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("blocks are small")
}

fn planes(payload: &mut Vec<u8>, rows: &mut [u64], width: usize) {
    if width == 0 {
        return;
    }
    for at in (width..rows.len()).rev() {
        rows[at] ^= rows[at - width];
    }
    for plane in 0..8 {
        for series in 0..width {
            payload.extend(rows[series..].iter().step_by(width).map(|word| word.to_le_bytes()[plane]));
        }
    }
}

fn frame(out: &mut Vec<u8>, payload: &[u8]) {
    // What the crate calls the fastest level stores without compressing.
    let level = libdeflater::CompressionLvl::new(1).expect("a level of the library");
    let mut compressor = libdeflater::Compressor::new(level);
    let mut packed = vec![0; compressor.deflate_compress_bound(payload.len())];
    let size = compressor.deflate_compress(payload, &mut packed).expect("the bound is large enough");
    let mut body = Vec::with_capacity(size + 4);
    body.extend(count(payload.len()).to_le_bytes());
    body.extend(&packed[..size]);
    out.extend(count(body.len()).to_le_bytes());
    out.extend(crc32fast::hash(&body).to_le_bytes());
    out.extend(body);
}

/// What a frame holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SampleFrame {
    /// Series that follow those known so far.
    Dictionary(Vec<SeriesKey>),
    /// Scrapes of one iteration.
    Block(SampleBlock),
}

/// Scrapes of one iteration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SampleBlock {
    /// The iteration; 0 for a state before a window that only shows where counters stand.
    pub(crate) iteration: u32,
    /// Times of the scrapes, milliseconds since the epoch.
    pub(crate) times: Vec<i64>,
    width: usize,
    rows: Vec<u64>,
}

impl SampleBlock {
    /// Number of series that its scrapes have a place for.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The samples of a scrape: number of the series, and value.
    pub(crate) fn scrape(&self, index: usize) -> impl Iterator<Item = (u32, f64)> {
        let row = &self.rows[index * self.width..(index + 1) * self.width];
        (0..)
            .zip(row)
            .filter(|(_, bits)| **bits != MISSING)
            .map(|(series, bits)| (series, f64::from_bits(*bits)))
    }
}

/// The little-endian word at a place.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The length of the body behind a head.
pub(crate) fn body_length(head: &[u8]) -> u64 {
    word(head, 0).unwrap_or_default().into()
}

/// The frame at the start of `bytes` and its length; `None` where the rest is torn or damaged.
pub(crate) fn decode(bytes: &[u8]) -> Option<(SampleFrame, usize)> {
    let length = word(bytes, 0)? as usize;
    let body = bytes.get(HEAD..HEAD.checked_add(length)?)?;
    if crc32fast::hash(body) != word(bytes, 4)? {
        return None;
    }
    let size = word(body, 0)? as usize;
    if size > MAX_PAYLOAD {
        return None;
    }
    let mut payload = vec![0; size];
    let mut decompressor = libdeflater::Decompressor::new();
    if decompressor.deflate_decompress(&body[4..], &mut payload).ok()? != size {
        return None;
    }
    let frame = match payload.split_first()? {
        (b'D', json) => SampleFrame::Dictionary(typed::read_bytes(json).ok()?),
        (b'B', rest) => SampleFrame::Block(block(rest)?),
        _ => return None,
    };
    Some((frame, HEAD + length))
}

fn block(payload: &[u8]) -> Option<SampleBlock> {
    let iteration = word(payload, 0)?;
    let (scrapes, width) = (word(payload, 4)? as usize, word(payload, 8)? as usize);
    let values = scrapes.checked_mul(width)?;
    let times_end = 12_usize.checked_add(scrapes.checked_mul(8)?)?;
    if payload.len() != times_end.checked_add(values.checked_mul(8)?)? {
        return None;
    }
    let times = payload[12..times_end].chunks_exact(8);
    let times = times.map(|chunk| i64::from_le_bytes(chunk.try_into().expect("eight bytes"))).collect();
    let mut rows = vec![0_u64; values];
    let planes = &payload[times_end..];
    for series in 0..width {
        for scrape in 0..scrapes {
            let at = series * scrapes + scrape;
            rows[scrape * width + series] =
                u64::from_le_bytes(array::from_fn(|plane| planes[plane * values + at]));
        }
    }
    for at in width..values {
        rows[at] ^= rows[at - width];
    }
    Some(SampleBlock { iteration, times, width, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str) -> SeriesKey {
        SeriesKey { name: name.to_owned(), labels: BTreeMap::new(), declared: Declared::default() }
    }

    fn file() -> Vec<u8> {
        let mut encoder = SampleEncoder::new(0);
        encoder.register(0, series("a"));
        encoder.begin_scrape(0, 1000);
        encoder.sample(0, 1.5);
        encoder.register(1, series("b"));
        for scrape in 0..3 {
            encoder.begin_scrape(1, 2000 + scrape);
            encoder.sample(0, f64::from(u32::try_from(scrape).expect("small")));
            if scrape == 1 {
                encoder.sample(1, f64::NAN);
            }
        }
        encoder.finish(1)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes = file();
        let mut at = 0;
        let mut frames = Vec::new();
        while let Some((frame, length)) = decode(&bytes[at..]) {
            frames.push(frame);
            at += length;
        }
        assert_eq!(at, bytes.len());
        let blocks: Vec<&SampleBlock> = frames
            .iter()
            .filter_map(|frame| if let SampleFrame::Block(block) = frame { Some(block) } else { None })
            .collect();
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].scrape(0).collect::<Vec<_>>(), [(0, 1.5)]);
        assert_eq!(blocks[1].times, [2000, 2001, 2002]);
        assert_eq!(blocks[1].scrape(2).collect::<Vec<_>>(), [(0, 2.0)]);
        assert!(blocks[1].scrape(1).any(|(series, value)| series == 1 && value.is_nan()));
    }

    #[test]
    fn a_torn_or_changed_frame_is_no_frame() {
        let bytes = file();
        let (_, first) = decode(&bytes).expect("whole");
        for cut in 0..first {
            assert_eq!(decode(&bytes[..cut]), None, "{cut}");
        }
        for at in 0..first {
            let mut changed = bytes.clone();
            changed[at] ^= 0x40;
            assert_ne!(decode(&changed), decode(&bytes), "{at}");
        }
    }
}
