//! One chunk of a member, deflated so that the chunks of a member stand one behind the other.
//!
//! The encoder is libdeflate at level 6: on mixed release data it takes two thirds of the time of zlib
//! and its output is smaller. What it makes does not depend on threads, only on the chunk and on the
//! library's version, which the manifest names.

use super::blocks;
use libdeflater::{CompressionLvl, Compressor};

/// What makes the bytes of an archive; another value means other bytes for the same files.
pub(crate) const ENCODER: &str = "libdeflate 1.26, level 6, chunks of 1 MiB";

/// Bytes of a chunk.
pub(crate) const CHUNK: usize = 1 << 20;

/// Most bytes of a stored block.
const STORED_BLOCK: usize = 65_535;

/// Data of which samples do not shrink below this share of themselves is not worth deflating.
const WORTHWHILE: f64 = 0.96;

/// Samples of this many bytes, this many of them, tell whether data compresses.
const SAMPLE: usize = 8 << 10;
const SAMPLES: usize = 4;

/// Whether a chunk is the last of its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Inner,
    Last,
}

/// The encoder of one thread.
pub(crate) struct Deflater {
    full: Compressor,
    quick: Compressor,
    scratch: Vec<u8>,
}

impl Default for Deflater {
    fn default() -> Self {
        let compressor = |level| Compressor::new(CompressionLvl::new(level).expect("a level it has"));
        Self { full: compressor(6), quick: compressor(1), scratch: vec![0; SAMPLE] }
    }
}

impl Deflater {
    /// Whether samples of `data` shrink.
    pub(crate) fn compresses(&mut self, data: &[u8]) -> bool {
        if data.len() <= SAMPLE * SAMPLES {
            return true;
        }
        let apart = (data.len() - SAMPLE) / (SAMPLES - 1);
        let shrunk = (0..SAMPLES).map(|i| self.shrunk(&data[i * apart..][..SAMPLE])).sum::<usize>();
        (shrunk as f64) < WORTHWHILE * (SAMPLE * SAMPLES) as f64
    }

    /// Whether any of the samples in `samples`, each of `size` bytes, shrinks.
    pub(crate) fn any_compresses(&mut self, samples: &[u8], size: usize) -> bool {
        samples.chunks(size).any(|sample| (self.shrunk(sample) as f64) < WORTHWHILE * sample.len() as f64)
    }

    fn shrunk(&mut self, sample: &[u8]) -> usize {
        // An output without room for the whole sample is one that did not shrink.
        self.quick.deflate_compress(sample, &mut self.scratch).unwrap_or(sample.len())
    }

    /// The deflate stream of `chunk`; one in the middle ends on a whole byte and leaves the stream open.
    pub(crate) fn deflate(&mut self, chunk: &[u8], place: Place) -> Vec<u8> {
        if let Some(stream) = self.smaller(chunk)
            && let Some(stream) = placed(stream, place)
        {
            return stream;
        }
        stored(chunk, place)
    }

    /// The complete stream of `chunk`, unless it would not be smaller.
    pub(crate) fn smaller(&mut self, chunk: &[u8]) -> Option<Vec<u8>> {
        if !self.compresses(chunk) {
            return None;
        }
        let mut stream = vec![0; chunk.len()];
        let length =
            self.full.deflate_compress(chunk, &mut stream).ok().filter(|length| *length < chunk.len())?;
        stream.truncate(length);
        Some(stream)
    }
}

fn placed(mut stream: Vec<u8>, place: Place) -> Option<Vec<u8>> {
    (place == Place::Last || blocks::open_end(&mut stream)).then_some(stream)
}

/// `chunk` in stored blocks, which end on whole bytes.
fn stored(chunk: &[u8], place: Place) -> Vec<u8> {
    let mut out = Vec::with_capacity(chunk.len() + 5 * (chunk.len() / STORED_BLOCK + 1));
    let blocks = chunk.len().div_ceil(STORED_BLOCK).max(1);
    for i in 0..blocks {
        let part = &chunk[i * STORED_BLOCK..chunk.len().min((i + 1) * STORED_BLOCK)];
        let length = u16::try_from(part.len()).expect("a block is short enough");
        out.push(u8::from(place == Place::Last && i + 1 == blocks));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn chunks_of_any_kind_stand_one_behind_the_other() {
        let text = b"order filled at 61234.5\n".repeat(9000);
        let mut deflater = Deflater::default();
        let mut stream = deflater.deflate(&text, Place::Inner);
        stream.extend(deflater.deflate(&noise(200_000), Place::Inner));
        stream.extend(deflater.deflate(&text, Place::Inner));
        stream.extend(deflater.deflate(b"", Place::Last));
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(&stream[..]).read_to_end(&mut out).expect("inflated");
        assert_eq!(out, [&text[..], &noise(200_000), &text].concat());
    }

    #[test]
    fn noise_is_told_from_text_and_never_grows_much() {
        let mut deflater = Deflater::default();
        assert!(!deflater.compresses(&noise(CHUNK)));
        assert!(deflater.compresses(&b"order filled\n".repeat(9000)));
        assert_eq!(deflater.smaller(&noise(1000)), None);
        assert!(deflater.deflate(&noise(CHUNK), Place::Last).len() < CHUNK + 100);
    }
}
