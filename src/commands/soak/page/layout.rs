//! The facts of a run laid out on its axis of time: each window in its cell, each gate with its members.
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::PageFacts;
use crate::judge::gate::{
    self, Aggregate, BrokenStretch, Gate, GateOutcome, JudgedWindow, WindowAnswer, WindowValue,
};
use crate::judge::kpi::{DataState, KpiDefinition};
use crate::judge::record::GateResult;
use crate::judge::verdict::GateState;
use crate::report::page::TimeAxis;
use crate::report::page::chart::{Cell, Extremes};
use std::cmp::Ordering;

/// Cells of the axis at most.
const MOST_CELLS: i64 = 10_000;

/// The facts on the axis of time.
pub(super) struct Layout<'a> {
    pub(super) facts: &'a PageFacts<'a>,
    pub(super) axis: TimeAxis,
    /// Of each window, the first one first: the cell that it is drawn in.
    cells: Vec<usize>,
    /// Begin of each window.
    begins: Vec<i64>,
    window_ms: i64,
    /// The worst first.
    pub(super) gates: Vec<GateView<'a>>,
    /// Figures without a gate.
    pub(super) ungated: Vec<(&'a str, &'a KpiDefinition)>,
}

/// A gate on the axis.
pub(super) struct GateView<'a> {
    pub(super) name: &'a str,
    pub(super) gate: &'a Gate,
    pub(super) result: &'a GateResult,
    pub(super) description: &'a str,
    /// Whether windows are judged one by one.
    pub(super) is_of_one_window: bool,
    /// The worst member in each cell.
    pub(super) strip: Vec<Cell>,
    /// The worst member, or of those that have values the worst.
    pub(super) line: Vec<Cell>,
    /// Which one that is; empty where there are none.
    pub(super) line_member: &'a str,
    /// All members.
    pub(super) band: Vec<Extremes>,
    /// Of the member that the line is of.
    pub(super) stretches: Vec<BrokenStretch>,
    /// Of a growth: the medians of its halves.
    pub(super) halves: Option<[(u32, u32, f64); 2]>,
    pub(super) members: Vec<MemberView<'a>>,
}

/// A member of a fleet under one gate.
pub(super) struct MemberView<'a> {
    pub(super) name: &'a str,
    pub(super) outcome: &'a GateOutcome,
    pub(super) cells: Vec<Cell>,
}

impl<'a> Layout<'a> {
    pub(super) fn new(facts: &'a PageFacts<'a>) -> Self {
        let (ledger, window_ms) = (facts.ledger, milliseconds(facts.window_secs).max(1));
        let start_ms = ledger.observation().map_or(facts.started_at_ms, |(from, _)| from.as_millisecond());
        let done = ledger.iterations;
        let lost_before = |number: u32| -> i64 {
            let before = ledger.gaps.iter().filter(|(at, _)| (2..=number).contains(at));
            before.map(|(_, secs)| milliseconds(*secs)).sum()
        };
        let begin = |number: u32| start_ms + window_ms * i64::from(number - 1) + lost_before(number);
        let begins: Vec<i64> = (1..=done).map(begin).collect();
        let planned = facts.planned.max(done).max(1);
        let span_ms = begin(planned) + window_ms - start_ms;
        // A window is a cell, unless the run is so long, or stood still for so long, that nobody could see one.
        let windows = (span_ms + window_ms - 1) / window_ms;
        let cell_ms = window_ms * ((windows + MOST_CELLS - 1) / MOST_CELLS).max(1);
        let cell_of = |ms: i64| usize::try_from((ms - start_ms) / cell_ms).unwrap_or(0);
        let axis = TimeAxis { start_ms, cell_ms, cells: cell_of(start_ms + span_ms + cell_ms - 1).max(1) };
        let cells = begins.iter().map(|ms| cell_of(*ms).min(axis.cells - 1)).collect();
        let mut layout =
            Self { facts, axis, cells, begins, window_ms, gates: Vec::new(), ungated: Vec::new() };
        layout.gates = facts
            .profile
            .gates
            .iter()
            .filter_map(|(name, gate)| Some(layout.gate(name, gate, facts.judgement.gates.get(name)?)))
            .collect();
        layout.gates.sort_by_key(GateView::order);
        let is_gated = |kpi: &str| facts.profile.gates.values().any(|gate| gate.kpi == kpi);
        let ungated = facts.kpis.iter().filter(|(kpi, _)| !is_gated(kpi));
        layout.ungated = ungated.map(|(kpi, definition)| (kpi.as_str(), definition)).collect();
        layout
    }

    /// Begin of a window.
    pub(super) fn begin(&self, number: u32) -> i64 {
        self.begins.get(index(number)).copied().unwrap_or(self.axis.start_ms)
    }

    pub(super) fn window_ms(&self) -> i64 {
        self.window_ms
    }

    /// The cell of a window.
    pub(super) fn cell(&self, number: u32) -> usize {
        self.cells.get(index(number)).copied().unwrap_or(0)
    }

    /// The cells of a stretch, the one behind the last as well.
    pub(super) fn stretch_cells(&self, stretch: &BrokenStretch) -> (usize, usize) {
        (self.cell(stretch.first), self.cell(stretch.last) + 1)
    }

    pub(super) fn stretch_ms(&self, stretch: &BrokenStretch) -> i64 {
        self.begin(stretch.last) + self.window_ms() - self.begin(stretch.first)
    }

    /// Nothing known as far as the run was watched, and what has not come.
    pub(super) fn empty(&self) -> Vec<Cell> {
        let observed = self.cells.last().map_or(0, |last| last + 1);
        let cell = |at: usize| if at < observed { Cell::Unknown } else { Cell::Ahead };
        (0..self.axis.cells).map(cell).collect()
    }

    /// The windows in their cells; of several in one the worst.
    fn place(&self, gate: &Gate, judged: &[JudgedWindow], windows: &[WindowValue]) -> Vec<Cell> {
        let mut cells = self.empty();
        let mut last = None;
        for (window, of) in judged.iter().zip(windows) {
            let cell = match window.answer {
                WindowAnswer::Broken(value) => Cell::Value { value, beyond: window.beyond, is_broken: true },
                WindowAnswer::Kept(value) => Cell::Value { value, beyond: window.beyond, is_broken: false },
                WindowAnswer::NotCounted => measured(of).value().map_or(Cell::Unknown, Cell::LeftOut),
                WindowAnswer::Unknown => Cell::Unknown,
            };
            let at = self.cell(window.iteration);
            cells[at] = if last == Some(at) { worse(gate, cells[at], cell) } else { cell };
            last = Some(at);
        }
        cells
    }

    fn gate(&self, name: &'a str, gate: &'a Gate, result: &'a GateResult) -> GateView<'a> {
        let definition = self.facts.kpis.get(&gate.kpi);
        let all = self.facts.ledger.windows_of(&gate.kpi);
        let is_fleet = !result.members.is_empty();
        let mut members: Vec<MemberView> = Vec::new();
        let (mut strip, mut line) = (self.empty(), self.empty());
        let mut band: Vec<Extremes> = vec![None; self.axis.cells];
        let (mut stretches, mut halves) = (Vec::new(), None);
        // The worst member that has values: the one that the answer is of, or by state and value.
        let mut worst: Option<(bool, GateState, Option<f64>)> = None;
        let mut line_member = "";
        for (at, (member, windows)) in all.iter().enumerate() {
            let judged = gate::judged_windows(gate, windows);
            let cells = self.place(gate, &judged, windows);
            for (to, cell) in strip.iter_mut().zip(&cells) {
                *to = if at == 0 { *cell } else { worse(gate, *to, *cell) };
            }
            let outcome = if is_fleet { result.members.get(*member) } else { Some(&result.outcome) };
            let Some(outcome) = outcome else { continue };
            if is_fleet {
                for (to, cell) in band.iter_mut().zip(&cells) {
                    *to = widened(*to, cell.value());
                }
            }
            let has_values = cells.iter().any(|cell| cell.value().is_some());
            let is_answer = result.member.as_deref() == Some(*member);
            let is_worse = worst.is_none_or(|(was_answer, state, actual)| {
                let by_value =
                    outcome.actual.zip(actual).is_some_and(|(one, other)| gate.is_worse(one, other));
                let is_worse = outcome.state > state || outcome.state == state && by_value;
                !was_answer && (is_answer || is_worse)
            });
            if has_values && is_worse {
                worst = Some((is_answer, outcome.state, outcome.actual));
                line_member = *member;
                line.clone_from(&cells);
                stretches = gate.broken_stretches(&judged);
                halves = if gate.aggregate == Aggregate::Growth { gate::halves(gate, windows) } else { None };
            }
            if is_fleet {
                members.push(MemberView { name: member, outcome, cells });
            }
        }
        members.sort_by(|one, other| natural(one.name, other.name));
        if !is_fleet && let Some(samples) = self.facts.bands.get(&gate.kpi) {
            band = self.place_band(samples);
        }
        if !is_fleet && self.axis.cell_ms > self.window_ms {
            for window in all.iter().flat_map(|(_, windows)| *windows) {
                let to = &mut band[self.cell(window.iteration)];
                *to = widened(*to, measured(window).value());
            }
        }
        GateView {
            name,
            gate,
            result,
            description: definition.map_or("", |definition| &definition.description),
            is_of_one_window: gate.aggregate.traits().is_of_one_window,
            strip,
            line,
            line_member,
            band,
            stretches,
            halves,
            members,
        }
    }

    /// The extremes of windows in their cells.
    pub(super) fn place_band(&self, windows: &[Extremes]) -> Vec<Extremes> {
        let mut band = vec![None; self.axis.cells];
        for (number, extremes) in (1..).zip(windows).take(self.cells.len()) {
            let to = &mut band[self.cell(number)];
            *to = extremes.map_or(*to, |(low, high)| widened(widened(*to, Some(low)), Some(high)));
        }
        band
    }

    /// A figure without a gate: the first member, and all of them as a band.
    pub(super) fn figure(&self, kpi: &str) -> (Vec<Cell>, Vec<Extremes>) {
        let all = self.facts.ledger.windows_of(kpi);
        let mut line = self.empty();
        let mut band = self.facts.bands.get(kpi).map_or(Vec::new(), |samples| self.place_band(samples));
        for (at, (_, windows)) in all.iter().enumerate() {
            for window in *windows {
                let cell = measured(window);
                let to = self.cell(window.iteration);
                if at == 0 && (cell != Cell::Unknown || line[to] == Cell::Ahead) {
                    line[to] = cell;
                }
                if all.len() > 1 || self.axis.cell_ms > self.window_ms {
                    band.resize(self.axis.cells, None);
                    band[to] = widened(band[to], cell.value());
                }
            }
        }
        (line, band)
    }
}

/// Only what was measured is drawn.
fn measured(window: &WindowValue) -> Cell {
    match (window.state, window.value) {
        (DataState::Measured, Some(value)) => Cell::Value { value, beyond: window.beyond, is_broken: false },
        (DataState::Measured | DataState::Partial | DataState::NoData | DataState::ToolError, _) => {
            Cell::Unknown
        }
    }
}

fn index(number: u32) -> usize {
    number.saturating_sub(1) as usize
}

pub(super) fn milliseconds(secs: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a run")]
    let milliseconds = (secs * 1e3).round() as i64;
    milliseconds
}

fn widened(extremes: Extremes, value: Option<f64>) -> Extremes {
    let Some(value) = value else { return extremes };
    Some(extremes.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
}

/// The worse of two members at a moment: what breaks the limit before what is unknown before what keeps it.
fn worse(gate: &Gate, one: Cell, other: Cell) -> Cell {
    let order = |cell: Cell| match cell {
        Cell::Value { is_broken: true, .. } => 4,
        Cell::Unknown => 3,
        Cell::Value { .. } => 2,
        Cell::LeftOut(_) => 1,
        Cell::Ahead => 0,
    };
    let values = one.value().zip(other.value());
    let is_worse = match order(other).cmp(&order(one)) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => values.is_some_and(|(value, more)| gate.is_worse(more, value)),
    };
    if is_worse { other } else { one }
}

/// Names with numbers by their numbers: `sim-2` before `sim-10`.
fn natural(one: &str, other: &str) -> Ordering {
    let parts = |name: &str| {
        let mut parts: Vec<(u64, String)> = vec![(0, String::new())];
        for c in name.chars() {
            let (number, text) = parts.last_mut().expect("there is one");
            match c.to_digit(10) {
                Some(digit) if text.is_empty() => {
                    *number = number.saturating_mul(10).saturating_add(digit.into());
                }
                Some(digit) => parts.push((digit.into(), String::new())),
                None => text.push(c),
            }
        }
        parts
    };
    parts(one).cmp(&parts(other)).then_with(|| one.cmp(other))
}

impl GateView<'_> {
    pub(super) fn state(&self) -> GateState {
        self.result.outcome.state
    }

    /// The worst first: what fails, what is not known, what is only reported.
    fn order(&self) -> (u8, u8, String) {
        (rank(self.state()), self.gate.severity as u8, self.name.to_owned())
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self.state(), GateState::HardFail | GateState::SoftFail)
    }

    /// The stretch with the worst value.
    pub(super) fn worst_stretch(&self) -> Option<&BrokenStretch> {
        self.stretches
            .iter()
            .reduce(|one, other| if self.gate.is_worse(other.worst, one.worst) { other } else { one })
    }

    pub(super) fn longest_stretch(&self) -> Option<&BrokenStretch> {
        self.stretches.iter().rev().max_by_key(|stretch| stretch.last - stretch.first)
    }
}

pub(super) fn rank(state: GateState) -> u8 {
    match state {
        GateState::HardFail => 0,
        GateState::ToolError => 1,
        GateState::NoData => 2,
        GateState::Partial => 3,
        GateState::Warmup => 4,
        GateState::SoftFail => 5,
        GateState::Pass => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_numbers_are_in_their_order() {
        let mut names = ["sim-10", "sim-2", "a", "sim-1", "10", "9"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["a", "sim-1", "sim-2", "sim-10", "9", "10"]);
    }
}
