//! Which files stand against which, and the comparison of one pair.

use super::arguments::Args;
use super::compare::content::{self, Content};
use super::compare::{CheckCancelled, CompareError, Found, Side, bytes, walk};
use super::drift::Rules;
use super::drift::difference::{Drift, ListedDrift};
use super::facts::{Facts, FileFacts, FileState};
use crate::ctx::Ctx;
use crate::format::json::tokens::{JsonError, place};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileId, FileKind};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Ending of the record that lies beside a baseline that was accepted.
pub(super) const RECORD: &str = ".accepted.json";

/// A file of the baseline and one of the actual output.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    /// Path below the two directories; absent where two files were named.
    pub(super) name: Option<String>,
    pub(super) baseline: Located,
    pub(super) actual: Located,
    pub(super) form: Form,
}

/// Where a file is, and how it is shown.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) path: PathBuf,
    pub(super) shown: String,
    /// The file before it was compared; none where there is none.
    pub(super) id: Option<FileId>,
}

impl Located {
    /// The fault of a document, with line and column.
    fn fault(&self, error: &JsonError) -> Fault {
        match error {
            JsonError::Read(error) => fsio::unreadable(&self.path, error),
            JsonError::Invalid { offset, reason } => {
                let place = match places_in(&self.path, &[*offset]).as_deref() {
                    Some([(line, column)]) => format!("line {line} column {column}"),
                    _ => format!("byte {offset}"),
                };
                Fault::config(format!("failed to load `{}`: {reason} at {place}", self.shown))
            }
        }
    }
}

/// Lines and columns of bytes of a file in ascending order; none for a pipe, which cannot be read twice.
fn places_in(path: &Path, offsets: &[u64]) -> Option<Vec<(u64, u64)>> {
    let is_file = fsio::target_kind(path).is_ok_and(|kind| kind == FileKind::File);
    is_file.then(|| place::of_all(fsio::open(path).ok()?, offsets).ok()).flatten()
}

/// How two files stand against each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Both hold JSON.
    Json(Content),
    /// Both are compared byte by byte.
    Bytes,
    /// Only the baseline has it.
    Missing,
    /// Only the actual directory has it.
    Extra,
    /// What stands on this side is neither a file nor a directory.
    Special(Side),
}

fn id_at(path: &Path) -> Option<FileId> {
    fsio::metadata(path).ok().map(|metadata| FileId::of(&metadata))
}

/// Pairs the files, in the order of their names.
pub(super) fn find(args: &Args, ctx: &Ctx) -> Result<Vec<Pair>, Fault> {
    let root = |path: &Path| {
        let located = ctx.path(path);
        Located { id: id_at(&located), path: located, shown: path.display().to_string() }
    };
    let (baseline, actual) = (root(&args.baseline), root(&args.actual));
    let is_dir = |located: &Located| Ok::<_, Fault>(fsio::existing_kind(&located.path)? == FileKind::Dir);
    match (is_dir(&baseline)?, is_dir(&actual)?) {
        (false, false) => {
            let form = Form::Json(content_of(&baseline.path).unwrap_or(Content::Document));
            Ok(vec![Pair { name: None, baseline, actual, form }])
        }
        (true, true) => in_directories(&baseline, &actual, ctx),
        (baseline_is_dir, _) => {
            let (dir, file) = if baseline_is_dir { (baseline, actual) } else { (actual, baseline) };
            let message = format!("`{}` is a directory and `{}` is not", dir.shown, file.shown);
            Err(Fault::config(message).hint("name two files or two directories"))
        }
    }
}

fn in_directories(baseline: &Located, actual: &Located, ctx: &Ctx) -> Result<Vec<Pair>, Fault> {
    let mut expected = files(baseline, ctx)?;
    let found = files(actual, ctx)?;
    let records: Vec<String> = expected
        .keys()
        .filter(|name| name.strip_suffix(RECORD).is_some_and(|name| expected.contains_key(name)))
        .cloned()
        .collect();
    for record in records {
        if !found.contains_key(&record) {
            expected.remove(&record);
        }
    }
    let mut names: Vec<&String> = expected.keys().chain(found.keys()).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        let message = format!("`{}` and `{}` have no files", baseline.shown, actual.shown);
        return Err(Fault::config(message).hint("nothing to compare is no match"));
    }
    let located = |root: &Located, name: &str| {
        let path = root.path.join(name);
        let shown = Path::new(&root.shown).join(name).display().to_string();
        Located { id: id_at(&path), path, shown }
    };
    let pair = |name: &String| {
        let form = match (expected.get(name), found.get(name)) {
            (Some(true), Some(true)) => content_of(Path::new(name)).map_or(Form::Bytes, Form::Json),
            (Some(true), None) => Form::Missing,
            (None, Some(true)) => Form::Extra,
            (Some(false), _) => Form::Special(Side::Baseline),
            _ => Form::Special(Side::Actual),
        };
        Pair {
            name: Some(name.clone()),
            baseline: located(baseline, name),
            actual: located(actual, name),
            form,
        }
    };
    Ok(names.into_iter().map(pair).collect())
}

/// Everything below a directory that is none, by relative path, and whether it is a plain file. Links are
/// not followed.
fn files(root: &Located, ctx: &Ctx) -> Result<BTreeMap<String, bool>, Fault> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(&root.path).min_depth(1) {
        ctx.check_cancelled()?;
        let entry =
            entry.map_err(|error| Fault::config(format!("failed to read `{}`: {error}", root.shown)))?;
        if entry.file_type().is_dir() || fsio::is_unfinished(entry.file_name()) {
            continue;
        }
        let name = entry.path().strip_prefix(&root.path).unwrap_or(entry.path());
        let name = name.to_str().ok_or_else(|| {
            Fault::config(format!("failed to read `{}`: its name is not UTF-8", entry.path().display()))
        })?;
        files.insert(name.to_owned(), entry.file_type().is_file());
    }
    Ok(files)
}

/// What a file holds by its name, if it is JSON.
fn content_of(path: &Path) -> Option<Content> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "json" => Some(Content::Document),
        "jsonl" | "ndjson" => Some(Content::Lines),
        _ => None,
    }
}

impl Pair {
    pub(super) fn compare(
        &self,
        rules: &Rules,
        listed: usize,
        check_cancelled: CheckCancelled<'_>,
    ) -> Result<FileFacts, Fault> {
        let state = match self.form {
            Form::Missing => FileState::Missing,
            Form::Extra => match self.validate_extra(rules) {
                Ok(()) => FileState::Extra,
                Err(fault) => self.unusable(fault)?,
            },
            Form::Special(side) => {
                let shown = &self.side(side).shown;
                FileState::Unusable(format!("`{shown}` is not a plain file; links are not followed"))
            }
            Form::Bytes => self.compared(check_cancelled, bytes::compare)?,
            Form::Json(content) => self.compared(check_cancelled, |baseline, actual, check_cancelled| {
                walk::compare(content, baseline, actual, rules, listed, check_cancelled)
            })?,
        };
        Ok(FileFacts { name: self.name.clone(), actual: self.actual.shown.clone(), state })
    }

    fn compared(
        &self,
        check_cancelled: CheckCancelled<'_>,
        compare: impl Fn(File, File, CheckCancelled<'_>) -> Result<Found, CompareError>,
    ) -> Result<FileState, Fault> {
        let (baseline, actual) = match (self.open(Side::Baseline), self.open(Side::Actual)) {
            (Ok(baseline), Ok(actual)) => (baseline, actual),
            (Err(fault), _) | (_, Err(fault)) => return self.unusable(fault),
        };
        match compare(baseline, actual, check_cancelled) {
            Ok(Found { total, drifts, empty }) => {
                let listed = self.listed(&drifts);
                Ok(FileState::Compared { differences: total, listed, is_empty: empty })
            }
            Err(CompareError::Fault(fault)) => Err(fault),
            Err(CompareError::Document(side, error)) => self.unusable(self.side(side).fault(&error)),
        }
    }

    /// The differences with line and column in the actual file.
    fn listed(&self, drifts: &[Drift]) -> Vec<ListedDrift> {
        let mut offsets: Vec<u64> = drifts.iter().map(|drift| drift.offset).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let places = places_in(&self.actual.path, &offsets);
        let listed = |drift: &Drift| {
            let at = offsets.binary_search(&drift.offset).ok();
            let place = places.as_ref().zip(at).and_then(|(places, at)| places.get(at));
            ListedDrift {
                file: self.name.clone(),
                path: drift.path.to_string(),
                kind: drift.difference.kind().to_owned(),
                message: drift.message(),
                line: place.map(|place| place.0),
                column: place.map(|place| place.1),
            }
        };
        drifts.iter().map(listed).collect()
    }

    /// A new file is a difference; one that is not strict JSON could not become a baseline either.
    fn validate_extra(&self, rules: &Rules) -> Result<(), Fault> {
        let file = self.open(Side::Actual)?;
        let Some(content) = content_of(&self.actual.path) else { return Ok(()) };
        content.validate(file, rules).map_err(|error| self.actual.fault(&error))
    }

    /// Whether anything in files that hold something is compared, rather than ignored.
    fn compares_something(&self, rules: &Rules) -> Result<bool, Fault> {
        let Form::Json(content) = self.form else { return Ok(true) };
        if rules.ignored.is_empty() {
            return Ok(true);
        }
        let baseline = self.open(Side::Baseline)?;
        content::compares_something(content, baseline, rules).map_err(|error| self.baseline.fault(&error))
    }

    fn side(&self, side: Side) -> &Located {
        if side == Side::Baseline { &self.baseline } else { &self.actual }
    }

    fn open(&self, side: Side) -> Result<File, Fault> {
        fsio::open(&self.side(side).path)
    }

    /// A single pair that cannot be read ends the command; one of many is a row among others.
    fn unusable(&self, fault: Fault) -> Result<FileState, Fault> {
        if self.name.is_none() { Err(fault) } else { Ok(FileState::Unusable(fault.to_string())) }
    }
}

/// Refuses a comparison of empty files, or of which everything is ignored: it could not fail.
pub(super) fn refuse_empty_comparison(
    pairs: &[Pair],
    facts: &Facts,
    rules: &Rules,
    baseline: &Path,
) -> Result<(), Fault> {
    if facts.differences() > 0 || facts.fault().is_some() {
        return Ok(());
    }
    let is_empty = |file: &FileFacts| matches!(file.state, FileState::Compared { is_empty: true, .. });
    for (pair, _) in pairs.iter().zip(&facts.files).filter(|(_, file)| !is_empty(file)) {
        if pair.compares_something(rules)? {
            return Ok(());
        }
    }
    let baseline = baseline.display();
    if facts.files.iter().all(is_empty) {
        let message = format!("`{baseline}` has nothing to compare: its files are empty");
        return Err(Fault::config(message).hint("nothing to compare is no match"));
    }
    let message = format!("--ignore leaves nothing of `{baseline}` to compare");
    Err(Fault::config(message).hint("name the paths that change from run to run, not those above them"))
}
