//! From facts and verdict to the report.

use super::verdict::{Facts, Verdict};
use crate::commands::bundle::sbom::Listing;
use crate::commands::bundle::{checkout, provenance, sbom};
use crate::release::summary::Finding;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("bundle create", "BUNDLE", "FAILED").named("bundle").revised(2);

pub(super) fn report(facts: &Facts, verdict: Verdict) -> Report {
    let conclusion = match verdict {
        Verdict::Created => Conclusion::new(Outcome::Pass, "CREATED"),
        Verdict::Incomplete => Conclusion::new(Outcome::Fail, "FAILED"),
    };
    let mut rows = vec![
        version_row(facts),
        contents_row(facts),
        checkout::row(&facts.checkout, &facts.uncommitted, &facts.absent),
    ];
    rows.extend(facts.listings.as_deref().map(packages_row));
    rows.extend(facts.findings.iter().map(Finding::row));
    let archive = Row::new("archive", Outcome::Pass).note(&facts.archive);
    rows.push(archive.reason(format!("sha256 {}", facts.sha256)));
    rows.push(match &facts.signature {
        Some(path) => Row::new("signature", Outcome::Pass).note(path),
        None if facts.signs => Row::new("signature", Outcome::Fail).reason("there is none"),
        None => Row::new("signature", Outcome::Skipped).reason("not signed: no --sign"),
    });
    let beside = ["", ".sha256", provenance::ENDING].map(|ending| format!("{}{ending}", facts.archive));
    Report::new(&SPEC, "BUNDLE CREATE", conclusion)
        .rows(rows)
        .simulated(facts.is_simulated)
        .body(facts)
        .evidence(beside.into_iter().chain(facts.signature.clone()))
}

/// A row that has a reason for each thing that somebody should look at.
fn remarked(name: &str, note: impl Into<String>, remarks: Vec<String>) -> Row {
    let outcome = if remarks.is_empty() { Outcome::Pass } else { Outcome::Warn };
    Row::new(name, outcome).note(note).reasons(remarks)
}

fn version_row(facts: &Facts) -> Row {
    let (version, source) = (&facts.bundle_version, facts.version_source);
    let differs = |file: &String| format!("{source} says {version}, the file VERSION says {file}");
    remarked("version", version, facts.file_version.iter().map(differs).collect())
}

fn contents_row(facts: &Facts) -> Row {
    let left_out = facts.left_out.iter().map(|left| format!("left out: {left}"));
    let evidence = match facts.evidence_files.len() {
        0 => String::new(),
        count => format!(", {count} of them evidence"),
    };
    remarked("contents", format!("{} files{evidence}", facts.files), left_out.collect())
}

fn packages_row(listings: &[(String, Listing)]) -> Row {
    let count = sbom::count(listings);
    let remarks = listings
        .iter()
        .flat_map(|(path, listing)| listing.remarks.iter().map(move |remark| format!("{path}: {remark}")));
    remarked("sbom", format!("{count} packages"), remarks.collect())
}
