//! The rows of the report: what all runs of the drill together answer, question by question.

use super::judge::{Finding, Question, ms};
use super::{Plan, Scenario};
use crate::report::{Row, Status};

/// How many reasons are printed below a row.
const REASONS: usize = 5;

/// The distribution of takeovers over the runs, in milliseconds rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub(crate) struct Takeovers {
    /// Runs in which somebody took over.
    pub(crate) count: u64,
    /// The shortest.
    pub(crate) min_ms: u64,
    /// Nearest-rank median.
    pub(crate) median_ms: u64,
    /// Nearest-rank 95th percentile.
    pub(crate) p95_ms: u64,
    /// The longest.
    pub(crate) max_ms: u64,
}

/// The distribution, or `None` when nobody ever took over.
pub(crate) fn takeovers(findings: &[Finding]) -> Option<Takeovers> {
    let mut all: Vec<u64> = findings.iter().filter_map(|finding| finding.takeover_us).map(ms).collect();
    all.sort_unstable();
    let (first, last) = (*all.first()?, *all.last()?);
    let rank = |percent: usize| all[(all.len() * percent).div_ceil(100).max(1) - 1];
    Some(Takeovers {
        count: all.len() as u64,
        min_ms: first,
        median_ms: rank(50),
        p95_ms: rank(95),
        max_ms: last,
    })
}

/// The rows. With `measured` off nothing that depends on the speed of the machine is in a note of an OK
/// row, so that the same answer is the same text.
pub(crate) fn rows(plan: &Plan, findings: &[Finding], measured: bool) -> Vec<Row> {
    let sum = |count: fn(&Finding) -> u64| findings.iter().map(count).sum::<u64>();
    let mut rows = vec![
        row(findings, Question::Evidence, "evidence", format!("runs={}", findings.len())),
        row(
            findings,
            Question::Elections,
            "elections",
            format!("per_run={} expected={}", spread(findings), plan.scenario.elections()),
        ),
    ];
    if plan.scenario != Scenario::Healthy {
        let limit = ms(plan.takeover_limit_us());
        let note = match takeovers(findings) {
            Some(all) if measured => {
                format!("median={} p95={} max={} limit={limit} ms", all.median_ms, all.p95_ms, all.max_ms)
            }
            _ => format!("limit={limit} ms"),
        };
        rows.push(row(findings, Question::Takeover, "takeover", note));
    }
    rows.push(row(
        findings,
        Question::DualLeader,
        "dual_leader",
        format!("overlap_us={}", sum(|finding| finding.dual_us)),
    ));
    let wrongs =
        format!("duplicates={} lost={}", sum(|finding| finding.duplicates), sum(|finding| finding.lost));
    let orders = sum(|finding| finding.orders);
    let note = if measured { format!("orders={orders} {wrongs}") } else { wrongs };
    rows.push(row(findings, Question::Orders, "orders", note));
    let mut note = format!("older_accepted={}", sum(|finding| finding.older_accepted));
    if measured {
        note = format!("{note} refused={}", sum(|finding| finding.refused_stale));
    }
    rows.push(row(findings, Question::Fencing, "fencing", note));
    let late = sum(|finding| finding.late_acts);
    rows.push(row(findings, Question::StepDown, "step_down", format!("late_acts={late}")));
    let outages = sum(|finding| finding.outages);
    let status = match (findings.is_empty(), outages) {
        (true, _) => Status::Skip,
        (false, 0) => Status::Ok,
        (false, _) => Status::Warn,
    };
    rows.push(Row::new("store", status).note(format!("outages={outages}")));
    rows
}

fn row(findings: &[Finding], question: Question, name: &str, note: String) -> Row {
    let problems: Vec<String> = findings
        .iter()
        .zip(1..)
        .flat_map(|(finding, run)| finding.problems.iter().map(move |problem| (run, problem)))
        .filter(|(_, problem)| problem.question == question)
        .map(|(run, problem)| format!("run {run}: {}", problem.text))
        .collect();
    // No run at all is no evidence.
    let good = problems.is_empty() && !findings.is_empty();
    let mut row = Row::new(name, if good { Status::Ok } else { Status::Fail }).note(note);
    if findings.is_empty() {
        row = row.reason("no run took place");
    }
    let left = problems.len().saturating_sub(REASONS);
    for text in problems.into_iter().take(REASONS) {
        row = row.reason(text);
    }
    if left > 0 {
        row = row.reason(format!("and {left} more"));
    }
    row
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
