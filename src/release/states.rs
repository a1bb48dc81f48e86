//! What a snapshot says of its gates, its goals and its windows one by one, held to its verdict.

use crate::judge::verdict::{GateState, RunVerdict};
use serde::Deserialize;
use std::collections::BTreeMap;

/// These fields of a snapshot. The earlier toolkit has none of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct States {
    #[serde(default)]
    gates: BTreeMap<String, State>,
    #[serde(default)]
    goals: BTreeMap<String, State>,
    #[serde(default)]
    iterations_missing: Vec<u64>,
    #[serde(default)]
    iterations_planned: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct State {
    state: GateState,
}

impl States {
    /// Where they contradict the verdict PASS and the goals that are said to be met, of a run of so many iterations.
    pub(crate) fn problems(&self, goals_met: &BTreeMap<String, bool>, total: u64) -> Vec<String> {
        let mut problems = Vec::new();
        let states = self.gates.values().map(|gate| (gate.state, false));
        let verdict = RunVerdict::fold(states);
        if !self.gates.is_empty() && verdict != RunVerdict::Pass {
            let not_kept = |(name, gate): (&String, &State)| {
                (gate.state != GateState::Pass).then(|| format!("{name} {}", gate.state.as_str()))
            };
            let names: Vec<String> = self.gates.iter().filter_map(not_kept).collect();
            problems.push(format!("its gates come to {}: {}", verdict.as_str(), names.join(", ")));
        }
        for (name, goal) in &self.goals {
            if goals_met.get(name) != Some(&(goal.state == GateState::Pass)) {
                let state = goal.state.as_str();
                problems.push(format!("goals.{name} is {state}, which goals_met does not say"));
            }
        }
        if !self.iterations_missing.is_empty() {
            problems.push(format!("{} iterations of the run are missing", self.iterations_missing.len()));
        }
        if let Some(planned) = self.iterations_planned.filter(|planned| *planned != total) {
            problems.push(format!("{planned} iterations were planned, the run had {total}"));
        }
        problems
    }
}
