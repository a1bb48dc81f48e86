//! One gate over the windows of a run.
//!
//! A broken threshold needs known windows; a kept one needs them, enough of the expected points, and enough
//! observations. What is missing never counts for either side.

use super::{Aggregate, Gate, KOfN, Severity};
use crate::judge::kpi::{Knowledge, Measurement};
use crate::judge::statistics::median;
use crate::judge::verdict::State;
use serde::{Deserialize, Serialize};

/// What one window showed of the gate's figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    /// Number of the window, from 1.
    pub(crate) iteration: u32,
    /// The value.
    pub(crate) value: Option<f64>,
    /// The value is only known to be at least that.
    pub(crate) beyond: bool,
    /// Observations.
    pub(crate) n: u64,
    /// Points that were there.
    pub(crate) points: u32,
    /// Points that should have been there.
    pub(crate) expected: u32,
    /// How much is known.
    pub(crate) state: Knowledge,
}

impl Point {
    /// The point of a measurement.
    pub(crate) fn of(iteration: u32, measured: &Measurement) -> Self {
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
    pub(crate) fn missing(iteration: u32, expected: u32) -> Self {
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
pub(crate) fn judge(gate: &Gate, points: &[Point], window_secs: f64) -> Outcome {
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

fn answer(state: State, actual: Option<f64>, reason: String) -> Answer {
    Answer { state, actual, at: None, reason: Some(reason) }
}

fn decide(gate: &Gate, window: &[&Point], wanted: usize, counts: &Outcome, window_secs: f64) -> Answer {
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
    let known = window.iter().filter_map(|point| Some((*point, point.known()?))).collect();
    let case = Case { gate, window, wanted, counts, known };
    if gate.aggregate == Aggregate::Every { case.every() } else { case.aggregated(window_secs) }
}

/// Windows of which at least one is known.
struct Case<'a> {
    gate: &'a Gate,
    window: &'a [&'a Point],
    /// Windows that should be there.
    wanted: usize,
    counts: &'a Outcome,
    known: Vec<(&'a Point, f64)>,
}

impl Case<'_> {
    /// Each window by itself.
    fn every(&self) -> Answer {
        let worst = worst(self.gate, &self.known);
        match every(self.gate, self.window) {
            Every::Broken(at) => self.too_few(worst).unwrap_or_else(|| Answer {
                at: Some(at),
                ..answer(
                    self.failed(),
                    worst,
                    format!(
                        "{} of {} windows break it, first at iteration {}, {} in a row",
                        self.counts.violations,
                        self.counts.judged,
                        self.counts.first_violation.unwrap_or(at),
                        self.counts.longest_streak
                    ),
                )
            }),
            Every::Open(why) => answer(State::Partial, worst, why),
            Every::Early(why) => answer(State::Warmup, worst, why),
            Every::Kept => self
                .beyond(worst)
                .or_else(|| self.uncovered(worst))
                .or_else(|| self.too_few(worst))
                .or_else(|| self.too_short(worst))
                .unwrap_or(Answer { state: State::Pass, actual: worst, at: None, reason: None }),
        }
    }

    /// All windows as one value.
    fn aggregated(&self, window_secs: f64) -> Answer {
        let gate = self.gate;
        let values: Vec<f64> = self.known.iter().map(|(_, value)| *value).collect();
        let Some(value) = aggregate(gate, &values, window_secs).filter(|value| value.is_finite()) else {
            return answer(State::Warmup, None, format!("{} windows are too few", values.len()));
        };
        let actual = Some(value);
        if let Some(unknown) = self.too_short(actual) {
            return unknown;
        }
        if gate.severity == Severity::Events {
            // Not having seen enough is no fault of the service.
            return if gate.holds(value) {
                Answer { state: State::Pass, actual, at: None, reason: None }
            } else {
                answer(State::Warmup, actual, format!("seen {value}, {} is needed", gate.condition()))
            };
        }
        if let Some(unknown) = self.too_few(actual) {
            return unknown;
        }
        // A largest or smallest value that is known stays so whatever the missing windows hold.
        let stands = match gate.aggregate {
            Aggregate::Max => gate.at_most.is_some_and(|most| value > most),
            Aggregate::Min => gate.at_least.is_some_and(|least| value < least),
            _ => false,
        };
        if let Some(unknown) = self.uncovered(actual).filter(|_| !stands) {
            return unknown;
        }
        if gate.holds(value) {
            let kept = Answer { state: State::Pass, actual, at: None, reason: None };
            return self.beyond(actual).or_else(|| self.suspect(actual)).unwrap_or(kept);
        }
        let last = self.window.last().map(|point| point.iteration);
        let reason = format!("{value} is not {}", gate.condition());
        Answer { at: self.counts.first_violation.or(last), ..answer(self.failed(), actual, reason) }
    }

    fn failed(&self) -> State {
        if self.gate.severity == Severity::Hard { State::HardFail } else { State::SoftFail }
    }

    fn too_short(&self, actual: Option<f64>) -> Option<Answer> {
        let (there, wanted) = (self.window.len(), self.wanted);
        (there < wanted).then(|| answer(State::Warmup, actual, format!("{there} of {wanted} windows")))
    }

    fn too_few(&self, actual: Option<f64>) -> Option<Answer> {
        let (seen, needed) = (self.counts.n, self.gate.min_samples);
        let reason = || format!("{seen} observations, {needed} are needed");
        (seen < needed).then(|| answer(State::Warmup, actual, reason()))
    }

    fn uncovered(&self, actual: Option<f64>) -> Option<Answer> {
        let (there, needed) = (self.counts.coverage, self.gate.min_coverage);
        let reason =
            || format!("{:.1} % of the expected points, {:.0} % are needed", 100.0 * there, 100.0 * needed);
        (there < needed).then(|| answer(State::Partial, actual, reason()))
    }

    /// Whether what is only known to be at least some value leaves the answer open.
    fn beyond(&self, actual: Option<f64>) -> Option<Answer> {
        let gate = self.gate;
        let is_open = |(point, value): &(&Point, f64)| {
            // Where values are added up, or one is taken from another, the true one could be anything.
            let is_mixed = match gate.aggregate {
                Aggregate::Growth => true,
                Aggregate::Mean | Aggregate::Sum | Aggregate::Ema(_) => gate.at_most.is_some(),
                _ => gate.at_most.is_some() && gate.holds(*value),
            };
            point.beyond && is_mixed
        };
        let reason = "a value lies beyond the last bucket bound";
        self.known.iter().any(is_open).then(|| answer(State::Partial, actual, reason.to_owned()))
    }

    /// Whether an incomplete window could be the largest or the smallest.
    fn suspect(&self, actual: Option<f64>) -> Option<Answer> {
        let is_extreme = matches!(self.gate.aggregate, Aggregate::Max | Aggregate::Min);
        let point = self.window.iter().find(|point| is_extreme && point.is_suspect(self.gate))?;
        let reason = format!("iteration {} breaks it as far as it was seen", point.iteration);
        Some(answer(State::Partial, actual, reason))
    }
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

#[cfg(test)]
mod tests;
