//! Is evidence still fresh? Decided from the time it was made, the time now, and the age allowed.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How far ahead of our clock a time may be before it is a fault of a clock.
pub(crate) const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// The age of something against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Not older than allowed.
    Fresh {
        /// Its age; zero where it is ahead of our clock within the tolerance.
        age: Duration,
    },
    /// Older than allowed.
    Stale {
        /// Its age.
        age: Duration,
    },
    /// Made in the future: one of the clocks is wrong, so nothing is known about its age.
    Clock {
        /// How far ahead it is.
        ahead: Duration,
    },
}

/// Judges something made at `made` against a largest age; the limit itself is still fresh.
pub(crate) fn judge(made: Timestamp, now: Timestamp, max_age: Duration) -> Freshness {
    let age = now.duration_since(made);
    if age < -CLOCK_TOLERANCE {
        return Freshness::Clock { ahead: age.unsigned_abs() };
    }
    let age = Duration::try_from(age).unwrap_or_default();
    if age <= max_age { Freshness::Fresh { age } } else { Freshness::Stale { age } }
}

/// A duration in whole units, such as `36h` or `7days`.
pub(crate) fn shown(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_fresh_and_the_future_is_not() {
        let now: Timestamp = "2026-03-10T12:00:00Z".parse().expect("a time");
        let hour = Duration::from_hours(1);
        for (made, expected) in [
            ("2026-03-10T11:00:00Z", Freshness::Fresh { age: hour }),
            ("2026-03-10T10:59:59Z", Freshness::Stale { age: hour + Duration::from_secs(1) }),
            ("2026-03-10T12:01:00Z", Freshness::Fresh { age: Duration::ZERO }),
            ("2026-03-10T12:01:01Z", Freshness::Clock { ahead: Duration::from_secs(61) }),
        ] {
            assert_eq!(judge(made.parse().expect("a time"), now, hour), expected, "{made}");
        }
    }
}
