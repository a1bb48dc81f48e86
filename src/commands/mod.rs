//! One file or folder a subcommand: its arguments, and `run`, which reads, decides, writes and reports.

pub mod bundle;
pub mod canary;
pub mod chaos;
pub mod completions;
pub mod cron_sentinel;
pub mod golden_compare;
pub mod make_ready;
pub mod man;
pub mod pre_live_pack;
pub mod readiness;
pub mod rotate;
pub mod scan_secrets;
pub mod schema;
pub mod sim;
pub mod soak;
pub mod tune;

use crate::report::Report;

/// What a command hands back.
#[derive(Debug)]
pub enum Answer {
    /// A report for the printer.
    Report(Report),
    /// Text for another program: a schema, a completion script, a manual page.
    Text(String),
    /// The usage of a command that was called without what it needs; the code is 1.
    Usage {
        /// What a person reads.
        text: String,
        /// What a program reads.
        report: Report,
    },
}
