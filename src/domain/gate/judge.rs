//! One gate over the windows of a run.
//!
//! A broken threshold needs known windows; a kept one needs them, enough of the expected points, and enough
//! observations. What is missing never counts for either side.

use super::{Aggregate, Gate, KOfN, Severity};
use crate::domain::kpi::{Knowledge, Measurement};
use crate::domain::verdict::State;
use serde::{Deserialize, Serialize};

/// What one window showed of the gate's figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Number of the window, from 1.
    pub iteration: u32,
    /// The value.
    pub value: Option<f64>,
    /// The value is only known to be at least that.
    pub beyond: bool,
    /// Observations.
    pub n: u64,
    /// Points that were there.
    pub points: u32,
    /// Points that should have been there.
    pub expected: u32,
    /// How much is known.
    pub state: Knowledge,
}

impl Point {
    /// The point of a measurement.
    pub fn of(iteration: u32, measured: &Measurement) -> Self {
        Self {
            iteration,
            value: measured.value,
            beyond: measured.beyond,
            n: measured.n,
            points: measured.points,
            expected: measured.expected,
            state: measured.state,
        }
    }

    /// A window of which nothing is there at all.
    pub fn missing(iteration: u32, expected: u32) -> Self {
        Self {
            iteration,
            value: None,
            beyond: false,
            n: 0,
            points: 0,
            expected: expected.max(1),
            state: Knowledge::NoData,
        }
    }

    /// The value, when it is known well enough to be judged.
    fn known(&self) -> Option<f64> {
        self.value.filter(|value| self.state == Knowledge::Measured && value.is_finite())
    }

    /// Whether what was seen of an incomplete window breaks the gate: too little to say so, too much to call
    /// it kept.
    fn is_suspect(&self, gate: &Gate) -> bool {
        self.state == Knowledge::Partial && self.value.is_some_and(|value| !gate.holds(value))
    }
}

/// The answer of one gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Outcome {
    /// The answer.
    pub state: State,
    /// The value that was judged: the aggregate, or with `every` the worst window.
    pub actual: Option<f64>,
    /// Windows that were judged.
    pub judged: u32,
    /// Windows that should have been judged.
    pub windows: u32,
    /// The part of the expected points that were there, in windows with a value.
    pub coverage: f64,
    /// Observations behind the windows.
    pub n: u64,
    /// Windows that break the threshold by themselves; none where the threshold is not that of one window.
    pub violations: u32,
    /// The first of them.
    pub first_violation: Option<u32>,
    /// The most of them in a row.
    pub longest_streak: u32,
    /// The window at which the gate broke.
    pub tripped_at: Option<u32>,
    /// Why it is not PASS.
    pub reason: Option<String>,
}

/// Judges the windows of a run, in order; `window_secs` is the length of one.
pub fn judge(gate: &Gate, points: &[Point], window_secs: f64) -> Outcome {
    // A value that is only known to be at least some figure says nothing against a lower threshold above it.
    let open = |point: &Point| {
        point.beyond && gate.at_least.zip(point.value).is_some_and(|(least, value)| value < least)
    };
    let closed: Vec<Point>;
    let points = if points.iter().any(open) {
        let state = |point: &Point| if open(point) { Knowledge::Partial } else { point.state };
        closed = points.iter().map(|point| Point { state: state(point), ..point.clone() }).collect();
        &closed
    } else {
        points
    };
    let after: Vec<&Point> = points.iter().filter(|point| point.iteration > gate.warmup).collect();
    let wanted = gate.last.map_or(after.len(), |last| last as usize);
    let window = &after[after.len().saturating_sub(wanted)..];
    let outcome = describe(gate, window);
    let answer = decide(gate, window, wanted, &outcome, window_secs);
    Outcome {
        state: answer.state,
        actual: answer.actual,
        tripped_at: answer.at,
        reason: answer.reason,
        ..outcome
    }
}

struct Answer {
    state: State,
    actual: Option<f64>,
    at: Option<u32>,
    reason: Option<String>,
}

/// Counts: coverage, observations, and which windows break the threshold by themselves.
fn describe(gate: &Gate, window: &[&Point]) -> Outcome {
    let (mut points, mut expected, mut n) = (0_u64, 0_u64, 0_u64);
    let (mut violations, mut first, mut streak, mut longest, mut judged) = (0, None, 0, 0, 0);
    for point in window {
        expected += u64::from(point.expected);
        // Scrapes of a window that gave no value, such as a histogram with a bucket missing, cover nothing.
        let Some(value) = point.known() else { continue };
        points += u64::from(point.points.min(point.expected));
        n += point.n;
        judged += 1;
        if gate.holds(value) || !gate.aggregate.is_of_one_window() {
            streak = 0;
        } else {
            violations += 1;
            first = first.or(Some(point.iteration));
            streak += 1;
            longest = longest.max(streak);
        }
    }
    Outcome {
        state: State::NoData,
        actual: None,
        judged,
        windows: u32::try_from(window.len()).unwrap_or(u32::MAX),
        coverage: if expected == 0 { 0.0 } else { points as f64 / expected as f64 },
        n,
        violations,
        first_violation: first,
        longest_streak: longest,
        tripped_at: None,
        reason: None,
    }
}

fn decide(gate: &Gate, window: &[&Point], wanted: usize, counts: &Outcome, window_secs: f64) -> Answer {
    let answer = |state, actual, reason: String| Answer { state, actual, at: None, reason: Some(reason) };
    if window.is_empty() {
        return answer(State::Warmup, None, "no window after the warm-up".to_owned());
    }
    if counts.judged == 0 {
        let all = |state| window.iter().all(|point| point.state == state);
        let any = |state| window.iter().any(|point| point.state == state);
        let (state, reason) = if all(Knowledge::ToolError) {
            (State::ToolError, "the source could not be used in any window")
        } else if any(Knowledge::Partial) || any(Knowledge::Measured) {
            (State::Partial, "every window misses expected points")
        } else {
            (State::NoData, "no window has a value")
        };
        return answer(state, None, reason.to_owned());
    }
    let known: Vec<(&Point, f64)> =
        window.iter().filter_map(|point| Some((*point, point.known()?))).collect();
    let failed = if gate.severity == Severity::Hard { State::HardFail } else { State::SoftFail };
    let covered = counts.coverage >= gate.min_coverage;
    let coverage_reason = || {
        format!(
            "{:.1} % of the expected points, {:.0} % are needed",
            100.0 * counts.coverage,
            100.0 * gate.min_coverage
        )
    };
    let enough = counts.n >= gate.min_samples;
    let samples_reason = || format!("{} observations, {} are needed", counts.n, gate.min_samples);
    let open_above = |(point, value): &(&Point, f64)| {
        // Where values are added up, or one is taken from another, the true one could be anything.
        let mixed = match gate.aggregate {
            Aggregate::Growth => true,
            Aggregate::Mean | Aggregate::Sum | Aggregate::Ema(_) => gate.at_most.is_some(),
            _ => gate.at_most.is_some() && gate.holds(*value),
        };
        point.beyond && mixed
    };
    let beyond = known.iter().any(open_above);

    if gate.aggregate == Aggregate::Every {
        let worst = worst(gate, &known);
        return match every(gate, window) {
            Every::Broken(_) if !enough => answer(State::Warmup, worst, samples_reason()),
            Every::Broken(at) => Answer {
                state: failed,
                actual: worst,
                at: Some(at),
                reason: Some(format!(
                    "{} of {} windows break it, first at iteration {}, {} in a row",
                    counts.violations,
                    counts.judged,
                    counts.first_violation.unwrap_or(at),
                    counts.longest_streak
                )),
            },
            Every::Open(why) => answer(State::Partial, worst, why),
            Every::Early(why) => answer(State::Warmup, worst, why),
            Every::Kept if beyond => {
                answer(State::Partial, worst, "a value lies beyond the last bucket bound".to_owned())
            }
            Every::Kept if !covered => answer(State::Partial, worst, coverage_reason()),
            Every::Kept if !enough => answer(State::Warmup, worst, samples_reason()),
            Every::Kept if window.len() < wanted => {
                answer(State::Warmup, worst, format!("{} of {wanted} windows", window.len()))
            }
            Every::Kept => Answer { state: State::Pass, actual: worst, at: None, reason: None },
        };
    }

    let values: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
    let Some(actual) = aggregate(gate, &values, window_secs).filter(|value| value.is_finite()) else {
        return answer(State::Warmup, None, format!("{} windows are too few", values.len()));
    };
    if window.len() < wanted {
        return answer(State::Warmup, Some(actual), format!("{} of {wanted} windows", window.len()));
    }
    if gate.severity == Severity::Events {
        // Not having seen enough is no fault of the service.
        return if gate.holds(actual) {
            Answer { state: State::Pass, actual: Some(actual), at: None, reason: None }
        } else {
            answer(State::Warmup, Some(actual), format!("seen {actual}, {} is needed", gate.condition()))
        };
    }
    if !enough {
        return answer(State::Warmup, Some(actual), samples_reason());
    }
    // A largest or smallest value that is known stays so whatever the missing windows hold.
    let stands = match gate.aggregate {
        Aggregate::Max => gate.at_most.is_some_and(|most| actual > most),
        Aggregate::Min => gate.at_least.is_some_and(|least| actual < least),
        _ => false,
    };
    if !covered && !stands {
        return answer(State::Partial, Some(actual), coverage_reason());
    }
    if gate.holds(actual) {
        if beyond {
            let reason = "a value lies beyond the last bucket bound".to_owned();
            return answer(State::Partial, Some(actual), reason);
        }
        let extreme = matches!(gate.aggregate, Aggregate::Max | Aggregate::Min);
        if let Some(point) = window.iter().find(|point| extreme && point.is_suspect(gate)) {
            let reason = format!("iteration {} breaks it as far as it was seen", point.iteration);
            return answer(State::Partial, Some(actual), reason);
        }
        return Answer { state: State::Pass, actual: Some(actual), at: None, reason: None };
    }
    let at = counts.first_violation.or_else(|| window.last().map(|point| point.iteration));
    let reason = format!("{actual} is not {}", gate.condition());
    Answer { state: failed, actual: Some(actual), at, reason: Some(reason) }
}

enum Every {
    Kept,
    Broken(u32),
    /// Broken or not, depending on windows that are not known.
    Open(String),
    /// Some windows break it, and there are too few to say more.
    Early(String),
}

/// Slides `n` windows over the run: broken once `k` of them break the threshold. A window that is not known
/// keeps its place and counts for neither side.
fn every(gate: &Gate, window: &[&Point]) -> Every {
    let KOfN { k, n } = gate.k_of_n.unwrap_or(KOfN { k: 1, n: 1 });
    let broken = |point: &Point| point.known().is_some_and(|value| !gate.holds(value));
    let (mut bad, mut suspect, mut unknown) = (0, 0, 0);
    let mut open = None;
    for (index, point) in window.iter().enumerate() {
        bad += u32::from(broken(point));
        suspect += u32::from(point.is_suspect(gate));
        unknown += u32::from(point.known().is_none());
        if let Some(gone) = index.checked_sub(n as usize).map(|gone| window[gone]) {
            bad -= u32::from(broken(gone));
            suspect -= u32::from(gone.is_suspect(gate));
            unknown -= u32::from(gone.known().is_none());
        }
        if bad >= k {
            return Every::Broken(point.iteration);
        }
        if bad + suspect > 0 && bad + unknown >= k && open.is_none() {
            open = Some(point.iteration);
        }
    }
    if let Some(at) = open {
        return Every::Open(format!("broken in or beside windows that are not known, at iteration {at}"));
    }
    if window.len() < n as usize && bad > 0 {
        return Every::Early(format!("{bad} of {} windows break it, {k} of {n} would fail", window.len()));
    }
    Every::Kept
}

/// The value furthest on the wrong side.
fn worst(gate: &Gate, known: &[(&Point, f64)]) -> Option<f64> {
    let values = known.iter().map(|(_, value)| *value);
    if gate.at_most.is_some() { values.reduce(f64::max) } else { values.reduce(f64::min) }
}

fn aggregate(gate: &Gate, values: &[f64], window_secs: f64) -> Option<f64> {
    let sum = || values.iter().sum::<f64>();
    match &gate.aggregate {
        Aggregate::Every => None,
        Aggregate::Mean => Some(sum() / values.len() as f64),
        Aggregate::Sum => Some(sum()),
        Aggregate::Max => values.iter().copied().reduce(f64::max),
        Aggregate::Min => values.iter().copied().reduce(f64::min),
        Aggregate::Median => median(values),
        Aggregate::P95 => {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted.get((sorted.len() * 95).div_ceil(100).checked_sub(1)?).copied()
        }
        Aggregate::Growth => {
            let half = values.len() / 2;
            let (first, second) = (median(&values[..half])?, median(&values[values.len() - half..])?);
            Some(second - first)
        }
        Aggregate::Ema(_) => {
            let half_life = gate.half_life_secs().ok().flatten()?;
            let kept = 0.5_f64.powf(window_secs / half_life);
            values.iter().copied().reduce(|average, value| kept * average + (1.0 - kept) * value)
        }
    }
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[half]),
        _ => Some(f64::midpoint(sorted[half - 1], sorted[half])),
    }
}

#[cfg(test)]
mod tests;
