//! The states of the tasks for Prometheus.

use super::judge::State;
use super::verdict::Facts;
use crate::format::exposition::{Format, Kind, Writer};
use jiff::Timestamp;

pub(super) fn metrics(facts: &Facts, now: Timestamp) -> String {
    let mut page = Writer::new(Format::Text);
    page.family("mmops_task_state", Kind::Gauge, "1 for the state that a task is in, 0 for the others.");
    for task in &facts.tasks {
        for state in State::ALL {
            let labels = [("state", state.as_str()), ("task", task.name.as_str())];
            page.sample("mmops_task_state", labels, if task.state == state { 1.0 } else { 0.0 });
        }
    }
    page.family("mmops_task_age_seconds", Kind::Gauge, "Seconds since the artifact of a task was made.");
    for task in &facts.tasks {
        if let Some(age) = task.age_secs {
            page.sample("mmops_task_age_seconds", [("task", task.name.as_str())], age as f64);
        }
    }
    page.family("mmops_task_due_timestamp_seconds", Kind::Gauge, "When a task is due next.");
    for task in &facts.tasks {
        let due = task.next_due.as_deref().and_then(|due| due.parse::<Timestamp>().ok());
        if let Some(due) = due {
            let labels = [("task", task.name.as_str())];
            page.sample("mmops_task_due_timestamp_seconds", labels, due.as_second() as f64);
        }
    }
    page.gauge(
        "mmops_tasks_inspected_timestamp_seconds",
        "When the tasks were inspected last.",
        None,
        now.as_second() as f64,
    );
    page.finish()
}
