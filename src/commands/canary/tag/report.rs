//! From facts and verdict to the report: a row a condition.

use super::verdict::{BuiltFrom, Facts, Head};
use crate::release::bundle::manifest::short;
use crate::release::signature::Signature;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use schemars::JsonSchema;
use serde::Serialize;

/// Paths of a dirty tree that are named before "and more".
const SHOWN: usize = 5;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("canary tag", "CANARY", "FAIL").named("canary").revised(2);

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// Commit that is tagged.
    tagged_commit: String,
    /// Whether nothing was written on purpose.
    dry_run: bool,
    /// The message of the tag that was put, or that a dry run would put, also where it is refused; null without
    /// either.
    message: Option<String>,
    /// `valid`, `refused`, `none`, or `not checked` where there is one and no key was given.
    signature: &'static str,
    /// The tag.
    tag: String,
}

/// The message of a tag, by what came of it.
pub(super) enum Message {
    /// There is no tag, and nobody asked for its message.
    None,
    Put(String),
    /// Of a dry run, of a tag that would be put.
    Tried(String),
    /// Of a dry run, of a tag that would not.
    Refused(String),
}

pub(super) fn report(tag: &str, dry_run: bool, facts: &Facts, message: Message) -> Report {
    let refused = || Conclusion::new(Outcome::Fail, "FAIL");
    let (conclusion, remark, message) = match message {
        Message::None => (refused(), None, None),
        Message::Put(text) => (Conclusion::new(Outcome::Pass, "TAGGED"), None, Some(text)),
        Message::Tried(text) => (Conclusion::new(Outcome::Pass, "DRYRUN"), None, Some(text)),
        Message::Refused(text) => {
            (refused(), Some("Refused, for the reasons below. The message would be:"), Some(text))
        }
    };
    let lines = remark.into_iter().chain(message.iter().flat_map(|message| message.lines()));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    let tagged_commit = facts.head.commit().unwrap_or_default().to_owned();
    let signature = facts.signature.as_str();
    let body = Body { tagged_commit, dry_run, message, signature, tag: tag.to_owned() };
    Report::new(&SPEC, "CANARY TAG", conclusion)
        .rows(rows(facts))
        .simulated(facts.is_rehearsal)
        .body(&body)
        .preamble(lines)
}

fn rows(facts: &Facts) -> Vec<Row> {
    let mut rows = vec![
        Row::judged("snapshot", facts.snapshot.clone()).note(format!("soak: {}", facts.soak_verdict)),
        Row::judged("bundle", facts.bundle.clone()),
        signature_row(&facts.signature),
        Row::judged("tag", facts.tag.clone()),
        Row::judged("tree", tree_reason(facts)),
        match &facts.head {
            Head::NoCommit => Row::judged("head", ["there is no commit yet".to_owned()]),
            Head::Detached(commit) => {
                let reason = format!("the head is detached at {}; check out a branch", short(commit));
                Row::judged("head", [reason])
            }
            Head::Branch { name, commit } => {
                Row::judged("head", None).note(format!("{name} {}", short(commit)))
            }
        },
    ];
    if facts.is_rehearsal {
        let outcome = if facts.allow_simulated { Outcome::Warn } else { Outcome::Fail };
        let reason = "the soak is simulated or a clock is frozen, so that nobody knows how old it is: a \
                      rehearsal, which --allow-simulated tags";
        rows.push(Row::new("rehearsal", outcome).reason(reason));
    }
    if facts.is_legacy {
        let reason = "the release rests on a snapshot alone, which was not judged again";
        rows.push(Row::new("legacy", Outcome::Warn).reason(reason));
    }
    rows.extend(revision_row(&facts.built_from, facts.head.commit().unwrap_or_default()));
    rows
}

fn signature_row(signature: &Signature) -> Row {
    match signature {
        Signature::Absent => Row::new("signature", Outcome::Skipped).reason("the release is not signed"),
        Signature::NotChecked => {
            Row::new("signature", Outcome::Warn).reason("signature not checked: no --key to check it with")
        }
        Signature::Valid(_) => Row::judged("signature", None).note("valid"),
        Signature::Refused(violations) => {
            Row::judged("signature", violations.iter().map(ToString::to_string))
        }
    }
}

fn tree_reason(facts: &Facts) -> Option<String> {
    let reason = listed("the tree differs from its commit", &facts.changed)?;
    let dirs: Vec<String> = facts.outputs.iter().map(|dir| format!("`{dir}`")).collect();
    Some(if dirs.is_empty() {
        reason
    } else {
        let dirs = dirs.join(" and ");
        format!("{reason}; have {dirs} in .gitignore, commit that, and build the release again from there")
    })
}

fn listed(what: &str, changed: &[String]) -> Option<String> {
    let more = changed.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = changed.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    (!changed.is_empty()).then(|| format!("{what}: {named}{more}"))
}

/// The revision that the release was built from, against the commit that the tag goes to.
fn revision_row(built_from: &BuiltFrom, commit: &str) -> Option<Row> {
    let revision = match built_from {
        BuiltFrom::NoManifest => return None,
        BuiltFrom::Unknown => {
            let reason = "nobody knows what revision the release was built from".to_owned();
            return Some(Row::judged("revision", [reason]));
        }
        BuiltFrom::Shallow(revision) => {
            let from = revision.short();
            let reason = format!(
                "the clone is shallow, so that nobody knows whether the release's commit {from} comes before {}",
                short(commit)
            );
            return Some(Row::judged("revision", [reason]));
        }
        BuiltFrom::Elsewhere(revision) => {
            let (from, to) = (revision.short(), short(commit));
            let reason = format!("the release was built from {from}, which is no ancestor of {to}");
            return Some(Row::judged("revision", [reason]));
        }
        BuiltFrom::Revision(revision) => (revision, None),
        BuiltFrom::Ancestor { revision, others } => (revision, Some(others)),
    };
    let (revision, others) = revision;
    let from = revision.short();
    let dirty = revision
        .dirty
        .then(|| format!("the release was built from a tree that differed from its commit {from}"));
    let what = format!("other code than the release was built from ({from})");
    let reasons = dirty.into_iter().chain(
        others
            .and_then(|others| listed(&what, others))
            .map(|other| format!("{other}; build the release again from the commit that is to be tagged")),
    );
    Some(Row::judged("revision", reasons).note(from))
}
