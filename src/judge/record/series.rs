//! What the windows of a run showed of one figure, window by window: what a report lists.
#![warn(clippy::wildcard_enum_match_arm)]

use super::ledger::Ledger;
use crate::judge::gate::{Aggregate, Gate, WindowValue};
use crate::judge::kpi::DataState;
use std::collections::BTreeMap;

/// A figure of a member over the windows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FigureSeries {
    /// Windows in which it was measured, by number, with the value.
    pub(crate) known: Vec<(u32, f64)>,
    /// Windows in which it was not, those that are missing among them.
    pub(crate) unknown: Vec<u32>,
}

/// A window that breaks the threshold of a gate by itself; with a sum, one that adds to what is too much.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Breach {
    /// The member, where members are judged one by one.
    pub(crate) member: String,
    pub(crate) iteration: u32,
    pub(crate) value: f64,
    /// The value is only known to be at least that.
    pub(crate) beyond: bool,
    /// Whether the window before it breaks the threshold as well, and nothing lies between.
    pub(crate) continues: bool,
}

impl Ledger {
    /// The members that are judged one by one, or one without a name.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.windows.keys().map(String::as_str)
    }

    /// What is known of a figure of a member.
    pub(crate) fn series(&self, member: &str, kpi: &str) -> FigureSeries {
        let mut series = FigureSeries::default();
        for window in self.windows.get(member).and_then(|kpis| kpis.get(kpi)).into_iter().flatten() {
            match window.value.filter(|_| window.state == DataState::Measured) {
                Some(value) => series.known.push((window.iteration, value)),
                None => series.unknown.push(window.iteration),
            }
        }
        series
    }

    /// Every window that breaks a gate by itself, member by member. A growth is of no window.
    pub(crate) fn breaches(&self, gate: &Gate) -> Vec<Breach> {
        let mut breaches = Vec::new();
        for (member, kpis) in &self.windows {
            let mut before: Option<u32> = None;
            for window in gate.judged(kpis.get(&gate.kpi).map_or(&[][..], Vec::as_slice)) {
                let Some(value) = gate.used(window).filter(|value| breaks(gate, *value)) else { continue };
                let is_next = before.is_some_and(|before| before + 1 == window.iteration);
                breaches.push(Breach {
                    member: member.clone(),
                    iteration: window.iteration,
                    value,
                    beyond: window.beyond,
                    continues: is_next && window.gap_points == 0,
                });
                before = Some(window.iteration);
            }
        }
        breaches
    }

    /// The windows of a gate that say nothing for or against it, of the members that have any.
    pub(crate) fn silent_windows(&self, gate: &Gate) -> Vec<(&str, Vec<u32>)> {
        let silent = |windows: &Vec<WindowValue>| {
            let judged = gate.judged(windows).into_iter();
            judged.filter(|window| gate.used(window).is_none()).map(|window| window.iteration).collect()
        };
        let of =
            |kpis: &BTreeMap<String, Vec<WindowValue>>| kpis.get(&gate.kpi).map(silent).unwrap_or_default();
        let all = self.windows.iter().map(|(member, kpis)| (member.as_str(), of(kpis)));
        all.filter(|(_, iterations): &(&str, Vec<u32>)| !iterations.is_empty()).collect()
    }
}

/// Whether the value of one window breaks the threshold, or adds to a sum that must not be large.
fn breaks(gate: &Gate, value: f64) -> bool {
    match gate.aggregate {
        Aggregate::Every
        | Aggregate::P95
        | Aggregate::Mean
        | Aggregate::Median
        | Aggregate::Max
        | Aggregate::Min
        | Aggregate::Ema(_) => !gate.holds(value),
        Aggregate::Sum => gate.at_most.is_some() && value > 0.0,
        Aggregate::Growth => false,
    }
}
