//! One file or folder a subcommand: its arguments, and `run`, which reads, decides, writes and reports.

pub mod completions;
pub mod man;
pub mod schema;
pub mod tune;

use crate::report::Report;
use crate::sys::clock::Clock;

/// What a command hands back.
#[derive(Debug)]
pub enum Answer {
    /// A report for the printer.
    Report(Report),
    /// Text for another program: a schema, a completion script, a manual page.
    Text(String),
    /// The usage of a command that was called without what it needs; the code is 1.
    Usage(String),
}

impl Answer {
    /// Stamps the report and, for a command that promises 0 or 1, keeps that promise.
    #[must_use]
    pub fn finished(mut self, clock: &Clock, clamped: bool) -> Self {
        if let Answer::Report(report) = &mut self {
            if clamped {
                report.exit = report.exit.clamped();
            }
            report.body.insert("generated_at".into(), clock.stamp_utc().into());
            if clock.is_frozen() {
                report.body.insert("clock".into(), "frozen".into());
            }
        }
        self
    }
}
