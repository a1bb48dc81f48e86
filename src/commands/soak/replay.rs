//! A run as it was kept, taken once more: its samples become figures again, and everything is held against what
//! the journal says. A resumed run goes on from the collector that comes of it, so that its figures are those
//! which a later recomputation gives, however often it was stopped.
#![warn(clippy::wildcard_enum_match_arm)]

use super::bands::{BandCollector, Bands};
use super::journal_entry::{JournalEntry, SamplesPrefix};
use super::plan::SoakPlan;
use super::verdict::Recomputed;
use crate::judge::kpi::collector::{Collector, WHOLE};
use crate::judge::kpi::{DataState, Measurement, Member};
use crate::judge::record::Iteration;
use crate::judge::record::samples::{SampleBlock, SampleFrame, SeriesKey};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Takes the frames of a run one after the other.
pub(super) struct Replay<'a> {
    plan: &'a SoakPlan,
    entries: &'a [JournalEntry],
    collector: Collector,
    bands: BandCollector,
    series: Vec<SeriesKey>,
    /// Series that are new in the window of the block that follows.
    fresh: Vec<SeriesKey>,
    /// Finished iterations whose samples were all taken.
    closed: usize,
    /// The samples of the closed iterations.
    kept: SamplesPrefix,
    last_ms: i64,
    equal: usize,
    differences: Vec<String>,
}

/// What a whole run gave.
pub(super) struct Replayed {
    /// As it was when the last finished iteration ended.
    pub(super) collector: Collector,
    pub(super) series: Vec<SeriesKey>,
    /// The samples of finished iterations.
    pub(super) kept: SamplesPrefix,
    pub(super) recomputed: Recomputed,
    pub(super) bands: Bands,
}

impl<'a> Replay<'a> {
    pub(super) fn new(plan: &'a SoakPlan, entries: &'a [JournalEntry]) -> Self {
        Self {
            plan,
            entries,
            collector: plan.collector(),
            bands: BandCollector::new(plan),
            series: Vec::new(),
            fresh: Vec::new(),
            closed: 0,
            kept: SamplesPrefix::default(),
            last_ms: i64::MIN,
            equal: 0,
            differences: window_problems(plan, entries),
        }
    }

    /// Takes the next frame; `read` is the file up to its end. No frame is the begin of the file.
    pub(super) fn frame(&mut self, frame: Option<SampleFrame>, read: &SamplesPrefix) {
        let Some(entry) = self.entries.get(self.closed) else {
            if let Some(frame) = frame {
                self.check_unfinished(&frame);
            } else {
                self.kept = read.clone();
            }
            return;
        };
        match frame {
            None => {}
            Some(SampleFrame::Dictionary(series)) => self.fresh.extend(series),
            Some(SampleFrame::Block(block)) => self.block(&block, &entry.iteration),
        }
        self.kept = read.clone();
        self.close_what_ends_here();
    }

    /// What was found; `is_whole` says whether the file ended with a whole frame.
    pub(super) fn finish(mut self, is_whole: bool) -> Replayed {
        if let Some(entry) = self.entries.get(self.closed) {
            let (number, end) = (entry.iteration.iteration, self.kept.bytes());
            let wanted = entry.samples.bytes;
            let text = format!(
                "iteration {number}: the samples end at byte {end}, {wanted} were kept when it was finished"
            );
            self.differences.push(text);
        } else if !is_whole && self.is_complete() {
            self.differences.push("there is more behind the samples of the last iteration".to_owned());
        }
        let iterations = self.entries.last().map_or(0, |entry| entry.iteration.iteration);
        let recomputed =
            Recomputed { equal: self.equal, iterations, is_torn: !is_whole, differences: self.differences };
        let bands = self.bands.bands();
        Replayed { collector: self.collector, series: self.series, kept: self.kept, recomputed, bands }
    }

    fn is_complete(&self) -> bool {
        self.entries.len() >= self.plan.iterations as usize
    }

    fn block(&mut self, block: &SampleBlock, iteration: &Iteration) {
        let is_baseline = block.iteration == 0;
        for one in self.fresh.drain(..) {
            self.collector.register(&one.name, &one.labels, &one.declared);
            self.bands.register(&one.name, &one.labels);
            self.series.push(one);
        }
        let number = iteration.iteration;
        if block.width() > self.series.len() {
            self.differences.push(format!("iteration {number}: samples of series that are not named"));
            return;
        }
        if !is_baseline && block.iteration != number {
            let found = block.iteration;
            self.differences.push(format!("iteration {number}: samples of iteration {found} in its place"));
            return;
        }
        let (from_ms, to_ms) = window_ms(iteration).unwrap_or((i64::MAX, i64::MIN));
        for (index, at_ms) in block.times.iter().enumerate() {
            let is_inside =
                if is_baseline { *at_ms == from_ms } else { (from_ms + 1..=to_ms).contains(at_ms) };
            if !is_inside || *at_ms <= self.last_ms {
                self.differences.push(format!("iteration {number}: a sample is not of its time"));
                return;
            }
            self.last_ms = *at_ms;
            self.collector.begin_scrape(*at_ms);
            for (series, value) in block.scrape(index) {
                self.collector.sample(series, value);
                // What was read before the first window is of none.
                if !is_baseline {
                    self.bands.sample(series, value);
                }
            }
            self.collector.end_scrape();
            self.bands.end_scrape();
        }
        if is_baseline {
            self.collector.close_baseline();
        }
    }

    /// Closes every iteration whose samples end where the file was read to.
    fn close_what_ends_here(&mut self) {
        while let Some(entry) = self.entries.get(self.closed) {
            let (number, end) = (entry.iteration.iteration, self.kept.bytes());
            if end < entry.samples.bytes {
                return;
            }
            if entry.samples != self.kept.mark() {
                let text = format!("iteration {number}: the samples are not those that were kept with it");
                self.differences.push(text);
            }
            let members = self.collector.close(self.plan.points());
            self.bands.end_window();
            if self.plan.origin.has_samples() {
                self.compare(&entry.iteration, members);
            }
            self.closed += 1;
        }
    }

    fn compare(&mut self, kept: &Iteration, mut members: BTreeMap<String, Member>) {
        let whole = if self.plan.group_by.is_none() { members.remove(WHOLE) } else { None };
        let differing = first_difference(&kept.kpis, &whole.unwrap_or_default().kpis).or_else(|| {
            let none = Member::default();
            let names: BTreeSet<&String> = kept.members.keys().chain(members.keys()).collect();
            names.into_iter().find_map(|name| {
                let kept = kept.members.get(name).unwrap_or(&none);
                first_difference(&kept.kpis, &members.get(name).unwrap_or(&none).kpis)
            })
        });
        let number = kept.iteration;
        match differing {
            None => self.equal += 1,
            Some(kpi) => self
                .differences
                .push(format!("iteration {number}: `{kpi}` is not what the kept samples give")),
        }
    }

    /// Samples that belong to no finished iteration are those of the one that a killed run was in, and no
    /// others: they are written just before its record.
    fn check_unfinished(&mut self, frame: &SampleFrame) {
        let next = self.entries.len() + 1;
        let found = match frame {
            SampleFrame::Dictionary(_) => return,
            SampleFrame::Block(block) => block.iteration,
        };
        let is_next = found == 0 || found as usize == next;
        if (self.is_complete() || !is_next)
            && !self.differences.iter().any(|known| known.starts_with("beyond"))
        {
            let text = format!(
                "beyond iteration {}: samples of iteration {found}, of which the journal has no record",
                next - 1
            );
            self.differences.push(text);
        }
    }
}

/// Begin and end of the window of an iteration; none where they are no times.
fn window_ms(iteration: &Iteration) -> Option<(i64, i64)> {
    let time = |text: &str| text.parse().ok().map(Timestamp::as_millisecond);
    time(&iteration.from).zip(time(&iteration.to))
}

/// Where the windows of the journal are not those of the plan: each as long as planned, one after the other,
/// and the time between two a gap that is told.
fn window_problems(plan: &SoakPlan, entries: &[JournalEntry]) -> Vec<String> {
    let mut ended_ms = plan.started_at_ms;
    let mut problems = Vec::new();
    for JournalEntry { iteration, .. } in entries {
        let number = iteration.iteration;
        let Some((from_ms, to_ms)) = window_ms(iteration) else {
            problems.push(format!("iteration {number}: its window has no time"));
            continue;
        };
        let gap_ms = from_ms - ended_ms;
        let known_ms = iteration.gap_before_secs.unwrap_or_default() * 1e3;
        if to_ms - from_ms != plan.iteration_ms() || gap_ms < 0 || (known_ms - gap_ms as f64).abs() > 1.0 {
            problems
                .push(format!("iteration {number}: its window is not where the plan and the gaps put it"));
        }
        ended_ms = to_ms;
    }
    problems
}

/// The first figure whose value differs. Why something is unknown is not in the samples.
fn first_difference(
    kept: &BTreeMap<String, Measurement>,
    computed: &BTreeMap<String, Measurement>,
) -> Option<String> {
    let known = |measured: &Measurement| {
        let is_measured = measured.state == DataState::Measured;
        let value = measured.value.map(f64::to_bits);
        (value, measured.beyond, measured.n, measured.points, measured.expected, is_measured)
    };
    let differs = |name: &&&String| kept.get(**name).map(known) != computed.get(**name).map(known);
    let names: BTreeSet<&String> = kept.keys().chain(computed.keys()).collect();
    names.iter().find(differs).map(|name| (*name).clone())
}
