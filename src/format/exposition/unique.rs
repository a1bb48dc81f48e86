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

    /// Adds a label; `value` as it stands in the text, spelled with the three escapes, so that equal values have
    /// equal bytes.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        // A sum does not depend on the order of its parts.
        self.0 = self.0.wrapping_add(hash(value.as_bytes(), hash(name.as_bytes(), 2)));
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

/// A sample that comes after another one of its series and may not.
pub(super) struct Repeated<'a> {
    pub(super) first: Sample<'a>,
    pub(super) second: Sample<'a>,
    /// Whether both have a time, of which the second is the earlier one.
    pub(super) is_backwards: bool,
}

/// Samples of a series that stands more than once. In `OpenMetrics` points of one series may follow each other
/// with ascending times.
pub(super) fn repeated<'a>(format: Format, samples: &[Sample<'a>], numbers: &[u64]) -> Vec<Repeated<'a>> {
    let mut order: Vec<(u64, u32)> = numbers.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut found = Vec::new();
    for group in order.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let mut group: Vec<Sample<'a>> = group.iter().map(|(_, at)| samples[*at as usize]).collect();
        let spelled = |sample: &Sample<'a>| (sample.name, sample.labels.0);
        // Points of one series are mostly spelled alike, and stand in the order of their lines.
        if group.iter().any(|sample| spelled(sample) != spelled(&group[0])) {
            group.sort_by_cached_key(|sample| (Key::of(sample), sample.line));
        }
        for pair in group.windows(2) {
            let (first, second) = (pair[0], pair[1]);
            if spelled(&first) != spelled(&second) && Key::of(&first) != Key::of(&second) {
                continue;
            }
            let times = first.timestamp_ms.zip(second.timestamp_ms).filter(|_| format == Format::OpenMetrics);
            if times.is_none_or(|(before, after)| after <= before) {
                let is_backwards = times.is_some_and(|(before, after)| after < before);
                found.push(Repeated { first, second, is_backwards });
            }
        }
    }
    found
}

/// What tells a series from others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    name: &'a str,
    labels: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Key<'a> {
    fn of(sample: &Sample<'a>) -> Self {
        let mut labels: Vec<_> = sample.labels.iter().filter(|(_, value)| !value.is_empty()).collect();
        labels.sort();
        Self { name: sample.name, labels }
    }
}
