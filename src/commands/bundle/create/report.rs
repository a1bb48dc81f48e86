//! From what was made to the report: nothing in it changes the answer, which is that there is an archive.

use crate::commands::bundle::checkout::Checkout;
use crate::commands::bundle::sbom::Listing;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("bundle create", "BUNDLE", "FAILED").named("bundle").revised(2);

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The archive, relative to the root where it lies inside it.
    pub(super) archive: String,
    /// Its bytes.
    pub(super) archive_bytes: u64,
    /// Bytes of the files in it.
    pub(super) content_bytes: u64,
    /// How many files it has, the manifest not counted.
    pub(super) files: usize,
    /// What was left out, and why.
    pub(super) left_out: Vec<String>,
    /// The list of contents, `built-in` or its path.
    pub(super) plan: String,
    /// SHA-256 of the archive.
    pub(super) sha256: String,
    /// The signature, when there is one.
    pub(super) signature: Option<String>,
    /// Version of what is released.
    pub(super) bundle_version: String,
}

/// A bundle that was made, and what somebody should look at.
pub(super) struct Created {
    pub(super) body: Body,
    pub(super) version_source: &'static str,
    /// What the file `VERSION` says, when that is something else.
    pub(super) file_version: Option<String>,
    pub(super) checkout: Checkout,
    /// The packages of each lock file, when they were asked for.
    pub(super) listings: Option<Vec<(String, Listing)>>,
}

pub(super) fn report(created: &Created) -> Report {
    let body = &created.body;
    let mut rows = vec![version_row(created), contents_row(body), created.checkout.row()];
    rows.extend(created.listings.as_deref().map(packages_row));
    let archive = Row::new("archive", Outcome::Pass).note(&body.archive);
    rows.push(archive.reason(format!("sha256 {}", body.sha256)));
    rows.push(match &body.signature {
        Some(path) => Row::new("signature", Outcome::Pass).note(path),
        None => Row::new("signature", Outcome::Skipped).reason("not signed: no --sign"),
    });
    let beside = ["", ".sha256", ".provenance.json"].map(|ending| format!("{}{ending}", body.archive));
    Report::new(&SPEC, "BUNDLE CREATE", Conclusion::new(Outcome::Pass, "CREATED"))
        .rows(rows)
        .body(body)
        .evidence(beside.into_iter().chain(body.signature.clone()))
}

/// A row that has a reason for each thing that somebody should look at.
fn remarked(name: &str, note: impl Into<String>, remarks: Vec<String>) -> Row {
    let outcome = if remarks.is_empty() { Outcome::Pass } else { Outcome::Warn };
    Row::new(name, outcome).note(note).reasons(remarks)
}

fn version_row(created: &Created) -> Row {
    let (version, source) = (&created.body.bundle_version, created.version_source);
    let differs = |file: &String| format!("{source} says {version}, the file VERSION says {file}");
    remarked("version", version, created.file_version.iter().map(differs).collect())
}

fn contents_row(body: &Body) -> Row {
    let left_out = body.left_out.iter().map(|left| format!("left out: {left}"));
    remarked("contents", format!("{} files", body.files), left_out.collect())
}

fn packages_row(listings: &[(String, Listing)]) -> Row {
    let count: usize = listings.iter().map(|(_, listing)| listing.components.len()).sum();
    let remarks = listings
        .iter()
        .flat_map(|(path, listing)| listing.remarks.iter().map(move |remark| format!("{path}: {remark}")));
    remarked("sbom", format!("{count} packages"), remarks.collect())
}
