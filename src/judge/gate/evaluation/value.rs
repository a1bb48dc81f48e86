//! What one window says of a gate by itself, and as one of many.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::judge::gate::Gate;
use crate::judge::gate::windows::WindowAnswer;
use crate::judge::kpi::{DataState, Measurement, Piece};
use crate::judge::statistics::binomial_at_least;

/// What one window showed of the gate's figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WindowValue {
    /// Number of the window, from 1.
    pub(crate) iteration: u32,
    pub(crate) value: Option<f64>,
    /// The value is only known to be at least that.
    pub(crate) beyond: bool,
    /// Observations.
    pub(crate) n: u64,
    /// Of a ratio of counts: observations above the line.
    pub(crate) hits: Option<u64>,
    /// Points that were there, and points that should have been.
    pub(crate) points: u32,
    pub(crate) expected: u32,
    pub(crate) state: DataState,
    /// Where a process was started anew: what each of its lives showed.
    pub(crate) pieces: Vec<Piece>,
    /// Points that should have been there in the time without observation before the window.
    pub(crate) gap_points: u32,
}

impl WindowValue {
    pub(crate) fn of(iteration: u32, measured: &Measurement) -> Self {
        Self {
            iteration,
            value: measured.value.filter(|value| value.is_finite()),
            beyond: measured.beyond,
            n: measured.n,
            hits: measured.hits,
            points: measured.points,
            expected: measured.expected,
            state: measured.state,
            pieces: measured.pieces.clone(),
            gap_points: 0,
        }
    }

    /// A window of which nothing is there at all.
    pub(crate) fn missing(iteration: u32, expected: u32) -> Self {
        Self {
            iteration,
            value: None,
            beyond: false,
            n: 0,
            hits: None,
            points: 0,
            expected: expected.max(1),
            state: DataState::NoData,
            pieces: Vec::new(),
            gap_points: 0,
        }
    }

    /// The value, when it is known well enough to be judged by itself. What was counted in an incomplete window and
    /// is too much already stays so.
    pub(super) fn known(&self, gate: &Gate) -> Option<f64> {
        let value = self.value?;
        let breaks = self.beyond && gate.at_most.is_some() && !gate.holds(value);
        match self.state {
            DataState::Measured => (!self.is_scarce(gate)).then_some(value),
            DataState::Partial => breaks.then_some(value),
            DataState::NoData | DataState::ToolError => None,
        }
    }

    /// What it says by itself.
    pub(super) fn answer(&self, gate: &Gate) -> WindowAnswer {
        let is_broken = |value: &f64| gate.aggregate.traits().is_of_one_window && !gate.holds(*value);
        match self.known(gate) {
            Some(value) if is_broken(&value) => WindowAnswer::Broken(value),
            Some(value) => WindowAnswer::Kept(value),
            None => WindowAnswer::Unknown,
        }
    }

    /// The value, when it may be one of many: at least half of the window was seen, and how much is missing
    /// altogether is told by the coverage of all.
    pub(super) fn counted(&self, gate: &Gate) -> Option<f64> {
        let is_seen = match self.state {
            DataState::Measured => true,
            DataState::Partial => 2 * self.points >= self.expected,
            DataState::NoData | DataState::ToolError => false,
        };
        self.value.filter(|_| is_seen && !self.is_scarce(gate)).or_else(|| self.known(gate))
    }

    /// Whether it has too few events to be judged, and no exact bound says more.
    pub(super) fn is_scarce(&self, gate: &Gate) -> bool {
        let is_few = gate.min_events.is_some_and(|least| self.n < least);
        is_few && !self.hits.is_some_and(|hits| is_decided(gate, hits, self.n))
    }

    /// Whether what was seen of an incomplete window breaks the gate: too little to say so, too much to call
    /// it kept.
    pub(super) fn is_suspect(&self, gate: &Gate) -> bool {
        let breaks = || self.value.is_some_and(|value| !gate.holds(value));
        self.state == DataState::Partial && !self.is_scarce(gate) && breaks()
    }
}

/// How seldom chance alone may decide a window of few events.
const CHANCE: f64 = 0.001;

/// Whether so many hits among so few events break a limit of their share, or keep to it, whatever chance did: at
/// the limit itself, fewer than one window in a thousand would show them (Clopper and Pearson 1934).
fn is_decided(gate: &Gate, hits: u64, n: u64) -> bool {
    let is_above = |limit: f64| binomial_at_least(hits, n, limit) < CHANCE;
    let is_below = |limit: f64| 1.0 - binomial_at_least(hits + 1, n, limit) < CHANCE;
    let (most, least) = (gate.at_most, gate.at_least);
    let breaks = most.is_some_and(is_above) || least.is_some_and(is_below);
    breaks || (most.is_none_or(is_below) && least.is_none_or(is_above))
}
