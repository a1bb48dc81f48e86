//! Whether a page names a series twice: each series gets a number that does not depend on the order of
//! its labels; equal numbers are compared exactly, so that a collision is neither an error nor slow.

use super::model::{Format, Sample};
use std::borrow::Cow;

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// The number of a series, summed up while its line is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity(u64);

impl Identity {
    pub(super) fn of_name(name: &str) -> Self {
        Self(hash(name.as_bytes(), 1))
    }

    /// Adds a label; `value` as it stands in the text. An escape has one spelling only, so equal values
    /// have equal bytes.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        // A sum does not depend on the order of its parts.
        self.0 = self.0.wrapping_add(hash(value.as_bytes(), hash(name.as_bytes(), 2)));
    }

    pub(super) fn add_time(&mut self, timestamp_ms: i64) {
        self.0 = self.0.wrapping_add(hash(&timestamp_ms.to_le_bytes(), 3));
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}

fn hash(bytes: &[u8], seed: u64) -> u64 {
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(PRIME);
    let mut mix = |word: u64| {
        let product = u128::from(state ^ word) * u128::from(PRIME);
        #[expect(clippy::cast_possible_truncation, reason = "both halves of the product are folded")]
        let folded = (product as u64) ^ ((product >> 64) as u64);
        state = folded.wrapping_add(PRIME);
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        mix(u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(u64::from_le_bytes(last));
    state
}

/// The first pair of samples that are one series; in `OpenMetrics` two points of one series may differ by
/// their time.
pub(super) fn duplicate<'a>(
    format: Format,
    samples: &[Sample<'a>],
    numbers: &[u64],
) -> Option<(Sample<'a>, Sample<'a>)> {
    let mut order: Vec<(u64, u32)> = numbers.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut first: Option<(Sample<'a>, Sample<'a>)> = None;
    for group in order.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let mut exact: Vec<(Key<'a>, Sample<'a>)> = group
            .iter()
            .map(|(_, at)| samples[*at as usize])
            .map(|sample| (Key::of(format, &sample), sample))
            .collect();
        exact.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.line.cmp(&b.1.line)));
        for pair in exact.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            if first.is_none_or(|(_, second)| pair[1].1.line < second.line) {
                first = Some((pair[0].1, pair[1].1));
            }
        }
    }
    first
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    name: &'a str,
    labels: Vec<(&'a str, Cow<'a, str>)>,
    timestamp_ms: Option<i64>,
}

impl<'a> Key<'a> {
    fn of(format: Format, sample: &Sample<'a>) -> Self {
        let mut labels: Vec<_> = sample.labels.iter().filter(|(_, value)| !value.is_empty()).collect();
        labels.sort();
        let timed = format == Format::OpenMetrics;
        Self { name: sample.name, labels, timestamp_ms: sample.timestamp_ms.filter(|_| timed) }
    }
}
