//! Which files stand against which.

use super::arguments::Args;
use super::compare::Side;
use super::compare::content::Content;
use super::document::{self, Language, Located};
use super::drift::Rules;
use super::facts::{Facts, FileFacts, FileState};
use super::pair::{Form, Pair};
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileId, FileKind};
use std::collections::BTreeMap;
use std::path::Path;
use walkdir::WalkDir;

/// Ending of the record that lies beside a baseline that was accepted.
pub(super) const RECORD: &str = ".accepted.json";

fn id_at(path: &Path) -> Option<FileId> {
    fsio::metadata(path).ok().map(|metadata| FileId::of(&metadata))
}

/// Pairs the files, in the order of their names.
pub(super) fn find(args: &Args, ctx: &Ctx) -> Result<Vec<Pair>, Fault> {
    let root = |path: &Path| {
        let located = ctx.path(path);
        Located { id: id_at(&located), path: located, name: path.display().to_string() }
    };
    let (baseline, actual) = (root(&args.baseline), root(&args.actual));
    let is_dir = |located: &Located| Ok::<_, Fault>(fsio::existing_kind(&located.path)? == FileKind::Dir);
    match (is_dir(&baseline)?, is_dir(&actual)?) {
        (false, false) => {
            let language = Language::of(&baseline.path).or_else(|| Language::of(&actual.path));
            let is_file = [&baseline, &actual].iter().all(|located| document::is_plain_file(&located.path));
            // A pipe has no name that says what it holds.
            let unnamed = if is_file { Language::Text } else { Language::Json(Content::Document) };
            let form = Form::Both(language.unwrap_or(unnamed));
            Ok(vec![Pair { name: None, baseline, actual, form }])
        }
        (true, true) => in_directories(&baseline, &actual, ctx),
        (baseline_is_dir, _) => {
            let (dir, file) = if baseline_is_dir { (baseline, actual) } else { (actual, baseline) };
            let message = format!("`{}` is a directory and `{}` is not", dir.name, file.name);
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
        let message = format!("`{}` and `{}` have no files", baseline.name, actual.name);
        return Err(Fault::config(message).hint("nothing to compare is no match"));
    }
    let located = |root: &Located, name: &str| {
        let path = root.path.join(name);
        let name = Path::new(&root.name).join(name).display().to_string();
        Located { id: id_at(&path), path, name }
    };
    let pair = |name: &String| {
        let form = match (expected.get(name), found.get(name)) {
            (Some(true), Some(true)) => Form::Both(Language::of(Path::new(name)).unwrap_or(Language::Text)),
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
            entry.map_err(|error| Fault::config(format!("failed to read `{}`: {error}", root.name)))?;
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
