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

pub(super) const STATUS_SCHEMA: &str = "mmops.soak-status.v1";

/// `status.json`: where the run stands.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct StatusFile {
    /// `mmops.soak-status.v1`
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
    /// The gated figures of the last window.
    kpis: BTreeMap<String, StatusKpi>,
}

/// One figure of the last window.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
struct StatusKpi {
    /// The value; null when it is not known.
    value: Option<f64>,
    /// The condition of its gate.
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
        let gates = plan.profile.gates.values();
        let kpi = |(gate, last): (&Gate, &Iteration)| (gate.kpi.clone(), StatusKpi::new(gate, last));
        Self {
            header,
            state,
            iteration: done,
            iterations: plan.iterations,
            left_secs: u64::from(plan.iterations - done) * u64::from(plan.iteration_secs),
            as_of: last.map(|last| last.to.clone()).unwrap_or_default(),
            kpis: gates.filter_map(|gate| Some((gate, last?))).map(kpi).collect(),
        }
    }

    /// The gated figures on one line, for a terminal.
    pub(super) fn line(&self) -> String {
        let parts = self.kpis.iter().map(|(name, kpi)| {
            let value = kpi.value.map_or("?".to_owned(), |value| format!("{value:.3}"));
            let mark = if kpi.holds == Some(false) { "!" } else { "" };
            format!("{name} {value}{mark}")
        });
        parts.collect::<Vec<_>>().join("  ")
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
        let mut by_kpi = |name: &str, help: &str, value: &dyn Fn(&StatusKpi) -> Option<f64>| {
            let known = self.kpis.iter().filter_map(|(kpi, state)| Some((kpi, value(state)?)));
            for (at, (kpi, value)) in known.enumerate() {
                if at == 0 {
                    page.family(name, Kind::Gauge, help);
                }
                page.sample(name, [("kpi", &kpi[..])], value);
            }
        };
        by_kpi("mmops_soak_kpi", "Figure of the last window.", &|kpi| kpi.value);
        let help = "1 when the last window keeps to its gate.";
        by_kpi("mmops_soak_kpi_holds", help, &|kpi| kpi.holds.map(flag));
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

impl StatusKpi {
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
        Self { value, condition: gate.condition(), holds }
    }
}
