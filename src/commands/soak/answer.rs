//! The report of `soak run` and `soak gate`.
#![warn(clippy::wildcard_enum_match_arm)]

use super::verdict::{Occasion, SoakFacts, SoakVerdict};
use crate::judge::record::GateResult;
use crate::judge::record::legacy::FindingKind;
use crate::judge::verdict::{GateState, RunVerdict};
use crate::report::exit::Exit;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use serde::Serialize;

pub(crate) const RUN: CommandSpec = CommandSpec::new("soak run", "SOAK", "INCONCLUSIVE");
pub(crate) const GATE: CommandSpec = CommandSpec::new("soak gate", "SOAK", "INCONCLUSIVE");

/// `more` rows stand behind those of the run.
pub(super) fn report(
    facts: &SoakFacts,
    verdict: SoakVerdict,
    more: Vec<Row>,
    body: &impl Serialize,
) -> Report {
    let (spec, title) = match facts.occasion {
        Occasion::Finished { .. } => (&RUN, "SOAK RESULTS"),
        Occasion::Kept { .. } | Occasion::Legacy { .. } => (&GATE, "SOAK GATES"),
    };
    Report::new(spec, title, conclusion(facts, verdict))
        .rows(rows(facts).into_iter().chain(more).collect())
        .simulated(facts.simulated)
        .rests_on(facts.trail.header.clock)
        .observed(facts.ledger.observation())
        .body(body)
        .evidence([&facts.run_dir])
}

fn conclusion(facts: &SoakFacts, verdict: SoakVerdict) -> Conclusion {
    let verdict = match verdict {
        SoakVerdict::Interrupted { signal } => {
            return Conclusion::new(Outcome::Fail, "INTERRUPTED").exit(Exit::of_signal(signal));
        }
        SoakVerdict::Judged(verdict) => verdict,
    };
    let is_clean = facts.judgement.gates.values().all(|gate| gate.pass);
    let (outcome, exit) = match verdict {
        RunVerdict::Pass if is_clean => (Outcome::Pass, Exit::Ok),
        RunVerdict::Pass => (Outcome::Warn, Exit::Ok),
        RunVerdict::Inconclusive => (Outcome::Unknown, Exit::Stalled),
        RunVerdict::Fail => (Outcome::Fail, Exit::Fail),
    };
    Conclusion::new(outcome, verdict.as_str()).exit(exit)
}

pub(super) fn rows(facts: &SoakFacts) -> Vec<Row> {
    let (ledger, planned) = (&facts.ledger, facts.planned);
    let is_complete = ledger.iterations >= planned && ledger.missing.is_empty();
    let complete = if is_complete { Outcome::Pass } else { Outcome::Fail };
    let done = format!("{} of {planned}", ledger.iterations);
    let mut rows = vec![Row::new("iterations", complete).note(done)];
    if facts.simulated {
        rows.push(Row::new("simulated", Outcome::Warn).note(format!("SOURCE={}", facts.source)));
    }
    rows.extend(ledger.gaps.iter().map(|(before, secs)| {
        let reason = format!("{secs:.0} s before iteration {before} were not observed");
        Row::new("gap", Outcome::Warn).reason(reason)
    }));
    rows.extend(facts.judgement.conditions.iter().map(|condition| {
        let outcome = match condition.verdict {
            RunVerdict::Pass => Outcome::Pass,
            RunVerdict::Inconclusive => Outcome::Unknown,
            RunVerdict::Fail => Outcome::Fail,
        };
        Row::new(&condition.name, outcome).note(&condition.note).reasons(&condition.reason)
    }));
    rows.extend(facts.trail.clock_steps.iter().map(|(iteration, secs)| {
        let reason = format!("the wall clock was set by {secs:+.1} s in iteration {iteration}");
        Row::new("clock_step", Outcome::Warn).reason(reason)
    }));
    rows.extend(facts.judgement.gates.iter().map(|(name, gate)| gate_row(name, gate, facts)));
    rows.extend(occasion_rows(&facts.occasion));
    if facts.is_no_evidence() {
        let reason = "a simulation is no evidence; --mock judges it as a rehearsal";
        rows.push(Row::new("evidence", Outcome::Fail).reason(reason));
    }
    rows
}

fn gate_row(name: &str, gate: &GateResult, facts: &SoakFacts) -> Row {
    let outcome = match gate.outcome.state {
        GateState::Pass => Outcome::Pass,
        GateState::SoftFail if !gate.required => Outcome::Warn,
        GateState::SoftFail | GateState::HardFail => Outcome::Fail,
        GateState::Warmup | GateState::Partial | GateState::NoData | GateState::ToolError => Outcome::Unknown,
    };
    let (state, actual) = (gate.outcome.state, &gate.figure);
    let note = format!("{} {actual} ({})", state.as_str(), gate.condition);
    let row = Row::new(name, outcome).note(note).field("state", state).reasons(&gate.outcome.reason);
    let worst = gate.member.as_ref().filter(|_| !gate.pass).map(|member| {
        let bad = gate.members.values().filter(|outcome| outcome.state != GateState::Pass).count();
        format!("worst: {member}; {bad} of {} members do not pass", gate.members.len())
    });
    row.reasons(worst).reasons(facts.explanation(gate))
}

/// Reasons that are shown of many.
const SHOWN: usize = 5;

fn occasion_rows(occasion: &Occasion) -> Vec<Row> {
    match occasion {
        Occasion::Finished { stopped_by: None, aborted_by } if aborted_by.is_empty() => Vec::new(),
        Occasion::Finished { stopped_by: None, aborted_by } => {
            let reason = format!("{} broken for good: what was left was not run", aborted_by.join(", "));
            vec![Row::new("aborted", Outcome::Fail).reason(reason)]
        }
        Occasion::Finished { stopped_by: Some(_), .. } => {
            vec![Row::new("resume", Outcome::Warn).reason("continue with: mmops soak run --resume")]
        }
        Occasion::Kept { plan_problem, summaries, recomputed, .. } => {
            let is_more = summaries.problems.len() > SHOWN;
            let problems = summaries.problems.iter().take(SHOWN).cloned();
            let more = is_more.then(|| "there are more".to_owned());
            let summaries =
                Row::judged("summaries", problems.chain(more)).note(format!("{} files", summaries.files));
            let recomputed = recomputed.as_ref().map(|found| {
                let outcome = Outcome::of_refusals(&found.differences);
                let torn = found.is_torn.then(|| "the last frame of samples is torn".to_owned());
                Row::new("recomputed", outcome)
                    .note(format!("{} of {} iterations", found.equal, found.iterations))
                    .reasons(torn.iter().chain(found.differences.iter().take(SHOWN)))
            });
            let plan = Row::judged("plan", plan_problem.clone()).note("as the run was started");
            [Some(plan), Some(summaries), recomputed].into_iter().flatten().collect()
        }
        Occasion::Legacy { findings, .. } => {
            let row = |finding: &crate::judge::record::legacy::LegacyFinding| {
                let outcome = match finding.kind {
                    FindingKind::Informative => Outcome::Warn,
                    FindingKind::Failure | FindingKind::Simulated | FindingKind::Incomplete => Outcome::Fail,
                };
                Row::new(finding.name, outcome).reason(&finding.text)
            };
            findings.iter().map(row).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::verdict::tests::facts;
    use super::super::verdict::verdict;
    use super::*;
    use crate::judge::record::legacy::LegacyFinding;

    /// A row that fails beside the gates is no verdict: only facts are.
    #[test]
    fn an_informative_row_does_not_change_the_verdict() {
        let finding =
            LegacyFinding { name: "closed_form_mock", kind: FindingKind::Simulated, text: "x".to_owned() };
        let mut facts = facts(Occasion::Legacy { findings: vec![finding], allow_simulated: true });
        facts.simulated = true;
        let report = report(&facts, verdict(&facts), Vec::new(), &serde_json::json!({}));
        let statuses: Vec<String> = report.document()["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["status"].as_str().expect("a status").to_owned())
            .collect();
        assert_eq!(statuses, ["OK", "WARN", "OK", "FAIL"]);
        assert_eq!((report.verdict(), report.exit()), ("PASS", Exit::Ok));
    }
}
