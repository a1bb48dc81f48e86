//! The report of a scan: a row for what was looked at, one for each finding, one for what is tolerated.

use crate::commands::scan_secrets::detect::finding::{Disposition, Finding};
use crate::commands::scan_secrets::detect::rules::UNSCANNED;
use crate::commands::scan_secrets::facts::{Facts, Stats};
use crate::commands::scan_secrets::verdict::Verdict;
use crate::report::{CommandSpec, Conclusion, Location, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("scan-secrets", "RESULT", "FOUND");

/// Fields of the JSON document beside those of every report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// Whether tolerated findings fail the scan too.
    pub(crate) strict: bool,
    /// Where the rules come from, the named file first.
    pub(crate) rule_files: Vec<String>,
    /// Rules in use.
    pub(crate) rules: usize,
    /// Files looked at, without the members of archives.
    pub(crate) files: u64,
    /// Bytes scanned, unpacked.
    pub(crate) bytes: u64,
    /// Binary files and members: scanned with every rule that is not tagged `generic`.
    pub(crate) binary_files: u64,
    /// Archives opened.
    pub(crate) archives: u64,
    /// Members of archives scanned.
    pub(crate) archive_members: u64,
    /// Links that were not followed.
    pub(crate) symlinks: u64,
    /// Sockets, pipes and devices, which have no content to scan.
    pub(crate) special_files: u64,
    /// Objects of the history scanned; absent when the history was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) history_objects: Option<u64>,
    /// Findings that fail the scan.
    pub(crate) findings: usize,
    /// Findings by rule.
    pub(crate) by_rule: BTreeMap<String, usize>,
    /// Findings that are tolerated.
    pub(crate) tolerated: Vec<Tolerated>,
}

/// A tolerated finding.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tolerated {
    /// Id of the rule.
    pub(crate) rule: String,
    /// Path relative to the root.
    pub(crate) path: String,
    /// 1-based line.
    pub(crate) line: u64,
    /// 1-based byte in the line.
    pub(crate) column: u64,
    /// First commit with it, in history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
    /// Identifies rule, path and value.
    pub(crate) fingerprint: String,
    /// `allowlist`, `exception`, `inline`, `gitleaksignore` or `baseline`.
    pub(crate) by: String,
    /// In the words of who tolerates it.
    pub(crate) why: String,
}

/// Name of the finding that an exception is over.
const EXPIRED: &str = "expired-exception";

pub(super) fn report(facts: &Facts, verdict: Verdict) -> Report {
    let conclusion = match verdict {
        Verdict::Clean => Conclusion::new(Outcome::Pass, "CLEAN"),
        Verdict::Found => Conclusion::new(Outcome::Fail, "FOUND"),
        Verdict::AllowlistedStrict => Conclusion::new(Outcome::Fail, "ALLOWLISTED_STRICT"),
    };
    Report::new(&SPEC, "SECRET SCAN", conclusion).rows(rows(facts)).body(&body(facts))
}

fn rows(facts: &Facts) -> Vec<Row> {
    let mut rows = vec![scanned(facts)];
    if facts.stats.binary > 0 {
        let row = Row::new("binary_files", Outcome::Pass).note(format!("COUNT={}", facts.stats.binary));
        rows.push(row.reason("scanned with every rule that is not tagged generic"));
    }
    rows.extend(facts.expired.iter().map(|(file, words)| {
        let location = Location { path: file.clone(), ..Location::default() };
        Row::new(EXPIRED, Outcome::Fail).note(file).reason(words).at(location).field("rule", EXPIRED)
    }));
    rows.extend(facts.open().map(row));
    if facts.strict {
        rows.extend(facts.tolerated().map(row));
    } else if facts.tolerated().next().is_some() {
        let lines =
            facts.tolerated().map(|finding| format!("{} {}", display_location(finding), words(finding)));
        let row = Row::new("tolerated", Outcome::Warn).note(format!("COUNT={}", facts.tolerated().count()));
        rows.push(row.reasons(lines));
    }
    rows
}

fn body(facts: &Facts) -> Body {
    let mut by_rule = BTreeMap::new();
    for finding in facts.open() {
        *by_rule.entry(finding.rule.clone()).or_default() += 1;
    }
    if !facts.expired.is_empty() {
        by_rule.insert(EXPIRED.to_owned(), facts.expired.len());
    }
    let Stats { files, bytes, binary, archives, members, symlinks, special, blobs } = facts.stats;
    Body {
        strict: facts.strict,
        rule_files: facts.rule_files.clone(),
        rules: facts.rules,
        files,
        bytes,
        binary_files: binary,
        archives,
        archive_members: members,
        symlinks,
        special_files: special,
        history_objects: facts.history.then_some(blobs),
        findings: facts.open().count() + facts.expired.len(),
        by_rule,
        tolerated: facts.tolerated().map(document).collect(),
    }
}

fn scanned(facts: &Facts) -> Row {
    let stats = &facts.stats;
    let row = Row::new("scanned", Outcome::Pass).note(format!("FILES={}", stats.files));
    let mut parts = vec![format!("{} rules", facts.rules)];
    let counts = [
        (stats.archives, "archives"),
        (stats.members, "members of archives"),
        (stats.symlinks, "links not followed"),
        (stats.special, "special files left out"),
    ];
    parts
        .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if facts.history {
        parts.push(format!("{} objects of the history", stats.blobs));
    }
    row.reason(parts.join(", "))
}

fn row(finding: &Finding) -> Row {
    let location = Location {
        path: finding.path.clone(),
        line: (finding.line > 0).then_some(finding.line),
        column: (finding.column > 0).then_some(finding.column),
    };
    let is_unscanned = finding.rule == UNSCANNED;
    let outcome = if is_unscanned { Outcome::Unknown } else { Outcome::Fail };
    let mut row = Row::new(&finding.rule, outcome)
        .note(display_location(finding))
        .reason(words(finding))
        .at(location)
        .field("rule", &finding.rule)
        .field("fingerprint", &finding.fingerprint);
    if !is_unscanned {
        row = row.field("sample", &finding.sample).field("secret_bytes", finding.secret_bytes);
        row = row.field("offset", finding.offset);
    }
    match &finding.commit {
        Some(commit) => row.field("commit", commit),
        None => row,
    }
}

fn display_location(finding: &Finding) -> String {
    match finding.line {
        0 => finding.path.clone(),
        line => format!("{}:{line}:{}", finding.path, finding.column),
    }
}

fn words(finding: &Finding) -> String {
    let mut words = finding.description.clone();
    if finding.secret_bytes > 0 {
        words.push_str(&format!(" {} ({} bytes)", finding.sample, finding.secret_bytes));
    }
    if let Some(commit) = &finding.commit {
        words.push_str(&format!(", in commit {}", commit.get(..12).unwrap_or(commit)));
    }
    match &finding.disposition {
        Disposition::Open => {}
        Disposition::Expired(why) => words.push_str(&format!(", {why}")),
        Disposition::Tolerated { by, why } => words.push_str(&format!(", tolerated by {by}: {why}")),
    }
    words
}

fn document(finding: &Finding) -> Tolerated {
    let (by, why) = match &finding.disposition {
        Disposition::Tolerated { by, why } => ((*by).to_owned(), why.clone()),
        Disposition::Open | Disposition::Expired(_) => (String::new(), String::new()),
    };
    Tolerated {
        rule: finding.rule.clone(),
        path: finding.path.clone(),
        line: finding.line,
        column: finding.column,
        commit: finding.commit.clone(),
        fingerprint: finding.fingerprint.clone(),
        by,
        why,
    }
}
