//! Where samples go: into the figures of the window, and into the file of raw samples.

use crate::judge::kpi::Member;
use crate::judge::kpi::collector::{Affected, Collector, Declared, SeriesId};
use crate::judge::record::samples::{SampleEncoder, SeriesKey};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Names and values of the labels of a series, in any order.
pub(crate) type LabelPairs<'a> = Vec<(&'a str, Cow<'a, str>)>;

pub(crate) struct Recorder {
    collector: Collector,
    encoder: SampleEncoder,
    /// By what [`spell`] makes of a series, so that a sample is looked up without a copy of its labels.
    known: BTreeMap<Vec<u8>, SeriesId>,
    spelling: Vec<u8>,
    /// Names of the metrics that a figure needs and that are kept, in order.
    used: Vec<String>,
    iteration: u32,
}

impl Recorder {
    /// Continues a file with these series, which the collector knows already, in this order.
    pub(crate) fn new(collector: Collector, mut used: Vec<String>, series: &[SeriesKey]) -> Self {
        used.sort();
        used.dedup();
        let encoder = SampleEncoder::new(series.len());
        let mut known = BTreeMap::new();
        for (id, key) in (0..).zip(series) {
            let mut spelling = Vec::new();
            spell(&mut spelling, &key.name, key.labels.iter().map(|(name, value)| (&name[..], &value[..])));
            known.insert(spelling, id);
        }
        Self { collector, encoder, known, spelling: Vec::new(), used, iteration: 0 }
    }

    /// Says which iteration the samples belong to.
    pub(crate) fn begin_window(&mut self, iteration: u32) {
        self.iteration = iteration;
    }

    /// The number of a series, unless no figure needs its metric; its labels are asked for only if one does,
    /// and what its family says of itself only the first time.
    pub(crate) fn series_in_use<'a>(
        &mut self,
        name: &str,
        labels: impl FnOnce() -> LabelPairs<'a>,
        declared: impl FnOnce() -> Declared,
    ) -> Option<SeriesId> {
        let is_used = self.used.binary_search_by(|used| used.as_str().cmp(name)).is_ok();
        is_used.then(|| self.series(name, labels(), declared))
    }

    /// The number of a series.
    pub(crate) fn series(
        &mut self,
        name: &str,
        mut labels: LabelPairs<'_>,
        declared: impl FnOnce() -> Declared,
    ) -> SeriesId {
        labels.sort();
        self.spelling.clear();
        spell(&mut self.spelling, name, labels.iter().map(|(name, value)| (*name, &value[..])));
        if let Some(id) = self.known.get(&self.spelling) {
            return *id;
        }
        let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        let key = SeriesKey { name: name.to_owned(), labels, declared: declared() };
        let id = self.collector.register(&key.name, &key.labels, &key.declared);
        self.encoder.register(self.iteration, key);
        self.known.insert(self.spelling.clone(), id);
        id
    }

    pub(crate) fn begin_scrape(&mut self, at_ms: i64) {
        self.collector.begin_scrape(at_ms);
        self.encoder.begin_scrape(self.iteration, at_ms);
    }

    pub(crate) fn sample(&mut self, id: SeriesId, value: f64) {
        self.collector.sample(id, value);
        self.encoder.sample(id, value);
    }

    pub(crate) fn end_scrape(&mut self) {
        self.collector.end_scrape();
    }

    /// Notes a scrape that failed, or a part of it.
    pub(crate) fn fail_scrape(&mut self, affected: Affected<'_>, reason: &str) {
        self.collector.fail_scrape(affected, reason);
    }

    /// Whether any sample said that its process is a simulation.
    pub(crate) fn saw_simulation(&self) -> bool {
        self.collector.saw_simulation()
    }

    /// Ends what came before the first window: it shows where counters stand, and nothing else.
    pub(crate) fn close_baseline(&mut self) {
        self.collector.close_baseline();
        self.encoder.flush(0);
    }

    /// Ends the window: its figures, and the frames to keep.
    pub(crate) fn close(&mut self, points: u32) -> (BTreeMap<String, Member>, Vec<u8>) {
        let members = self.collector.close(points);
        (members, self.encoder.finish(self.iteration))
    }
}

/// Name and labels in one run of bytes; no text has the byte between them. The labels are in order.
fn spell<'a>(out: &mut Vec<u8>, name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) {
    out.extend(name.as_bytes());
    for (label, value) in labels {
        for part in [label, value] {
            out.push(0xff);
            out.extend(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::kpi::collector::Grouping;

    fn recorder(series: &[SeriesKey]) -> Recorder {
        let collector = Collector::new(Vec::new(), Grouping::default(), "test", 1000);
        Recorder::new(collector, vec!["m".to_owned()], series)
    }

    fn pairs<'a>(pairs: &[(&'a str, &'a str)]) -> LabelPairs<'a> {
        pairs.iter().map(|(name, value)| (*name, Cow::Borrowed(*value))).collect()
    }

    #[test]
    fn a_series_is_known_by_its_labels_whatever_their_order_and_after_a_stop() {
        let mut recorder = recorder(&[]);
        let first = recorder.series("m", pairs(&[("a", "1"), ("b", "2")]), Declared::default);
        assert_eq!(recorder.series("m", pairs(&[("b", "2"), ("a", "1")]), Declared::default), first);
        for other in [pairs(&[("a", "1")]), pairs(&[("a", "1b"), ("", "2")]), pairs(&[])] {
            assert_ne!(recorder.series("m", other, Declared::default), first);
        }
        let labels = [("a", "1"), ("b", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let key = SeriesKey {
            name: "m".to_owned(),
            labels: labels.into_iter().collect(),
            declared: Declared::default(),
        };
        let mut resumed = self::recorder(&[key]);
        assert_eq!(resumed.series("m", pairs(&[("b", "2"), ("a", "1")]), Declared::default), 0);
    }

    #[test]
    fn labels_of_what_no_figure_needs_are_not_looked_at() {
        let mut recorder = recorder(&[]);
        assert_eq!(recorder.series_in_use("n", || unreachable!("not needed"), Declared::default), None);
        assert_eq!(recorder.series_in_use("m", Vec::new, Declared::default), Some(0));
    }
}
