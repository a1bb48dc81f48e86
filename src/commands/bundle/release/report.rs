//! From facts and the release to the report: a row a document.

use super::verdict::Facts;
use crate::commands::bundle::checkout::{self, Checkout};
use crate::release::bundle::manifest;
use crate::release::summary::{Finding, Topic};
use crate::report::maker::ClockKind;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("bundle release", "BUNDLE", "FAILED").named("bundle").revised(2);

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// Files of the folder, the manifest not counted.
    files: Vec<String>,
    /// The folder.
    release: String,
    /// SHA-256 of its manifest; null when there is no release.
    sha256: Option<String>,
    /// Whether it rests on a snapshot alone, which was not judged again.
    legacy: bool,
    /// Verdict of the soak.
    soak_verdict: String,
    /// Version of what is released.
    release_version: String,
}

/// A folder that was built.
pub(super) struct Released {
    pub(super) files: Vec<String>,
    /// SHA-256 of its manifest.
    pub(super) sha256: String,
    pub(super) checkout: Checkout,
    /// Files that it was made by and that the commit does not have so.
    pub(super) uncommitted: Vec<String>,
    /// What the documents of its summary say.
    pub(super) findings: Vec<Finding>,
    /// Whether anything that the summary rests on was simulated.
    pub(super) is_simulated: bool,
}

pub(super) fn report(release: String, version: String, facts: &Facts, released: Option<Released>) -> Report {
    let mut rows = rows(facts);
    let conclusion = match &released {
        None => Conclusion::new(Outcome::Fail, "FAILED"),
        Some(released) => {
            // Of the soak the rows above say more.
            let beside = released.findings.iter().filter(|finding| finding.topic != Topic::Soak);
            rows.extend(beside.map(Finding::row));
            rows.push(checkout::row(&released.checkout, &released.uncommitted, &[]));
            let reason = format!("manifest sha256 {}", released.sha256);
            rows.push(Row::new("release", Outcome::Pass).note(&release).reason(reason));
            Conclusion::new(Outcome::Pass, "RELEASE")
        }
    };
    let is_simulated = facts.is_simulated || released.as_ref().is_some_and(|released| released.is_simulated);
    let evidence = released.as_ref().map(|_| format!("{release}/{}", manifest::FILE_NAME));
    let (files, sha256) = released.map(|released| (released.files, released.sha256)).unzip();
    let body = Body {
        files: files.unwrap_or_default(),
        release,
        sha256,
        legacy: facts.is_legacy,
        soak_verdict: facts.soak_verdict.clone(),
        release_version: version,
    };
    Report::new(&SPEC, "BUNDLE RELEASE", conclusion)
        .rows(rows)
        .simulated(is_simulated)
        .body(&body)
        .evidence(evidence)
}

fn rows(facts: &Facts) -> Vec<Row> {
    let run = Row::new("run", if facts.newest_in.is_some() { Outcome::Warn } else { Outcome::Pass });
    let newest =
        facts.newest_in.as_ref().map(|dir| format!("`{dir}` is no run: this is the newest one in it"));
    let mut rows = vec![
        run.note(&facts.run_dir).reasons(newest),
        Row::judged("snapshot", facts.snapshot.clone()).note(format!("soak: {}", facts.soak_verdict)),
    ];
    if facts.is_simulated && facts.allow_simulated {
        rows.push(Row::new("simulated", Outcome::Warn).reason("the release rests on a simulated soak"));
    }
    if facts.clock == ClockKind::Frozen {
        let outcome = if facts.allow_simulated { Outcome::Warn } else { Outcome::Fail };
        let reason = "the clock is frozen, so that nobody knows how old the soak is: a rehearsal, which \
                      --allow-simulated builds";
        rows.push(Row::new("rehearsal", outcome).reason(reason));
    }
    if facts.is_legacy {
        let reason = "the release rests on a snapshot alone, which was not judged again";
        rows.push(Row::new("legacy", Outcome::Warn).reason(reason));
    }
    rows.extend(facts.documents.iter().map(|(name, reason)| Row::judged(*name, reason.clone())));
    let overrides = &facts.overrides;
    let outcome = match (overrides.refusals.is_empty(), overrides.remarks.is_empty()) {
        (false, _) => Outcome::Fail,
        (true, false) => Outcome::Warn,
        (true, true) => Outcome::Pass,
    };
    let reasons = overrides.refusals.iter().chain(&overrides.remarks);
    rows.push(Row::new("runtime_overrides", outcome).reasons(reasons));
    rows.push(Row::judged("rollback_policy", facts.policy.clone()));
    rows.push(Row::judged("rollback_triggers", facts.triggers.clone()));
    rows
}
