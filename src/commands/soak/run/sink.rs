//! Where samples go: into the figures of the window, and into the file of raw samples.

use crate::judge::kpi::Member;
use crate::judge::kpi::collector::Collector;
use crate::judge::record::samples::{SampleEncoder, SeriesKey};
use std::collections::BTreeMap;

/// Takes samples.
pub(super) struct Sink {
    collector: Collector,
    encoder: SampleEncoder,
    known: BTreeMap<SeriesKey, u32>,
    /// Names of the metrics that a figure needs, and that are kept.
    used: Vec<String>,
    iteration: u32,
    /// Whether what comes is kept already, because a stopped run is lived through again.
    replaying: bool,
}

impl Sink {
    /// A sink that continues a file with these series.
    pub(super) fn new(mut collector: Collector, used: Vec<String>, series: Vec<SeriesKey>) -> Self {
        let encoder = SampleEncoder::new(series.len());
        let register = |one: SeriesKey| {
            let id = collector.register(&one.name, &one.labels);
            (one, id)
        };
        let known = series.into_iter().map(register).collect();
        Self { collector, encoder, known, used, iteration: 0, replaying: false }
    }

    /// Says which iteration the samples belong to, and whether they are kept already.
    pub(super) fn begin_window(&mut self, iteration: u32, replaying: bool) {
        self.iteration = iteration;
        self.replaying = replaying;
    }

    /// The number of a series.
    pub(super) fn register(&mut self, name: &str, labels: &BTreeMap<String, String>) -> u32 {
        let series = SeriesKey { name: name.to_owned(), labels: labels.clone() };
        if let Some(id) = self.known.get(&series) {
            return *id;
        }
        let id = self.collector.register(name, labels);
        self.encoder.register(self.iteration, series.clone());
        self.known.insert(series, id);
        id
    }

    /// The number of a series, unless no figure needs its metric.
    pub(super) fn register_used(&mut self, name: &str, labels: &BTreeMap<String, String>) -> Option<u32> {
        self.used.iter().any(|used| used == name).then(|| self.register(name, labels))
    }

    /// Begins a scrape.
    pub(super) fn begin_scrape(&mut self, at_ms: i64) {
        self.collector.begin_scrape(at_ms);
        if !self.replaying {
            self.encoder.begin_scrape(self.iteration, at_ms);
        }
    }

    /// Takes a sample of the scrape.
    pub(super) fn sample(&mut self, id: u32, value: f64) {
        self.collector.sample(id, value);
        if !self.replaying {
            self.encoder.sample(id, value);
        }
    }

    /// Ends a scrape.
    pub(super) fn end_scrape(&mut self) {
        self.collector.end_scrape();
    }

    /// Notes a scrape that failed.
    pub(super) fn fail_scrape(&mut self, reason: &str) {
        self.collector.fail_scrape(reason);
    }

    /// Whether any sample said that its process is a simulation.
    pub(super) fn saw_simulation(&self) -> bool {
        self.collector.saw_simulation()
    }

    /// Ends what came before the first window: it shows where counters stand, and nothing else.
    pub(super) fn close_baseline(&mut self) {
        self.collector.close(1);
        self.encoder.flush(0);
    }

    /// Ends the window: its figures, and the frames to keep.
    pub(super) fn close(&mut self, points: u32) -> (BTreeMap<String, Member>, Vec<u8>) {
        let members = self.collector.close(points);
        let frames = if self.replaying { Vec::new() } else { self.encoder.finish(self.iteration) };
        (members, frames)
    }
}
