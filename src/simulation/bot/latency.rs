//! Durations of many events at once: how many of them fall below each bucket bound.

/// Steepness of the log-logistic distribution: its 95th percentile is 1.63 medians.
const STEEPNESS: i32 = 6;

/// The part of durations with this median that is at most `bound`.
pub(super) fn part_within(bound_ms: f64, median_ms: f64) -> f64 {
    1.0 / (1.0 + (median_ms / bound_ms).powi(STEEPNESS))
}

/// A histogram whose counts grow by parts of events; what is exported is whole and cumulative.
///
/// Each bucket is made whole by itself: made whole after they are summed, neighbours would grow in turns,
/// which no counting process shows.
#[derive(Clone, Debug)]
pub(super) struct DurationHistogram {
    bounds_ms: &'static [f64],
    /// Events between a bound and the one below; the last are beyond all bounds.
    events: Vec<f64>,
    sum_ms: f64,
}

impl DurationHistogram {
    pub(super) fn new(bounds_ms: &'static [f64]) -> Self {
        Self { bounds_ms, events: vec![0.0; bounds_ms.len() + 1], sum_ms: 0.0 }
    }

    /// Adds events, of which the part `slow` has the median `slow_ms` in place of `median_ms`.
    pub(super) fn add(&mut self, events: f64, median_ms: f64, slow: f64, slow_ms: f64) {
        let mut below = 0.0;
        for (bucket, bound) in self.events.iter_mut().zip(self.bounds_ms.iter().chain([&f64::INFINITY])) {
            let part = (1.0 - slow) * part_within(*bound, median_ms) + slow * part_within(*bound, slow_ms);
            *bucket += events * (part - below).max(0.0);
            below = part;
        }
        // The mean of the distribution is 1.047 medians.
        self.sum_ms += events * 1.047 * ((1.0 - slow) * median_ms + slow * slow_ms);
    }

    /// Appends the buckets, the one without bound included, the sum and the count.
    pub(super) fn values(&self, out: &mut Vec<f64>) {
        let mut within = 0.0;
        out.extend(self.events.iter().map(|events| {
            within += events.floor();
            within
        }));
        out.extend([self.sum_ms, within]);
    }
}
