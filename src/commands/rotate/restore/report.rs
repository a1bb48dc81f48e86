//! What a restore has to say, and whether it did what was asked.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::rotate::facts::NAMES;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("rotate restore", "RESTORE", "FAILED");

/// Fields of the report of `rotate restore`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The archive.
    pub(super) archive: String,
    /// Directory below which files are put.
    pub(super) to: String,
    /// Files put back, or in a dry run, to be put back.
    pub(super) restored: u64,
    /// Files that were there already, with the same content.
    pub(super) present: u64,
    /// Files whose original was never removed.
    pub(super) stayed: u64,
    /// Files that could not be put back, with the reason.
    pub(super) failed: BTreeMap<String, String>,
    /// What of the archive is damaged.
    pub(super) damage: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The archive is whole, and nothing was written.
    DryRun,
    /// Every file is back or was there.
    Restored,
    Failed,
}

pub(super) fn verdict(facts: &Body, dry_run: bool) -> Verdict {
    match (facts.damage.is_empty() && facts.failed.is_empty(), dry_run) {
        (false, _) => Verdict::Failed,
        (true, true) => Verdict::DryRun,
        (true, false) => Verdict::Restored,
    }
}

fn conclusion(verdict: Verdict) -> Conclusion {
    match verdict {
        Verdict::Failed => Conclusion::new(Outcome::Fail, "FAILED"),
        Verdict::DryRun => Conclusion::new(Outcome::Pass, "DRYRUN"),
        Verdict::Restored => Conclusion::new(Outcome::Pass, "VERIFIED"),
    }
}

pub(super) fn report(body: &Body, verdict: Verdict, dry_run: bool) -> Report {
    let outcome = |is_good: bool| if is_good { Outcome::Pass } else { Outcome::Fail };
    let verified = Row::new("archive_verified", outcome(body.damage.is_empty()));
    let verified = verified.reasons(body.damage.iter().take(NAMES).cloned());
    let restored = if body.damage.is_empty() {
        let row = Row::new("restored", outcome(body.failed.is_empty()));
        row.note(format!("FILES={} PRESENT={}", body.restored, body.present))
    } else {
        Row::new("restored", Outcome::Skipped).reason("the archive is damaged; nothing was written")
    };
    let failed = body.failed.iter().take(NAMES).map(|(path, why)| format!("{path}: {why}"));
    let title = if dry_run { "ARTIFACT RESTORE (DRY RUN)" } else { "ARTIFACT RESTORE" };
    Report::new(&SPEC, title, conclusion(verdict))
        .rows(vec![verified, restored.reasons(failed)])
        .body(body)
        .evidence([&body.archive])
}
