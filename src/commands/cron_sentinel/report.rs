//! The report of the tasks: a row for each, with the reasons of those that are not fresh.

use super::judge::{Judged, State};
use super::verdict::{Facts, Verdict};
use crate::report::{CommandSpec, Conclusion, Location, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("cron-sentinel", "CRON_SENTINEL", "STALE");

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The configuration.
    config: String,
    /// Number of tasks in each state.
    counts: BTreeMap<String, usize>,
    /// Every task that was judged, in the order of the configuration.
    tasks: Vec<Judged>,
    /// Largest age in seconds that was given on the command line.
    window_secs: Option<u64>,
}

pub(super) fn report(facts: Facts, verdict: Verdict) -> Report {
    let conclusion = match verdict {
        Verdict::Fresh => Conclusion::new(Outcome::Pass, "FRESH"),
        Verdict::Running => Conclusion::new(Outcome::Warn, "FRESH"),
        Verdict::Stale => Conclusion::new(Outcome::Fail, "STALE"),
    };
    let mut counts = BTreeMap::new();
    for task in &facts.tasks {
        *counts.entry(task.state.as_str().to_owned()).or_default() += 1;
    }
    let rows = facts.tasks.iter().map(row).collect();
    let body = Body {
        config: facts.config,
        counts,
        tasks: facts.tasks,
        window_secs: facts.window.map(|window| window.as_secs()),
    };
    Report::new(&SPEC, "CRON SENTINEL", conclusion).rows(rows).body(&body)
}

fn row(task: &Judged) -> Row {
    let row = Row::new(&task.name, task.outcome()).note(task.state.as_str());
    if task.state == State::Fresh {
        return row;
    }
    let reasons = task.reasons.iter().map(|reason| format!("{}: {reason}", task.artifact));
    let owner = task.owner.as_ref().map_or_else(String::new, |owner| format!(", owner {owner}"));
    let severity = format!("severity {}{owner}", task.severity);
    let location = Location { path: task.artifact.clone(), line: None, column: None };
    row.reasons(reasons).reason(severity).at(location)
}
