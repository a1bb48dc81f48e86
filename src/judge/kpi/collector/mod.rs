//! Samples to figures, in one pass and constant memory: counters with resets, gauges, histograms, the lives of the
//! processes behind them, and at every scrape whether what a figure needs was really there.
//!
//! A scrape is judged when it ends, target by target: a process that was started anew began all its counters at 0,
//! a series that it showed before in the same life is missed, and one that is new after a whole scrape began at 0.
#![warn(clippy::wildcard_enum_match_arm)]

mod cell;
mod member;
mod scrape;
mod target;

use crate::judge::kpi::{Build, Declared, KpiDefinition, Measure, Member, Selector};
use cell::{Cell, CounterRole};
pub(crate) use member::Affected;
pub use member::WHOLE;
use member::{Failure, MemberState};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;
pub(crate) use target::SeriesId;
use target::Target;

/// Series that tell of a process and not of a figure: whether it answers, whether its page had faults, when it was
/// started, what was built, that it is a simulation, and its parameters.
pub(crate) const OWN_METRICS: [&str; 6] =
    ["mm_param", SIMULATED, "up", FAULTY_FAMILIES, "process_start_time_seconds", "mm_build_info"];
/// What a simulation shows, and without which nothing is known: what is simulated would be taken for real.
pub(crate) const SIMULATED: &str = "mm_simulated";
/// How many families of a page could not be read.
pub(crate) const FAULTY_FAMILIES: &str = "mmops_faulty_families";

/// How processes and members are told apart.
#[derive(Clone, Debug, Default)]
pub struct Grouping {
    /// The label whose values are judged one by one.
    pub group_by: Option<String>,
    /// Labels that tell one process from another.
    pub target_labels: Vec<String>,
}

/// Collects the samples of one window after the other.
#[derive(Debug)]
pub struct Collector {
    kpis: Vec<(String, KpiDefinition)>,
    /// What each of them reads.
    selectors: Vec<Vec<Selector>>,
    grouping: Grouping,
    source: String,
    /// A pair of counter samples further apart than this shows no increase: what happened is unknown.
    max_gap_ms: i64,
    series: Vec<Series>,
    targets: Vec<Target>,
    target_index: BTreeMap<(usize, String), usize>,
    /// Targets that came after others of their member and may have taken the place of one.
    newcomers: Vec<usize>,
    members: BTreeMap<String, usize>,
    states: Vec<MemberState>,
    /// Series with a sample in the open scrape.
    scrape: Vec<SeriesId>,
    now_ms: i64,
    /// The open scrape is of a time that was seen already.
    is_late: bool,
    failures: Vec<Failure>,
    is_simulated: bool,
}

#[derive(Debug)]
struct Series {
    key: Arc<str>,
    uses: SmallVec<[SeriesUse; 1]>,
    target: usize,
    is_counter: bool,
    is_figure: bool,
    /// The last usable sample of a counter in this life of its process.
    before: Option<(i64, f64)>,
    /// Shown in this life of its process.
    is_expected: bool,
    value: f64,
    /// Time of the last scrape with a sample.
    last_ms: i64,
}

/// What a series is needed for.
#[derive(Clone, Debug)]
enum SeriesUse {
    Param(String),
    Simulated,
    Up,
    FaultyFamilies,
    StartTime,
    Build(Build),
    Figure {
        kpi: usize,
        role: Role,
        /// Which selectors of the figure mean the series.
        selectors: SmallVec<[u32; 4]>,
        /// Why it cannot be what the figure measures.
        contradiction: Option<Box<str>>,
    },
}

/// What a series is in a figure.
#[derive(Clone, Copy, Debug)]
enum Role {
    Gauge,
    Counter(CounterRole),
}

impl Collector {
    /// A collector for these figures. `interval_ms` is the distance between scrapes.
    pub fn new(
        kpis: Vec<(String, KpiDefinition)>,
        grouping: Grouping,
        source: &str,
        interval_ms: i64,
    ) -> Self {
        let mut collector = Self {
            selectors: kpis.iter().map(|(_, definition)| definition.measure.selectors()).collect(),
            kpis,
            grouping,
            source: source.to_owned(),
            max_gap_ms: interval_ms.saturating_mul(5) / 2,
            series: Vec::new(),
            targets: Vec::new(),
            target_index: BTreeMap::new(),
            newcomers: Vec::new(),
            members: BTreeMap::new(),
            states: Vec::new(),
            scrape: Vec::new(),
            now_ms: i64::MIN,
            is_late: false,
            failures: Vec::new(),
            is_simulated: false,
        };
        if collector.grouping.group_by.is_none() {
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
        let index = self.states.len();
        self.members.insert(name.to_owned(), index);
        let cells = self.kpis.iter().map(|(_, definition)| Cell::new(definition)).collect();
        self.states.push(MemberState::new(cells));
        index
    }

    fn target(&mut self, member: usize, labels: &BTreeMap<String, String>) -> usize {
        let values = self.grouping.target_labels.iter().filter_map(|label| labels.get(label));
        let name = values.map(String::as_str).collect::<Vec<_>>().join(" ");
        let next = self.targets.len();
        let index = *self.target_index.entry((member, name.clone())).or_insert(next);
        if index == next {
            self.targets.push(Target { name, member, ..Target::default() });
        }
        index
    }

    /// Makes a series known; where it is never used its samples cost nothing.
    pub fn register(
        &mut self,
        name: &str,
        labels: &BTreeMap<String, String>,
        declared: &Declared,
    ) -> SeriesId {
        let member = match &self.grouping.group_by {
            None => Some(0),
            Some(label) => labels.get(label).cloned().map(|value| self.member(&value)),
        };
        let mut uses = self.uses(name, labels, declared);
        if member.is_none() {
            // A series that belongs to nobody still says that its process is a simulation.
            uses.retain(|one| matches!(one, SeriesUse::Simulated));
        }
        let target = self.target(member.unwrap_or(usize::MAX), labels);
        let id = SeriesId::try_from(self.series.len()).expect("fewer than 2^32 series");
        let is_counter = uses.iter().any(SeriesUse::is_counter);
        let is_figure = uses.iter().any(|one| matches!(one, SeriesUse::Figure { .. }));
        self.targets[target].has_counters |= is_counter;
        self.targets[target].series.push(id);
        self.series.push(Series {
            key: series_key(name, labels),
            uses,
            target,
            is_counter,
            is_figure,
            before: None,
            is_expected: false,
            value: 0.0,
            last_ms: i64::MIN,
        });
        id
    }

    fn uses(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
        declared: &Declared,
    ) -> SmallVec<[SeriesUse; 1]> {
        let mut uses: SmallVec<[SeriesUse; 1]> = SeriesUse::of_process(name, labels).into_iter().collect();
        for (kpi, ((_, definition), all)) in self.kpis.iter().zip(&self.selectors).enumerate() {
            let numbered = (0..).zip(all).filter(|(_, selector)| selector.matches(name, labels));
            let selectors: SmallVec<[u32; 4]> = numbered.map(|(number, _)| number).collect();
            let (Some(first), Some(last)) = (selectors.first(), selectors.last()) else { continue };
            let role = match &definition.measure {
                Measure::Gauge { .. } => Role::Gauge,
                Measure::Rate { .. } | Measure::Increase { .. } => Role::Counter(CounterRole::Numerator),
                Measure::Ratio { of, .. } => {
                    let is_above = |number: &u32| (*number as usize) < of.len();
                    Role::Counter(match (is_above(first), is_above(last)) {
                        (true, false) => CounterRole::Both,
                        (true, true) => CounterRole::Numerator,
                        (false, _) => CounterRole::Denominator,
                    })
                }
                Measure::Quantile { .. } => {
                    let bound = labels.get("le").and_then(|le| le.parse().ok());
                    Role::Counter(CounterRole::Bucket(bound.unwrap_or(f64::NAN)))
                }
                Measure::Restarts => continue,
            };
            let contradiction = definition.contradiction(name, declared).map(String::into_boxed_str);
            uses.push(SeriesUse::Figure { kpi, role, selectors, contradiction });
        }
        uses
    }

    /// Begins a scrape at a time; its samples follow. One that is no later than the last shows nothing.
    pub fn begin_scrape(&mut self, at_ms: i64) {
        self.is_late = at_ms <= self.now_ms;
        self.now_ms = self.now_ms.max(at_ms);
        self.scrape.clear();
    }

    /// Takes a sample of the current scrape. A series counts once in a scrape.
    pub fn sample(&mut self, id: SeriesId, value: f64) {
        let series = &mut self.series[id as usize];
        if self.is_late || series.last_ms >= self.now_ms || series.uses.is_empty() {
            return;
        }
        (series.last_ms, series.value) = (self.now_ms, value);
        self.is_simulated |= series.show(&mut self.targets[series.target].scrape);
        self.scrape.push(id);
    }

    /// Notes that a scrape failed, or what of it did; its points are missing.
    pub(crate) fn fail_scrape(&mut self, affected: Affected<'_>, reason: &str) {
        let failure = Failure::new(affected, reason);
        if self.failures.len() < member::MOST_FAILURES && !self.failures.contains(&failure) {
            self.failures.push(failure);
        }
    }

    /// Whether any sample said that its process is a simulation.
    pub(crate) fn saw_simulation(&self) -> bool {
        self.is_simulated
    }

    /// Ends what only shows where counters stand. Restarts and lives that it saw belong to the window that follows.
    pub fn close_baseline(&mut self) {
        for state in &mut self.states {
            state.end_baseline();
        }
        self.end_window();
    }

    /// Ends the window and begins the next: what it showed of every member, given how many scrapes it
    /// should have had.
    pub fn close(&mut self, expected: u32) -> BTreeMap<String, Member> {
        for target in self.targets.iter().filter(|target| target.is_several) {
            if let Some(state) = self.states.get_mut(target.member) {
                state.is_several = true;
            }
        }
        let mut members = BTreeMap::new();
        for (name, index) in &self.members {
            let failures: Vec<&Failure> =
                self.failures.iter().filter(|failure| failure.is_of(name)).collect();
            let state = &mut self.states[*index];
            let has_identity =
                self.targets.iter().any(|target| target.member == *index && target.has_identity());
            members.insert(
                name.clone(),
                state.close(&self.kpis, expected, &self.source, &failures, has_identity),
            );
        }
        self.end_window();
        members
    }

    fn end_window(&mut self) {
        self.targets.iter_mut().for_each(Target::end_window);
        self.failures.clear();
    }
}

impl SeriesUse {
    /// What a series says of its process.
    fn of_process(name: &str, labels: &BTreeMap<String, String>) -> Option<Self> {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        match name {
            "mm_param" => labels.get("name").cloned().map(SeriesUse::Param),
            SIMULATED => Some(SeriesUse::Simulated),
            "up" => Some(SeriesUse::Up),
            FAULTY_FAMILIES => Some(SeriesUse::FaultyFamilies),
            "process_start_time_seconds" => Some(SeriesUse::StartTime),
            "mm_build_info" => {
                Some(SeriesUse::Build(Build { version: label("version"), config_hash: label("config_hash") }))
            }
            _ => None,
        }
    }

    fn is_counter(&self) -> bool {
        match self {
            SeriesUse::Figure { role: Role::Counter(_), .. } => true,
            SeriesUse::Figure { role: Role::Gauge, .. }
            | SeriesUse::Param(_)
            | SeriesUse::Simulated
            | SeriesUse::Up
            | SeriesUse::FaultyFamilies
            | SeriesUse::StartTime
            | SeriesUse::Build(_) => false,
        }
    }
}

/// A series as a reason names it.
fn series_key(name: &str, labels: &BTreeMap<String, String>) -> Arc<str> {
    let pairs: Vec<String> = labels.iter().map(|(label, value)| format!("{label}={value:?}")).collect();
    if pairs.is_empty() { name.into() } else { format!("{name}{{{}}}", pairs.join(",")).into() }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod worlds;
