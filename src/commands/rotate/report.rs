//! What a rotation has to say: one row a root, a limit, a guard and a surprise, with the first names of
//! what goes. The complete list is in the plan file.

use super::execute::Done;
use super::selection::{Amount, Grove, Item, Place, Selection, left_alone};
use super::{Mode, Settings};
use crate::commands::rotate::retention::{DAY_NS, FUTURE_NS, Facts as _, Guard, Marks, Member, Unmet};
use crate::format::size::{shown as size, total};
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row, Status};
use crate::sys::tree::SkipReason;
use crate::sys::tree::writers::Writers;
use serde::Serialize;
use std::collections::BTreeMap;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("rotate", "ROTATION", "FAILED").named("rotate_artifacts");

/// So many names are printed; the plan file has all of them.
pub(super) const NAMES: usize = 20;

/// Fields of the report of `rotate`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
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

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct RootBody {
    path: String,
    files: u64,
    bytes: u64,
    directories: u64,
}

#[derive(Debug, Default, Serialize, schemars::JsonSchema)]
struct RuleBody {
    members: u64,
    going: u64,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct UnmetBody {
    limit: &'static str,
    of: String,
    allowed: u64,
    actual: u64,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
struct ArchiveBody {
    path: String,
    sha256: String,
    bytes: u64,
    members: u64,
}

#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct PlanBody {
    pub(super) path: String,
    pub(super) seal: String,
}

fn conclusion(ok: bool, mode: Mode) -> Conclusion {
    match (ok, mode) {
        (false, _) => Conclusion::new(Outcome::Fail, "FAILED"),
        (true, Mode::DryRun) => Conclusion::new(Outcome::Pass, "DRYRUN"),
        (true, Mode::Real) => Conclusion::new(Outcome::Pass, "REAL"),
    }
}

/// A report that is being put together.
pub(super) struct Draft {
    rows: Vec<Row>,
    body: Body,
    evidence: Vec<String>,
    mode: Mode,
}

fn count(value: usize) -> u64 {
    value as u64
}

impl Draft {
    /// Starts with what was scanned.
    pub(super) fn new(groves: &[Grove], found: &[Amount], now_ns: i64, mode: Mode) -> Self {
        let roots: Vec<RootBody> = groves
            .iter()
            .zip(found)
            .map(|(grove, found)| RootBody {
                path: grove.shown.clone(),
                files: found.files,
                bytes: found.bytes,
                directories: count(grove.tree.dirs.len()),
            })
            .collect();
        let row = |root: &RootBody| {
            Row::new(&root.path, Status::Ok).note(format!("FILES={} BYTES={}", root.files, root.bytes))
        };
        let mut draft = Self {
            rows: roots.iter().map(row).collect(),
            body: Body {
                mode,
                found: Amount {
                    files: roots.iter().map(|root| root.files).sum(),
                    bytes: total(roots.iter().map(|root| root.bytes)),
                },
                roots,
                going: Amount::default(),
                removed: Amount::default(),
                directories_removed: 0,
                marked: BTreeMap::new(),
                saved: BTreeMap::new(),
                exempt: BTreeMap::new(),
                rules: BTreeMap::new(),
                unmet: Vec::new(),
                future: 0,
                unreadable: BTreeMap::new(),
                kept: BTreeMap::new(),
                failed: BTreeMap::new(),
                archive: None,
                plan: None,
            },
            evidence: Vec::new(),
            mode,
        };
        draft.add_surprises(groves, now_ns);
        draft
    }

    fn add_surprises(&mut self, groves: &[Grove], now_ns: i64) {
        for (why, paths) in left_alone(groves) {
            let (name, status) = match why {
                SkipReason::Hidden => ("hidden_directories", Status::Ok),
                SkipReason::Repository => ("repositories", Status::Ok),
                SkipReason::Marked => ("marked_directories", Status::Ok),
                SkipReason::Mount => ("mount_points", Status::Warn),
                // Named below, with the reason.
                SkipReason::Unreadable => continue,
            };
            let row = Row::new(name, status).note(format!("LEFT_ALONE={}", paths.len()));
            self.rows.push(with_names(row, paths.len(), paths.into_iter().take(NAMES)));
        }
        for grove in groves {
            for (path, why) in &grove.tree.unreadable {
                let shown = std::path::Path::new(&grove.shown).join(path).display().to_string();
                self.body.unreadable.insert(shown, why.clone());
            }
        }
        if !self.body.unreadable.is_empty() {
            let row =
                Row::new("unreadable", Status::Fail).note(format!("PATHS={}", self.body.unreadable.len()));
            let lines = self.body.unreadable.iter().map(|(path, why)| format!("{path}: {why}"));
            self.rows.push(with_names(row, self.body.unreadable.len(), lines.take(NAMES)));
            bound(&mut self.body.unreadable);
        }
        let mut future: Vec<String> = Vec::new();
        for grove in groves {
            let ahead = |file: &u32| grove.tree.modified_ns(*file).saturating_sub(now_ns) > FUTURE_NS;
            let files = (0..).take(grove.tree.len()).filter(ahead);
            future.extend(files.map(|file| grove.shown(file)));
        }
        if !future.is_empty() {
            future.sort();
            self.body.future = count(future.len());
            let row = Row::new("future_mtime", Status::Warn).note(format!("FILES={}", future.len()));
            let row = row.reason("written in the future, says the file system; they count as the newest");
            self.rows.push(with_names(row, future.len(), future.into_iter().take(NAMES)));
        }
    }

    /// Adds what the limits and guards say.
    pub(super) fn decided(&mut self, selection: &Selection<'_>, settings: &Settings, unmet: &[Unmet]) {
        for (mark, word) in Marks::ALL {
            let marked = selection.members.iter().filter(|member| member.marks.has(mark)).count();
            if settings.uses(mark) {
                self.body.marked.insert(word, count(marked));
                self.rows.push(Row::new(word, Status::Ok).note(format!("MARKED={marked}")));
            }
        }
        if settings.has_policy {
            for member in &selection.members {
                let rule = selection.groups[member.group as usize].rule;
                let rule = self.body.rules.entry(settings.terms.rules[rule].name.clone()).or_default();
                rule.members += 1;
                rule.going += u64::from(member.goes());
            }
            for rule in &settings.terms.rules {
                let known = self.body.rules.entry(rule.name.clone()).or_default();
                let note = format!("MEMBERS={} GOING={}", known.members, known.going);
                self.rows.push(Row::new(format!("rule_{}", rule.name), Status::Ok).note(note));
            }
        }
        for guard in Guard::ALL {
            let mut ids = select(selection, |member| member.saved_by() == Some(guard));
            if ids.is_empty() {
                continue;
            }
            self.body.saved.insert(guard.word(), count(ids.len()));
            let row =
                Row::new(format!("kept_{}", guard.word()), Status::Ok).note(format!("MEMBERS={}", ids.len()));
            let all = ids.len();
            let names = oldest(selection, &mut ids).into_iter().map(|id| shown(selection, id));
            self.rows.push(with_names(row, all, names.take(NAMES)));
        }
        for (why, files) in &selection.exempt {
            self.body.exempt.insert(why.word(), *files);
            let row = Row::new(format!("left_{}", why.word()), Status::Ok);
            self.rows.push(row.note(format!("FILES={files}")));
        }
        // After a real rotation the free space is measured instead.
        let real = self.mode == Mode::Real;
        for unmet in unmet.iter().filter(|unmet| !(real && unmet.mark == Marks::MIN_FREE)) {
            self.add_unmet(unmet, selection, settings);
        }
    }

    fn add_unmet(&mut self, unmet: &Unmet, selection: &Selection<'_>, settings: &Settings) {
        let word = unmet.mark.words().next().unwrap_or_default();
        let of = if unmet.mark == Marks::MIN_FREE {
            disk(selection.census.groves, unmet.of)
        } else if unmet.mark == Marks::TOTAL || !settings.has_policy {
            "all files".to_owned()
        } else {
            format!("rule `{}`", selection.groups[unmet.of].name)
        };
        let (status, reason) = match unmet.mark {
            Marks::MIN_FREE => {
                let (short, given) = (size(unmet.limit), size(unmet.actual));
                (Status::Fail, format!("{of} lacks {short}; all that may go gives back {given}"))
            }
            Marks::COUNT => {
                let (kept, limit) = (unmet.actual, unmet.limit);
                (Status::Ok, format!("{of}: {kept} stay instead of {limit}, because guards keep them"))
            }
            _ => {
                let (actual, limit) = (size(unmet.actual), size(unmet.limit));
                (Status::Warn, format!("{of}: {actual} stay instead of {limit}, because guards keep them"))
            }
        };
        self.rows.push(Row::new(format!("{word}_unmet"), status).reason(reason));
        self.body.unmet.push(UnmetBody { limit: word, of, allowed: unmet.limit, actual: unmet.actual });
    }

    /// Adds that a disk has less free space than asked for, measured after the removals.
    pub(super) fn too_little_free(&mut self, groves: &[Grove], device: u16, free: u64, wanted: u64) {
        let of = disk(groves, usize::from(device));
        let reason = format!("{of} has {} free instead of {}", size(free), size(wanted));
        self.rows.push(Row::new("min_free_unmet", Status::Fail).reason(reason));
        self.body.unmet.push(UnmetBody { limit: "min_free", of, allowed: wanted, actual: free });
    }

    /// Adds how much of the process table could be seen.
    pub(super) fn open_files(&mut self, writers: &Writers) {
        let reason = match (writers.known, writers.closed) {
            (true, 0) => return,
            (true, closed) => format!("{closed} processes could not be looked into"),
            (false, _) => "/proc cannot be read".to_owned(),
        };
        let reason = format!("{reason}; only locks tell which files they have in use");
        self.rows.push(Row::new("open_files", Status::Warn).reason(reason));
    }

    /// Adds what goes, with the oldest names.
    pub(super) fn going(&mut self, selection: &Selection<'_>, files: &[Place], now_ns: i64) {
        let mut ids = select(selection, Member::goes);
        let bytes = selection.census.bytes_of_all(files);
        self.body.going = Amount { files: count(files.len()), bytes };
        let all = ids.len();
        let names = oldest(selection, &mut ids).into_iter().map(|id| {
            let words: Vec<&str> = selection.members[id].marks.words().collect();
            let age_ns = now_ns.saturating_sub(selection.census.modified_ns(id));
            let bytes = size(selection.census.bytes(id));
            format!("{} ({bytes}, {} days old): {}", shown(selection, id), days(age_ns), words.join(", "))
        });
        self.add_removal(all, names);
    }

    /// Adds what a plan removes.
    pub(super) fn planned(&mut self, groves: &[Grove], files: &[Place]) {
        let bytes = total(files.iter().map(|place| groves[usize::from(place.tree)].tree.bytes(place.file)));
        self.body.going = Amount { files: count(files.len()), bytes };
        let names = files.iter().map(|place| groves[usize::from(place.tree)].shown(place.file));
        self.add_removal(files.len(), names);
    }

    fn add_removal(&mut self, all: usize, names: impl Iterator<Item = String>) {
        let Amount { files, bytes } = self.body.going;
        let name = if self.mode == Mode::DryRun { "would_delete" } else { "to_delete" };
        let row = Row::new(name, Status::Ok).note(format!("FILES={files} BYTES={bytes}"));
        self.rows.push(with_names(row, all, names.take(NAMES)));
    }

    /// Adds a row that stands for itself.
    pub(super) fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Adds directories that would go.
    pub(super) fn would_remove_dirs(&mut self, dirs: usize) {
        self.body.directories_removed = count(dirs);
        self.rows.push(Row::new("would_remove_directories", Status::Ok).note(format!("DIRECTORIES={dirs}")));
    }

    /// Adds the plan file.
    pub(super) fn plan(&mut self, plan: PlanBody) {
        self.rows.push(Row::new("plan", Status::Ok).reason(format!("{} seal {}", plan.path, plan.seal)));
        self.evidence.push(plan.path.clone());
        self.body.plan = Some(plan);
    }

    /// Adds what was carried out.
    pub(super) fn done(&mut self, done: Done, archive_shown: Option<String>) {
        if let (Some(archive), Some(path)) = (done.archive, archive_shown) {
            let note = format!("MEMBERS={} BYTES={}", archive.members, archive.bytes);
            let row = Row::new("archived", Status::Ok).note(note);
            self.rows.push(row.reason(format!("{path} sha256 {}", archive.sha256)));
            self.evidence.push(path.clone());
            let (sha256, bytes, members) = (archive.sha256, archive.bytes, count(archive.members));
            self.body.archive = Some(ArchiveBody { path, sha256, bytes, members });
        }
        self.body.removed = Amount { files: done.files, bytes: done.bytes };
        self.body.directories_removed = done.dirs;
        let note = format!("FILES={} BYTES={}", done.files, done.bytes);
        let status = if done.failed.is_empty() { Status::Ok } else { Status::Fail };
        self.rows.push(Row::new("deleted", status).note(note));
        if done.dirs > 0 {
            let note = format!("DIRECTORIES={}", done.dirs);
            self.rows.push(Row::new("removed_directories", Status::Ok).note(note));
        }
        for (name, status, list) in
            [("kept_changed", Status::Warn, &done.kept), ("not_deleted", Status::Fail, &done.failed)]
        {
            if !list.is_empty() {
                let row = Row::new(name, status).note(format!("PATHS={}", list.len()));
                let lines = list.iter().map(|(path, why)| format!("{path}: {why}"));
                self.rows.push(with_names(row, list.len(), lines.take(NAMES)));
            }
        }
        (self.body.kept, self.body.failed) = (done.kept, done.failed);
        bound(&mut self.body.kept);
    }

    /// The finished report.
    pub(super) fn finish(self) -> Report {
        let ok = self.rows.iter().all(|row| row.status < Status::Skip);
        let dry = self.mode == Mode::DryRun;
        let title = if dry { "ARTIFACT ROTATION (DRY RUN)" } else { "ARTIFACT ROTATION" };
        let found = self.body.found;
        let mut preamble = vec![format!("[SCAN] Found {} files ({} total)", found.files, size(found.bytes))];
        if self.body.going.files == 0 {
            preamble.push("[OK] No files to delete".to_owned());
        }
        Report::new(&SPEC, title, conclusion(ok, self.mode))
            .preamble(preamble)
            .rows(self.rows)
            .body(&self.body)
            .evidence(self.evidence)
    }
}

fn disk(groves: &[Grove], device: usize) -> String {
    let here = |grove: &&Grove| usize::from(grove.device) == device;
    let roots: Vec<&str> = groves.iter().filter(here).map(|grove| grove.shown.as_str()).collect();
    format!("the disk of `{}`", roots.join("`, `"))
}

/// Lists that come from the state of a disk are bounded; those of failures are not.
fn bound(list: &mut BTreeMap<String, String>) {
    const MOST: usize = 1000;
    if let Some(beyond) = list.keys().nth(MOST).cloned() {
        list.split_off(&beyond);
    }
}

fn with_names(mut row: Row, all: usize, names: impl Iterator<Item = String>) -> Row {
    row.reasons.extend(names);
    if all > NAMES {
        row.reasons.push(format!("and {} more; --plan FILE lists every one", all - NAMES));
    }
    row
}

/// Indices of the members that pass a test.
fn select(selection: &Selection<'_>, passes: impl Fn(&Member) -> bool) -> Vec<u32> {
    (0..).zip(&selection.members).filter(|(_, member)| passes(member)).map(|(id, _)| id).collect()
}

/// The oldest of some members, oldest first.
fn oldest(selection: &Selection<'_>, ids: &mut [u32]) -> Vec<usize> {
    let census = &selection.census;
    let order = |a: &u32, b: &u32| {
        let (a, b) = (*a as usize, *b as usize);
        let by_time = census.modified_ns(a).cmp(&census.modified_ns(b));
        by_time.then_with(|| census.path_cmp(a, b))
    };
    if ids.len() > NAMES {
        ids.select_nth_unstable_by(NAMES, order);
    }
    let shown = NAMES.min(ids.len());
    let first = &mut ids[..shown];
    first.sort_unstable_by(order);
    first.iter().map(|id| *id as usize).collect()
}

fn shown(selection: &Selection<'_>, id: usize) -> String {
    let census = &selection.census;
    match census.item(id) {
        Item::File(place) => census.groves[usize::from(place.tree)].shown(place.file),
        Item::Unit(unit) => {
            let unit = &census.units[unit as usize];
            format!("{}/", census.groves[usize::from(unit.tree)].shown_dir(unit.dir))
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn days(age_ns: i64) -> String {
    format!("{:.1}", age_ns as f64 / DAY_NS as f64)
}
