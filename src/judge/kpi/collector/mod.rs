//! Samples to figures, in one pass and constant memory: counters with resets, gauges, histograms, and at
//! every scrape whether what a figure needs was really there.
#![warn(clippy::wildcard_enum_match_arm)]

mod cell;

use crate::format::exposition::Kind;
use crate::judge::kpi::{KpiDefinition, Measure, Member, Reducer};
use cell::{Cell, CounterRole, Increase};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(crate) type SeriesId = u32;

/// Name of the member when nothing tells members apart.
pub const WHOLE: &str = "all";

/// What the family of a series says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What a failed scrape leaves unknown: everything, unless a member or a metric is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affected<'a> {
    pub(crate) member: Option<&'a str>,
    pub(crate) metric: Option<&'a str>,
}

/// Collects the samples of one window after the other.
#[derive(Debug)]
pub struct Collector {
    kpis: Vec<(String, KpiDefinition)>,
    group_by: Option<String>,
    source: String,
    /// A pair of counter samples further apart than this shows no increase: what happened is unknown.
    max_gap_ms: i64,
    series: Vec<Series>,
    members: BTreeMap<String, usize>,
    /// One row of cells for each member, in the order of the figures.
    cells: Vec<Vec<Cell>>,
    params: Vec<BTreeMap<String, f64>>,
    now_ms: i64,
    failures: Vec<String>,
    is_simulated: bool,
}

#[derive(Debug)]
struct Series {
    uses: Vec<SeriesUse>,
    member: usize,
    counter: Option<(i64, f64)>,
    last_ms: i64,
}

/// What a series is needed for.
#[derive(Clone, Debug)]
enum SeriesUse {
    Param(String),
    Simulated,
    Figure {
        kpi: usize,
        role: Role,
        /// Which selectors of the figure mean the series.
        selectors: Box<[usize]>,
    },
}

/// What a series is in a figure.
#[derive(Clone, Copy, Debug)]
enum Role {
    /// Several gauges become one by this rule.
    Gauge(Reducer),
    Counter(CounterRole),
}

impl Collector {
    /// A collector for these figures. `interval_ms` is the distance between scrapes.
    pub fn new(
        kpis: Vec<(String, KpiDefinition)>,
        group_by: Option<String>,
        source: &str,
        interval_ms: i64,
    ) -> Self {
        let mut collector = Self {
            kpis,
            group_by,
            source: source.to_owned(),
            max_gap_ms: interval_ms.saturating_mul(5) / 2,
            series: Vec::new(),
            members: BTreeMap::new(),
            cells: Vec::new(),
            params: Vec::new(),
            now_ms: i64::MIN,
            failures: Vec::new(),
            is_simulated: false,
        };
        if collector.group_by.is_none() {
            collector.member(WHOLE);
        }
        collector
    }

    /// Names a member that must be there: where it shows nothing, nothing is known of it.
    pub(crate) fn expect_member(&mut self, name: &str) {
        self.member(name);
    }

    fn member(&mut self, name: &str) -> usize {
        if let Some(index) = self.members.get(name) {
            return *index;
        }
        let index = self.cells.len();
        self.members.insert(name.to_owned(), index);
        self.cells.push(self.kpis.iter().map(|(_, definition)| Cell::new(definition)).collect());
        self.params.push(BTreeMap::new());
        index
    }

    /// Makes a series known; where it is never used its samples cost nothing.
    pub fn register(
        &mut self,
        name: &str,
        labels: &BTreeMap<String, String>,
        _declared: &Declared,
    ) -> SeriesId {
        let member = match &self.group_by {
            None => Some(0),
            Some(label) => labels.get(label).cloned().map(|value| self.member(&value)),
        };
        let mut uses = self.uses(name, labels);
        if member.is_none() {
            // A series that belongs to nobody still says that its process is a simulation.
            uses.retain(|one| match one {
                SeriesUse::Simulated => true,
                SeriesUse::Param(_) | SeriesUse::Figure { .. } => false,
            });
        }
        let id = SeriesId::try_from(self.series.len()).expect("fewer than 2^32 series");
        self.series.push(Series { uses, member: member.unwrap_or(0), counter: None, last_ms: i64::MIN });
        id
    }

    fn uses(&self, name: &str, labels: &BTreeMap<String, String>) -> Vec<SeriesUse> {
        let mut uses = Vec::new();
        if name == "mm_param"
            && let Some(param) = labels.get("name")
        {
            uses.push(SeriesUse::Param(param.clone()));
        }
        if name == "mm_simulated" {
            uses.push(SeriesUse::Simulated);
        }
        for (kpi, (_, definition)) in self.kpis.iter().enumerate() {
            let all = definition.measure.selectors();
            let selectors: Box<[usize]> =
                (0..all.len()).filter(|index| all[*index].matches(name, labels)).collect();
            let (Some(first), Some(last)) = (selectors.first(), selectors.last()) else { continue };
            let role = match &definition.measure {
                Measure::Gauge { across, .. } => Role::Gauge(*across),
                Measure::Rate { .. } | Measure::Increase { .. } => Role::Counter(CounterRole::Numerator),
                Measure::Ratio { of, .. } => Role::Counter(match (*first < of.len(), *last >= of.len()) {
                    (true, true) => CounterRole::Both,
                    (true, false) => CounterRole::Numerator,
                    (false, _) => CounterRole::Denominator,
                }),
                Measure::Quantile { .. } => {
                    let bound = labels.get("le").and_then(|le| le.parse().ok());
                    Role::Counter(CounterRole::Bucket(bound.unwrap_or(f64::NAN)))
                }
            };
            uses.push(SeriesUse::Figure { kpi, role, selectors });
        }
        uses
    }

    /// Begins a scrape at a time; its samples follow.
    pub fn begin_scrape(&mut self, at_ms: i64) {
        self.now_ms = at_ms;
    }

    /// Takes a sample of the current scrape. A series counts once in a scrape.
    pub fn sample(&mut self, id: SeriesId, value: f64) {
        let Self { series, cells, params, now_ms, max_gap_ms, is_simulated, .. } = self;
        let Series { uses, member, counter, last_ms } = &mut series[id as usize];
        if *last_ms >= *now_ms || uses.is_empty() {
            return;
        }
        *last_ms = *now_ms;
        let mut increase = None;
        for one in uses {
            match one {
                SeriesUse::Param(name) if value.is_finite() => {
                    params[*member].insert(name.clone(), value);
                }
                SeriesUse::Param(_) => {}
                SeriesUse::Simulated => *is_simulated |= value != 0.0,
                SeriesUse::Figure { kpi, role: Role::Gauge(across), selectors } => {
                    cells[*member][*kpi].gauge(*across, selectors, value);
                }
                SeriesUse::Figure { kpi, role: Role::Counter(role), selectors } => {
                    let cell = &mut cells[*member][*kpi];
                    if !value.is_finite() || value < 0.0 {
                        cell.reject_scrape();
                        continue;
                    }
                    // The same for every figure, and nothing yet at the first sample of a pair.
                    let increase = increase.get_or_insert_with(|| {
                        let before = counter.replace((*now_ms, value));
                        let (from_ms, before) = before.filter(|(at, _)| *now_ms - at <= *max_gap_ms)?;
                        let is_reset = value < before;
                        let by = if is_reset { value } else { value - before };
                        Some(Increase { by, from_ms, is_reset })
                    });
                    if let Some(increase) = increase {
                        cell.increase(*role, selectors, *increase);
                    }
                }
            }
        }
    }

    /// Ends a scrape: each figure whose series were all there gains a point.
    pub fn end_scrape(&mut self) {
        for cells in &mut self.cells {
            for (cell, (_, definition)) in cells.iter_mut().zip(&self.kpis) {
                cell.end_scrape(definition, self.now_ms);
            }
        }
    }

    /// Notes that a scrape failed; its points are missing.
    pub(crate) fn fail_scrape(&mut self, _affected: Affected<'_>, reason: &str) {
        if self.failures.len() < 8 && !self.failures.iter().any(|known| known == reason) {
            self.failures.push(reason.to_owned());
        }
    }

    /// Whether any sample said that its process is a simulation.
    pub(crate) fn saw_simulation(&self) -> bool {
        self.is_simulated
    }

    /// Ends the window and begins the next: what it showed of every member, given how many scrapes it
    /// should have had.
    pub fn close(&mut self, expected: u32) -> BTreeMap<String, Member> {
        let failure = self.failures.first().cloned();
        let mut members = BTreeMap::new();
        for (name, index) in &self.members {
            // What a bot does not show any more is not in force as far as anyone knows.
            let params = std::mem::take(&mut self.params[*index]);
            let mut member = Member { params, ..Member::default() };
            for (cell, (kpi, definition)) in self.cells[*index].iter_mut().zip(&self.kpis) {
                let cell = cell.take();
                let measured = cell.measure(definition, expected, &self.source, failure.as_deref());
                member.kpis.insert(kpi.clone(), measured);
            }
            members.insert(name.clone(), member);
        }
        self.failures.clear();
        members
    }
}

#[cfg(test)]
mod tests;
