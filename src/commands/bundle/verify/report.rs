//! From facts and verdict to the report: a row a check.

use super::check::Check;
use super::verdict::{Facts, Verdict};
use crate::format::zip::violation::Violation;
use crate::release::bundle::manifest::Revision;
use crate::release::signature::Signature;
use crate::report::maker::ClockKind;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

/// Most reasons that are shown of one check.
const SHOWN: usize = 20;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("bundle verify", "BUNDLE", "FAILED").named("bundle").revised(2);

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// What was verified.
    bundle: String,
    /// When it was made, as its manifest says.
    created_at: Option<String>,
    /// `frozen` where its manifest says that the clock was.
    bundle_clock: Option<ClockKind>,
    /// The revision that it was made from, as its manifest says; null where that is not known.
    git: Option<Revision>,
    /// How many files its manifest lists.
    files: Option<usize>,
    /// Every reason to refuse it.
    refusals: Vec<Violation>,
    /// SHA-256 of the archive, or of the manifest of a folder.
    sha256: Option<String>,
    /// `valid`, `refused`, `none`, or `not checked` where there is one and no key was given.
    signature: &'static str,
    /// The comment that the signature vouches for, when it was checked.
    trusted_comment: Option<String>,
    /// Its version, as its manifest says.
    bundle_version: Option<String>,
}

pub(super) fn report(bundle: String, facts: Facts, verdict: Verdict) -> Report {
    let conclusion = match verdict {
        Verdict::Verified => Conclusion::new(Outcome::Pass, "VERIFIED"),
        Verdict::Refused => Conclusion::new(Outcome::Fail, "FAILED"),
    };
    let rows = facts.checks.iter().map(row).collect();
    let manifest = facts.manifest.as_ref();
    let body = Body {
        bundle,
        bundle_clock: manifest.and_then(|manifest| manifest.clock),
        git: manifest.and_then(|manifest| manifest.git.clone()),
        created_at: manifest.map(|manifest| manifest.created_at.clone()),
        files: manifest.map(|manifest| manifest.files.len()),
        bundle_version: manifest.map(|manifest| manifest.version.clone()),
        refusals: facts.checks.into_iter().flat_map(|check| check.violations).collect(),
        sha256: facts.sha256,
        signature: facts.signature.as_str(),
        trusted_comment: match facts.signature {
            Signature::Valid(comment) => Some(comment),
            Signature::Absent | Signature::NotChecked | Signature::Refused(_) => None,
        },
    };
    Report::new(&SPEC, "BUNDLE VERIFY", conclusion).rows(rows).body(&body)
}

fn row(check: &Check) -> Row {
    let row = Row::new(check.name, check.outcome());
    if let Some(reason) = check.skipped {
        return row.reason(reason);
    }
    let row = if check.violations.is_empty() { row.note(&check.note) } else { row };
    let reasons = check.violations.iter().map(ToString::to_string).chain(check.remarks.iter().cloned());
    let more = (check.violations.len() + check.remarks.len()).saturating_sub(SHOWN);
    let more = (more > 0).then(|| format!("and {more} more"));
    row.reasons(reasons.take(SHOWN).chain(more))
}
