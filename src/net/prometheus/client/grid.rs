//! Which times a range asks for, and how they are cut into requests that a server answers.

use crate::report::exit::Fault;
use jiff::Timestamp;
use std::time::Duration;

/// How many points one request asks for. Prometheus refuses more than 11,000 steps; one point less than
/// it would still answer keeps clear of servers that count points.
pub(super) const POINTS: u64 = 11_000;

/// The times of a range: the first, and then one every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeGrid {
    first_ms: i64,
    pub(super) step_ms: i64,
    points: u64,
}

impl TimeGrid {
    /// Every `step` from `from` to at most `to`.
    pub fn new(from: Timestamp, to: Timestamp, step: Duration) -> Result<Self, Fault> {
        let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        if step_ms == 0 || !step.subsec_nanos().is_multiple_of(1_000_000) {
            return Err(Fault::config(format!("the step {step:?} is not a whole number of milliseconds")));
        }
        let (first_ms, last_ms) = (from.as_millisecond(), to.as_millisecond());
        if last_ms < first_ms {
            return Err(Fault::config(format!("the range ends before it begins: {from} to {to}")));
        }
        let points = u64::try_from((last_ms - first_ms) / step_ms).map_or(u64::MAX, |steps| steps + 1);
        Ok(Self { first_ms, step_ms, points })
    }

    /// The time of a point in milliseconds.
    pub(super) fn at(&self, point: u64) -> i64 {
        let point = i64::try_from(point).unwrap_or(i64::MAX);
        self.first_ms.saturating_add(self.step_ms.saturating_mul(point))
    }

    /// The place of a time, if it is one of the grid.
    pub(super) fn place(&self, at_ms: i64) -> Option<u64> {
        let gone = at_ms.checked_sub(self.first_ms)?;
        let place = u64::try_from(gone / self.step_ms).ok()?;
        (gone >= 0 && gone % self.step_ms == 0 && place < self.points).then_some(place)
    }

    /// The whole grid as one span.
    pub(super) fn whole(&self) -> GridSpan {
        GridSpan { first: 0, points: self.points, late: 0, halved: false }
    }
}

/// Points of a grid that one request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GridSpan {
    pub(super) first: u64,
    pub(super) points: u64,
    /// How often in a row a span around it was too slow.
    pub(super) late: u32,
    /// Whether it is a part of a span that was too much.
    pub(super) halved: bool,
}

impl GridSpan {
    /// The first `points` of it, and the rest.
    pub(super) fn cut(self, points: u64) -> (Self, Option<Self>) {
        let head = Self { points: self.points.min(points), ..self };
        let left = self.points - head.points;
        (head, (left > 0).then(|| Self { first: self.first + head.points, points: left, ..self }))
    }

    /// Two halves, unless there is one point only.
    pub(super) fn halves(self) -> Option<(Self, Self)> {
        let halved = Self { halved: true, ..self };
        match halved.cut(self.points.div_ceil(2)) {
            (head, Some(tail)) => Some((head, tail)),
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn a_grid_has_its_first_time_and_its_last_only_when_a_step_meets_it() {
        let grid = |to, step| {
            TimeGrid::new(time(1000), time(to), Duration::from_millis(step)).map(|grid| grid.points)
        };
        assert_eq!(grid(1000, 500).unwrap(), 1);
        assert_eq!(grid(1999, 500).unwrap(), 2);
        assert_eq!(grid(2000, 500).unwrap(), 3);
        assert!(grid(999, 500).is_err());
        assert!(grid(2000, 0).is_err());
        assert!(TimeGrid::new(time(0), time(1), Duration::from_micros(1500)).is_err());
        let three_days = TimeGrid::new(time(0), time(72 * 3_600_000), Duration::from_secs(5)).unwrap();
        assert_eq!(three_days.points, 51_841);
    }

    #[test]
    fn halves_of_a_span_are_the_span() {
        let span = GridSpan { first: 7, points: 5, late: 1, halved: false };
        let (head, tail) = span.halves().unwrap();
        assert_eq!((head.first, head.points, tail.first, tail.points), (7, 3, 10, 2));
        assert!(head.halved && tail.halved && head.late == 1);
        assert_eq!(GridSpan { points: 1, ..span }.halves(), None);
    }
}
