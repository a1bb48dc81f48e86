//! What one figure of one member has gathered in a window, and the measurement that comes of it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::kpi::quantile::{Bucket, Quantile, Unknown, quantile};
use crate::judge::kpi::{DataState, KpiDefinition, Measure, Measurement, Piece, Reducer};
use crate::judge::statistics::Sum;
use smallvec::{SmallVec, smallvec};

/// Lives in one window that are told apart.
const MOST_LIVES: usize = 100;

/// What one figure of one member has gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Usable samples of the current scrape, for each selector of the figure.
    seen: SmallVec<[u32; 4]>,
    /// A sample of the current scrape cannot be used.
    is_unusable: bool,
    /// Why the first scrape of the window that was no point is none.
    rejected: Option<Box<str>>,
    /// Why the series cannot be what the figure measures.
    contradiction: Option<Box<str>>,
    points: u32,
    most_series: u32,
    resets: u32,
    is_reset: bool,
    /// Gauges: the current scrape over its series.
    across: Option<Over>,
    /// The points of the window, and of each life of the process in it.
    over: Over,
    lives: Vec<Over>,
    /// Increases of the window, above the line and below it.
    numerator: Sum,
    denominator: Sum,
    /// What counters grew by since the last scrape that showed all of them, and the earliest begin of it: figures of
    /// several counters compare what these did in the same time.
    pending: Pending,
    /// A counter of the current scrape has nothing to be compared with.
    is_unpaired: bool,
    /// When that was so last: what another counter grew by since before then is compared with nothing either.
    unpaired_ms: Option<i64>,
    /// The end of what counters grew by so far, and how much time of the window lies in it, each moment once.
    covered_until_ms: Option<i64>,
    covered_ms: i64,
    buckets: Vec<BucketIncrease>,
}

/// Values that become one.
#[derive(Clone, Copy, Debug, Default)]
struct Over {
    count: u32,
    first: f64,
    last: f64,
    most: f64,
    least: f64,
    sum: Sum,
}

impl Over {
    fn add(&mut self, value: f64) {
        if self.count == 0 {
            (self.first, self.most, self.least) = (value, value, value);
        }
        self.last = value;
        self.most = self.most.max(value);
        self.least = self.least.min(value);
        self.sum.add(value);
        self.count += 1;
    }

    fn value(&self, how: Reducer) -> Option<f64> {
        let value = match how {
            Reducer::Max => self.most,
            Reducer::Min => self.least,
            Reducer::Mean => self.sum.value() / f64::from(self.count),
            Reducer::Sum => self.sum.value(),
            Reducer::Last => self.last,
        };
        (self.count > 0).then_some(value)
    }

    fn piece(&self, how: Reducer, factor: f64) -> Piece {
        let rise = (self.count > 0).then_some((self.last - self.first) * factor);
        Piece { value: self.value(how).map(|value| value * factor), rise, points: self.count }
    }
}

/// A window of a figure as far as it does not depend on samples.
#[derive(Clone, Copy)]
pub(super) struct Unmeasured<'a> {
    pub(super) definition: &'a KpiDefinition,
    /// Points that should be there.
    pub(super) expected: u32,
    pub(super) source: &'a str,
    /// Why a scrape is missing.
    pub(super) failure: Option<&'a str>,
}

impl Unmeasured<'_> {
    pub(super) fn because(&self, state: DataState, reason: &str) -> Measurement {
        Measurement::unknown(state, &self.definition.unit, self.expected, self.source, reason)
    }

    /// A value that so many points have given. With too few of them something that is counted may have been more.
    pub(super) fn measured(&self, points: u32, n: u64, value: f64) -> Measurement {
        let coverage = f64::from(points) / f64::from(self.expected.max(1));
        let is_partial = coverage < self.definition.min_coverage;
        let is_count = matches!(self.definition.measure, Measure::Increase { .. } | Measure::Restarts);
        let reason = is_partial.then(|| {
            let lost = format!("{points} of {} points", self.expected);
            self.failure.map_or_else(|| lost.clone(), |failure| format!("{lost}: {failure}"))
        });
        Measurement {
            value: Some(value * self.definition.factor()),
            beyond: is_partial && is_count,
            unit: self.definition.unit.clone(),
            n,
            hits: None,
            points,
            expected: self.expected,
            coverage,
            state: if is_partial { DataState::Partial } else { DataState::Measured },
            resets: 0,
            pieces: Vec::new(),
            source: self.source.to_owned(),
            reason,
        }
    }
}

/// Increases that wait for the other counters of the figure.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    numerator: f64,
    denominator: f64,
    from_ms: Option<i64>,
}

/// What the buckets with one bound grew by in a window.
#[derive(Clone, Copy, Debug, Default)]
struct BucketIncrease {
    upper: f64,
    counted: BucketCount,
    pending: BucketCount,
}

/// Events, and samples that were added up: as many for each bound, or a bucket was missing.
#[derive(Clone, Copy, Debug, Default)]
struct BucketCount {
    events: f64,
    samples: u32,
}

/// What a counter is in a figure.
#[derive(Clone, Copy, Debug)]
pub(super) enum CounterRole {
    Numerator,
    Denominator,
    Both,
    /// With this upper bound. One that is no number makes every scrape of the figure unusable.
    Bucket(f64),
}

/// What a counter grew by since the sample before, and when that was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Increase {
    pub(super) by: f64,
    pub(super) from_ms: i64,
    pub(super) is_reset: bool,
}

impl Cell {
    pub(super) fn new(definition: &KpiDefinition) -> Self {
        Self { seen: smallvec![0; definition.measure.selectors().len()], ..Self::default() }
    }

    /// A sample cannot be used, so the scrape is no point of the figure.
    pub(super) fn reject_scrape(&mut self, reason: Option<&dyn Fn() -> String>) {
        self.is_unusable = true;
        if let Some(reason) = reason
            && self.rejected.is_none()
        {
            self.rejected = Some(reason().into());
        }
    }

    /// What the figure reads is something else.
    pub(super) fn contradict(&mut self, reason: &str) {
        if self.contradiction.is_none() {
            self.contradiction = Some(reason.into());
        }
    }

    /// The process was started anew before the current scrape.
    pub(super) fn begin_life(&mut self) {
        if self.lives.is_empty() {
            self.lives.push(self.over);
        }
        if self.lives.len() < MOST_LIVES {
            self.lives.push(Over::default());
        }
    }

    /// Takes a gauge that some of the figure's selectors mean.
    pub(super) fn gauge(&mut self, selectors: &[u32], value: f64) {
        if !value.is_finite() {
            self.reject_scrape(None);
            return;
        }
        self.across.get_or_insert_default().add(value);
        self.count(selectors);
    }

    /// Takes what a counter grew by.
    pub(super) fn increase(&mut self, role: CounterRole, selectors: &[u32], increase: Increase) {
        let Increase { by, from_ms, is_reset } = increase;
        self.is_reset |= is_reset;
        self.is_unpaired |= self.unpaired_ms.is_some_and(|unpaired_ms| from_ms < unpaired_ms);
        let pending = &mut self.pending;
        pending.from_ms = Some(pending.from_ms.map_or(from_ms, |known| known.min(from_ms)));
        match role {
            CounterRole::Numerator => pending.numerator += by,
            CounterRole::Denominator => pending.denominator += by,
            CounterRole::Both => {
                pending.numerator += by;
                pending.denominator += by;
            }
            CounterRole::Bucket(upper) if upper.is_nan() => {
                self.reject_scrape(Some(&|| "the bound `le` of a bucket is no number".to_owned()));
                return;
            }
            CounterRole::Bucket(upper) => {
                let at = self.buckets.partition_point(|known| known.upper < upper);
                if self.buckets.get(at).is_none_or(|known| known.upper.to_bits() != upper.to_bits()) {
                    self.buckets.insert(at, BucketIncrease { upper, ..BucketIncrease::default() });
                }
                self.buckets[at].pending.events += by;
                self.buckets[at].pending.samples += 1;
                // The bucket without bound stands for its histogram; the others are told apart at the end.
                if upper != f64::INFINITY {
                    return;
                }
            }
        }
        self.count(selectors);
    }

    fn count(&mut self, selectors: &[u32]) {
        for selector in selectors {
            self.seen[*selector as usize] += 1;
        }
    }

    pub(super) fn end_scrape(&mut self, definition: &KpiDefinition, now_ms: i64) {
        self.most_series = self.seen.iter().copied().fold(self.most_series, u32::max);
        let is_point = !self.is_unusable && self.seen.iter().all(|seen| *seen >= definition.series.min);
        if let (Some(across), Measure::Gauge { across: how, .. }, true) =
            (self.across, &definition.measure, is_point)
            && let Some(value) = across.value(*how)
        {
            self.over.add(value);
            if let Some(life) = self.lives.last_mut() {
                life.add(value);
            }
        }
        if std::mem::take(&mut self.is_unpaired) {
            match &definition.measure {
                Measure::Ratio { .. } | Measure::Quantile { .. } => {
                    self.forget_pending();
                    self.unpaired_ms = Some(now_ms);
                }
                // What is only added up loses nothing that was seen.
                Measure::Rate { .. }
                | Measure::Increase { .. }
                | Measure::Gauge { .. }
                | Measure::Restarts => {
                    self.count_pending(now_ms);
                }
            }
        } else if is_point {
            self.points += 1;
            self.count_pending(now_ms);
        }
        self.resets += u32::from(std::mem::take(&mut self.is_reset));
        self.seen.fill(0);
        self.is_unusable = false;
        self.across = None;
    }

    fn count_pending(&mut self, now_ms: i64) {
        let pending = std::mem::take(&mut self.pending);
        // Whatever waits has a begin; where nothing does, the sums need not be looked at.
        let Some(from_ms) = pending.from_ms else { return };
        self.numerator.add(pending.numerator);
        self.denominator.add(pending.denominator);
        for bucket in &mut self.buckets {
            let pending = std::mem::take(&mut bucket.pending);
            bucket.counted.events += pending.events;
            bucket.counted.samples += pending.samples;
        }
        // What another counter covers already is no further time.
        let from_ms = self.covered_until_ms.map_or(from_ms, |until_ms| until_ms.max(from_ms));
        self.covered_ms += now_ms - from_ms;
        self.covered_until_ms = Some(now_ms);
    }

    /// Of one counter it is not known what it grew by, so the others have nothing to be compared with.
    fn forget_pending(&mut self) {
        self.pending = Pending::default();
        self.buckets.iter_mut().for_each(|bucket| bucket.pending = BucketCount::default());
    }

    /// A counter of the current scrape has nothing to be compared with.
    pub(super) fn leave_unpaired(&mut self) {
        self.is_unpaired = true;
    }

    /// The finished cell; one that goes on with what waits stays.
    pub(super) fn take(&mut self) -> Self {
        let empty = |bucket: &BucketIncrease| BucketIncrease { counted: BucketCount::default(), ..*bucket };
        let fresh = Self {
            seen: smallvec![0; self.seen.len()],
            pending: self.pending,
            unpaired_ms: self.unpaired_ms,
            covered_until_ms: self.covered_until_ms,
            buckets: self.buckets.iter().map(empty).collect(),
            ..Self::default()
        };
        std::mem::replace(self, fresh)
    }

    /// The measurement of the window.
    pub(super) fn measure(&self, window: &Unmeasured<'_>) -> Measurement {
        let definition = window.definition;
        let unknown = |state, reason: &str| {
            let coverage = f64::from(self.points) / f64::from(window.expected.max(1));
            Measurement { points: self.points, coverage, ..window.because(state, reason) }
        };
        if let Some(contradiction) = &self.contradiction {
            return unknown(DataState::ToolError, contradiction);
        }
        if self.most_series > definition.series.max {
            let (found, most) = (self.most_series, definition.series.max);
            return unknown(DataState::ToolError, &format!("{found} series, at most {most} are expected"));
        }
        // What could not be asked is a fault of the tool, also where a series is missing because of it.
        let state = if window.failure.is_some() { DataState::ToolError } else { DataState::NoData };
        let window = Unmeasured { failure: window.failure.or(self.rejected.as_deref()), ..*window };
        if self.points == 0 {
            return unknown(state, window.failure.unwrap_or("no usable sample"));
        }
        let Estimate { value, beyond, n } = match self.estimate(&definition.measure) {
            Ok(estimate) => estimate,
            Err((state, reason)) => return unknown(state, &reason),
        };
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return unknown(DataState::NoData, "the value is no finite number");
        };
        let measured = window.measured(self.points, n, value);
        Measurement {
            beyond: beyond || measured.beyond,
            hits: self.hits(definition),
            resets: self.resets,
            pieces: self.pieces(definition),
            ..measured
        }
    }

    /// The events above the line, where each of them is one of those below.
    fn hits(&self, definition: &KpiDefinition) -> Option<u64> {
        let (above, below) = (self.numerator.value(), self.denominator.value());
        let is_ratio = matches!(definition.measure, Measure::Ratio { .. });
        // The limits of its gates are those of the share itself.
        let is_plain = definition.unit == "ratio" && definition.from.is_none() && definition.scale.is_none();
        let is_share = is_plain && (0.0..=below).contains(&above) && above.fract() == 0.0;
        (is_ratio && is_share).then(|| whole(above))
    }

    fn pieces(&self, definition: &KpiDefinition) -> Vec<Piece> {
        match &definition.measure {
            Measure::Gauge { over, .. } => {
                self.lives.iter().map(|life| life.piece(*over, definition.factor())).collect()
            }
            Measure::Ratio { .. }
            | Measure::Rate { .. }
            | Measure::Increase { .. }
            | Measure::Quantile { .. }
            | Measure::Restarts => Vec::new(),
        }
    }

    fn estimate(&self, measure: &Measure) -> Result<Estimate, (DataState, String)> {
        let points = u64::from(self.points);
        let of_points = |value| Ok(Estimate { value, beyond: false, n: points });
        match measure {
            Measure::Gauge { over, .. } => of_points(self.over.value(*over)),
            Measure::Ratio { .. } if self.denominator.value() <= 0.0 => {
                Err((DataState::NoData, "no event in the window, so there is no ratio".to_owned()))
            }
            Measure::Ratio { .. } => {
                let value = Some(self.numerator.value() / self.denominator.value());
                Ok(Estimate { value, beyond: false, n: whole(self.denominator.value()) })
            }
            Measure::Rate { per, .. } => {
                of_points(Some(self.numerator.value() / (self.covered_ms as f64 / 1e3) * per.secs()))
            }
            Measure::Increase { .. } => of_points(Some(self.numerator.value())),
            // Counted beside the figures that samples give.
            Measure::Restarts => of_points(None),
            Measure::Quantile { q, .. } => self.quantile(*q),
        }
    }

    /// A quantile of the bucket increases. Beyond the last finite bound it is only known to be at least that
    /// bound.
    fn quantile(&self, q: f64) -> Result<Estimate, (DataState, String)> {
        let all = self.buckets.last().copied().unwrap_or_default();
        if self.buckets.iter().any(|bucket| bucket.counted.samples != all.counted.samples) {
            let reason = "a bucket is missing at a scrape, or histograms differ in bounds";
            return Err((DataState::ToolError, reason.to_owned()));
        }
        let bucket = |bucket: &BucketIncrease| Bucket { upper: bucket.upper, count: bucket.counted.events };
        let cumulative: Vec<Bucket> = self.buckets.iter().map(bucket).collect();
        let (value, beyond) = match quantile(&cumulative, q) {
            Ok(Quantile::At(value)) => (value, false),
            Ok(Quantile::Beyond(bound)) => (bound, true),
            Err(unknown @ (Unknown::NoBuckets | Unknown::NoEvents)) => {
                return Err((DataState::NoData, unknown.to_string()));
            }
            Err(
                unknown @ (Unknown::NoInfinity
                | Unknown::OnlyInfinity
                | Unknown::BadBound
                | Unknown::BadCount { .. }
                | Unknown::Falls { .. }
                | Unknown::BadQuantile),
            ) => return Err((DataState::ToolError, unknown.to_string())),
        };
        Ok(Estimate { value: Some(value), beyond, n: whole(all.counted.events) })
    }
}

/// A value, whether it is only a lower bound, and the observations behind it.
struct Estimate {
    value: Option<f64>,
    beyond: bool,
    n: u64,
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, never negative")]
fn whole(count: f64) -> u64 {
    count as u64
}
