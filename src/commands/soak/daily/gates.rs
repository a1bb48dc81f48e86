//! What the windows of a day are judged by, and what comes of it: the profile and the definitions of `daily.yaml`,
//! whatever the runs were started with.
#![warn(clippy::wildcard_enum_match_arm)]

use super::windows::RunWindows;
use crate::evidence::daily::report::DayGates;
use crate::judge::gate::{self, Aggregate, Gate, KOfN, Severity, WindowAnswer, WindowValue};
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

/// Judges the windows of all runs of the day in their order, those over midnight among them. Runs whose windows cannot
/// stand in one row, because they are of another length or of other members, are judged apart.
///
/// What lies between two runs is not judged: how much of a day must be seen is asked elsewhere.
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
        for run in row {
            day.add_history(run);
        }
    }
    if rows.is_empty() {
        day.verdict = RunVerdict::Inconclusive;
    }
    day
}

fn ledger<'a>(run: &RunWindows, iterations: impl Iterator<Item = &'a Iteration>) -> Ledger {
    let shape = &run.shape;
    let mut ledger = Ledger::new(f64::from(shape.window_secs), shape.points, shape.is_grouped);
    ledger.expected_members = shape.expect_members;
    for (number, iteration) in (1..).zip(iterations) {
        ledger.add(&Iteration { iteration: number, gap_before_secs: None, ..iteration.clone() });
    }
    ledger
}

impl JudgedDay {
    fn add(&mut self, row: &[&RunWindows]) {
        let profile = &row[0].profile;
        let judged = ledger(row[0], row.iter().flat_map(|run| &run.iterations)).judge(profile);
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
            format!(
                "{}: {} ({})",
                condition.name,
                condition.reason.as_deref().unwrap_or(&condition.note),
                condition.note
            )
        }));
    }

    /// What only the windows before the day show: a growth that began earlier in the life of the process, and windows in
    /// a row of which some lie before midnight.
    fn add_history(&mut self, run: &RunWindows) {
        if run.before.is_empty() || run.iterations.is_empty() {
            return;
        }
        let history = ledger(run, run.before.iter().chain(&run.iterations));
        let hard = run.profile.gates.iter().filter(|(_, gate)| gate.severity == Severity::Hard);
        for (name, gate) in hard.filter(|(name, _)| !self.broken.contains(name)).collect::<Vec<_>>() {
            let members = history.windows_of(&gate.kpi);
            let answers = members.iter().map(|(_, windows)| match gate.aggregate {
                Aggregate::Growth => growth(gate, windows, f64::from(run.shape.window_secs)),
                Aggregate::Every => in_a_row(gate, windows, run.before.len()),
                Aggregate::P95
                | Aggregate::Mean
                | Aggregate::Median
                | Aggregate::Max
                | Aggregate::Min
                | Aggregate::Sum
                | Aggregate::Ema(_) => OverDays::Kept,
            });
            match answers.max().unwrap_or(OverDays::Kept) {
                OverDays::Kept => {}
                OverDays::Unknown(reason) => {
                    self.verdict = self.verdict.max(RunVerdict::Inconclusive);
                    self.unknown.push(format!("{name}: {reason}"));
                }
                OverDays::Broken => {
                    self.verdict = self.verdict.max(RunVerdict::Fail);
                    self.broken.push(name.clone());
                }
            }
        }
    }
}

/// What a gate says of the windows of a day together with those before it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OverDays {
    Kept,
    Unknown(String),
    Broken,
}

/// The growth since the life of the process began.
fn growth(gate: &Gate, windows: &[WindowValue], window_secs: f64) -> OverDays {
    let grown = gate::evaluate(gate, windows, window_secs);
    let is_kept = grown.actual.is_none_or(|value| gate.holds(value));
    match grown.state {
        _ if is_kept => OverDays::Kept,
        GateState::HardFail => OverDays::Broken,
        GateState::Pass
        | GateState::SoftFail
        | GateState::NoData
        | GateState::Partial
        | GateState::ToolError
        | GateState::Warmup => {
            let reason = grown.reason.unwrap_or_default();
            OverDays::Unknown(format!("since the process was started it may have broken: {reason}"))
        }
    }
}

/// `k` of `n` windows in a row that end on the day and begin before it.
fn in_a_row(gate: &Gate, windows: &[WindowValue], before: usize) -> OverDays {
    let Some(KOfN { k, n }) = gate.k_of_n else { return OverDays::Kept };
    let judged = gate::judged_windows(gate, windows);
    // A member that came later has fewer windows before the day.
    let before = judged.iter().filter(|window| window.iteration as usize <= before).count();
    let answers: Vec<WindowAnswer> = judged.into_iter().map(|window| window.answer).collect();
    let count = |windows: &[WindowAnswer], is: fn(&WindowAnswer) -> bool| {
        windows.iter().filter(|answer| is(answer)).count()
    };
    let (is_broken, is_open): (fn(&WindowAnswer) -> bool, fn(&WindowAnswer) -> bool) = (
        |answer| matches!(answer, WindowAnswer::Broken(_)),
        |answer| matches!(answer, WindowAnswer::Broken(_) | WindowAnswer::Unknown),
    );
    let (k, n) = (k as usize, n as usize);
    let over_midnight = before + 1..answers.len().min(before + n - 1) + 1;
    let found = over_midnight.map(|end| {
        let (earlier, of_day) = answers[end.saturating_sub(n)..end].split_at(before - end.saturating_sub(n));
        let broken = count(earlier, is_broken) + count(of_day, is_broken);
        let open = count(earlier, is_open) + count(of_day, is_open);
        // Those before midnight alone are of the day before.
        if broken >= k && of_day.last().is_some_and(is_broken) {
            OverDays::Broken
        } else if open >= k && broken > 0 && count(earlier, is_open) > 0 && of_day.last().is_some_and(is_open)
        {
            OverDays::Unknown("broken in or beside windows that are not known, over midnight".to_owned())
        } else {
            OverDays::Kept
        }
    });
    found.max().unwrap_or(OverDays::Kept)
}

#[cfg(test)]
mod tests {
    use super::super::windows::{RunShape, run};
    use super::*;
    use crate::judge::gate::GateProfile;
    use crate::judge::kpi::{DataState, Measurement};
    use serde_json::json;
    use std::collections::BTreeMap;

    /// A run with these values of `x` before the day and on it, as of a day with this gate; none is not known.
    fn judged(gate: &serde_json::Value, before: &[Option<f64>], day: &[Option<f64>]) -> (RunVerdict, String) {
        let mut form = json!({"kpi": "x", "unit": "ms", "severity": "hard"});
        form.as_object_mut().expect("an object").extend(gate.as_object().expect("an object").clone());
        let gate: Gate = crate::format::node::from_json(form).expect("a gate");
        let iteration = |value: &Option<f64>| {
            let measured = match value {
                Some(value) => Measurement::single(*value, "ms", "test"),
                None => Measurement::unknown(DataState::NoData, "ms", 1, "test", "no answer"),
            };
            Iteration { kpis: BTreeMap::from([("x".to_owned(), measured)]), ..Iteration::default() }
        };
        let run = RunWindows {
            profile: GateProfile {
                gates: BTreeMap::from([("g".to_owned(), gate)]),
                max_gap: Some("1d".to_owned()),
                ..GateProfile::default()
            },
            shape: RunShape { window_secs: 300, points: 1, is_grouped: false, expect_members: None },
            before: before.iter().map(iteration).collect(),
            iterations: day.iter().map(iteration).collect(),
            ..run(&[])
        };
        let day = judge(&[run]);
        (day.verdict, day.broken.into_iter().chain(day.unknown).collect())
    }

    #[test]
    fn windows_in_a_row_are_seen_over_midnight() {
        let (ok, bad, unknown) = (Some(1.0), Some(9.0), None);
        let day = [ok; 40];
        for (before, first, expected) in [
            (vec![ok, bad], vec![bad], RunVerdict::Fail),
            (vec![bad, ok], vec![bad], RunVerdict::Fail),
            (vec![ok, bad], vec![ok, bad], RunVerdict::Fail),
            (vec![bad, ok], vec![ok, bad], RunVerdict::Pass),
            // The day before has said so.
            (vec![bad, bad], vec![ok], RunVerdict::Pass),
            (vec![ok, ok], vec![bad], RunVerdict::Pass),
            (vec![ok, unknown], vec![bad], RunVerdict::Inconclusive),
            (vec![unknown, bad], vec![ok], RunVerdict::Pass),
            (vec![], vec![bad], RunVerdict::Pass),
        ] {
            let gate = json!({"aggregate": "every", "at_most": 5.0, "k_of_n": {"k": 2, "n": 3}});
            let all = [first.clone(), day.to_vec()].concat();
            let found = judged(&gate, &before, &all);
            assert_eq!(found.0, expected, "{before:?} {first:?}: {}", found.1);
        }
        // Of a gate without windows in a row each day has its own.
        let alone = json!({"aggregate": "every", "at_most": 5.0});
        assert_eq!(judged(&alone, &[bad], &day).0, RunVerdict::Pass);
    }

    #[test]
    fn what_grows_a_little_every_day_has_grown_since_the_process_was_started() {
        let gate = || json!({"aggregate": "growth", "at_most": 64.0});
        let rising = |from: f64, count: u32| -> Vec<Option<f64>> {
            (0..count).map(|at| Some(from + f64::from(at))).collect()
        };
        assert_eq!(judged(&gate(), &[], &rising(0.0, 100)).0, RunVerdict::Pass);
        assert_eq!(
            judged(&gate(), &rising(0.0, 100), &rising(100.0, 100)),
            (RunVerdict::Fail, "g".to_owned())
        );
        // What once grew and is long since even.
        assert_eq!(judged(&gate(), &rising(0.0, 60), &[Some(60.0); 100]).0, RunVerdict::Pass);
        let (verdict, why) =
            judged(&gate(), &[rising(0.0, 20), vec![None; 100]].concat(), &rising(200.0, 50));
        assert_eq!(verdict, RunVerdict::Inconclusive, "{why}");
        assert!(why.starts_with("g: since the process was started it may have broken"), "{why}");
    }
}
