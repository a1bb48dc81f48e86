//! What a rotation has to say: one row a root, a limit, a guard and a surprise, with the first names of
//! what goes. The complete list is in the plan file.

mod body;

pub(crate) use body::Body;

use super::facts::{
    Amount, Course, Decision, Done, Explanation, Facts, Mode, NAMES, Names, PlanBody, PlanFacts,
    ProcessTable, RootBody, Suspicion, UnmetLimit,
};
use super::retention::member::Marks;
use super::verdict::Verdict;
use crate::format::size::display as size;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row};
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("rotate", "ROTATION", "FAILED").named("rotate_artifacts");

fn conclusion(verdict: Verdict) -> Conclusion {
    match verdict {
        Verdict::Failed => Conclusion::new(Outcome::Fail, "FAILED"),
        Verdict::DryRun => Conclusion::new(Outcome::Pass, "DRYRUN"),
        Verdict::Real => Conclusion::new(Outcome::Pass, "REAL"),
    }
}

pub(super) fn report(facts: &Facts, verdict: Verdict) -> Report {
    let title = match facts.mode {
        Mode::DryRun => "ARTIFACT ROTATION (DRY RUN)",
        Mode::Real => "ARTIFACT ROTATION",
    };
    let found = facts.found();
    let mut preamble = vec![format!("[SCAN] Found {} files ({} total)", found.files, size(found.bytes))];
    if facts.going.files == 0 {
        preamble.push("[OK] No files to delete".to_owned());
    }
    Report::new(&SPEC, title, conclusion(verdict))
        .preamble(preamble)
        .rows(rows(facts))
        .body(&Body::of(facts))
        .evidence(evidence(facts))
}

fn evidence(facts: &Facts) -> impl Iterator<Item = &String> {
    let plan = match &facts.plan {
        PlanFacts::Written(plan) => Some(&plan.path),
        PlanFacts::None | PlanFacts::Unchanged | PlanFacts::Changed(_) => None,
    };
    let archive = match &facts.course {
        Course::Done(done) => done.archive.as_ref().map(|archive| &archive.path),
        Course::DryRun { .. } | Course::Refused => None,
    };
    plan.into_iter().chain(archive)
}

fn rows(facts: &Facts) -> Vec<Row> {
    let root = |root: &RootBody| {
        let found = Amount { files: root.files, bytes: root.bytes };
        Row::new(&root.path, Outcome::Pass).note(note(found))
    };
    let mut rows: Vec<Row> = facts.roots.iter().map(root).collect();
    rows.extend(surprises(facts));
    let is_dry = facts.mode == Mode::DryRun;
    let process_table = facts.process_table.and_then(process_table);
    if is_dry {
        rows.extend(process_table.clone());
    }
    rows.extend(decided(facts));
    rows.extend(facts.explanations.iter().take(NAMES).map(explained));
    let going_name = if is_dry { "would_delete" } else { "to_delete" };
    let going = with_names(Row::new(going_name, Outcome::Pass).note(note(facts.going)), &facts.going_names);
    match &facts.plan {
        PlanFacts::None => rows.push(going),
        PlanFacts::Written(PlanBody { path, seal }) => {
            rows.extend([going, Row::new("plan", Outcome::Pass).reason(format!("{path} seal {seal}"))]);
        }
        PlanFacts::Unchanged => {
            let reason = "nothing changed since the plan was made";
            rows.extend([Row::new("plan", Outcome::Pass).reason(reason), going]);
        }
        PlanFacts::Changed(differences) => {
            let row = Row::new("plan", Outcome::Fail).note(format!("DIFFERENCES={}", differences.count));
            let row = row.reason("the tree changed since the plan was made; nothing was removed");
            rows.push(row.reasons(differences.first.iter().cloned()));
        }
    }
    match &facts.course {
        Course::Refused => {}
        Course::DryRun { dirs, archive_dir } => {
            if *dirs > 0 {
                let row = Row::new("would_remove_directories", Outcome::Pass);
                rows.push(row.note(format!("DIRECTORIES={dirs}")));
            }
            if let Some(dir) = archive_dir {
                let row = Row::new("would_archive", Outcome::Pass);
                let row = row.note(format!("MEMBERS={}", facts.going.files));
                rows.push(row.reason(format!("into {dir}")));
            }
        }
        Course::Done(done) => {
            rows.extend(done.short_disks.iter().map(|disk| match &disk.free {
                Ok(free) => Row::new("min_free_unmet", Outcome::Fail).reason(format!(
                    "{} has {} free instead of {}",
                    disk.of,
                    size(*free),
                    size(disk.wanted)
                )),
                Err(why) => Row::new("min_free_unmet", Outcome::Unknown).reason(why),
            }));
            rows.extend(process_table);
            rows.extend(carried(done));
        }
    }
    rows
}

fn explained(explanation: &Explanation) -> Row {
    let Explanation { path, action, rule, group, because, dated, until } = explanation;
    let group = group.iter().map(|group| format!("in `{group}`"));
    let group = group.filter(|_| rule.as_ref() != explanation.group.as_ref());
    let dated = dated.iter().map(|dated| format!("dated {dated}"));
    let rule = rule.iter().map(|rule| format!("by rule `{rule}`"));
    let more: Vec<String> = rule.chain(group).chain(dated).collect();
    let row = Row::new("explain", Outcome::Pass).note(format!("ACTION={action}"));
    row.reason(path)
        .reason(format!("{}: {}", because.join(", "), more.join(", ")))
        .reason(format!("until {until}"))
}

fn note(amount: Amount) -> String {
    format!("FILES={} BYTES={}", amount.files, amount.bytes)
}

/// What a person would not expect in a tree that is rotated.
fn surprises(facts: &Facts) -> Vec<Row> {
    let skipped = facts.skipped.iter().map(|skipped| {
        let outcome = if skipped.is_usual { Outcome::Pass } else { Outcome::Warn };
        let row = Row::new(skipped.row, outcome).note(format!("LEFT_ALONE={}", skipped.count));
        with_names(row.reason(skipped.reason), &skipped.dirs)
    });
    let mut rows: Vec<Row> = skipped.collect();
    if !facts.unreadable.is_empty() {
        rows.push(with_reasons("unreadable", Outcome::Fail, &facts.unreadable));
    }
    if !facts.unfinished.is_empty() {
        let is_torn = facts.unfinished.iter().any(|unfinished| unfinished.is_torn);
        let row = Row::new("unfinished", if is_torn { Outcome::Fail } else { Outcome::Warn });
        let row = row.note(format!("DIRECTORIES={}", facts.unfinished.len()));
        rows.push(
            row.reasons(facts.unfinished.iter().take(NAMES).map(|unfinished| unfinished.reason.clone())),
        );
    }
    if let Some(Suspicion { reason, is_allowed }) = &facts.suspicion {
        let outcome = if *is_allowed { Outcome::Warn } else { Outcome::Fail };
        let row = Row::new("clock", outcome).reason(reason);
        let refused = "nothing was removed; --allow-large if it is really that old";
        rows.push(if *is_allowed { row } else { row.reason(refused) });
    }
    if facts.future.count > 0 {
        let row = Row::new("future_mtime", Outcome::Warn).note(format!("FILES={}", facts.future.count));
        let row = row.reason("written in the future, says the file system; they count as the newest");
        rows.push(with_names(row, &facts.future));
    }
    rows
}

/// What it means that not every process could be looked into.
fn process_table(table: ProcessTable) -> Option<Row> {
    let reason = match (table.is_readable, table.hidden, table.is_partial) {
        (true, 0, false) => return None,
        (true, _, true) => "processes in other containers could not be looked into".to_owned(),
        (true, hidden, false) => format!("{hidden} processes could not be looked into"),
        (false, ..) => "/proc cannot be read".to_owned(),
    };
    let reason = format!("{reason}; only locks tell which files they have in use");
    Some(Row::new("open_files", Outcome::Warn).reason(reason))
}

/// What the limits and guards say.
fn decided(facts: &Facts) -> Vec<Row> {
    let Decision { marked, rules, saved, exempt, unmatched, best_effort, basis, .. } = &facts.decision;
    let mut rows = Vec::new();
    let add = |name: String, note: String| Row::new(name, Outcome::Pass).note(note);
    rows.extend(marked.iter().map(|(limit, count)| {
        let by = match *limit {
            "tiers" => format!(" TIMEZONE={}", basis.timezone),
            "size" | "total_size" => format!(" SIZES={}", basis.sizes),
            "ttl" if basis.by != "mtime" => format!(" BY={}", basis.by),
            _ => String::new(),
        };
        add((*limit).to_owned(), format!("MARKED={count}{by}"))
    }));
    rows.extend(rules.iter().map(|(name, rule)| {
        let outcome = if rule.members == 0 { Outcome::Warn } else { Outcome::Pass };
        let row = Row::new(format!("rule_{name}"), outcome);
        let row = row.note(format!("MEMBERS={} GOING={}", rule.members, rule.going));
        row.reasons(
            (rule.members == 0).then_some("nothing matches it, or what does belongs to an earlier rule"),
        )
    }));
    if !unmatched.is_empty() {
        let row = Row::new("protect", Outcome::Warn).note(format!("UNMATCHED={}", unmatched.len()));
        rows.push(row.reason("these patterns match nothing").reasons(unmatched.iter().take(NAMES).cloned()));
    }
    rows.extend(saved.iter().map(|(guard, names)| {
        with_names(add(format!("kept_{}", guard.as_str()), format!("MEMBERS={}", names.count)), names)
    }));
    rows.extend(
        exempt.iter().map(|(why, files)| add(format!("left_{}", why.as_str()), format!("FILES={files}"))),
    );
    rows.extend(facts.unmet_limits().map(|limit| unmet(limit, *best_effort)));
    rows
}

fn unmet(UnmetLimit { of, unmet }: &UnmetLimit, best_effort: bool) -> Row {
    let (outcome, reason) = match unmet.mark {
        Marks::MIN_FREE => {
            let (short, given) = (size(unmet.limit), size(unmet.actual));
            let why = if best_effort { "" } else { ", so nothing goes for it; --best-effort takes it" };
            (Outcome::Fail, format!("{of} lacks {short}; all that may go gives back {given}{why}"))
        }
        Marks::COUNT => {
            let (kept, limit) = (unmet.actual, unmet.limit);
            (Outcome::Pass, format!("{of}: {kept} stay instead of {limit}, because guards keep them"))
        }
        _ => {
            let (actual, limit) = (size(unmet.actual), size(unmet.limit));
            if best_effort {
                (Outcome::Warn, format!("{of}: {actual} stay instead of {limit}, because guards keep them"))
            } else {
                let why = "nothing goes for it; --best-effort takes what it can";
                (Outcome::Fail, format!("{of}: {actual} would stay instead of {limit}, whatever goes; {why}"))
            }
        }
    };
    let word = unmet.mark.words().next().unwrap_or_default();
    Row::new(format!("{word}_unmet"), outcome).reason(reason)
}

/// What was carried out.
fn carried(done: &Done) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(archive) = &done.archive {
        let lost =
            "owners, modes of directories, empty directories, hard links, holes and attributes are not kept";
        let row = Row::new("archived", Outcome::Pass);
        let row = row.note(format!("MEMBERS={} BYTES={}", archive.members, archive.bytes));
        rows.push(row.reason(format!("{} sha256 {}", archive.path, archive.sha256)).reason(lost));
    }
    let deleted = if done.failed.is_empty() { Outcome::Pass } else { Outcome::Fail };
    rows.push(Row::new("deleted", deleted).note(note(done.removed)));
    if done.dirs > 0 {
        rows.push(Row::new("removed_directories", Outcome::Pass).note(format!("DIRECTORIES={}", done.dirs)));
    }
    for (name, outcome, list) in
        [("kept_changed", Outcome::Warn, &done.kept), ("not_deleted", Outcome::Fail, &done.failed)]
    {
        if !list.is_empty() {
            rows.push(with_reasons(name, outcome, list));
        }
    }
    rows
}

fn with_reasons(name: &str, outcome: Outcome, list: &BTreeMap<String, String>) -> Row {
    let row = Row::new(name, outcome).note(format!("PATHS={}", list.len()));
    with_names(row, &Names::of(list.len(), list.iter().map(|(path, why)| format!("{path}: {why}"))))
}

fn with_names(row: Row, names: &Names) -> Row {
    let more = names.count.saturating_sub(NAMES);
    let more = (more > 0).then(|| format!("and {more} more; --plan FILE lists every one"));
    row.reasons(names.first.iter().cloned().chain(more))
}
