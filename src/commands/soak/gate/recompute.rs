//! The figures of a run computed again from its kept samples.

use crate::commands::soak::plan::SoakPlan;
use crate::commands::soak::verdict::Recomputed;
use crate::judge::kpi::collector::{Collector, WHOLE};
use crate::judge::kpi::{DataState, Measurement, Member};
use crate::judge::record::Iteration;
use crate::judge::record::samples::{SampleBlock, SampleFrame, SeriesKey};
use std::collections::{BTreeMap, BTreeSet};

/// Takes the frames of a run one after the other.
pub(super) struct Recomputation<'a> {
    plan: &'a SoakPlan,
    iterations: &'a [Iteration],
    collector: Collector,
    known_series: usize,
    /// Series that are new in the window of the block that follows.
    fresh: Vec<SeriesKey>,
    /// The iteration that is open; 0 for what came before the first.
    at: u32,
    /// Whether samples of it were seen since the last state of counters.
    has_samples: bool,
    found: Recomputed,
}

impl<'a> Recomputation<'a> {
    pub(super) fn new(plan: &'a SoakPlan, iterations: &'a [Iteration]) -> Self {
        let last = iterations.last().map_or(0, |last| last.iteration);
        Self {
            plan,
            iterations,
            collector: plan.collector(),
            known_series: 0,
            fresh: Vec::new(),
            at: 0,
            has_samples: false,
            found: Recomputed { iterations: last, ..Recomputed::default() },
        }
    }

    pub(super) fn frame(&mut self, frame: SampleFrame) {
        match frame {
            SampleFrame::Dictionary(series) => self.fresh.extend(series),
            // What belongs to no finished iteration has nothing to be compared with.
            SampleFrame::Block(block) if block.iteration > self.found.iterations => {}
            SampleFrame::Block(block) => self.block(&block),
        }
    }

    fn block(&mut self, block: &SampleBlock) {
        let is_baseline = block.iteration == 0;
        while self.at < block.iteration || (is_baseline && self.at > 0 && self.has_samples) {
            self.close_iteration();
        }
        self.has_samples = !is_baseline;
        self.known_series += self.fresh.len();
        for one in self.fresh.drain(..) {
            self.collector.register(&one.name, &one.labels, &one.declared);
        }
        if block.width() > self.known_series {
            let text = format!("iteration {}: samples of series that are not named", block.iteration);
            self.found.differences.push(text);
            return;
        }
        for (index, at_ms) in block.times.iter().enumerate() {
            self.collector.begin_scrape(*at_ms);
            block.scrape(index).for_each(|(series, value)| self.collector.sample(series, value));
            self.collector.end_scrape();
        }
        if is_baseline && self.at > 0 {
            self.collector.close_baseline();
        }
    }

    /// What was found, and whether any sample came from a simulation.
    pub(super) fn finish(mut self, is_whole: bool) -> (Recomputed, bool) {
        while self.at <= self.found.iterations {
            self.close_iteration();
        }
        (Recomputed { is_torn: !is_whole, ..self.found }, self.collector.saw_simulation())
    }

    fn close_iteration(&mut self) {
        if self.at == 0 {
            self.collector.close_baseline();
            (self.at, self.has_samples) = (1, false);
            return;
        }
        let mut members = self.collector.close(self.plan.points());
        if let Some(kept) = self.at.checked_sub(1).and_then(|index| self.iterations.get(index as usize)) {
            let whole = if self.plan.group_by.is_none() { members.remove(WHOLE) } else { None };
            let differing = first_difference(&kept.kpis, &whole.unwrap_or_default().kpis).or_else(|| {
                let none = Member::default();
                let names: BTreeSet<&String> = kept.members.keys().chain(members.keys()).collect();
                names.into_iter().find_map(|name| {
                    let kept = kept.members.get(name).unwrap_or(&none);
                    first_difference(&kept.kpis, &members.get(name).unwrap_or(&none).kpis)
                })
            });
            match differing {
                None => self.found.equal += 1,
                Some(kpi) => self
                    .found
                    .differences
                    .push(format!("iteration {}: `{kpi}` is not what the kept samples give", kept.iteration)),
            }
        }
        self.at += 1;
        self.has_samples = false;
    }
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
