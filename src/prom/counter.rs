//! What a counter gained: the raw difference between samples, with resets found. Nothing is extrapolated
//! to the edges of a window, so an increase is what was really counted between two samples.

use crate::prom::Point;
use crate::prom::staleness::is_stale;
use serde::{Deserialize, Serialize};

/// Why an increase is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unknown {
    /// Fewer than two samples.
    TooFew {
        /// How many there are.
        samples: usize,
    },
    /// A sample is infinite or not a number.
    NotFinite {
        /// Its time in milliseconds.
        at_ms: i64,
    },
    /// A counter cannot be below zero.
    Negative {
        /// The time of the sample in milliseconds.
        at_ms: i64,
    },
    /// Two samples are not in order of time.
    OutOfOrder {
        /// The time of the second in milliseconds.
        at_ms: i64,
    },
}

/// What a counter gained between its first and last sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Increase {
    /// How much.
    pub gained: f64,
    /// How often it started again from zero.
    pub resets: u32,
    /// How many samples were seen.
    pub samples: usize,
    /// Time of the first sample in milliseconds.
    pub from_ms: i64,
    /// Time of the last sample in milliseconds.
    pub to_ms: i64,
}

impl Increase {
    /// The increase by the second, over the time between first and last sample.
    pub fn per_second(&self) -> f64 {
        self.gained / ((self.to_ms - self.from_ms) as f64 / 1000.0)
    }
}

/// What a counter gained. A fall is a reset: the counter began again at zero. Stale markers say that
/// there was no sample and are passed over.
pub fn increase(points: &[Point]) -> Result<Increase, Unknown> {
    let mut samples = points.iter().filter(|(_, value)| !is_stale(*value)).copied();
    let count = samples.clone().count();
    let check = |(at_ms, value): Point| match value {
        value if !value.is_finite() => Err(Unknown::NotFinite { at_ms }),
        value if value < 0.0 => Err(Unknown::Negative { at_ms }),
        _ => Ok((at_ms, value)),
    };
    let first = check(samples.next().ok_or(Unknown::TooFew { samples: 0 })?)?;
    let mut sum = Increase { gained: 0.0, resets: 0, samples: count, from_ms: first.0, to_ms: first.0 };
    let mut last = first;
    for point in samples {
        let (at_ms, value) = check(point)?;
        if at_ms <= last.0 {
            return Err(Unknown::OutOfOrder { at_ms });
        }
        if value < last.1 {
            sum.resets += 1;
            sum.gained += value;
        } else {
            sum.gained += value - last.1;
        }
        last = (at_ms, value);
    }
    if count < 2 {
        return Err(Unknown::TooFew { samples: count });
    }
    sum.to_ms = last.0;
    if sum.gained.is_finite() { Ok(sum) } else { Err(Unknown::NotFinite { at_ms: last.0 }) }
}

/// The increase by the second between first and last sample.
pub fn rate(points: &[Point]) -> Result<f64, Unknown> {
    increase(points).map(|sum| sum.per_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prom::staleness::STALE_BITS;

    #[test]
    fn a_counter_gains_what_it_counted_through_resets_and_gaps() {
        let stale = f64::from_bits(STALE_BITS);
        let points = [(0, 100.0), (1000, 110.0), (2000, stale), (3000, 4.0), (4000, 4.0), (5000, 9.0)];
        let sum = increase(&points).unwrap();
        let wanted = Increase { gained: 19.0, resets: 1, samples: 5, from_ms: 0, to_ms: 5000 };
        assert_eq!(sum, wanted);
        assert!((rate(&points).unwrap() - 3.8).abs() < 1e-12);
    }

    #[test]
    fn an_increase_is_unknown_rather_than_a_number() {
        let stale = f64::from_bits(STALE_BITS);
        assert_eq!(increase(&[]), Err(Unknown::TooFew { samples: 0 }));
        assert_eq!(increase(&[(0, 5.0)]), Err(Unknown::TooFew { samples: 1 }));
        assert_eq!(increase(&[(0, 5.0), (1, stale)]), Err(Unknown::TooFew { samples: 1 }));
        assert_eq!(increase(&[(0, 5.0), (1, f64::NAN)]), Err(Unknown::NotFinite { at_ms: 1 }));
        assert_eq!(increase(&[(0, f64::INFINITY), (1, 5.0)]), Err(Unknown::NotFinite { at_ms: 0 }));
        assert_eq!(increase(&[(0, 5.0), (1, -1.0)]), Err(Unknown::Negative { at_ms: 1 }));
        assert_eq!(increase(&[(1, 5.0), (1, 6.0)]), Err(Unknown::OutOfOrder { at_ms: 1 }));
        let huge = [(0, 0.0), (1, f64::MAX), (2, 0.0), (3, f64::MAX)];
        assert_eq!(increase(&huge), Err(Unknown::NotFinite { at_ms: 3 }));
    }
}
