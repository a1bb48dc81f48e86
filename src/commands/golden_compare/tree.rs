//! Which files stand against which, and the comparison of one pair.

use super::Args;
use super::compare::content::{self, Content};
use super::compare::{CheckCancelled, CompareError, Found, Side, bytes, walk};
use crate::commands::golden_compare::drift::Rules;
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

/// A file of either side.
#[derive(Clone, Debug)]
pub(super) struct Task {
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
pub(super) fn places_in(path: &Path, offsets: &[u64]) -> Option<Vec<(u64, u64)>> {
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

/// What came of a pair.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Compared.
    Compared(Found),
    /// One of them cannot be read; the reason.
    Unusable(Fault),
}

fn id_at(path: &Path) -> Option<FileId> {
    fsio::metadata(path).ok().map(|metadata| FileId::of(&metadata))
}

/// Pairs the files, in the order of their names.
pub(super) fn tasks(args: &Args, ctx: &Ctx) -> Result<Vec<Task>, Fault> {
    let root = |path: &Path| {
        let located = ctx.path(path);
        Located { id: id_at(&located), path: located, shown: path.display().to_string() }
    };
    let (baseline, actual) = (root(&args.baseline), root(&args.actual));
    let is_dir = |located: &Located| Ok::<_, Fault>(fsio::existing_kind(&located.path)? == FileKind::Dir);
    match (is_dir(&baseline)?, is_dir(&actual)?) {
        (false, false) => {
            let form = Form::Json(content_of(&baseline.path).unwrap_or(Content::Document));
            Ok(vec![Task { name: None, baseline, actual, form }])
        }
        (true, true) => in_directories(&baseline, &actual, ctx),
        (baseline_is_dir, _) => {
            let (dir, file) = if baseline_is_dir { (baseline, actual) } else { (actual, baseline) };
            let message = format!("`{}` is a directory and `{}` is not", dir.shown, file.shown);
            Err(Fault::config(message).hint("name two files or two directories"))
        }
    }
}

fn in_directories(baseline: &Located, actual: &Located, ctx: &Ctx) -> Result<Vec<Task>, Fault> {
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
    let task = |name: &String| {
        let form = match (expected.get(name), found.get(name)) {
            (Some(true), Some(true)) => content_of(Path::new(name)).map_or(Form::Bytes, Form::Json),
            (Some(true), None) => Form::Missing,
            (None, Some(true)) => Form::Extra,
            (Some(false), _) => Form::Special(Side::Baseline),
            _ => Form::Special(Side::Actual),
        };
        Task {
            name: Some(name.clone()),
            baseline: located(baseline, name),
            actual: located(actual, name),
            form,
        }
    };
    Ok(names.into_iter().map(task).collect())
}

/// Everything below a directory that is none, by relative path, and whether it is a plain file. Links are
/// not followed.
fn files(root: &Located, ctx: &Ctx) -> Result<BTreeMap<String, bool>, Fault> {
    let mut files = BTreeMap::new();
    for entry in WalkDir::new(&root.path).min_depth(1) {
        ctx.check_cancelled()?;
        let entry =
            entry.map_err(|error| Fault::config(format!("failed to read `{}`: {error}", root.shown)))?;
        if entry.file_type().is_dir() {
            continue;
        }
        let name = entry.path().strip_prefix(&root.path).unwrap_or(entry.path());
        let name = name.to_str().ok_or_else(|| {
            Fault::config(format!("failed to read `{}`: its name is no UTF-8", entry.path().display()))
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

impl Task {
    /// Compares the two files.
    pub(super) fn compare(
        &self,
        rules: &Rules,
        listed: usize,
        check_cancelled: CheckCancelled<'_>,
    ) -> Result<Verdict, Fault> {
        let one = |drifts| Verdict::Compared(Found { total: 1, drifts, empty: false });
        match self.form {
            Form::Missing => Ok(one(Vec::new())),
            Form::Extra => match self.validate_extra(rules) {
                Ok(()) => Ok(one(Vec::new())),
                Err(fault) => self.unusable(fault),
            },
            Form::Special(side) => {
                let shown = &self.side(side).shown;
                let message = format!("`{shown}` is no plain file; links are not followed");
                Ok(Verdict::Unusable(Fault::config(message)))
            }
            Form::Bytes | Form::Json(_) => {
                let (baseline, actual) = match (self.open(Side::Baseline), self.open(Side::Actual)) {
                    (Ok(baseline), Ok(actual)) => (baseline, actual),
                    (Err(fault), _) | (_, Err(fault)) => return self.unusable(fault),
                };
                let compared = match self.form {
                    Form::Json(content) => {
                        walk::compare(content, baseline, actual, rules, listed, check_cancelled)
                    }
                    _ => bytes::compare(baseline, actual, check_cancelled),
                };
                match compared {
                    Ok(found) => Ok(Verdict::Compared(found)),
                    Err(CompareError::Fault(fault)) => Err(fault),
                    Err(CompareError::Document(side, error)) => {
                        let located = self.side(side);
                        self.unusable(located.fault(&error))
                    }
                }
            }
        }
    }

    /// A new file is a difference; one that is no strict JSON could not become a baseline either.
    fn validate_extra(&self, rules: &Rules) -> Result<(), Fault> {
        let file = self.open(Side::Actual)?;
        let located = &self.actual;
        let Some(content) = content_of(&located.path) else { return Ok(()) };
        content.validate(file, rules).map_err(|error| located.fault(&error))
    }

    /// Whether anything in files that hold something is compared, rather than ignored.
    pub(super) fn compares_something(&self, rules: &Rules) -> Result<bool, Fault> {
        let Form::Json(content) = self.form else { return Ok(true) };
        if rules.ignored.is_empty() {
            return Ok(true);
        }
        let baseline = self.open(Side::Baseline)?;
        content::compares_something(content, baseline, rules).map_err(|error| self.baseline.fault(&error))
    }

    pub(super) fn side(&self, side: Side) -> &Located {
        if side == Side::Baseline { &self.baseline } else { &self.actual }
    }

    fn open(&self, side: Side) -> Result<File, Fault> {
        fsio::open(&self.side(side).path)
    }

    /// A single pair that cannot be read ends the command; one of many is a row among others.
    fn unusable(&self, fault: Fault) -> Result<Verdict, Fault> {
        if self.name.is_none() { Err(fault) } else { Ok(Verdict::Unusable(fault)) }
    }
}
