//! The report of the tasks: a row for each, with the reasons of those that are not fresh.

use super::calendar::Calendar;
use super::judge::{Judged, State};
use super::verdict::{Facts, Verdict};
use crate::execute::notify::delivery::{Delivery, DeliveryState};
use crate::report::exit::Exit;
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
    /// What is due in the time ahead, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    calendar: Option<Calendar>,
    /// Who was notified, and what came of it; it never changes the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notifications: Vec<Delivery>,
}

/// What a report has beside the answer.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) calendar: Option<Calendar>,
    pub(super) notifications: Vec<Delivery>,
}

pub(super) fn report(facts: Facts, verdict: Verdict, beside: Beside) -> Report {
    let conclusion = match verdict {
        Verdict::Fresh => Conclusion::new(Outcome::Pass, "FRESH"),
        Verdict::Running => Conclusion::new(Outcome::Warn, "FRESH"),
        Verdict::Stale => Conclusion::new(Outcome::Fail, "STALE"),
    };
    concluded(facts, conclusion, beside)
}

/// The report of a server that a signal ended.
pub(super) fn stopped(facts: Facts, signal: i32, notifications: Vec<Delivery>) -> Report {
    let conclusion = Conclusion::new(Outcome::Fail, "STOPPED").exit(Exit::of_signal(signal));
    concluded(facts, conclusion, Beside { calendar: None, notifications })
}

fn concluded(facts: Facts, conclusion: Conclusion, beside: Beside) -> Report {
    let mut counts = BTreeMap::new();
    for task in &facts.tasks {
        *counts.entry(task.state.as_str().to_owned()).or_default() += 1;
    }
    let failed = beside.notifications.iter().filter(|delivery| delivery.state == DeliveryState::Failed);
    let rows = facts.tasks.iter().map(row).chain(failed.map(undelivered)).collect();
    let preamble = beside.calendar.as_ref().map(Calendar::lines).unwrap_or_default();
    let body = Body {
        config: facts.config,
        counts,
        tasks: facts.tasks,
        window_secs: facts.window.map(|window| window.as_secs()),
        calendar: beside.calendar,
        notifications: beside.notifications,
    };
    Report::new(&SPEC, "CRON SENTINEL", conclusion).preamble(preamble).rows(rows).body(&body)
}

/// That somebody could not be notified is no answer about the tasks.
fn undelivered(delivery: &Delivery) -> Row {
    let reason = delivery.reason.as_deref().unwrap_or("for no known reason");
    let attempts = match delivery.attempts {
        0 => "not delivered".to_owned(),
        1 => "not delivered in 1 attempt".to_owned(),
        attempts => format!("not delivered in {attempts} attempts"),
    };
    Row::new(format!("notify {}", delivery.name), Outcome::Warn)
        .note("undelivered")
        .reason(format!("{}: {attempts}: {reason}", delivery.channel))
}

fn row(task: &Judged) -> Row {
    let row = Row::new(&task.name, task.outcome()).note(task.state.as_str());
    if task.state == State::Fresh {
        return row;
    }
    let reasons = task.reasons.iter().map(|reason| format!("{}: {reason}", task.artifact));
    let owner = task.owner.as_ref().map_or_else(String::new, |owner| format!(", owner {owner}"));
    let severity = format!("severity {}{owner}", task.severity.as_str());
    let location = Location { path: task.artifact.clone(), line: None, column: None };
    row.reasons(reasons).reason(severity).at(location)
}
