//! What a rollback writes down, and its report.

use super::verdict::{Facts, Verdict};
use crate::evidence::header::Header;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use crate::tuning::overrides::Change;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("tune rollback", "TUNING_ROLLBACK", "FAILED");

/// A version of the overrides file.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct OverridesVersion {
    /// Where its bytes are kept now; absent where there was no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// SHA-256 of its bytes; null where there was no file.
    pub(super) sha256: Option<String>,
}

/// `artifacts/AUTO_ROLLBACK.json`, `mmops.auto-rollback.v1`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct RollbackRecord {
    /// When.
    pub(super) at: String,
    /// Old and new value by key.
    pub(super) changes: Vec<Change>,
    /// Whether it was only shown.
    pub(super) dry_run: bool,
    /// What was rolled back.
    pub(super) from: OverridesVersion,
    #[serde(flatten)]
    pub(super) header: Header,
    /// The overrides file.
    pub(super) target: String,
    /// What was restored.
    pub(super) to: OverridesVersion,
    /// Who.
    pub(super) who: String,
    /// Why.
    pub(super) why: String,
}

/// The fields of `tune rollback --format json` beside those of every command.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct RollbackBody<'a> {
    /// The record, when something was rolled back or would be.
    record: Option<&'a RollbackRecord>,
}

/// `record` is what was done or would be; `target` and `previous` are the two files as they are shown.
pub(super) fn report(
    facts: &Facts,
    verdict: Verdict,
    record: Option<&RollbackRecord>,
    (target, previous): (&str, &str),
) -> Report {
    let refused = |reason: String| vec![Row::new("previous", Outcome::Fail).note("none").reason(reason)];
    let (outcome, value, rows) = match verdict {
        Verdict::Restored => (Outcome::Pass, "OK", rows(facts, record)),
        Verdict::DryRun => (Outcome::Pass, "DRYRUN", rows(facts, record)),
        Verdict::NothingKept => {
            let reason = format!("nothing to roll back to: there is no `{previous}`");
            (Outcome::Fail, "FAILED", refused(reason))
        }
        Verdict::Unchanged => {
            let reason = format!("nothing to roll back: `{target}` holds the previous values already");
            (Outcome::Fail, "FAILED", refused(reason))
        }
    };
    let conclusion = Conclusion::new(outcome, value);
    Report::new(&SPEC, "TUNING ROLLBACK RESULTS", conclusion).rows(rows).body(&RollbackBody { record })
}

fn rows(facts: &Facts, record: Option<&RollbackRecord>) -> Vec<Row> {
    let sha256 = facts.previous_sha256.as_deref().unwrap_or_default();
    let mut rows = vec![Row::new("previous", Outcome::Pass).note(format!("sha256={sha256}"))];
    if facts.changed_since_apply {
        let reason = "it was changed after the last apply; those changes are rolled back as well";
        rows.push(Row::new("target", Outcome::Warn).note("changed since apply").reason(reason));
    }
    if let Some(record) = record {
        let change = |change: &Change| Row::new(change.field.clone(), Outcome::Pass).note(change.to_string());
        rows.extend(record.changes.iter().map(change));
        rows.push(Row::new("why", Outcome::Pass).note(record.why.clone()));
    }
    rows
}
