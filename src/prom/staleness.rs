//! Whether a series still speaks: the stale marker, and how old the newest sample may be.

use crate::prom::Point;
use std::time::Duration;

/// The bits of the one NaN by which Prometheus says that a series has ended.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// How far back Prometheus looks for the newest sample unless told otherwise.
pub const LOOKBACK: Duration = Duration::from_mins(5);

/// Whether a value is the stale marker; any other NaN is not.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// Why a series has no value at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// No sample at or before that time.
    Never,
    /// The series said that it ended.
    Stale {
        /// When it said so, in milliseconds.
        since_ms: i64,
    },
    /// The newest sample is too old.
    TooOld {
        /// Its age in milliseconds.
        age_ms: i64,
    },
    /// The newest sample is not a number.
    NotANumber {
        /// Its time in milliseconds.
        at_ms: i64,
    },
}

/// The newest sample at `at_ms` of points in order of time: younger than `lookback`, not ended, a number.
pub fn latest(points: &[Point], at_ms: i64, lookback: Duration) -> Result<Point, Absent> {
    let newest = points[..points.partition_point(|(time, _)| *time <= at_ms)].last();
    let (time, value) = *newest.ok_or(Absent::Never)?;
    let age_ms = at_ms.saturating_sub(time);
    if is_stale(value) {
        return Err(Absent::Stale { since_ms: time });
    }
    if u128::try_from(age_ms).is_ok_and(|age| age >= lookback.as_millis()) {
        return Err(Absent::TooOld { age_ms });
    }
    if value.is_nan() {
        return Err(Absent::NotANumber { at_ms: time });
    }
    Ok((time, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_speaks_until_it_ends_or_falls_silent() {
        let minute = 60_000;
        let points =
            [(0, 1.0), (minute, 2.0), (2 * minute, f64::from_bits(STALE_BITS)), (3 * minute, f64::NAN)];
        assert_eq!(latest(&points, -1, LOOKBACK), Err(Absent::Never));
        assert_eq!(latest(&points, 0, LOOKBACK), Ok((0, 1.0)));
        assert_eq!(latest(&points, minute + 1, LOOKBACK), Ok((minute, 2.0)));
        assert_eq!(latest(&points, 2 * minute, LOOKBACK), Err(Absent::Stale { since_ms: 2 * minute }));
        assert_eq!(latest(&points, 3 * minute, LOOKBACK), Err(Absent::NotANumber { at_ms: 3 * minute }));
        assert_eq!(latest(&points[..2], 6 * minute - 1, LOOKBACK), Ok((minute, 2.0)));
        assert_eq!(latest(&points[..2], 6 * minute, LOOKBACK), Err(Absent::TooOld { age_ms: 5 * minute }));
    }

    #[test]
    fn no_other_nan_is_a_stale_marker() {
        assert!(is_stale(f64::from_bits(STALE_BITS)));
        assert!(!is_stale(f64::NAN));
        assert!(!is_stale(f64::from_bits(0x7ff8_0000_0000_0001)));
    }
}
