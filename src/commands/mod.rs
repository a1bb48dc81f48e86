//! One file or folder a command: its names, its arguments, and `run`, which reads, decides, writes and
//! reports. The table in `cli` has a line for each.

pub(crate) mod bundle;
pub(crate) mod canary;
pub(crate) mod chaos;
pub(crate) mod completions;
pub(crate) mod cron_sentinel;
pub(crate) mod golden_compare;
pub(crate) mod make_ready;
pub(crate) mod man;
pub(crate) mod pre_live_pack;
pub(crate) mod readiness;
pub(crate) mod rotate;
pub(crate) mod scan_secrets;
pub(crate) mod schema;
pub(crate) mod sim;
pub(crate) mod soak;
pub(crate) mod tune;

use crate::report::Report;

/// What a command hands back.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A report for the printer.
    Report(Box<Report>),
    /// Text for another program: a schema, a completion script, a manual page.
    Text(String),
}

impl From<Report> for Answer {
    fn from(report: Report) -> Self {
        Self::Report(Box::new(report))
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
