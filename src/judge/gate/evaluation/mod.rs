//! One gate over the windows of a run.
//!
//! A broken threshold needs known windows; a kept one needs them, enough of the expected points, and enough
//! observations. What is missing never counts for either side.
#![warn(clippy::wildcard_enum_match_arm)]

mod open;
mod outcome;
mod sliding;
mod value;

pub(crate) use outcome::GateOutcome;
pub(crate) use value::WindowValue;

use super::aggregate::{Aggregate, Extreme};
use super::windows::{JudgedWindow, WindowAnswer};
use super::{Gate, Severity};
use crate::judge::kpi::DataState;
use crate::judge::statistics::median;
use crate::judge::verdict::GateState;
use sliding::{Sliding, sliding};
use std::borrow::Cow;

/// Judges the windows of a run, in order; `window_secs` is the length of one.
pub(crate) fn evaluate(gate: &Gate, windows: &[WindowValue], window_secs: f64) -> GateOutcome {
    let closed = closed(gate, windows);
    let after = closed.iter().filter(|window| window.iteration > gate.warmup).count();
    let wanted = gate.last.map_or(after, |last| last as usize);
    let windows = gate.judged(&closed);
    let counts = count(gate, &windows);
    decide(gate, &windows, wanted, &counts, window_secs)
}

/// The windows, those of them without a value that are known too little: a value that is only known to be at least
/// some figure says nothing against a lower threshold above it.
fn closed<'a>(gate: &Gate, windows: &'a [WindowValue]) -> Cow<'a, [WindowValue]> {
    let is_open = |window: &WindowValue| {
        window.beyond && gate.at_least.zip(window.value).is_some_and(|(least, value)| value < least)
    };
    if !windows.iter().any(is_open) {
        return Cow::Borrowed(windows);
    }
    let close = |window: &WindowValue| {
        let window = window.clone();
        if is_open(&window) {
            WindowValue { value: None, state: DataState::Partial, ..window }
        } else {
            window
        }
    };
    Cow::Owned(windows.iter().map(close).collect())
}

/// What each window says by itself, those that do not count included.
pub(crate) fn judged_windows(gate: &Gate, windows: &[WindowValue]) -> Vec<JudgedWindow> {
    let closed = closed(gate, windows);
    let counting = gate.judged(&closed);
    let first = counting.first().map_or(u32::MAX, |window| window.iteration);
    let judged = |window: &WindowValue| JudgedWindow {
        iteration: window.iteration,
        answer: if window.iteration < first { WindowAnswer::NotCounted } else { window.answer(gate) },
        beyond: window.beyond,
        is_after_gap: window.gap_points > 0,
    };
    closed.iter().map(judged).collect()
}

/// The medians of the first and the second half that a growth is the difference of, each with its first and last
/// window; none where the growth is that of one of several lives of a process.
pub(crate) fn halves(gate: &Gate, windows: &[WindowValue]) -> Option<[(u32, u32, f64); 2]> {
    let closed = closed(gate, windows);
    let counting = gate.judged(&closed);
    let used = counting.iter().filter_map(|window| Some((window.iteration, gate.used(window)?)));
    let used: Vec<(u32, f64)> = used.collect();
    if used.len() < 2 || counting.iter().any(|window| !window.pieces.is_empty()) {
        return None;
    }
    let half = used.len() / 2;
    let of = |part: &[(u32, f64)]| {
        let values: Vec<f64> = part.iter().map(|(_, value)| *value).collect();
        Some((part.first()?.0, part.last()?.0, median(&values)?))
    };
    Some([of(&used[..half])?, of(&used[used.len() - half..])?])
}

/// Counts: coverage, observations, and which windows break the threshold by themselves.
fn count(gate: &Gate, windows: &[&WindowValue]) -> GateOutcome {
    let (mut points, mut expected, mut n) = (0_u64, 0_u64, 0_u64);
    let (mut violations, mut first, mut streak, mut longest, mut judged) = (0, None, 0, 0, 0);
    for (at, window) in windows.iter().enumerate() {
        // What was lost before the first window that counts is not of this gate.
        let lost = if at == 0 { 0 } else { window.gap_points };
        expected += u64::from(window.expected) + u64::from(lost);
        streak = if lost > 0 { 0 } else { streak };
        // Scrapes of a window that gave no value, such as a histogram with a bucket missing, cover nothing.
        if window.value.is_some() && matches!(window.state, DataState::Measured | DataState::Partial) {
            points += u64::from(window.points.min(window.expected));
        }
        judged += u32::from(gate.used(window).is_some());
        n += if gate.used(window).is_some() { window.n } else { 0 };
        match window.answer(gate) {
            WindowAnswer::Broken(_) => {
                violations += 1;
                first = first.or(Some(window.iteration));
                streak += 1;
                longest = longest.max(streak);
            }
            WindowAnswer::Kept(_) | WindowAnswer::NotCounted | WindowAnswer::Unknown => streak = 0,
        }
    }
    GateOutcome {
        state: GateState::NoData,
        actual: None,
        beyond: false,
        judged,
        windows: u32::try_from(windows.len()).unwrap_or(u32::MAX),
        coverage: if expected == 0 { 0.0 } else { points as f64 / expected as f64 },
        n,
        violations,
        first_violation: first,
        longest_streak: longest,
        tripped_at: None,
        reason: None,
    }
}

impl Gate {
    /// The windows that count: those after the warm-up, and of them the last where only those do.
    pub(crate) fn judged<'a>(&self, windows: &'a [WindowValue]) -> Vec<&'a WindowValue> {
        let after = windows.iter().filter(|window| window.iteration > self.warmup);
        let after: Vec<&WindowValue> = after.collect();
        let left_out = self.last.map_or(0, |last| after.len().saturating_sub(last as usize));
        after[left_out..].to_vec()
    }

    /// The value of a window as the gate uses it: by itself, or as one of many.
    pub(crate) fn used(&self, window: &WindowValue) -> Option<f64> {
        let is_alone = self.aggregate == Aggregate::Every || self.aggregate.traits().extreme.is_some();
        if is_alone { window.known(self) } else { window.counted(self) }
    }
}

fn decide(
    gate: &Gate,
    windows: &[&WindowValue],
    wanted: usize,
    counts: &GateOutcome,
    window_secs: f64,
) -> GateOutcome {
    if windows.is_empty() && gate.warmup > 0 {
        return counts.with(GateState::Warmup, None, "no window after the warm-up".to_owned());
    }
    if windows.is_empty() {
        return counts.with(GateState::NoData, None, "no window was finished".to_owned());
    }
    if counts.judged == 0 {
        let all = |state| windows.iter().all(|window| window.state == state);
        let any = |state| windows.iter().any(|window| window.state == state);
        let least = gate.min_events.unwrap_or_default();
        let (state, reason) = if all(DataState::ToolError) {
            (GateState::ToolError, "the source could not be used in any window".to_owned())
        } else if any(DataState::Measured) {
            (GateState::Warmup, format!("no window has {least} events"))
        } else if any(DataState::Partial) {
            (GateState::Partial, "every window misses expected points".to_owned())
        } else {
            (GateState::NoData, "no window has a value".to_owned())
        };
        return counts.with(state, None, reason);
    }
    let known = windows.iter().filter_map(|window| Some((*window, gate.used(window)?))).collect();
    let evaluation = Evaluation { gate, windows, wanted, counts, known };
    let is_alone = gate.aggregate == Aggregate::Every;
    let outcome = if is_alone { evaluation.every() } else { evaluation.aggregated(window_secs) };
    // A limit from above that holds for certain bounds the value from above as well.
    let is_bounded = outcome.state == GateState::Pass && gate.at_most.is_some();
    GateOutcome { beyond: !is_bounded && evaluation.is_beyond(outcome.actual), ..outcome }
}

/// Windows of which at least one is known.
struct Evaluation<'a> {
    gate: &'a Gate,
    windows: &'a [&'a WindowValue],
    /// Windows that should be there.
    wanted: usize,
    counts: &'a GateOutcome,
    known: Vec<(&'a WindowValue, f64)>,
}

impl Evaluation<'_> {
    /// Whether the value is that of a window which is only known to be at least that.
    fn is_beyond(&self, actual: Option<f64>) -> bool {
        self.known.iter().any(|(window, value)| window.beyond && Some(*value) == actual)
    }

    /// Each window by itself.
    fn every(&self) -> GateOutcome {
        let worst = self.worst();
        if let Some(broken) = self.scarce_windows() {
            return broken;
        }
        match sliding(self.gate, self.windows) {
            Sliding::Violated(at) => self.too_few_observations(worst).unwrap_or_else(|| GateOutcome {
                tripped_at: Some(at),
                ..self.counts.with(
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
            Sliding::Unknown(why) => self.counts.with(GateState::Partial, worst, why),
            Sliding::TooEarly(why) => self.counts.with(GateState::Warmup, worst, why),
            Sliding::Held => self
                .too_few_known(worst)
                .or_else(|| self.lower_bound(worst))
                .or_else(|| self.too_little_coverage(worst))
                .or_else(|| self.too_few_observations(worst))
                .or_else(|| self.too_few_windows(worst))
                .unwrap_or_else(|| self.pass(worst)),
        }
    }

    /// All windows as one value.
    fn aggregated(&self, window_secs: f64) -> GateOutcome {
        let gate = self.gate;
        let values: Vec<f64> = self.known.iter().map(|(_, value)| *value).collect();
        let value = if gate.aggregate == Aggregate::Growth {
            self.growth()
        } else {
            gate.aggregate.value(&values, window_secs)
        };
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return self.counts.with(
                GateState::Warmup,
                None,
                format!("{} windows are too few", values.len()),
            );
        };
        let actual = Some(value);
        if let Some(unknown) = self.too_few_windows(actual) {
            return unknown;
        }
        if gate.severity == Severity::Events {
            // Not having seen enough is no fault of the service.
            return if gate.holds(value) {
                self.pass(actual)
            } else {
                let reason = format!("seen {}, {} is needed", gate.figure(value), gate.condition());
                self.counts.with(GateState::Warmup, actual, reason)
            };
        }
        if let Some(unknown) = self.too_few_observations(actual) {
            return unknown;
        }
        // A largest or smallest value that is known stays so whatever the missing windows hold.
        let is_count = gate.aggregate.traits().only_rises && values.iter().all(|value| *value >= 0.0);
        let is_final = match gate.aggregate.traits().extreme {
            Some(Extreme::Smallest) => gate.at_least.is_some() && !gate.holds(value),
            Some(Extreme::Largest) => gate.at_most.is_some() && !gate.holds(value),
            None => is_count && gate.at_most.is_some() && !gate.holds(value),
        };
        if let Some(unknown) = self.too_little_coverage(actual).filter(|_| !is_final) {
            return unknown;
        }
        if gate.holds(value) {
            let unknown = self.lower_bound(actual).or_else(|| self.suspect(actual));
            return unknown.unwrap_or_else(|| self.pass(actual));
        }
        let last = self.windows.last().map(|window| window.iteration);
        let reason = format!("{} is not {}", gate.figure(value), gate.condition());
        let tripped_at = self.counts.first_violation.or(last);
        GateOutcome { tripped_at, ..self.counts.with(self.failed(), actual, reason) }
    }

    fn pass(&self, actual: Option<f64>) -> GateOutcome {
        GateOutcome { state: GateState::Pass, actual, ..self.counts.clone() }
    }

    /// The growth of each life of the process, the worst of all: between windows the median of the second half less
    /// that of the first, inside one window its last point less its first.
    fn growth(&self) -> Option<f64> {
        let mut lives = vec![(Vec::new(), None)];
        for (window, value) in &self.known {
            let Some((first, later)) = window.pieces.split_first() else {
                lives.last_mut()?.0.push(*value);
                continue;
            };
            lives.last_mut()?.0.extend(first.value);
            if lives.last()?.0.len() == 1 {
                lives.last_mut()?.1 = first.rise;
            }
            lives.extend(later.iter().map(|piece| (Vec::from_iter(piece.value), piece.rise)));
        }
        let growth = |(values, rise): &(Vec<f64>, Option<f64>)| {
            if values.len() < 2 { *rise } else { Aggregate::Growth.value(values, 0.0) }
        };
        let all = lives.iter().filter_map(growth);
        if self.gate.at_most.is_some() { all.reduce(f64::max) } else { all.reduce(f64::min) }
    }

    /// Windows with too few events to be judged one by one are judged together, where they are enough.
    fn scarce_windows(&self) -> Option<GateOutcome> {
        let gate = self.gate;
        let is_scarce =
            |window: &&&WindowValue| window.state == DataState::Measured && window.is_scarce(gate);
        let scarce: Vec<&WindowValue> = self.windows.iter().filter(is_scarce).copied().collect();
        let n: u64 = scarce.iter().map(|window| window.n).sum();
        let hits: u64 = scarce.iter().map(|window| window.hits).sum::<Option<u64>>()?;
        let value = hits as f64 / n as f64;
        if scarce.is_empty() || gate.min_events.is_some_and(|least| n < least) || gate.holds(value) {
            return None;
        }
        let (count, figure) = (scarce.len(), gate.figure(value));
        let reason = format!("{count} windows with few events break it together: {figure} of {n} events");
        let tripped_at = scarce.last().map(|window| window.iteration);
        Some(GateOutcome { tripped_at, ..self.counts.with(self.failed(), Some(value), reason) })
    }

    fn failed(&self) -> GateState {
        match self.gate.severity {
            Severity::Hard => GateState::HardFail,
            Severity::Soft | Severity::Events => GateState::SoftFail,
        }
    }

    /// The value furthest on the wrong side.
    fn worst(&self) -> Option<f64> {
        let values = self.known.iter().map(|(_, value)| *value);
        if self.gate.at_most.is_some() { values.reduce(f64::max) } else { values.reduce(f64::min) }
    }
}

#[cfg(test)]
mod tests;
