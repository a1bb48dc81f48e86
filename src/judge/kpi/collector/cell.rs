//! What one figure of one member has gathered in a window, and the measurement that comes of it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::kpi::quantile::{Bucket, Quantile, Unknown, quantile};
use crate::judge::kpi::{DataState, KpiDefinition, Measure, Measurement, Reducer};

/// What one figure of one member has gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    /// Usable samples of the current scrape, for each selector of the figure.
    seen: Vec<u32>,
    /// A sample of the current scrape cannot be used.
    is_unusable: bool,
    points: u32,
    most_series: u32,
    resets: u32,
    /// Gauges: the current scrape over its series.
    across: Option<f64>,
    across_count: u32,
    over: Option<f64>,
    /// Increases of the window, above the line and below it.
    numerator: f64,
    denominator: f64,
    /// The earliest begin of what counters of the current scrape grew by.
    increase_from_ms: Option<i64>,
    /// The end of what counters grew by so far, and how much time of the window lies in it, each moment once.
    covered_until_ms: Option<i64>,
    covered_ms: i64,
    buckets: Vec<BucketIncrease>,
}

/// What the buckets with one bound grew by in a window.
#[derive(Clone, Copy, Debug, Default)]
struct BucketIncrease {
    upper: f64,
    count: f64,
    /// Samples that were added up: as many for each bound, or a bucket was missing.
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
        Self { seen: vec![0; definition.measure.selectors().len()], ..Self::default() }
    }

    /// A sample cannot be used, so the scrape is no point of the figure.
    pub(super) fn reject_scrape(&mut self) {
        self.is_unusable = true;
    }

    /// Takes a gauge that some of the figure's selectors mean.
    pub(super) fn gauge(&mut self, across: Reducer, selectors: &[usize], value: f64) {
        if !value.is_finite() {
            self.reject_scrape();
            return;
        }
        self.across = Some(reduce(across, self.across, value));
        self.across_count += 1;
        self.count(selectors);
    }

    /// Takes what a counter grew by.
    pub(super) fn increase(&mut self, role: CounterRole, selectors: &[usize], increase: Increase) {
        let Increase { by, from_ms, is_reset } = increase;
        self.resets += u32::from(is_reset);
        self.increase_from_ms = Some(self.increase_from_ms.map_or(from_ms, |known| known.min(from_ms)));
        match role {
            CounterRole::Numerator => self.numerator += by,
            CounterRole::Denominator => self.denominator += by,
            CounterRole::Both => {
                self.numerator += by;
                self.denominator += by;
            }
            CounterRole::Bucket(upper) if upper.is_nan() => {
                self.reject_scrape();
                return;
            }
            CounterRole::Bucket(upper) => {
                let at = self.buckets.partition_point(|known| known.upper < upper);
                if self.buckets.get(at).is_none_or(|known| known.upper.to_bits() != upper.to_bits()) {
                    self.buckets.insert(at, BucketIncrease { upper, ..BucketIncrease::default() });
                }
                self.buckets[at].count += by;
                self.buckets[at].samples += 1;
                // The bucket without bound stands for its histogram; the others are told apart at the end.
                if upper != f64::INFINITY {
                    return;
                }
            }
        }
        self.count(selectors);
    }

    fn count(&mut self, selectors: &[usize]) {
        for selector in selectors {
            self.seen[*selector] += 1;
        }
    }

    pub(super) fn end_scrape(&mut self, definition: &KpiDefinition, now_ms: i64) {
        self.most_series = self.seen.iter().copied().fold(self.most_series, u32::max);
        let is_point = !self.is_unusable && self.seen.iter().all(|seen| *seen >= definition.series.min);
        if let (Some(value), Measure::Gauge { over, across, .. }, true) =
            (self.across, &definition.measure, is_point)
        {
            let value = if *across == Reducer::Mean { value / f64::from(self.across_count) } else { value };
            self.over = Some(reduce(*over, self.over, value));
        }
        self.points += u32::from(is_point);
        if let Some(from_ms) = self.increase_from_ms.take() {
            // What another counter covers already is no further time.
            let from_ms = self.covered_until_ms.map_or(from_ms, |until_ms| until_ms.max(from_ms));
            self.covered_ms += now_ms - from_ms;
            self.covered_until_ms = Some(now_ms);
        }
        self.seen.fill(0);
        self.is_unusable = false;
        self.across = None;
        self.across_count = 0;
    }

    /// The finished cell; an empty one stays, with the bounds of its buckets.
    pub(super) fn take(&mut self) -> Self {
        let empty = |bucket: &BucketIncrease| BucketIncrease { upper: bucket.upper, ..Default::default() };
        let fresh = Self {
            seen: vec![0; self.seen.len()],
            covered_until_ms: self.covered_until_ms,
            buckets: self.buckets.iter().map(empty).collect(),
            ..Self::default()
        };
        std::mem::replace(self, fresh)
    }

    /// The measurement of a window that should have had so many points; `failure` is why a scrape is missing.
    pub(super) fn measure(
        &self,
        definition: &KpiDefinition,
        expected: u32,
        source: &str,
        failure: Option<&str>,
    ) -> Measurement {
        let unit = &definition.unit;
        let coverage = f64::from(self.points) / f64::from(expected.max(1));
        let unknown = |state, reason: &str| Measurement {
            points: self.points,
            coverage,
            ..Measurement::unknown(state, unit, expected, source, reason)
        };
        if self.most_series > definition.series.max {
            let (found, most) = (self.most_series, definition.series.max);
            return unknown(DataState::ToolError, &format!("{found} series, at most {most} are expected"));
        }
        if self.points == 0 {
            return match failure {
                Some(failure) => unknown(DataState::ToolError, failure),
                None => unknown(DataState::NoData, "no usable sample"),
            };
        }
        let Estimate { value, beyond, n } = match self.estimate(&definition.measure) {
            Ok(estimate) => estimate,
            Err((state, reason)) => return unknown(state, &reason),
        };
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return unknown(DataState::NoData, "the value is no finite number");
        };
        let is_partial = coverage < definition.min_coverage;
        let reason = is_partial.then(|| {
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
            state: if is_partial { DataState::Partial } else { DataState::Measured },
            resets: self.resets,
            source: source.to_owned(),
            reason,
        }
    }

    fn estimate(&self, measure: &Measure) -> Result<Estimate, (DataState, String)> {
        let points = u64::from(self.points);
        let of_points = |value| Ok(Estimate { value, beyond: false, n: points });
        match measure {
            Measure::Gauge { over, .. } => {
                let mean = |value: f64| if *over == Reducer::Mean { value / points as f64 } else { value };
                of_points(self.over.map(mean))
            }
            Measure::Ratio { .. } if self.denominator <= 0.0 => {
                Err((DataState::NoData, "no event in the window, so there is no ratio".to_owned()))
            }
            Measure::Ratio { .. } => {
                let value = Some(self.numerator / self.denominator);
                Ok(Estimate { value, beyond: false, n: whole(self.denominator) })
            }
            Measure::Rate { per, .. } => {
                of_points(Some(self.numerator / (self.covered_ms as f64 / 1e3) * per.secs()))
            }
            Measure::Increase { .. } => of_points(Some(self.numerator)),
            Measure::Quantile { q, .. } => self.quantile(*q),
        }
    }

    /// A quantile of the bucket increases. Beyond the last finite bound it is only known to be at least that
    /// bound.
    fn quantile(&self, q: f64) -> Result<Estimate, (DataState, String)> {
        let all = self.buckets.last().copied().unwrap_or_default();
        if self.buckets.iter().any(|bucket| bucket.samples != all.samples) {
            let reason = "a bucket is missing at a scrape, or histograms differ in bounds";
            return Err((DataState::ToolError, reason.to_owned()));
        }
        let bucket = |bucket: &BucketIncrease| Bucket { upper: bucket.upper, count: bucket.count };
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
        Ok(Estimate { value: Some(value), beyond, n: whole(all.count) })
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

fn reduce(how: Reducer, known: Option<f64>, value: f64) -> f64 {
    match (how, known) {
        (_, None) | (Reducer::Last, _) => value,
        (Reducer::Max, Some(known)) => known.max(value),
        (Reducer::Min, Some(known)) => known.min(value),
        (Reducer::Mean | Reducer::Sum, Some(known)) => known + value,
    }
}
