//! How late a server is: an engine may hide the newest time, and samples may arrive after a detour.

use std::time::Duration;

/// A time in milliseconds and a value.
type Point = (i64, f64);

/// How far back is looked for the newest sample; no selector of a server looks further.
pub(super) const LOOKBACK: Duration = Duration::from_mins(5);

/// How long after its end a window is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lag {
    /// As the operator wants it.
    fixed_ms: Option<i64>,
    /// As it was measured, the most so far.
    measured_ms: Option<i64>,
    interval_ms: i64,
}

impl Lag {
    pub(super) fn new(fixed_secs: Option<u32>, interval_ms: i64) -> Self {
        Self { fixed_ms: fixed_secs.map(|secs| i64::from(secs) * 1000), measured_ms: None, interval_ms }
    }

    /// Whether it is to be measured.
    pub(super) fn is_automatic(&self) -> bool {
        self.fixed_ms.is_none()
    }

    pub(super) fn is_measured(&self) -> bool {
        self.measured_ms.is_some()
    }

    /// Takes a measurement; whether the server is later than it was known to be.
    pub(super) fn learn(&mut self, late_ms: i64) -> bool {
        let before = self.measured_ms.unwrap_or(0);
        self.measured_ms = Some(before.max(late_ms));
        late_ms > before
    }

    pub(super) fn late_secs(&self) -> i64 {
        self.measured_ms.unwrap_or(0) / 1000
    }

    /// How long after its end a window is read, milliseconds. A server that is not late still has to take the
    /// scrape in that is just under way.
    pub(super) fn delay_ms(&self) -> i64 {
        match (self.fixed_ms, self.measured_ms) {
            (Some(fixed_ms), _) => fixed_ms,
            (None, None | Some(0)) => 1000.min(self.interval_ms / 2),
            (None, Some(late_ms)) => late_ms / 1000 * 1000 + self.interval_ms.clamp(1000, 5000),
        }
    }

    /// The newest time that the server answers for. One that is not late has the newest scrape of each series, though
    /// not yet all of one time.
    pub(super) fn newest_ms(&self, now_ms: i64) -> i64 {
        let is_late = self.fixed_ms.or(self.measured_ms).is_some_and(|late_ms| late_ms > 0);
        if is_late { now_ms - self.delay_ms() } else { now_ms }
    }
}

/// How far `now` is behind the newest time of which a series of times speaks, where that is more than the distance
/// between its samples explains.
pub(super) fn lateness_ms(times: &[Point], now_ms: i64) -> i64 {
    let mut times: Vec<i64> = times.iter().map(|(_, secs)| millis(*secs)).collect();
    times.sort_unstable();
    times.dedup();
    let (Some(newest), true) = (times.last(), times.len() > 1) else { return 0 };
    let age_ms = now_ms.saturating_sub(*newest);
    let mut distances: Vec<i64> = times.array_windows().map(|[before, after]| after - before).collect();
    distances.sort_unstable();
    let usual_ms = distances[distances.len() / 2];
    if age_ms > usual_ms.saturating_mul(3) / 2 + 1000 { age_ms } else { 0 }
}

/// How much of the newest time the engine hides, from what it says the time was at each second up to `now`. One
/// that hides it leaves the seconds out or repeats the last one before.
pub(super) fn hidden_ms(clock: &[Point], now_ms: i64) -> i64 {
    clock.last().map_or(0, |(_, secs)| now_ms.saturating_sub(millis(*secs)).max(0))
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a number out of range is the last in range")]
fn millis(secs: f64) -> i64 {
    (secs * 1000.0).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(secs: &[f64]) -> Vec<Point> {
        secs.iter().map(|secs| (0, *secs)).collect()
    }

    #[test]
    fn a_server_is_late_by_more_than_the_distance_of_its_samples() {
        let table: [(&[f64], i64); 7] = [
            (&[], 0),
            (&[100.0], 0),
            (&[970.0, 985.0], 0),
            (&[940.0, 955.0, 970.0, 970.0], 30_000),
            (&[940.0, 955.0, 985.0], 0),
            (&[955.0, 956.0, 957.5], 42_500),
            (&[100.0, 300.0, 880.0], 0),
        ];
        for (secs, late_ms) in table {
            assert_eq!(lateness_ms(&times(secs), 1_000_000), late_ms, "{secs:?}");
        }
        assert_eq!(hidden_ms(&[(970_000, 970.0), (1_000_000, 970.0)], 1_000_000), 30_000);
        assert_eq!(hidden_ms(&[(970_000, 970.0)], 1_000_000), 30_000);
        assert_eq!(hidden_ms(&[(1_000_000, 1000.0)], 1_000_000), 0);
        assert_eq!(hidden_ms(&[], 1_000_000), 0);
    }

    #[test]
    fn a_window_is_read_after_what_was_measured_unless_the_operator_says_when() {
        let mut lag = Lag::new(None, 15_000);
        assert_eq!(lag.delay_ms(), 1000);
        assert!(!lag.learn(0) && lag.is_measured());
        assert!(lag.learn(30_400) && !lag.learn(20_000));
        assert_eq!((lag.late_secs(), lag.delay_ms()), (30, 35_000));
        assert_eq!(Lag::new(Some(0), 15_000).delay_ms(), 0);
        assert_eq!(Lag::new(Some(40), 15_000).newest_ms(100_000), 60_000);
        assert_eq!(lag.newest_ms(100_000), 65_000);
        assert!(!lag.learn(0));
        assert_eq!(Lag::new(None, 1000).newest_ms(100_000), 100_000);
        assert_eq!(Lag::new(None, 1000).delay_ms(), 500);
    }
}
