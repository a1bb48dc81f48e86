//! The one clock: system or frozen. A frozen clock moves only by `sleep`, so that a virtual soak of
//! days takes milliseconds; a stamp fixed by `CI_FAKE_UTC` changes what is printed, never an age.
#![expect(clippy::disallowed_methods, reason = "this file owns the clock")]

use crate::format::timestamp;
use crate::sys::signal::Cancel;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest nap between two looks at the cancellation flag.
const NAP: Duration = Duration::from_millis(50);

/// Wall-clock time, system or frozen, with the stamp that documents carry.
#[derive(Clone, Debug)]
pub struct Clock {
    frozen: Option<Arc<Mutex<Timestamp>>>,
    stamp: Option<Timestamp>,
    /// A time, and where [`boot_us`] stood then.
    steady_since: Option<(Timestamp, u64)>,
}

impl Clock {
    /// The system clock; `stamp` fixes only the time that is printed and stored.
    pub fn system(stamp: Option<Timestamp>) -> Self {
        Self { frozen: None, stamp, steady_since: None }
    }

    /// A clock that stands at `now` until somebody sleeps.
    pub fn frozen(now: Timestamp, stamp: Option<Timestamp>) -> Self {
        Self { frozen: Some(Arc::new(Mutex::new(now))), stamp, steady_since: None }
    }

    /// The time from which ages and schedules are computed.
    pub fn now(&self) -> Timestamp {
        match (&self.frozen, self.steady_since) {
            (Some(now), _) => *now.lock().unwrap_or_else(PoisonError::into_inner),
            (None, None) => Timestamp::now(),
            (None, Some((since, boot_us_then))) => {
                let gone_us = i64::try_from(boot_us().saturating_sub(boot_us_then)).unwrap_or(i64::MAX);
                since.saturating_add(SignedDuration::from_micros(gone_us)).unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// The same clock, whose time goes on evenly from here, through suspends as well, whatever the wall clock is
    /// set to. A frozen one stays as it is, and both move together.
    pub(crate) fn steady(&self) -> Self {
        Self { steady_since: Some((self.now(), boot_us())), ..self.clone() }
    }

    /// The time that is printed and stored.
    pub fn stamp(&self) -> Timestamp {
        self.stamp.unwrap_or_else(|| self.now())
    }

    /// The stamp as `YYYY-MM-DDTHH:MM:SSZ`.
    pub fn stamp_utc(&self) -> String {
        utc(self.stamp())
    }

    /// Whether time is frozen; documents then say so and leave out measured durations.
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Whether the time that is stored was fixed.
    pub fn is_stamped(&self) -> bool {
        self.stamp.is_some()
    }

    /// Waits, or moves the frozen clock; returns early when a stop is asked for.
    pub fn sleep(&self, duration: Duration, cancel: &Cancel) {
        if let Some(now) = &self.frozen {
            let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
            let step = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
            *now = now.saturating_add(step).unwrap_or(Timestamp::MAX);
            return;
        }
        // A time too far away for the clock is waited for until a signal comes.
        let due = Instant::now().checked_add(duration);
        while cancel.signal().is_none() {
            let left = due.map_or(NAP, |due| due.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(NAP));
        }
    }

    /// Now in nanoseconds since 1970, as file systems count.
    pub(crate) fn now_ns(&self) -> i64 {
        i64::try_from(self.now().as_nanosecond()).unwrap_or(i64::MAX)
    }

    /// Starts measuring a duration on this clock.
    pub fn stopwatch(&self) -> Stopwatch {
        Stopwatch { clock: self.clone(), started: self.now(), instant: Instant::now() }
    }
}

/// Measures a duration: monotonic on the system clock, by difference on a frozen one.
#[derive(Clone, Debug)]
pub struct Stopwatch {
    clock: Clock,
    started: Timestamp,
    instant: Instant,
}

impl Stopwatch {
    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        if self.clock.is_frozen() {
            let gone = self.clock.now().duration_since(self.started);
            return Duration::try_from(gone).unwrap_or_default();
        }
        self.instant.elapsed()
    }
}

/// The monotonic clock, for deadlines of real processes; it ignores a frozen wall clock.
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}

/// Microseconds since the machine was booted, suspend included: one clock for all processes of the
/// machine, which nobody can set.
pub(crate) fn boot_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    part(now.tv_sec) * 1_000_000 + part(now.tv_nsec) / 1000
}

/// Really waits, whatever the wall clock says; for polling real processes.
pub(crate) fn nap(duration: Duration) {
    std::thread::sleep(duration);
}

/// A time as an operator writes it.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    timestamp::parse(text)
}

/// A time as `YYYY-MM-DDTHH:MM:SSZ`, whole seconds.
pub(crate) fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_by_sleep() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let clock = Clock::frozen(start, None);
        let watch = clock.stopwatch();
        clock.sleep(Duration::from_hours(72), &Cancel::default());
        assert_eq!(utc(clock.now()), "2026-01-04T00:00:00Z");
        assert_eq!(watch.elapsed(), Duration::from_hours(72));
    }

    #[test]
    fn a_steady_clock_goes_on_from_where_the_wall_clock_stood() {
        let wall = Clock::system(None);
        let steady = wall.steady();
        let apart = wall.now().duration_since(steady.now());
        assert!(apart.abs() < SignedDuration::from_secs(1), "{apart:?}");
        // Set back a year, the wall clock takes nothing of it with it.
        let since = (Timestamp::UNIX_EPOCH, boot_us());
        let set_back = Clock { steady_since: Some(since), ..wall };
        assert!(set_back.now().duration_since(Timestamp::UNIX_EPOCH) < SignedDuration::from_secs(1));
        let frozen = Clock::frozen(Timestamp::UNIX_EPOCH, None);
        let steady = frozen.steady();
        frozen.sleep(Duration::from_secs(7), &Cancel::default());
        assert_eq!(steady.now().as_second(), 7);
    }

    #[test]
    fn a_stamp_changes_what_is_stored_and_no_age() {
        let epoch = Timestamp::UNIX_EPOCH;
        let clock = Clock::system(Some(epoch));
        assert_eq!(clock.stamp_utc(), "1970-01-01T00:00:00Z");
        assert!(clock.now() > epoch);
        assert!(!clock.is_frozen());
    }
}
