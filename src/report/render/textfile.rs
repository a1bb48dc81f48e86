//! Last-run metrics for the node-exporter textfile collector, so that the tool can be watched itself.

use crate::report::{Report, Status};
use std::time::Duration;

/// Renders the exposition text; `ended_at` is in seconds since the epoch.
pub(crate) fn render(report: &Report, ended_at: i64, took: Duration) -> String {
    let label = format!("command=\"{}\"", report.command);
    let mut out = String::new();
    let mut gauge = |name: &str, help: &str, samples: Vec<(String, String)>| {
        out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for (labels, value) in samples {
            out.push_str(&format!("{name}{{{labels}}} {value}\n"));
        }
    };
    let one = |value: String| vec![(label.clone(), value)];
    gauge("mmops_last_run_timestamp_seconds", "End of the last run.", one(ended_at.to_string()));
    gauge(
        "mmops_last_run_duration_seconds",
        "Duration of the last run.",
        one(took.as_secs_f64().to_string()),
    );
    gauge("mmops_last_run_exit_code", "Exit code of the last run.", one(report.exit.code().to_string()));
    let statuses = [Status::Ok, Status::Warn, Status::Skip, Status::Fail];
    let rows = statuses.map(|status| {
        let count = report.rows.iter().filter(|row| row.status == status).count();
        (format!("{label},status=\"{}\"", status.word()), count.to_string())
    });
    gauge("mmops_last_run_rows", "Rows of the last report.", rows.to_vec());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Marker, Row};

    #[test]
    fn every_status_is_counted() {
        let marker = Marker::new("rotate_artifacts", Status::Fail, "ROTATION", "FAILED");
        let report = Report::new("rotate", "T", marker).rows(vec![Row::new("a", Status::Fail)]);
        let text = render(&report, 1_700_000_000, Duration::from_millis(250));
        for line in [
            "mmops_last_run_timestamp_seconds{command=\"rotate\"} 1700000000",
            "mmops_last_run_duration_seconds{command=\"rotate\"} 0.25",
            "mmops_last_run_exit_code{command=\"rotate\"} 1",
            "mmops_last_run_rows{command=\"rotate\",status=\"OK\"} 0",
            "mmops_last_run_rows{command=\"rotate\",status=\"FAIL\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
