//! What an inspection of the tasks is worth a notification of.
#![warn(clippy::wildcard_enum_match_arm)]

use super::judge::Judged;
use super::task::Severity;
use super::verdict::{Facts, Verdict};
use crate::execute::notify::message::{Event, Notification, SCHEMA, Urgency};
use crate::report::maker::{ClockKind, Maker};
use serde_json::json;

/// Tasks that a notification names to programs.
const MOST_TASKS: usize = 500;

/// The notification; none while a job runs inside its time, for then it is neither well nor wrong.
pub(super) fn notice(facts: &Facts, verdict: Verdict, host: &str, maker: &Maker) -> Option<Notification> {
    let (event, title) = match verdict {
        Verdict::Running => return None,
        Verdict::Fresh => {
            (Event::Resolve, format!("cron-sentinel on {host}: all {} tasks are fresh", facts.tasks.len()))
        }
        Verdict::Stale => {
            let wrong: Vec<&str> = wrong(facts).map(|task| task.name.as_str()).collect();
            let first = wrong.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            let more = if wrong.len() > 3 { format!(" and {} more", wrong.len() - 3) } else { String::new() };
            let (count, of) = (wrong.len(), facts.tasks.len());
            (
                Event::Trigger,
                format!("cron-sentinel on {host}: {count} of {of} tasks not fresh: {first}{more}"),
            )
        }
    };
    let clock = match maker.clock {
        ClockKind::System => "system",
        ClockKind::Frozen => "frozen",
        ClockKind::Stamped => "stamped",
    };
    let lines = wrong(facts).map(|task| {
        let owner = task.owner.as_ref().map_or_else(String::new, |owner| format!(", owner {owner}"));
        let (name, state, severity) = (&task.name, task.state.as_str(), &task.severity);
        format!("{name}: {state} (severity {}{owner}): {}", severity.as_str(), task.reasons.join("; "))
    });
    let urgency = wrong(facts).map(|task| match task.severity {
        Severity::Critical => Urgency::Critical,
        Severity::Warning => Urgency::Warning,
        Severity::Info => Urgency::Info,
    });
    Some(Notification {
        schema: SCHEMA,
        source: format!("cron-sentinel on {host}"),
        event,
        key: format!("mmops/cron-sentinel/{host}/{}", facts.config),
        title,
        lines: lines.collect(),
        urgency: urgency.max().unwrap_or(Urgency::Info),
        at: maker.now,
        clock,
        details: json!({
            "config": facts.config,
            "tasks": wrong(facts).take(MOST_TASKS).collect::<Vec<_>>(),
        }),
    })
}

/// The tasks because of which the answer is no.
fn wrong(facts: &Facts) -> impl Iterator<Item = &Judged> {
    facts.tasks.iter().filter(|task| !task.outcome().is_yes())
}
