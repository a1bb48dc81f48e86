//! The report of a drill: its timeline, and a row for each question.

use super::document::{FailoverBody, takeovers};
use super::finding::{Finding, Question};
use super::timeline;
use super::verdict::{Facts, Verdict};
use crate::commands::chaos::run_log::{Scenario, ms};
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};

pub(crate) const SPEC: CommandSpec = CommandSpec::new("chaos failover", "CHAOS_RESULT", "FAIL");

/// How many reasons are printed below a row.
const REASONS: usize = 5;

/// What the report says beside facts and verdict.
pub(crate) struct Circumstances {
    pub(crate) dry_run: bool,
    /// Whether what depends on the speed of the machine is told. Under a frozen clock it is not, so that
    /// the same answer is the same text.
    pub(crate) measured: bool,
    /// The written document, as it is shown.
    pub(crate) document: String,
    /// Where the logs of the runs are kept, as it is shown.
    pub(crate) logs: Option<String>,
}

pub(crate) fn report(facts: &Facts, verdict: &Verdict, circumstances: &Circumstances) -> Report {
    let Circumstances { dry_run, measured, document, logs } = circumstances;
    let (outcome, findings) = (verdict.outcome(), &verdict.findings);
    let word = if outcome.is_yes() { "OK" } else { "FAIL" };
    let mut rows = rows(facts, verdict, *measured);
    let kept = |logs| Row::new("logs", Outcome::Warn).reason(format!("kept for inspection in {logs}"));
    rows.extend(logs.as_ref().map(kept));
    let report = Report::new(&SPEC, "FAILOVER DRILL", Conclusion::new(outcome, word))
        .body(&FailoverBody::new(facts, verdict, *dry_run, *measured))
        .rows(rows)
        .evidence([document])
        .evidence(logs);
    let worst = findings.iter().position(|finding| !finding.is_ok()).or(findings.len().checked_sub(1));
    match worst.filter(|_| *measured) {
        Some(worst) => {
            report.preamble(timeline::lines(&facts.runs[worst])).preamble([timeline::summary(findings)])
        }
        None => report,
    }
}

/// What all runs together answer, question by question, and how often a store did not answer.
fn rows(facts: &Facts, verdict: &Verdict, measured: bool) -> Vec<Row> {
    let is_asked =
        |question: &Question| *question != Question::Takeover || facts.plan.scenario != Scenario::Healthy;
    let questions = Question::ALL.into_iter().filter(is_asked);
    let mut rows: Vec<Row> = questions.map(|question| row(facts, verdict, question, measured)).collect();
    let outages: u64 = verdict.findings.iter().map(|finding| finding.outages).sum();
    let outcome = match (verdict.findings.is_empty(), outages) {
        (true, _) => Outcome::Skipped,
        (false, 0) => Outcome::Pass,
        (false, _) => Outcome::Warn,
    };
    rows.push(Row::new("store", outcome).note(format!("outages={outages}")));
    rows
}

fn row(facts: &Facts, verdict: &Verdict, question: Question, measured: bool) -> Row {
    let (plan, findings) = (&facts.plan, &verdict.findings);
    let sum = |count: fn(&Finding) -> u64| findings.iter().map(count).sum::<u64>();
    let (name, note) = match question {
        Question::Evidence => ("evidence", format!("runs={}", findings.len())),
        Question::Elections => {
            ("elections", format!("per_run={} expected={}", spread(findings), plan.scenario.elections()))
        }
        Question::Takeover => {
            let limit = ms(plan.takeover_limit_us());
            let note = match takeovers(findings).filter(|_| measured) {
                Some(all) => {
                    format!("median={} p95={} max={} limit={limit} ms", all.median_ms, all.p95_ms, all.max_ms)
                }
                None => format!("limit={limit} ms"),
            };
            ("takeover", note)
        }
        Question::DualLeader => ("dual_leader", format!("overlap_us={}", sum(|finding| finding.dual_us))),
        Question::Orders => {
            let orders =
                if measured { format!("orders={} ", sum(|finding| finding.orders)) } else { String::new() };
            let (duplicates, lost) = (sum(|finding| finding.duplicates), sum(|finding| finding.lost));
            ("orders", format!("{orders}duplicates={duplicates} lost={lost}"))
        }
        Question::Fencing => {
            let accepted = sum(|finding| finding.older_accepted);
            let refused = sum(|finding| finding.refused_stale);
            let refused = if measured { format!(" refused={refused}") } else { String::new() };
            ("fencing", format!("older_accepted={accepted}{refused}"))
        }
        Question::StepDown => ("step_down", format!("late_acts={}", sum(|finding| finding.late_acts))),
    };
    let mut row = Row::new(name, verdict.answer(question)).note(note);
    if findings.is_empty() {
        row = row.reason("no run took place");
    }
    let problems: Vec<String> = findings
        .iter()
        .zip(1..)
        .flat_map(|(finding, run)| finding.problems.iter().map(move |problem| (run, problem)))
        .filter(|(_, problem)| problem.question == question)
        .map(|(run, problem)| format!("run {run}: {}", problem.text))
        .collect();
    let left = problems.len().saturating_sub(REASONS);
    row = problems.into_iter().take(REASONS).fold(row, Row::reason);
    if left > 0 { row.reason(format!("and {left} more")) } else { row }
}

/// `2`, or `1..3` when the runs differ.
fn spread(findings: &[Finding]) -> String {
    let elections = findings.iter().map(|finding| finding.elections);
    match (elections.clone().min(), elections.max()) {
        (Some(min), Some(max)) if min != max => format!("{min}..{max}"),
        (_, Some(max)) => max.to_string(),
        _ => "0".to_owned(),
    }
}
