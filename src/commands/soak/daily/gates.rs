//! What the windows of a day are judged by, and what comes of it: the profile and the definitions of `daily.yaml`,
//! whatever the runs were started with.
#![warn(clippy::wildcard_enum_match_arm)]

use super::config::DayJudge;
use super::windows::RunWindows;
use crate::evidence::daily::report::DayGates;
use crate::judge::kpi::KpiDefinition;
use crate::judge::record::{GateResult, Iteration, Ledger};
use crate::judge::verdict::{GateState, RunVerdict};

/// What the gates say of the day.
#[derive(Clone, Debug)]
pub(super) struct JudgedDay {
    pub(super) verdict: RunVerdict,
    pub(super) broken: Vec<String>,
    pub(super) unknown: Vec<String>,
}

impl JudgedDay {
    pub(super) fn record(&self) -> DayGates {
        let Self { verdict, broken, unknown } = self;
        DayGates { verdict: verdict.as_str().to_owned(), broken: broken.clone(), unknown: unknown.clone() }
    }
}

/// A figure that a run measures otherwise than the definitions of the day.
pub(super) fn other_definition(
    run: &RunWindows,
    judge: &DayJudge,
    figures: impl IntoIterator<Item = String>,
) -> Option<String> {
    let gates = judge.profile.gates.values().map(|gate| gate.kpi.clone());
    figures.into_iter().chain(gates).find(|name| {
        let form = |kpi: Option<&KpiDefinition>| {
            let mut form = serde_json::to_value(kpi?).expect("plain data serialises");
            form.as_object_mut()?.remove("description");
            Some(form)
        };
        form(run.definitions.get(name)) != form(judge.kpis.get(name))
    })
}

/// Judges the windows of all runs of the day in their order. Runs whose windows cannot stand in one row, because they
/// are of another length or of other members, are judged apart.
///
/// What lies between two windows is not judged: how much of a day must be seen is asked elsewhere.
pub(super) fn judge(runs: &[RunWindows]) -> JudgedDay {
    let mut rows: Vec<Vec<&RunWindows>> = Vec::new();
    for run in runs {
        match rows.iter_mut().find(|row| row[0].shape == run.shape && row[0].profile == run.profile) {
            Some(row) => row.push(run),
            None => rows.push(vec![run]),
        }
    }
    let mut day = JudgedDay { verdict: RunVerdict::Pass, broken: Vec::new(), unknown: Vec::new() };
    for row in &rows {
        day.add(row);
    }
    if rows.is_empty() {
        day.verdict = RunVerdict::Inconclusive;
    }
    day
}

impl JudgedDay {
    fn add(&mut self, row: &[&RunWindows]) {
        let (shape, profile) = (&row[0].shape, &row[0].profile);
        let mut ledger = Ledger::new(f64::from(shape.window_secs), shape.points, shape.is_grouped);
        ledger.expected_members = shape.expect_members;
        let iterations = row.iter().flat_map(|run| &run.iterations);
        for (number, iteration) in (1..).zip(iterations) {
            ledger.add(&Iteration { iteration: number, gap_before_secs: None, ..iteration.clone() });
        }
        let judged = ledger.judge(profile);
        // Which versions there may be is asked elsewhere.
        let conditions = judged.conditions.iter().filter(|condition| condition.name != "build");
        let verdict = RunVerdict::fold(judged.gates.values().flat_map(GateResult::states));
        self.verdict = conditions
            .clone()
            .map(|condition| condition.verdict)
            .fold(self.verdict.max(verdict), RunVerdict::max);
        for (name, gate) in &judged.gates {
            if gate.states().any(|(state, _)| state == GateState::HardFail) {
                self.broken.push(name.clone());
            } else if RunVerdict::fold(gate.states()) != RunVerdict::Pass {
                let reason = gate.outcome.reason.as_deref().unwrap_or("it is not known");
                self.unknown.push(format!("{name}: {}: {reason}", gate.outcome.state.as_str()));
            }
        }
        let unmet = conditions.filter(|condition| condition.verdict != RunVerdict::Pass);
        self.unknown.extend(unmet.map(|condition| {
            format!("{}: {}", condition.name, condition.reason.as_deref().unwrap_or(&condition.note))
        }));
    }
}
