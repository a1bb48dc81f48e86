//! Where the last block of a deflate stream begins and where the stream ends, to the bit.
//!
//! A compressor without a flush can still be used in pieces: the piece's last block is told that it is
//! not the last, and an empty stored block brings the stream to a whole byte. Nothing is inflated here;
//! codes are only counted off.

/// The two places of a complete stream, in bits from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// The first bit of the last block, which says that it is the last.
    pub(super) last_block: usize,
    /// The first bit behind the stream.
    pub(super) end: usize,
}

/// Bytes that must follow the stream in memory, so that eight can be read at any place of it.
const PADDING: usize = 8;

/// Ends a complete stream on a whole byte and makes it one that others may follow. `false`, and the
/// stream as it was, when it is none.
pub(super) fn open_end(stream: &mut Vec<u8>) -> bool {
    let Some(ends) = ends(stream) else { return false };
    stream[ends.last_block / 8] &= !(1 << (ends.last_block % 8));
    // Three zero bits begin a stored block that is not the last; zeros fill the byte.
    stream.truncate(ends.end.div_ceil(8));
    stream.resize((ends.end + 3).div_ceil(8), 0);
    stream.extend_from_slice(&[0x00, 0x00, 0xff, 0xff]);
    true
}

/// Finds the ends of a complete stream; `None` when it is cut off or malformed.
pub(super) fn ends(stream: &mut Vec<u8>) -> Option<Ends> {
    let length = stream.len();
    stream.resize(length + PADDING, 0);
    let found = Scanner { data: stream, limit: length * 8, at: 0 }.run();
    stream.truncate(length);
    found
}

struct Scanner<'a> {
    data: &'a [u8],
    limit: usize,
    at: usize,
}

/// Code lengths of the code-length code come in this order.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Entry of a table: how many bits a symbol takes with its extra bits, and what follows it.
type Entry = u8;
const LITERAL: Entry = 0;
const MATCH: Entry = 0x40;
const END: Entry = 0x80;
const BITS: Entry = 0x3f;

impl Scanner<'_> {
    fn run(mut self) -> Option<Ends> {
        let mut literals = Table::default();
        let mut distances = Table::default();
        loop {
            let last_block = self.at;
            let is_last = self.take(1) == 1;
            match self.take(2) {
                0 => self.skip_stored()?,
                1 => {
                    let mut lengths = [8; 288];
                    lengths[144..256].fill(9);
                    lengths[256..280].fill(7);
                    literals.build(&lengths, literal_entry)?;
                    distances.build(&[5; 30], distance_entry)?;
                    self.skip_codes(&literals, &distances)?;
                }
                2 => {
                    self.read_tables(&mut literals, &mut distances)?;
                    self.skip_codes(&literals, &distances)?;
                }
                _ => return None,
            }
            if self.at > self.limit {
                return None;
            }
            if is_last {
                return Some(Ends { last_block, end: self.at });
            }
        }
    }

    /// The bits from here on; at least 57 of them, zeros behind the stream.
    fn peek(&self) -> u64 {
        let bytes = self.data.get(self.at / 8..).and_then(|rest| rest.first_chunk::<8>());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes) >> (self.at % 8))
    }

    fn take(&mut self, count: usize) -> usize {
        let bits = self.peek() & ((1 << count) - 1);
        self.at += count;
        usize::try_from(bits).expect("a few bits fit")
    }

    fn skip_stored(&mut self) -> Option<()> {
        self.at = self.at.next_multiple_of(8);
        let (length, check) = (self.take(16), self.take(16));
        self.at += 8 * length;
        (length ^ check == 0xffff && self.at <= self.limit).then_some(())
    }

    fn read_tables(&mut self, literals: &mut Table, distances: &mut Table) -> Option<()> {
        let (literal_count, distance_count) = (self.take(5) + 257, self.take(5) + 1);
        let mut lengths = [0; 19];
        let code_count = self.take(4) + 4;
        for place in &ORDER[..code_count] {
            lengths[*place] = u8::try_from(self.take(3)).ok()?;
        }
        let mut codes = Table::default();
        codes.build(&lengths, |_| 0)?;
        let mut all = [0; 320];
        let count = literal_count + distance_count;
        let mut filled = 0;
        while filled < count {
            let symbol = codes.symbol(self.peek())?;
            self.at += usize::from(lengths[symbol]);
            let (value, repeat) = match symbol {
                16 => (*all.get(filled.checked_sub(1)?)?, 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                length => (u8::try_from(length).ok()?, 1),
            };
            all.get_mut(filled..filled + repeat)?.fill(value);
            filled += repeat;
        }
        literals.build(&all[..literal_count], literal_entry)?;
        distances.build(&all[literal_count..count], distance_entry)
    }

    fn skip_codes(&mut self, literals: &Table, distances: &Table) -> Option<()> {
        while self.at < self.limit {
            let bits = self.peek();
            let entry = literals.entry(bits)?;
            let taken = usize::from(entry & BITS);
            self.at += taken;
            if entry & MATCH != 0 {
                self.at += usize::from(distances.entry(bits >> taken)? & BITS);
            } else if entry & END != 0 {
                return Some(());
            }
        }
        None
    }
}

/// A code, indexed by its next bits.
#[derive(Default)]
struct Table {
    entries: Vec<Entry>,
    symbols: Vec<u16>,
    mask: u64,
}

impl Table {
    /// Builds the table of the canonical code with these lengths; `extra` gives the number of extra bits
    /// of a symbol and its kind.
    fn build(&mut self, lengths: &[u8], extra: fn(usize) -> Entry) -> Option<()> {
        let longest = usize::from(lengths.iter().copied().max().filter(|longest| *longest > 0).unwrap_or(1));
        self.mask = (1 << longest) - 1;
        self.entries.clear();
        self.entries.resize(1 << longest, 0);
        self.symbols.clear();
        self.symbols.resize(1 << longest, 0);
        let mut counts = [0_usize; 16];
        for length in lengths {
            counts[usize::from(*length)] += 1;
        }
        counts[0] = 0;
        let mut next = [0_usize; 16];
        let mut code = 0;
        for length in 1..16 {
            code = (code + counts[length - 1]) << 1;
            next[length] = code;
            if code + counts[length] > 1 << length {
                return None;
            }
        }
        for (symbol, length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let bits = usize::from(*length);
            let reversed = next[bits].reverse_bits() >> (usize::BITS - u32::from(*length));
            next[bits] += 1;
            let entry = extra(symbol) + *length;
            for place in (reversed..1 << longest).step_by(1 << bits) {
                self.entries[place] = entry;
                self.symbols[place] = u16::try_from(symbol).ok()?;
            }
        }
        Some(())
    }

    /// The entry of the next code; `None` for bits that are none.
    fn entry(&self, bits: u64) -> Option<Entry> {
        let place = usize::try_from(bits & self.mask).expect("a masked index fits");
        self.entries.get(place).copied().filter(|entry| *entry != 0)
    }

    fn symbol(&self, bits: u64) -> Option<usize> {
        self.entry(bits)?;
        let place = usize::try_from(bits & self.mask).expect("a masked index fits");
        Some(usize::from(self.symbols[place]))
    }
}

fn literal_entry(symbol: usize) -> Entry {
    match symbol {
        0..=255 => LITERAL,
        256 => END,
        257..=264 | 285.. => MATCH,
        _ => MATCH + Entry::try_from((symbol - 261) / 4).expect("at most five bits"),
    }
}

fn distance_entry(symbol: usize) -> Entry {
    Entry::try_from((symbol / 2).saturating_sub(1)).expect("at most fourteen bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn compressed(data: &[u8], level: i32) -> Vec<u8> {
        let mut compressor =
            libdeflater::Compressor::new(libdeflater::CompressionLvl::new(level).expect("a level"));
        let mut out = vec![0; compressor.deflate_compress_bound(data.len())];
        let length = compressor.deflate_compress(data, &mut out).expect("room");
        out.truncate(length);
        out
    }

    fn inflated(stream: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(stream).read_to_end(&mut out).expect("a stream");
        out
    }

    /// Bytes from text to noise, by `noise` of 256.
    fn sample(length: usize, noise: u8, seed: u64) -> Vec<u8> {
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let byte = |i: usize, random: u64| {
            let [low, kind, ..] = random.to_le_bytes();
            if kind < noise { low } else { b"{\"ts\":170000,\"px\":61234.5}\n"[i % 27] }
        };
        (0..length).map(|i| byte(i, next())).collect()
    }

    #[test]
    fn streams_that_were_opened_can_be_followed_by_others() {
        for level in [0, 1, 6, 9, 12] {
            for (length, noise) in [(0, 0), (1, 255), (10, 0), (70_000, 3), (300_000, 40), (200_000, 255)] {
                let data = sample(length, noise, 7 + u64::from(noise));
                let mut stream = compressed(&data, level);
                assert!(open_end(&mut stream), "level {level}, {length} bytes, noise {noise}");
                stream.extend(compressed(b"the end", level));
                assert_eq!(inflated(&stream), [&data[..], b"the end"].concat(), "level {level}, {length}");
            }
        }
    }

    #[test]
    fn the_end_of_a_stream_of_another_encoder_is_found_too() {
        use std::io::Write as _;
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(&sample(500_000, 20, 3)).expect("written");
        let mut stream = encoder.finish().expect("finished");
        let whole = ends(&mut stream).expect("complete");
        assert_eq!(whole.end.div_ceil(8), stream.len());
        stream.extend_from_slice(b"more");
        assert_eq!(ends(&mut stream), Some(whole));
    }

    #[test]
    fn what_is_cut_off_or_malformed_has_no_end() {
        let whole = compressed(&sample(50_000, 30, 5), 6);
        for length in (0..whole.len()).step_by(97) {
            assert_eq!(ends(&mut whole[..length].to_vec()), None, "{length}");
        }
        assert_eq!(ends(&mut vec![0b111]), None);
        assert_eq!(ends(&mut vec![1, 1, 0, 0, 0, 9]), None);
    }

    #[test]
    fn no_bytes_make_the_scanner_panic() {
        for seed in 0..2000 {
            let mut noise = sample(64, 255, seed * 977 + 1);
            noise[0] = (noise[0] & !6) | 4;
            ends(&mut noise);
        }
    }
}
