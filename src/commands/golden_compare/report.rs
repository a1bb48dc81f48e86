//! From facts and verdict to the report: the header, a line a difference, the footer, a row a file.

use super::arguments::Args;
use super::drift::listed::ListedDrift;
use super::drift::{Rule, Rules};
use super::facts::{BELOW, Decision, Facts, FileFacts, FileState};
use super::verdict::Verdict;
use crate::report::exit::Exit;
use crate::report::{CommandSpec, Conclusion, Location, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("golden-compare", "GOLDEN", "DRIFT");

/// Fields of the report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The accepted file or directory.
    baseline: String,
    /// The file or directory that was judged.
    actual: String,
    /// Pairs of files that were compared.
    files_compared: usize,
    /// Files of the baseline that the actual directory does not have.
    missing_files: Vec<String>,
    /// Files that the baseline does not have.
    extra_files: Vec<String>,
    /// Files that could not be compared.
    unusable_files: Vec<String>,
    /// All differences, missing and extra files included.
    differences: u64,
    /// The differences that are listed, in the order of their paths.
    drifts: Vec<ListedDrift>,
    /// Tolerance of floats without one of their own.
    tolerance: String,
    /// Tolerances of their own: path and tolerance.
    tolerances: Vec<String>,
    /// Paths that were left out.
    ignored: Vec<String>,
    /// Arrays that were compared without order.
    ignored_order: Vec<String>,
    /// Rules that found nothing to count for, with their options.
    unused_rules: Vec<String>,
    /// Record of the acceptance, where the actual output became the baseline.
    accepted: Option<String>,
}

pub(super) fn report(args: &Args, rules: &Rules, facts: &Facts, verdict: Verdict) -> Report {
    let conclusion = match verdict {
        Verdict::Match => Conclusion::new(Outcome::Pass, "MATCH"),
        Verdict::MatchWithUnusedRules | Verdict::Accepted => Conclusion::new(Outcome::Warn, "MATCH"),
        Verdict::Drift => Conclusion::new(Outcome::Warn, "DRIFT"),
        Verdict::Regression => Conclusion::new(Outcome::Fail, "DRIFT"),
        Verdict::Unusable => Conclusion::new(Outcome::Unknown, "DRIFT").exit(Exit::Config),
    };
    let body = body(args, rules, facts);
    Report::new(&SPEC, "GOLDEN COMPARE", conclusion)
        .preamble(preamble(facts, verdict))
        .rows(rows(rules, facts, verdict))
        .evidence(&body.accepted)
        .body(&body)
}

fn body(args: &Args, rules: &Rules, facts: &Facts) -> Body {
    let named = |is_wanted: fn(&FileState) -> bool| {
        let wanted = facts.files.iter().filter(|file| is_wanted(&file.state));
        wanted.map(|file| file.name.clone().unwrap_or_default()).collect::<Vec<_>>()
    };
    Body {
        baseline: args.baseline.display().to_string(),
        actual: args.actual.display().to_string(),
        files_compared: named(|state| matches!(state, FileState::Compared { .. })).len(),
        missing_files: named(|state| matches!(state, FileState::Missing)),
        extra_files: named(|state| matches!(state, FileState::Extra)),
        unusable_files: named(|state| matches!(state, FileState::Unusable(_))),
        differences: facts.differences(),
        drifts: facts.files.iter().flat_map(FileFacts::listed).cloned().collect(),
        tolerance: rules.tolerance.to_string(),
        tolerances: rules.tolerances.iter().map(|rule| format!("{}: {}", rule.scope(), rule.what)).collect(),
        ignored: rules.ignored.iter().map(Rule::scope).collect(),
        ignored_order: rules.unordered.iter().map(Rule::scope).collect(),
        unused_rules: facts.unused_rules.clone(),
        accepted: match &facts.decision {
            Decision::Accepted(record) => Some(record.clone()),
            Decision::NotAsked | Decision::Needless | Decision::Declined => None,
        },
    }
}

fn preamble(facts: &Facts, verdict: Verdict) -> Vec<String> {
    if matches!(verdict, Verdict::Match | Verdict::MatchWithUnusedRules) {
        return vec!["[OK] No drifts detected - golden files match".to_owned()];
    }
    if facts.differences() == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!("[DRIFT] Found {} difference(s):", facts.differences())];
    let listed = |line: String| if line.starts_with(BELOW) { line } else { format!("  - {line}") };
    lines.extend(facts.lines().into_iter().map(listed));
    lines.push(match &facts.decision {
        Decision::Accepted(record) => {
            format!("[ACCEPTED] The actual output is the new baseline, recorded in {record}")
        }
        Decision::Declined => "[WARN] Drifts found and not accepted; the baseline stays as it was".to_owned(),
        Decision::NotAsked | Decision::Needless if facts.fail_on_drift => {
            "[FAIL] Golden regression detected".to_owned()
        }
        Decision::NotAsked | Decision::Needless => {
            "[WARN] Drifts found but not failing (--fail-on-drift not set)".to_owned()
        }
    });
    lines
}

fn rows(rules: &Rules, facts: &Facts, verdict: Verdict) -> Vec<Row> {
    let drifted = match verdict {
        Verdict::Match | Verdict::MatchWithUnusedRules | Verdict::Accepted | Verdict::Drift => Outcome::Warn,
        Verdict::Regression | Verdict::Unusable => Outcome::Fail,
    };
    let of_directories = facts.files.iter().any(|file| file.name.is_some());
    let mut rows: Vec<Row> = facts
        .files
        .iter()
        .filter(|file| !of_directories || !file.is_match())
        .map(|file| row(file, drifted))
        .collect();
    if of_directories {
        let same = facts.files.iter().filter(|file| file.is_match()).count();
        let is_match = matches!(verdict, Verdict::Match | Verdict::MatchWithUnusedRules);
        let outcome = if is_match { Outcome::Pass } else { drifted };
        rows.push(Row::new("files", outcome).note(format!("{same} of {} match", facts.files.len())));
    }
    if !facts.unused_rules.is_empty() {
        let reasons = facts.unused_rules.iter().map(|rule| {
            let needs_order = rules.needs_pairs(rule);
            let why = if needs_order {
                "; elements have such names where --ignore-order PATH:FIELD pairs them"
            } else {
                ""
            };
            format!("`{rule}` matches nothing of what was compared{why}")
        });
        let note = format!("{} unused", facts.unused_rules.len());
        rows.push(Row::new("rules", Outcome::Warn).note(note).reasons(reasons));
    }
    rows
}

fn row(file: &FileFacts, drifted: Outcome) -> Row {
    let name = file.name.clone().unwrap_or_else(|| file.actual.clone());
    let row = |outcome, note: &str| Row::new(name, outcome).note(note);
    match &file.state {
        FileState::Unusable(fault) => row(Outcome::Unknown, "unusable").reason(fault),
        FileState::Compared { differences: 0, .. } => row(Outcome::Pass, "0 differences"),
        FileState::Missing => row(drifted, "missing")
            .field("differences", 1)
            .reason("the baseline has this file, the actual output has not"),
        FileState::Extra => row(drifted, "extra")
            .field("differences", 1)
            .reason("the actual output has this file, the baseline has not"),
        FileState::Compared { differences, listed, .. } => {
            let row = row(drifted, &format!("{differences} difference(s)")).field("differences", differences);
            match listed.first() {
                None => row,
                Some(first) => row.reason(format!("first: {}", first.message)).at(Location {
                    path: file.actual.clone(),
                    line: first.line,
                    column: first.column,
                }),
            }
        }
    }
}
