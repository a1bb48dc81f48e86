//! From the facts of a report to what the command says.
#![warn(clippy::wildcard_enum_match_arm)]

use super::delta_verify::{self, DeltaVerdict};
use super::facts::ReportFacts;
use super::figures::ranges;
use crate::commands::soak::answer;
use crate::judge::verdict::RunVerdict;
use crate::report::exit::Exit;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("soak report", "SOAK_REPORT", "INCONCLUSIVE");

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReportBody {
    /// The directory of the run.
    run_dir: String,
    /// PASS, FAIL or INCONCLUSIVE: that of the run judged again.
    run_verdict: RunVerdict,
    /// Name of the profile that it was judged by.
    profile: String,
    /// Iterations of the run, by the number of the last one.
    iterations_total: u32,
    /// The last iterations, which the figures are about, as far as they are there.
    iterations_analyzed: Vec<u32>,
    /// Whether each goal is known to be met.
    goals_met: BTreeMap<String, bool>,
    /// Recommendations that were made.
    recommendations: usize,
    /// What was written.
    files: Vec<String>,
}

pub(super) fn report(
    facts: &ReportFacts,
    verdict: RunVerdict,
    recommendations: usize,
    files: Vec<String>,
) -> Report {
    let goals = &facts.goals.judgement.gates;
    let body = ReportBody {
        run_dir: facts.run.run_dir.clone(),
        run_verdict: verdict,
        profile: facts.run.profile.clone(),
        iterations_total: facts.iterations_total(),
        iterations_analyzed: facts.analyzed(),
        goals_met: goals.iter().map(|(name, goal)| (name.clone(), goal.pass)).collect(),
        recommendations,
        files: files.clone(),
    };
    Report::new(&SPEC, "SOAK REPORT", conclusion(facts, verdict))
        .rows(rows(facts, verdict, recommendations))
        .simulated(facts.header.simulated)
        .rests_on(facts.header.clock)
        .observed(facts.header.observation())
        .body(&body)
        .evidence(files)
}

fn conclusion(facts: &ReportFacts, verdict: RunVerdict) -> Conclusion {
    let is_clean = facts.goals.are_met() && facts.run.judgement.gates.values().all(|gate| gate.pass);
    match verdict {
        RunVerdict::Pass if is_clean => Conclusion::new(Outcome::Pass, "OK"),
        RunVerdict::Pass => Conclusion::new(Outcome::Warn, "OK"),
        RunVerdict::Inconclusive => Conclusion::new(Outcome::Unknown, "INCONCLUSIVE").exit(Exit::Stalled),
        RunVerdict::Fail => Conclusion::new(Outcome::Fail, "FAIL").exit(Exit::Fail),
    }
}

fn rows(facts: &ReportFacts, verdict: RunVerdict, recommendations: usize) -> Vec<Row> {
    let mut rows = answer::rows(&facts.run);
    if facts.is_torn {
        rows.push(Row::new("journal", Outcome::Warn).reason("its last line was torn, and is left out"));
    }
    if let Some(problem) = facts.kept_problem() {
        rows.push(Row::new("kept_verdict", Outcome::Fail).reason(problem));
    }
    for earlier in &facts.earlier {
        let differences = facts.differences(earlier);
        let outcome = if differences.is_empty() { Outcome::Pass } else { Outcome::Warn };
        let note = format!("version {} says {}", earlier.version, earlier.verdict);
        rows.push(
            Row::new("earlier_snapshot", outcome).note(note).reason(&earlier.path).reasons(differences),
        );
    }
    let analyzed = facts.analyzed();
    let outcome = if analyzed.len() == facts.last_n as usize { Outcome::Pass } else { Outcome::Warn };
    let there = if analyzed.is_empty() { "none".to_owned() } else { ranges(analyzed) };
    let note = format!("{there} of {}", facts.iterations_total());
    rows.push(Row::new("last_iterations", outcome).note(note));
    for (name, goal) in &facts.goals.judgement.gates {
        let outcome = if goal.pass { Outcome::Pass } else { Outcome::Warn };
        let note = format!("{} {} ({})", goal.outcome.state.as_str(), goal.figure, goal.condition);
        let reason = goal.outcome.reason.as_ref();
        rows.push(Row::new(format!("goal_{name}"), outcome).note(note).reasons(reason));
    }
    for (guard, iterations) in &facts.activity.guards {
        let note = format!("{} iterations blocked", iterations.len());
        let at = format!("iterations {}", ranges(iterations.iter().copied()));
        rows.push(Row::new(format!("guard_{guard}"), Outcome::Warn).note(note).reason(at));
    }
    let (delta, reason) = delta_verify::answer(facts);
    let outcome = match delta {
        DeltaVerdict::NotTuned => Outcome::Pass,
        DeltaVerdict::NotVerified => Outcome::Warn,
    };
    rows.push(Row::new("deltas", outcome).note(delta.as_str()).reason(reason));
    let outcome = if recommendations == 0 { Outcome::Pass } else { Outcome::Warn };
    rows.push(Row::new("recommendations", outcome).note(recommendations.to_string()));
    rows.push(Row::new("run", of(verdict)).note(verdict.as_str()));
    rows
}

fn of(verdict: RunVerdict) -> Outcome {
    match verdict {
        RunVerdict::Pass => Outcome::Pass,
        RunVerdict::Inconclusive => Outcome::Unknown,
        RunVerdict::Fail => Outcome::Fail,
    }
}
