//! The fields of the report of `rotate`.

use crate::commands::rotate::facts::{
    Amount, ArchiveBody, Basis, Course, Done, Explanation, Facts, Mode, PlanBody, PlanFacts, RootBody,
    RuleBody,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Fields of the report of `rotate`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// `dry_run` or `real`.
    mode: Mode,
    /// What was scanned, by root.
    roots: Vec<RootBody>,
    /// Everything below the roots.
    found: Amount,
    /// What goes, or has to go.
    going: Amount,
    /// What was removed.
    removed: Amount,
    /// Directories that were removed, or in a dry run, that would be.
    directories_removed: u64,
    /// What each limit marks; a file may be marked by several.
    marked: BTreeMap<&'static str, u64>,
    /// What each guard saves from being removed.
    saved: BTreeMap<&'static str, u64>,
    /// What becomes of the files that were asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    explanations: Vec<Explanation>,
    /// By what the limits measured.
    basis: Basis,
    /// What was left alone, with the reason: directories that were not entered, and what is no file.
    left_alone: BTreeMap<&'static str, LeftAlone>,
    /// Why the clock is not believed, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_suspicion: Option<String>,
    /// Patterns of what is to be kept that match nothing.
    unmatched: Vec<String>,
    /// What takes no part, by reason.
    exempt: BTreeMap<&'static str, u64>,
    /// The members of each rule of a policy.
    rules: BTreeMap<String, RuleBody>,
    /// Limits that are still exceeded.
    unmet: Vec<UnmetBody>,
    /// Files whose time of last write is in the future.
    future: u64,
    /// What could not be read, with the reason.
    unreadable: BTreeMap<String, String>,
    /// What was to be removed but changed or is in use, with the reason.
    kept: BTreeMap<String, String>,
    /// What could not be removed, with the reason.
    failed: BTreeMap<String, String>,
    /// The archive, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<ArchiveBody>,
    /// The plan file, if one was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanBody>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UnmetBody {
    limit: &'static str,
    of: String,
    allowed: u64,
    actual: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LeftAlone {
    count: u64,
    reason: &'static str,
}

fn left_alone(facts: &Facts) -> BTreeMap<&'static str, LeftAlone> {
    let skipped = facts
        .skipped
        .iter()
        .map(|skipped| (skipped.row, LeftAlone { count: skipped.count, reason: skipped.reason }));
    let unreadable = LeftAlone { count: facts.unreadable.len() as u64, reason: "they cannot be read" };
    skipped.chain((unreadable.count > 0).then_some(("unreadable", unreadable))).collect()
}

impl Body {
    pub(super) fn of(facts: &Facts) -> Self {
        let decision = &facts.decision;
        let nothing = Done::default();
        let (done, directories_removed) = match &facts.course {
            Course::DryRun { dirs, .. } => (&nothing, *dirs),
            Course::Refused => (&nothing, 0),
            Course::Done(done) => (done, done.dirs),
        };
        Self {
            mode: facts.mode,
            roots: facts.roots.clone(),
            found: facts.found(),
            going: facts.going,
            removed: done.removed,
            directories_removed,
            marked: decision.marked.iter().copied().collect(),
            saved: decision.saved.iter().map(|(guard, names)| (guard.as_str(), names.count as u64)).collect(),
            explanations: facts.explanations.clone(),
            basis: decision.basis.clone(),
            left_alone: left_alone(facts),
            clock_suspicion: facts.suspicion.as_ref().map(|suspicion| suspicion.reason.clone()),
            unmatched: decision.unmatched.clone(),
            exempt: decision.exempt.iter().map(|(why, files)| (why.as_str(), *files)).collect(),
            rules: decision.rules.iter().cloned().collect(),
            unmet: unmet(facts, done),
            future: facts.future.count as u64,
            unreadable: bounded(&facts.unreadable),
            kept: bounded(&done.kept),
            failed: done.failed.clone(),
            archive: done.archive.clone(),
            plan: match &facts.plan {
                PlanFacts::Written(plan) => Some(plan.clone()),
                PlanFacts::None | PlanFacts::Unchanged | PlanFacts::Changed(_) => None,
            },
        }
    }
}

fn unmet(facts: &Facts, done: &Done) -> Vec<UnmetBody> {
    let decided = facts.unmet_limits().map(|limit| UnmetBody {
        limit: limit.unmet.mark.words().next().unwrap_or_default(),
        of: limit.of.clone(),
        allowed: limit.unmet.limit,
        actual: limit.unmet.actual,
    });
    let measured = done.short_disks.iter().filter_map(|disk| {
        let actual = *disk.free.as_ref().ok()?;
        Some(UnmetBody { limit: "min_free", of: disk.of.clone(), allowed: disk.wanted, actual })
    });
    decided.chain(measured).collect()
}

/// Lists that come from the state of a disk are bounded; those of failures are not.
fn bounded(list: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const MOST: usize = 1000;
    list.iter().take(MOST).map(|(path, why)| (path.clone(), why.clone())).collect()
}
