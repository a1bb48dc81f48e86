//! The report of a scan: a row for what was looked at, one for each finding, one for what is tolerated.

use crate::commands::scan_secrets::detect::finding::{Finding, Standing};
use crate::commands::scan_secrets::detect::rules::{Exception, UNSCANNED};
use crate::commands::scan_secrets::worker::Tally;
use crate::report::{CommandSpec, Conclusion, Place, Report, Row, Status};
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

/// What the scan was and what came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Whether tolerated findings fail the scan too.
    pub(super) strict: bool,
    /// Where the rules come from, the named file first.
    pub(super) rule_files: Vec<String>,
    /// Number of rules.
    pub(super) rules: usize,
    /// What was looked at.
    pub(super) tally: Tally,
    /// Whether the history was asked for.
    pub(super) history: bool,
    /// Findings, sorted.
    pub(super) findings: Vec<Finding>,
    /// Exceptions that are over: file and words.
    pub(super) expired: Vec<(String, String)>,
}

/// Name of the finding that an exception is over.
const EXPIRED: &str = "expired-exception";

/// The words of an exception that is over.
pub(super) fn expiry(exception: &Exception) -> String {
    let Exception { path, rule, reason, expires, .. } = exception;
    format!("the exception of `{rule}` in `{path}` ({reason}) expired on {expires}; renew or remove it")
}

/// Makes the report.
pub(super) fn report(outcome: &Outcome) -> Report {
    let (open, tolerated): (Vec<&Finding>, Vec<&Finding>) =
        outcome.findings.iter().partition(|finding| finding.is_open());
    let found = open.len() + outcome.expired.len();
    let marker = match (found, tolerated.is_empty()) {
        (0, false) if outcome.strict => (Status::Fail, "ALLOWLISTED_STRICT"),
        (0, _) => (Status::Ok, "CLEAN"),
        _ => (Status::Fail, "FOUND"),
    };
    let mut rows = vec![scanned(outcome)];
    if outcome.tally.binary > 0 {
        let row = Row::new("binary_files", Status::Ok).note(format!("COUNT={}", outcome.tally.binary));
        rows.push(row.reason("scanned with every rule that is not tagged generic"));
    }
    for (file, words) in &outcome.expired {
        let place = Place { path: file.clone(), ..Place::default() };
        rows.push(Row::new(EXPIRED, Status::Fail).note(file).reason(words).at(place).field("rule", EXPIRED));
    }
    rows.extend(open.iter().map(|finding| row(finding)));
    if outcome.strict {
        rows.extend(tolerated.iter().map(|finding| row(finding)));
    } else if !tolerated.is_empty() {
        let mut row = Row::new("tolerated", Status::Warn).note(format!("COUNT={}", tolerated.len()));
        row.reasons =
            tolerated.iter().map(|finding| format!("{} {}", place(finding), words(finding))).collect();
        rows.push(row);
    }
    let mut by_rule = BTreeMap::new();
    for finding in &open {
        *by_rule.entry(finding.rule.clone()).or_default() += 1;
    }
    if !outcome.expired.is_empty() {
        by_rule.insert(EXPIRED.to_owned(), outcome.expired.len());
    }
    let Tally { files, bytes, binary, archives, members, symlinks, special, blobs } = outcome.tally;
    let body = Body {
        strict: outcome.strict,
        rule_files: outcome.rule_files.clone(),
        rules: outcome.rules,
        files,
        bytes,
        binary_files: binary,
        archives,
        archive_members: members,
        symlinks,
        special_files: special,
        history_objects: outcome.history.then_some(blobs),
        findings: found,
        by_rule,
        tolerated: tolerated.iter().map(|finding| document(finding)).collect(),
    };
    Report::new(&SPEC, "SECRET SCAN", Conclusion::new(marker.0, marker.1)).rows(rows).body(&body)
}

fn scanned(outcome: &Outcome) -> Row {
    let tally = &outcome.tally;
    let row = Row::new("scanned", Status::Ok).note(format!("FILES={}", tally.files));
    let mut parts = vec![format!("{} rules", outcome.rules)];
    let counts = [
        (tally.archives, "archives"),
        (tally.members, "members of archives"),
        (tally.symlinks, "links not followed"),
        (tally.special, "special files left out"),
    ];
    parts
        .extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if outcome.history {
        parts.push(format!("{} objects of the history", tally.blobs));
    }
    row.reason(parts.join(", "))
}

fn row(finding: &Finding) -> Row {
    let location = Place {
        path: finding.path.clone(),
        line: (finding.line > 0).then_some(finding.line),
        column: (finding.column > 0).then_some(finding.column),
    };
    let mut row = Row::new(&finding.rule, Status::Fail)
        .note(place(finding))
        .reason(words(finding))
        .at(location)
        .field("rule", &finding.rule)
        .field("fingerprint", &finding.fingerprint);
    if finding.rule != UNSCANNED {
        row = row.field("sample", &finding.sample).field("secret_bytes", finding.secret_bytes);
        row = row.field("offset", finding.offset);
    }
    match &finding.commit {
        Some(commit) => row.field("commit", commit),
        None => row,
    }
}

fn place(finding: &Finding) -> String {
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
    match &finding.standing {
        Standing::Open => {}
        Standing::Expired(why) => words.push_str(&format!(", {why}")),
        Standing::Tolerated { by, why } => words.push_str(&format!(", tolerated by {by}: {why}")),
    }
    words
}

fn document(finding: &Finding) -> Tolerated {
    let (by, why) = match &finding.standing {
        Standing::Tolerated { by, why } => ((*by).to_owned(), why.clone()),
        Standing::Open | Standing::Expired(_) => (String::new(), String::new()),
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
