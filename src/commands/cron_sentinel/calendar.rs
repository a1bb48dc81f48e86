//! What is due when: the runs of each schedule in the time ahead, by the search that judges them, and until when the
//! others may wait.
#![warn(clippy::wildcard_enum_match_arm)]

use super::judge::{Judged, later, utc};
use super::task::{Due, Task};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Runs of one task that are listed.
const MOST_RUNS: usize = 200;
/// Lines that a person reads.
const MOST_LINES: usize = 400;

/// What is due in the time ahead.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Calendar {
    until: String,
    /// The earliest first.
    entries: Vec<CalendarEntry>,
    /// Tasks of which only the first runs are listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shortened: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
struct CalendarEntry {
    /// In UTC.
    due_at: String,
    /// On the clock of the task.
    local: String,
    timezone: String,
    /// Name of the task.
    task: String,
    /// From when on the task is stale without a new artifact.
    stale_after: String,
}

/// Of tasks beside what was judged of each.
pub(super) fn calendar(tasks: &[Task], judged: &[Judged], now: Timestamp, ahead: Duration) -> Calendar {
    let until = later(now, ahead);
    let mut calendar = Calendar { until: utc(until), entries: Vec::new(), shortened: Vec::new() };
    for (task, judged) in tasks.iter().zip(judged) {
        let entry = |due: Timestamp, wait: Duration| CalendarEntry {
            due_at: utc(due),
            local: due.to_zoned(task.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
            timezone: task.zone_name.clone(),
            task: task.name.clone(),
            stale_after: utc(later(due, wait)),
        };
        match &task.due {
            Due::Schedule { schedule, grace, .. } => {
                let mut runs = schedule.between(now, until);
                calendar.entries.extend(runs.by_ref().take(MOST_RUNS).map(|run| entry(run, *grace)));
                if runs.next().is_some() {
                    calendar.shortened.push(task.name.clone());
                }
            }
            Due::MaxAge(_) | Due::Every { .. } => {
                let grace = match &task.due {
                    Due::Every { grace, .. } => *grace,
                    Due::MaxAge(_) | Due::Schedule { .. } => Duration::ZERO,
                };
                let next = judged.next_due.as_deref().and_then(|next| next.parse::<Timestamp>().ok());
                let next = next.filter(|next| (now..=until).contains(next));
                calendar.entries.extend(next.map(|next| entry(next, grace)));
            }
        }
    }
    calendar.entries.sort();
    calendar
}

impl Calendar {
    /// As a person reads it.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("due until {}:", self.until)];
        if self.entries.is_empty() {
            lines.push("  nothing".to_owned());
        }
        lines.extend(self.entries.iter().take(MOST_LINES).map(|entry| {
            let local = match entry.timezone.as_str() {
                "UTC" => String::new(),
                zone => format!(" ({} {zone})", entry.local),
            };
            format!("  {}{local} {}, stale after {}", entry.due_at, entry.task, entry.stale_after)
        }));
        if self.entries.len() > MOST_LINES {
            lines.push(format!("  and {} more, which --format json has", self.entries.len() - MOST_LINES));
        }
        if !self.shortened.is_empty() {
            let names = self.shortened.join(", ");
            lines.push(format!("  only the first {MOST_RUNS} runs of {names}"));
        }
        lines.push(String::new());
        lines
    }
}
