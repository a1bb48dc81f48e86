//! Where a run stands: the document, the page of metrics, and the line on a terminal.
#![warn(clippy::wildcard_enum_match_arm)]

use super::plan::SoakPlan;
use crate::evidence::header::Header;
use crate::format::exposition::{Format, Kind, Writer};
use crate::judge::gate::Gate;
use crate::judge::kpi::{DataState, Measurement};
use crate::judge::record::{Iteration, Ledger};
use crate::judge::statistics::harmonic_mean;
use serde::Serialize;
use std::collections::BTreeMap;

/// Windows behind the harmonic mean of the maker share.
const HMEAN_WINDOWS: usize = 8;

pub(super) const STATUS_SCHEMA: &str = "mmops.soak-status.v2";

/// `status.json`: where the run stands.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct StatusFile {
    /// `mmops.soak-status.v2`
    #[serde(flatten)]
    header: Header,
    /// Whether the run goes on.
    state: RunState,
    /// Iterations done.
    iteration: u32,
    /// Iterations planned.
    iterations: u32,
    /// Seconds until the planned end.
    left_secs: u64,
    /// End of the last window.
    as_of: String,
    /// The gates, and what the last window showed of their figures.
    gates: BTreeMap<String, StatusGate>,
}

/// A gate, and its figure in the last window.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct StatusGate {
    /// The figure.
    kpi: String,
    /// The value; null when it is not known.
    value: Option<f64>,
    /// The condition.
    condition: String,
    /// Whether the window keeps to it; null when it is not known.
    holds: Option<bool>,
}

#[derive(Clone, Copy, Debug, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum RunState {
    Running,
    Finished,
    Interrupted,
}

impl StatusFile {
    pub(super) fn new(
        header: Header,
        plan: &SoakPlan,
        ledger: &Ledger,
        last: Option<&Iteration>,
        state: RunState,
    ) -> Self {
        let done = ledger.iterations;
        let gate = |(name, gate): (&String, &Gate)| Some((name.clone(), StatusGate::new(gate, last?)));
        Self {
            header,
            state,
            iteration: done,
            iterations: plan.iterations,
            left_secs: u64::from(plan.iterations - done) * u64::from(plan.iteration_secs),
            as_of: last.map(|last| last.to.clone()).unwrap_or_default(),
            gates: plan.profile.gates.iter().filter_map(gate).collect(),
        }
    }

    /// The figures on one line, for a terminal or a log: first the gates that the last window breaks.
    pub(super) fn line(&self) -> String {
        let value = |gate: &StatusGate| gate.value.map_or("?".to_owned(), |value| format!("{value:.3}"));
        let is_broken = |gate: &StatusGate| gate.holds == Some(false);
        let broken: Vec<String> = self
            .gates
            .iter()
            .filter(|(_, gate)| is_broken(gate))
            .map(|(name, gate)| format!("{name} {} is not {}", value(gate), gate.condition))
            .collect();
        let rest: BTreeMap<&String, String> = self
            .gates
            .values()
            .filter(|gate| !is_broken(gate))
            .map(|gate| (&gate.kpi, value(gate)))
            .collect();
        let rest = rest.into_iter().map(|(kpi, value)| format!("{kpi} {value}"));
        let broken = (!broken.is_empty()).then(|| format!("BROKEN {}", broken.join(", ")));
        broken.into_iter().chain(rest).collect::<Vec<_>>().join("  ")
    }

    /// The state in the text exposition format.
    pub(super) fn metrics(&self, ledger: &Ledger) -> String {
        let mut page = Writer::new(Format::Text);
        let flag = |holds: bool| f64::from(u8::from(holds));
        page.gauge("mmops_soak_iterations_done", "Iterations done.", None, f64::from(self.iteration));
        page.gauge("mmops_soak_iterations_planned", "Iterations planned.", None, f64::from(self.iterations));
        page.gauge(
            "mmops_soak_simulated",
            "1 when a simulation is watched.",
            None,
            flag(self.header.simulated),
        );
        let mut values: BTreeMap<&str, f64> = BTreeMap::new();
        let mut holding: BTreeMap<&str, bool> = BTreeMap::new();
        for gate in self.gates.values() {
            values.extend(gate.value.map(|value| (&gate.kpi[..], value)));
            // Of several gates on one figure each must hold.
            if let Some(holds) = gate.holds {
                *holding.entry(&gate.kpi).or_insert(true) &= holds;
            }
        }
        let mut family = |name: &str, help: &str, samples: &mut dyn Iterator<Item = (&str, &str, f64)>| {
            for (at, (label, value, sample)) in samples.enumerate() {
                if at == 0 {
                    page.family(name, Kind::Gauge, help);
                }
                page.sample(name, [(label, value)], sample);
            }
        };
        let mut figures = values.iter().map(|(kpi, value)| ("kpi", *kpi, *value));
        family("mmops_soak_kpi", "Figure of the last window.", &mut figures);
        let mut figures = holding.iter().map(|(kpi, holds)| ("kpi", *kpi, flag(*holds)));
        family("mmops_soak_kpi_holds", "1 when the last window keeps to its gates.", &mut figures);
        let known = |(name, gate): (&'_ String, &'_ StatusGate)| Some((name.clone(), flag(gate.holds?)));
        let gates: Vec<(String, f64)> = self.gates.iter().filter_map(known).collect();
        let mut gates = gates.iter().map(|(name, holds)| ("gate", &name[..], *holds));
        family("mmops_soak_gate_holds", "1 when the last window keeps to the gate.", &mut gates);
        let shares = ledger.recent("maker_share_ratio", HMEAN_WINDOWS);
        if let Some(Some(share)) = shares.last() {
            let help = "Maker volume to all volume in the last window, percent.";
            page.gauge("maker_share_pct", help, None, 100.0 * share);
        }
        let shares: Vec<f64> = shares.into_iter().flatten().filter(|share| *share > 0.0).collect();
        if let Some(mean) = harmonic_mean(&shares).filter(|_| shares.len() == HMEAN_WINDOWS) {
            let window = HMEAN_WINDOWS.to_string();
            let help = "Harmonic mean of the maker share.";
            page.gauge("maker_taker_ratio_hmean", help, [("window", &window[..])], mean);
        }
        page.finish()
    }
}

impl StatusGate {
    fn new(gate: &Gate, last: &Iteration) -> Self {
        let value = |measured: &Measurement| measured.value.filter(|_| measured.state == DataState::Measured);
        let members: Vec<&Measurement> =
            last.members.values().filter_map(|member| member.kpis.get(&gate.kpi)).collect();
        // Of several members the first that does not keep to it stands for all.
        let is_bad = |measured: &&&Measurement| !measured.value.is_some_and(|value| gate.holds(value));
        let found = last.kpis.get(&gate.kpi);
        let found = found.or_else(|| members.iter().find(is_bad).or(members.first()).copied());
        let value = found.and_then(value);
        let holds = value.filter(|_| gate.aggregate.traits().is_of_one_window).map(|value| gate.holds(value));
        Self { kpi: gate.kpi.clone(), value, condition: gate.condition(), holds }
    }
}
