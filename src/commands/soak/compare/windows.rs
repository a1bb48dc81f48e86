//! The windows of two runs on common grids of time, and what is compared of them.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::Concurrency;
use super::margins::{Better, KpiMargin};
use crate::judge::gate::WindowValue;
use crate::judge::kpi::{DataState, KpiDefinition, Measure};
use crate::judge::record::Ledger;
use crate::judge::statistics::{Arm, Comparison, EventSeries, Series};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// More than so many times the length of the shorter run, the longer one is cut: the middle of a short series takes its
/// slow waves with it, so that it seems to vary less.
const MOST_LENGTHS: usize = 2;

/// The windows of a run in time.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) kpis: &'a BTreeMap<String, KpiDefinition>,
    window_ms: i64,
    /// Begin of each window, by its number less one.
    starts_ms: Vec<i64>,
}

/// Two runs, and how their windows lie to each other.
#[derive(Debug)]
pub(super) struct Alignment<'a> {
    pub(super) runs: [Timeline<'a>; 2],
    pub(super) concurrency: Concurrency,
    /// How far two windows at one time may begin apart.
    tolerance_ms: i64,
}

/// A figure of both runs.
#[derive(Debug)]
pub(super) struct Aligned {
    /// With the member's name in front, where there is one.
    pub(super) name: String,
    /// By arm, each on its own grid, as they are measured.
    pub(super) series: [Vec<Option<f64>>; 2],
    /// Windows whose value is only known to be at least that.
    pub(super) open: usize,
    pub(super) notes: Vec<String>,
    pub(super) rate_factor: f64,
    pub(super) comparison: Comparison,
}

impl<'a> Timeline<'a> {
    /// `started_ms` is the begin of the first window, `window_secs` the length of each.
    pub(super) fn new(
        ledger: &'a Ledger,
        kpis: &'a BTreeMap<String, KpiDefinition>,
        started_ms: i64,
        window_secs: u32,
    ) -> Self {
        let window_ms = i64::from(window_secs) * 1000;
        let mut next_ms = started_ms;
        let starts = (1..=ledger.iterations).map(|number| {
            let gaps = ledger.gaps.iter().filter(|(after, _)| *after == number);
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a run")]
            let lost_ms = gaps.map(|(_, secs)| (secs * 1e3) as i64).sum::<i64>();
            next_ms += lost_ms + window_ms;
            next_ms - window_ms
        });
        let starts_ms = starts.collect();
        Self { ledger, kpis, window_ms, starts_ms }
    }

    fn end_ms(&self) -> i64 {
        self.starts_ms.last().map_or(i64::MIN, |start| start + self.window_ms)
    }

    fn begin_ms(&self) -> i64 {
        self.starts_ms.first().copied().unwrap_or(i64::MAX)
    }

    /// The place of each window on the grid that begins with the first.
    fn place(&self, start_ms: i64, origin_ms: i64) -> i64 {
        (start_ms - origin_ms + self.window_ms / 2).div_euclid(self.window_ms)
    }

    /// One value a step of the grid; what a gap left out is a hole.
    fn on_grid<T: Clone>(
        &self,
        windows: &[WindowValue],
        of: impl Fn(&WindowValue) -> Option<T>,
    ) -> Vec<Option<T>> {
        let mut grid: Vec<Option<T>> = Vec::with_capacity(windows.len());
        for (window, start_ms) in windows.iter().zip(&self.starts_ms) {
            let place = usize::try_from(self.place(*start_ms, self.begin_ms())).unwrap_or_default();
            grid.resize(place.max(grid.len()), None);
            grid.push(of(window));
        }
        grid
    }

    fn windows(&self, member: &str, kpi: &str) -> &'a [WindowValue] {
        let mut all = self.ledger.windows_of(kpi).into_iter();
        all.find(|(name, _)| *name == member).map_or(&[][..], |(_, windows)| windows)
    }
}

/// The value of a window that is known well enough to be one of many.
fn known(window: &WindowValue) -> Option<f64> {
    window.value.filter(|_| window.state == DataState::Measured)
}

/// The part of the expected points that gave a value, those that were lost between windows expected as well.
fn coverage(windows: &[WindowValue]) -> f64 {
    let (mut points, mut expected) = (0_u64, 0_u64);
    for (at, window) in windows.iter().enumerate() {
        let lost = if at == 0 { 0 } else { window.gap_points };
        expected += u64::from(window.expected) + u64::from(lost);
        let is_seen = matches!(window.state, DataState::Measured | DataState::Partial);
        points +=
            if window.value.is_some() && is_seen { u64::from(window.points.min(window.expected)) } else { 0 };
    }
    if expected == 0 { 0.0 } else { points as f64 / expected as f64 }
}

impl<'a> Alignment<'a> {
    pub(super) fn new(runs: [Timeline<'a>; 2], tolerance_ms: i64) -> Self {
        let [one, two] = &runs;
        let overlap_ms = one.end_ms().min(two.end_ms()).saturating_sub(one.begin_ms().max(two.begin_ms()));
        let mut found = Self { concurrency: Concurrency::Apart, tolerance_ms, runs };
        if overlap_ms > 0 {
            let shorter = found.runs.iter().map(|run| run.starts_ms.len()).min().unwrap_or_default();
            let is_paired = 2 * found.common().len() >= shorter && shorter > 0;
            found.concurrency = if is_paired { Concurrency::Paired } else { Concurrency::Overlapping };
        }
        found
    }

    /// Numbers of the windows, less one, that begin at one time.
    fn common(&self) -> Vec<(usize, usize)> {
        let [one, two] = &self.runs;
        let origin_ms = one.begin_ms();
        let places: BTreeMap<i64, usize> =
            one.starts_ms.iter().zip(0..).map(|(start, at)| (one.place(*start, origin_ms), at)).collect();
        let pairs = two.starts_ms.iter().enumerate().filter_map(|(at, start)| {
            let other = *places.get(&one.place(*start, origin_ms))?;
            ((one.starts_ms[other] - start).abs() <= self.tolerance_ms).then_some((other, at))
        });
        pairs.collect()
    }

    /// The members of both runs, by the names that they have in each; the one member of each belongs to the other,
    /// whatever they are called.
    fn members(&self) -> Vec<[&'a str; 2]> {
        let [one, two] = [0, 1].map(|at| self.runs[at].ledger.members().collect::<Vec<&'a str>>());
        if let ([one], [two]) = (&one[..], &two[..]) {
            return vec![[one, two]];
        }
        let names: BTreeSet<&str> = one.into_iter().chain(two).collect();
        names.into_iter().map(|name| [name, name]).collect()
    }

    /// What is compared of every figure that a margin names and one of the runs measured.
    pub(super) fn figures(&self, margins: &BTreeMap<String, KpiMargin>) -> Vec<(String, Aligned)> {
        let mut all = Vec::new();
        for members in self.members() {
            for (kpi, margin) in margins {
                if self.runs.iter().any(|run| run.kpis.contains_key(kpi)) {
                    all.push((kpi.clone(), self.figure(members, kpi, margin)));
                }
            }
        }
        all
    }

    fn figure(&self, members: [&'a str; 2], kpi: &str, margin: &KpiMargin) -> Aligned {
        let windows = [0, 1].map(|at| self.runs[at].windows(members[at], kpi));
        let name = if members[1].is_empty() { kpi.to_owned() } else { format!("{}: {kpi}", members[1]) };
        let series = [0, 1].map(|at| self.runs[at].on_grid(windows[at], known));
        let open = windows.iter().flat_map(|windows| windows.iter()).filter(|window| window.beyond).count();
        let mut aligned = Aligned {
            name,
            series,
            open,
            notes: Vec::new(),
            rate_factor: 1.0,
            comparison: Comparison::Unknown(String::new()),
        };
        aligned.comparison = match self.problem(windows, kpi) {
            Some(problem) => Comparison::Unknown(problem),
            None => self.comparison(windows, kpi, margin, &mut aligned),
        };
        aligned
    }

    /// Why a figure cannot be compared, whatever its values.
    fn problem(&self, windows: [&[WindowValue]; 2], kpi: &str) -> Option<String> {
        for ((run, windows), arm) in self.runs.iter().zip(windows).zip(["baseline", "candidate"]) {
            let Some(definition) = run.kpis.get(kpi) else {
                return Some(format!("the {arm} did not measure it"));
            };
            let covered = coverage(windows);
            if covered < definition.min_coverage {
                let (covered, least) = (covered * 100.0, definition.min_coverage * 100.0);
                return Some(format!(
                    "{covered:.1} % of the points of the {arm} are there, {least} % are needed"
                ));
            }
        }
        let [one, two] = [0, 1].map(|at| self.runs[at].kpis.get(kpi).map(measured_by));
        (one != two).then(|| "both runs measured it in another way".to_owned())
    }

    fn comparison(
        &self,
        windows: [&[WindowValue]; 2],
        kpi: &str,
        margin: &KpiMargin,
        aligned: &mut Aligned,
    ) -> Comparison {
        let definition = &self.runs[1].kpis[kpi];
        let ranges = self.kept(&aligned.series, &mut aligned.notes);
        if margin.better == Better::Lower
            && is_sparse(&aligned.series)
            && let Some(counter) = Counter::of(definition, self.runs[1].window_ms)
        {
            aligned.rate_factor = counter.factor;
            let arms = [0, 1].map(|at| {
                let events = self.runs[at].on_grid(windows[at], |window| counter.events(window));
                let (events, exposure) =
                    events[ranges[at].clone()].iter().map(|one| one.unwrap_or(HOLE)).unzip();
                EventSeries::new(events, exposure)
            });
            let is_attempts = counter.is_attempts;
            return Comparison::Events { arms, margin: margin.margin / counter.factor, is_attempts };
        }
        let sign = margin.better.sign();
        let arm = |at: usize| {
            let values = aligned.series[at][ranges[at].clone()].iter();
            Arm::new(values.map(|value| value.map_or(f64::NAN, |value| value * sign)).collect())
        };
        let differences = match self.concurrency {
            Concurrency::Paired => Some(self.differences(windows, sign)),
            Concurrency::Overlapping | Concurrency::Apart => None,
        };
        let is_censored = aligned.open > 0;
        Comparison::Series(Box::new(Series {
            arms: [arm(0), arm(1)],
            differences,
            margins: margin.margins(),
            is_censored,
        }))
    }

    /// Candidate less baseline at each step that both have, on the grid of the baseline.
    fn differences(&self, windows: [&[WindowValue]; 2], sign: f64) -> Vec<f64> {
        let run = &self.runs[0];
        let mut grid: Vec<f64> = Vec::new();
        for (one, two) in self.common() {
            let place = run.place(run.starts_ms[one], run.begin_ms());
            grid.resize(usize::try_from(place).unwrap_or_default().max(grid.len()), f64::NAN);
            let value = |arm: usize, at: usize| windows[arm].get(at).and_then(known);
            let difference = value(0, one).zip(value(1, two)).map(|(one, two)| sign * (two - one));
            grid.push(difference.unwrap_or(f64::NAN));
        }
        grid
    }

    /// What is kept of each run: of one that is much longer the stretch that is nearest in time to the other.
    fn kept(&self, series: &[Vec<Option<f64>>; 2], notes: &mut Vec<String>) -> [Range<usize>; 2] {
        let lengths = [series[0].len(), series[1].len()];
        let mut ranges = lengths.map(|length| 0..length);
        if self.concurrency == Concurrency::Paired {
            return ranges;
        }
        let long = usize::from(lengths[1] > lengths[0]);
        let most = MOST_LENGTHS * lengths[1 - long];
        if lengths[long] > most {
            let (run, other) = (&self.runs[long], &self.runs[1 - long]);
            let middle_ms = i64::midpoint(other.begin_ms(), other.end_ms());
            let middle = usize::try_from(run.place(middle_ms, run.begin_ms())).unwrap_or_default();
            let begin = middle.saturating_sub(most / 2).min(lengths[long] - most);
            ranges[long] = begin..begin + most;
            let arm = ["baseline", "candidate"][long];
            let text =
                format!("of the {arm}, which is longer, the {most} windows nearest to the other run count");
            notes.push(text);
        }
        ranges
    }
}

/// A slice of which nothing is known.
const HOLE: (f64, f64) = (f64::NAN, f64::NAN);

/// What makes two definitions of a figure give the same values of the same samples.
fn measured_by(definition: &KpiDefinition) -> (serde_json::Value, &str, u64, Option<&str>) {
    let measure = serde_json::to_value(&definition.measure).unwrap_or_default();
    (measure, &definition.unit, definition.factor().to_bits(), definition.promql.as_deref())
}

/// Whether at least half of the known windows of a run are 0: a series of them says little.
fn is_sparse(series: &[Vec<Option<f64>>; 2]) -> bool {
    series.iter().any(|windows| {
        let known = windows.iter().flatten();
        2 * known.clone().filter(|value| **value == 0.0).count() >= known.count().max(1)
    })
}

/// What a figure counts.
struct Counter {
    /// Whether events are counted among attempts, else over time.
    is_attempts: bool,
    /// Events of a window for each of its value, where the value is a rate or an increase.
    events_per_value: f64,
    window_secs: f64,
    /// What a rate of events is multiplied by to be in the unit of the figure.
    factor: f64,
}

impl Counter {
    /// None of a figure that is no count, or whose values a query gave.
    fn of(definition: &KpiDefinition, window_ms: i64) -> Option<Self> {
        let (window_secs, scale) = (window_ms as f64 / 1e3, definition.factor());
        let over_time = |secs: f64| Self {
            is_attempts: false,
            events_per_value: window_secs / secs / scale,
            window_secs,
            factor: scale * secs,
        };
        if definition.promql.is_some() {
            return None;
        }
        match &definition.measure {
            Measure::Ratio { .. } => {
                Some(Self { is_attempts: true, events_per_value: 0.0, window_secs, factor: scale })
            }
            Measure::Rate { per, .. } => Some(over_time(per.secs())),
            Measure::Increase { .. } | Measure::Restarts => Some(over_time(window_secs)),
            Measure::Gauge { .. } | Measure::Quantile { .. } => None,
        }
    }

    /// Events and exposure of a window.
    fn events(&self, window: &WindowValue) -> Option<(f64, f64)> {
        let value = known(window)?;
        if self.is_attempts {
            return Some((window.hits? as f64, window.n as f64));
        }
        Some(((value * self.events_per_value).round(), self.window_secs))
    }
}

#[cfg(test)]
mod tests;
