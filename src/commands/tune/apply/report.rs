//! The report of an apply: a row for each check and each parameter.

use super::checks::Check;
use super::document::{ApplyBody, Decision};
use super::facts::Facts;
use super::verdict::Verdict;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use crate::tuning::overrides;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("tune apply", "TUNING_APPLY", "FAILED");

/// `target` as it is shown, and the digest of what it holds now or would hold.
pub(super) fn report(facts: &Facts, verdict: &Verdict, target: &str, after: Option<&str>) -> Report {
    let mut rows: Vec<Row> = verdict.checks.iter().map(row).collect();
    rows.extend(verdict.changes.iter().map(|change| {
        Row::new(change.field.clone(), Outcome::Pass)
            .note(change.to_string())
            .field("old", &change.old)
            .field("new", &change.new)
    }));
    let foreign = facts.current.as_ref().map(overrides::foreign).unwrap_or_default();
    if !foreign.is_empty() {
        let row = Row::new("kept", Outcome::Warn).note(foreign.join(", "));
        rows.push(row.reason("keys of other origin: no bound covers them"));
    }
    rows.push(target_row(verdict.decision, target, after));
    let conclusion = match verdict.decision {
        Decision::Applied | Decision::Unchanged => Conclusion::new(Outcome::Pass, "OK"),
        Decision::DryRun => Conclusion::new(Outcome::Pass, "DRYRUN"),
        Decision::Refused => Conclusion::new(Outcome::Fail, "FAILED"),
    };
    let body =
        ApplyBody { candidate: &verdict.best, changes: &verdict.changes, apply_verdict: verdict.decision };
    Report::new(&SPEC, "TUNING APPLY RESULTS", conclusion)
        .rows(rows)
        .simulated(facts.document.header.simulated)
        .body(&body)
}

fn row(check: &Check) -> Row {
    let row = Row::new(check.name, check.outcome).note(check.note.clone()).reasons(&check.reasons);
    match check.age_s {
        Some(age_s) => row.field("age_s", age_s),
        None => row,
    }
}

fn target_row(decision: Decision, target: &str, after: Option<&str>) -> Row {
    let (outcome, word) = match decision {
        Decision::Applied => (Outcome::Pass, "written"),
        Decision::DryRun | Decision::Refused => (Outcome::Skipped, "not touched"),
        Decision::Unchanged => (Outcome::Pass, "unchanged"),
    };
    let sha256 = after.map(|sha256| format!("sha256 {sha256}"));
    Row::new("target", outcome).note(word).reason(target).reasons(sha256)
}
