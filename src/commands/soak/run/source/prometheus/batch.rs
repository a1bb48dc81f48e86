//! Scrapes of a span of time, as a server gave them.

use crate::judge::kpi::collector::SeriesId;

/// Scrapes that were asked for and are not handed over yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    from_ms: i64,
    pub(super) until_ms: i64,
    scrapes: Vec<Vec<(SeriesId, f64)>>,
    /// Samples that a scrape is expected to have, and all scrapes have together.
    pub(super) series: usize,
    pub(super) samples: usize,
    /// What could not be asked, and why: a metric, or everything.
    pub(super) failures: Vec<(Option<String>, String)>,
    /// Whether nothing of this span is known.
    is_lost: bool,
}

impl Batch {
    /// One that reaches no time.
    pub(super) fn new() -> Self {
        Self { until_ms: i64::MIN, ..Self::default() }
    }

    pub(super) fn begin(&mut self, from_ms: i64, until_ms: i64, interval_ms: i64) {
        (self.from_ms, self.until_ms) = (from_ms, until_ms);
        self.scrapes.clear();
        let points = usize::try_from((until_ms - from_ms) / interval_ms).unwrap_or(0) + 1;
        self.scrapes.resize_with(points, Vec::new);
        self.failures.clear();
        (self.samples, self.is_lost) = (0, false);
    }

    fn index(&self, at_ms: i64, interval_ms: i64) -> Option<usize> {
        usize::try_from((at_ms - self.from_ms) / interval_ms).ok().filter(|index| *index < self.scrapes.len())
    }

    pub(super) fn add(&mut self, at_ms: i64, interval_ms: i64, id: SeriesId, value: f64) {
        if let Some(index) = self.index(at_ms, interval_ms).filter(|_| !self.is_lost) {
            let scrape = &mut self.scrapes[index];
            if scrape.capacity() == 0 {
                // As many as the last time; growing would take up to twice of what is needed.
                scrape.reserve_exact(self.series);
            }
            scrape.push((id, value));
            self.samples += 1;
        }
    }

    pub(super) fn remove(&mut self, at_ms: i64, interval_ms: i64) -> Vec<(SeriesId, f64)> {
        let index = self.index(at_ms, interval_ms);
        index.map(|index| std::mem::take(&mut self.scrapes[index])).unwrap_or_default()
    }

    /// Leaves everything unknown: what one query got does not stand without the others.
    pub(super) fn fail_whole(&mut self, reason: &str) {
        self.is_lost = true;
        self.scrapes.iter_mut().for_each(Vec::clear);
        self.failures.push((None, reason.to_owned()));
    }
}
