//! Last-run metrics for the node-exporter textfile collector, so that the tool can be watched itself.

use crate::format::exposition::{Format, Kind, Writer};
use crate::report::{Report, Status};
use std::time::Duration;

/// What every such page of ours begins with.
pub(crate) const BEGINNING: &str = "# HELP mmops_last_run_";

/// Renders the exposition text; `ended_at` is in seconds since the epoch.
pub(crate) fn render(report: &Report, ended_at: i64, took: Duration) -> String {
    let name = report.spec.name();
    let command = ("command", name.as_str());
    let mut page = Writer::new(Format::Text);
    page.gauge("mmops_last_run_timestamp_seconds", "End of the last run.", [command], ended_at as f64);
    page.gauge("mmops_last_run_duration_seconds", "Duration of the last run.", [command], took.as_secs_f64());
    let exit = f64::from(report.exit.code());
    page.gauge("mmops_last_run_exit_code", "Exit code of the last run.", [command], exit);
    page.family("mmops_last_run_rows", Kind::Gauge, "Rows of the last report.");
    for status in [Status::Ok, Status::Warn, Status::Skip, Status::Fail] {
        let count = report.rows.iter().filter(|row| row.status() == status).count();
        page.sample("mmops_last_run_rows", [command, ("status", status.as_str())], count as f64);
    }
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{CommandSpec, Conclusion, Outcome, Row};

    #[test]
    fn every_status_is_counted() {
        const SPEC: CommandSpec = CommandSpec::new("rotate", "ROTATION", "FAILED");
        let report = Report::new(&SPEC, "T", Conclusion::new(Outcome::Fail, "FAILED"))
            .rows(vec![Row::new("a", Outcome::Fail)]);
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
