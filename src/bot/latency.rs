//! Durations of many events at once: how many of them fall below each bucket bound.

/// Steepness of the log-logistic distribution: its 95th percentile is 1.63 medians.
const STEEPNESS: i32 = 6;

/// The part of durations with this median that is at most `bound`.
pub(super) fn part_within(bound_ms: f64, median_ms: f64) -> f64 {
    1.0 / (1.0 + (median_ms / bound_ms).powi(STEEPNESS))
}

/// A cumulative histogram whose counts grow by parts of events; what is exported is whole.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    bounds_ms: &'static [f64],
    within: Vec<f64>,
    total: f64,
    sum_ms: f64,
}

impl Histogram {
    /// An empty histogram.
    pub(super) fn new(bounds_ms: &'static [f64]) -> Self {
        Self { bounds_ms, within: vec![0.0; bounds_ms.len()], total: 0.0, sum_ms: 0.0 }
    }

    /// Adds events, of which the part `slow` has the median `slow_ms` in place of `median_ms`.
    pub(super) fn add(&mut self, events: f64, median_ms: f64, slow: f64, slow_ms: f64) {
        for (bound, within) in self.bounds_ms.iter().zip(&mut self.within) {
            let part = (1.0 - slow) * part_within(*bound, median_ms) + slow * part_within(*bound, slow_ms);
            *within += events * part;
        }
        self.total += events;
        // The mean of the distribution is 1.047 medians.
        self.sum_ms += events * 1.047 * ((1.0 - slow) * median_ms + slow * slow_ms);
    }

    /// Appends the buckets, the one without bound included, the sum and the count.
    pub(super) fn values(&self, out: &mut Vec<f64>) {
        out.extend(self.within.iter().map(|within| within.floor()));
        out.extend([self.total.floor(), self.sum_ms, self.total.floor()]);
    }
}
