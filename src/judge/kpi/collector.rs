//! Samples to figures, in one pass and constant memory: counters with resets, gauges, histograms, and at
//! every scrape whether what a figure needs was really there.

use super::quantile::{Bucket, Quantile, Unknown, quantile};
use super::{Definition, Knowledge, Measure, Measurement, Member, Reduce};
use std::collections::BTreeMap;

/// A registered series.
pub(crate) type SeriesId = u32;

/// Name of the member when nothing tells members apart.
pub const WHOLE: &str = "all";

/// Collects the samples of one window after the other.
#[derive(Debug)]
pub struct Collector {
    kpis: Vec<(String, Definition)>,
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
    simulated: bool,
}

#[derive(Debug)]
struct Series {
    uses: Vec<Use>,
    member: usize,
    counter: Option<(i64, f64)>,
    last_ms: i64,
}

#[derive(Clone, Debug)]
struct Use {
    kpi: usize,
    role: Role,
    /// Which selectors of the figure mean the series.
    selectors: Box<[usize]>,
}

#[derive(Clone, Debug)]
enum Role {
    Gauge,
    /// A counter above the line.
    Above,
    /// A counter below the line.
    Below,
    /// A counter that is above and below.
    Both,
    Bucket(f64),
    Param(String),
    Simulated,
}

/// What one figure of one member has gathered.
#[derive(Clone, Debug, Default)]
struct Cell {
    /// Usable samples of the current scrape, for each selector of the figure.
    seen: Vec<u32>,
    /// A sample of the current scrape cannot be used.
    bad: bool,
    points: u32,
    most: u32,
    resets: u32,
    /// Gauges: the current scrape over its series.
    across: Option<f64>,
    across_count: u32,
    over: Option<f64>,
    /// Increases of the window, above the line and below it.
    grown: [f64; 2],
    /// The earliest begin of what counters of the current scrape grew by.
    grown_from_ms: Option<i64>,
    /// The end of what counters grew by so far, and how much time of the window lies in it, each moment once.
    grown_until_ms: Option<i64>,
    grown_ms: i64,
    /// Histograms: increase and number of series by bound.
    buckets: Vec<(f64, f64, u32)>,
}

impl Collector {
    /// A collector for these figures. `interval_ms` is the distance between scrapes.
    pub fn new(
        kpis: Vec<(String, Definition)>,
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
            simulated: false,
        };
        if collector.group_by.is_none() {
            collector.member(WHOLE);
        }
        collector
    }

    /// Names a member that must be there: where it shows nothing, nothing is known of it.
    pub fn expect_member(&mut self, name: &str) {
        self.member(name);
    }

    fn member(&mut self, name: &str) -> usize {
        if let Some(index) = self.members.get(name) {
            return *index;
        }
        let index = self.cells.len();
        self.members.insert(name.to_owned(), index);
        let cell = |(_, definition): &(String, Definition)| Cell {
            seen: vec![0; definition.measure.selectors().len()],
            ..Cell::default()
        };
        self.cells.push(self.kpis.iter().map(cell).collect());
        self.params.push(BTreeMap::new());
        index
    }

    /// Makes a series known; where it is never used its samples cost nothing.
    pub fn register(&mut self, name: &str, labels: &BTreeMap<String, String>) -> SeriesId {
        let member = match &self.group_by {
            None => Some(0),
            Some(label) => labels.get(label).cloned().map(|value| self.member(&value)),
        };
        let mut uses = self.uses(name, labels);
        if member.is_none() {
            // A series that belongs to nobody still says that its process is a simulation.
            uses.retain(|one| matches!(one.role, Role::Simulated));
        }
        let id = SeriesId::try_from(self.series.len()).expect("fewer than 2^32 series");
        self.series.push(Series { uses, member: member.unwrap_or(0), counter: None, last_ms: i64::MIN });
        id
    }

    fn uses(&self, name: &str, labels: &BTreeMap<String, String>) -> Vec<Use> {
        let mut uses = Vec::new();
        let mut of_all = |role| uses.push(Use { kpi: 0, role, selectors: Box::default() });
        if name == "mm_param"
            && let Some(param) = labels.get("name")
        {
            of_all(Role::Param(param.clone()));
        }
        if name == "mm_simulated" {
            of_all(Role::Simulated);
        }
        for (kpi, (_, definition)) in self.kpis.iter().enumerate() {
            let all = definition.measure.selectors();
            let selectors: Box<[usize]> =
                (0..all.len()).filter(|index| all[*index].matches(name, labels)).collect();
            if selectors.is_empty() {
                continue;
            }
            let role = match &definition.measure {
                Measure::Gauge { .. } => Role::Gauge,
                Measure::Rate { .. } | Measure::Increase { .. } => Role::Above,
                Measure::Ratio { of, .. } => {
                    match (selectors[0] < of.len(), selectors[selectors.len() - 1] >= of.len()) {
                        (true, true) => Role::Both,
                        (true, false) => Role::Above,
                        (false, _) => Role::Below,
                    }
                }
                // A bucket whose bound is no number makes every scrape of the figure unusable.
                Measure::Quantile { .. } => {
                    Role::Bucket(labels.get("le").and_then(|le| le.parse().ok()).unwrap_or(f64::NAN))
                }
            };
            uses.push(Use { kpi, role, selectors });
        }
        uses
    }

    /// Begins a scrape at a time; its samples follow.
    pub fn begin_scrape(&mut self, at_ms: i64) {
        self.now_ms = at_ms;
    }

    /// Takes a sample of the current scrape. A series counts once in a scrape.
    pub fn sample(&mut self, id: SeriesId, value: f64) {
        let series = &mut self.series[id as usize];
        if series.last_ms >= self.now_ms || series.uses.is_empty() {
            return;
        }
        series.last_ms = self.now_ms;
        let mut grown = None;
        let usable = value.is_finite();
        let mut reset = false;
        for one in &series.uses {
            match &one.role {
                Role::Param(name) => {
                    if usable {
                        self.params[series.member].insert(name.clone(), value);
                    }
                    continue;
                }
                Role::Simulated => {
                    self.simulated |= value != 0.0;
                    continue;
                }
                Role::Gauge => {
                    let cell = &mut self.cells[series.member][one.kpi];
                    if !usable {
                        cell.bad = true;
                        continue;
                    }
                    let Measure::Gauge { across, .. } = &self.kpis[one.kpi].1.measure else { continue };
                    cell.across = Some(reduce(*across, cell.across, value));
                    cell.across_count += 1;
                    cell.see(&one.selectors);
                    continue;
                }
                Role::Above | Role::Below | Role::Both | Role::Bucket(_) => {}
            }
            let cell = &mut self.cells[series.member][one.kpi];
            if !usable || value < 0.0 {
                cell.bad = true;
                continue;
            }
            let increase = *grown.get_or_insert_with(|| {
                let before = series.counter.replace((self.now_ms, value));
                let (at, before) = before.filter(|(at, _)| self.now_ms - at <= self.max_gap_ms)?;
                debug_assert!(at < self.now_ms);
                reset = value < before;
                Some((if reset { value } else { value - before }, at))
            });
            // The first sample of a pair shows nothing yet.
            let Some((increase, from_ms)) = increase else { continue };
            cell.resets += u32::from(reset);
            cell.grown_from_ms = Some(cell.grown_from_ms.map_or(from_ms, |known| known.min(from_ms)));
            match one.role {
                Role::Above => cell.grown[0] += increase,
                Role::Below => cell.grown[1] += increase,
                Role::Both => cell.grown.iter_mut().for_each(|grown| *grown += increase),
                Role::Bucket(bound) if bound.is_nan() => cell.bad = true,
                Role::Bucket(bound) => cell.bucket(bound, increase),
                Role::Gauge | Role::Param(_) | Role::Simulated => {}
            }
            // The bucket without bound stands for its histogram; the others are told apart at the end.
            if !matches!(one.role, Role::Bucket(bound) if bound != f64::INFINITY) {
                cell.see(&one.selectors);
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
    pub fn fail_scrape(&mut self, reason: &str) {
        if self.failures.len() < 8 && !self.failures.iter().any(|known| known == reason) {
            self.failures.push(reason.to_owned());
        }
    }

    /// Whether any sample said that its process is a simulation.
    pub fn saw_simulation(&self) -> bool {
        self.simulated
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

fn reduce(how: Reduce, known: Option<f64>, value: f64) -> f64 {
    match (how, known) {
        (_, None) | (Reduce::Last, _) => value,
        (Reduce::Max, Some(known)) => known.max(value),
        (Reduce::Min, Some(known)) => known.min(value),
        (Reduce::Mean | Reduce::Sum, Some(known)) => known + value,
    }
}

impl Cell {
    fn see(&mut self, selectors: &[usize]) {
        for selector in selectors {
            self.seen[*selector] += 1;
        }
    }

    fn bucket(&mut self, bound: f64, increase: f64) {
        match self.buckets.iter_mut().find(|(known, ..)| *known >= bound) {
            Some((known, grown, series)) if known.to_bits() == bound.to_bits() => {
                *grown += increase;
                *series += 1;
            }
            _ => {
                let at = self.buckets.partition_point(|(known, ..)| *known < bound);
                self.buckets.insert(at, (bound, increase, 1));
            }
        }
    }

    fn end_scrape(&mut self, definition: &Definition, now_ms: i64) {
        self.most = self.seen.iter().copied().fold(self.most, u32::max);
        let enough = self.seen.iter().all(|seen| *seen >= definition.series.min);
        if let (Some(value), Measure::Gauge { over, across, .. }) = (self.across, &definition.measure)
            && enough
            && !self.bad
        {
            let value = if *across == Reduce::Mean { value / f64::from(self.across_count) } else { value };
            self.over = Some(reduce(*over, self.over, value));
        }
        if enough && !self.bad {
            self.points += 1;
        }
        if let Some(from_ms) = self.grown_from_ms.take() {
            // What another counter covers already is no further time.
            let from_ms = self.grown_until_ms.map_or(from_ms, |until_ms| until_ms.max(from_ms));
            self.grown_ms += now_ms - from_ms;
            self.grown_until_ms = Some(now_ms);
        }
        self.seen.fill(0);
        self.bad = false;
        self.across = None;
        self.across_count = 0;
    }

    /// The finished cell; an empty one stays, with the bounds of its buckets.
    fn take(&mut self) -> Self {
        let buckets = self.buckets.iter().map(|(bound, ..)| (*bound, 0.0, 0)).collect();
        let seen = vec![0; self.seen.len()];
        let grown_until_ms = self.grown_until_ms;
        std::mem::replace(self, Self { seen, grown_until_ms, buckets, ..Self::default() })
    }

    fn measure(
        &self,
        definition: &Definition,
        expected: u32,
        source: &str,
        failure: Option<&str>,
    ) -> Measurement {
        let unit = &definition.unit;
        let unknown = |state, reason: &str| {
            let mut measured = Measurement::unknown(state, unit, expected, source, reason);
            measured.points = self.points;
            measured.coverage = f64::from(self.points) / f64::from(expected.max(1));
            measured
        };
        if self.most > definition.series.max {
            let reason = format!("{} series, at most {} are expected", self.most, definition.series.max);
            return unknown(Knowledge::ToolError, &reason);
        }
        if self.points == 0 {
            return match failure {
                Some(failure) => unknown(Knowledge::ToolError, failure),
                None => unknown(Knowledge::NoData, "no usable sample"),
            };
        }
        let points = f64::from(self.points);
        let whole = |value: f64| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a count, never negative"
            )]
            let whole = value as u64;
            whole
        };
        let (value, beyond, n) = match &definition.measure {
            Measure::Gauge { over, .. } => {
                let value = self.over.map(|value| if *over == Reduce::Mean { value / points } else { value });
                (value, false, u64::from(self.points))
            }
            Measure::Ratio { .. } if self.grown[1] <= 0.0 => {
                return unknown(Knowledge::NoData, "no event in the window, so there is no ratio");
            }
            Measure::Ratio { .. } => (Some(self.grown[0] / self.grown[1]), false, whole(self.grown[1])),
            Measure::Rate { per, .. } => {
                let value = self.grown[0] / (self.grown_ms as f64 / 1e3) * per.secs();
                (Some(value), false, u64::from(self.points))
            }
            Measure::Increase { .. } => (Some(self.grown[0]), false, u64::from(self.points)),
            Measure::Quantile { q, .. } => match quantile_of(&self.buckets, *q) {
                Ok((value, beyond, n)) => (Some(value), beyond, whole(n)),
                Err((state, reason)) => return unknown(state, &reason),
            },
        };
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return unknown(Knowledge::NoData, "the value is no finite number");
        };
        let coverage = points / f64::from(expected.max(1));
        let partial = coverage < definition.min_coverage;
        let reason = partial.then(|| {
            let lost = format!("{} of {expected} points", self.points);
            failure.map_or_else(|| lost.clone(), |failure| format!("{lost}: {failure}"))
        });
        Measurement {
            value: Some(value),
            beyond,
            unit: unit.clone(),
            n,
            points: self.points,
            expected,
            coverage,
            state: if partial { Knowledge::Partial } else { Knowledge::Measured },
            resets: self.resets,
            source: source.to_owned(),
            reason,
        }
    }
}

/// The quantile of bucket increases in ascending order of their bounds, and the number of events. Beyond the
/// last finite bound it is only known to be at least that bound.
fn quantile_of(buckets: &[(f64, f64, u32)], q: f64) -> Result<(f64, bool, f64), (Knowledge, String)> {
    let (_, total, series) = buckets.last().copied().unwrap_or_default();
    if buckets.iter().any(|(_, _, count)| *count != series) {
        let reason = "a bucket is missing at a scrape, or histograms differ in bounds";
        return Err((Knowledge::ToolError, reason.to_owned()));
    }
    let bucket = |(upper, count, _): &(f64, f64, u32)| Bucket { upper: *upper, count: *count };
    let cumulative: Vec<Bucket> = buckets.iter().map(bucket).collect();
    match quantile(&cumulative, q) {
        Ok(Quantile::At(value)) => Ok((value, false, total)),
        Ok(Quantile::Beyond(bound)) => Ok((bound, true, total)),
        Err(unknown @ (Unknown::NoBuckets | Unknown::NoEvents)) => {
            Err((Knowledge::NoData, unknown.to_string()))
        }
        Err(unknown) => Err((Knowledge::ToolError, unknown.to_string())),
    }
}

#[cfg(test)]
mod tests;
