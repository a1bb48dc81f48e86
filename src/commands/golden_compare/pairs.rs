//! Which files stand against which.

use super::accept::{self, RECORD};
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

fn id_at(path: &Path) -> Option<FileId> {
    fsio::metadata(path).ok().map(|metadata| FileId::of(&metadata))
}

/// Refuses two sides of which one is the other by another name, or lies in it: nothing can drift from itself.
pub(super) fn refuse_one_in_other(args: &Args, ctx: &Ctx) -> Result<(), Fault> {
    let (baseline, actual) = (ctx.path(&args.baseline), ctx.path(&args.actual));
    let is_one_file = id_at(&baseline).zip(id_at(&actual)).is_some_and(|(a, b)| a.is_same_file(&b));
    // A pipe has no canonical form; what is missing is refused when it is opened.
    let canonical = |path| fsio::canonical(path).ok();
    let real = canonical(&baseline).zip(canonical(&actual));
    let is_same = is_one_file || real.as_ref().is_some_and(|(baseline, actual)| baseline == actual);
    let holds = |outer: &Path, inner: &Path| inner.starts_with(outer);
    let is_inside = real.is_some_and(|(a, b)| holds(&a, &b) || holds(&b, &a));
    let (baseline, actual) = (args.baseline.display(), args.actual.display());
    let message = match (is_same, is_inside) {
        (true, _) => format!("`{baseline}` and `{actual}` are the same"),
        (false, true) => format!("one of `{baseline}` and `{actual}` lies in the other"),
        (false, false) => return Ok(()),
    };
    Err(Fault::config(message).hint("nothing can drift from itself; name another --actual"))
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
            let languages = (Language::of(&baseline.path), Language::of(&actual.path));
            let is_file = [&baseline, &actual].iter().all(|located| document::is_plain_file(&located.path));
            if let (Some(one), Some(other)) = languages
                && one != other
                && is_file
            {
                let (baseline, actual) = (baseline.name, actual.name);
                let message = format!("`{baseline}` and `{actual}` are of two kinds by their names");
                return Err(Fault::config(message).hint("name two files of one kind"));
            }
            let language = languages.0.or(languages.1);
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
    // The record of a single file is no output, also after that file was removed. What is only called like one is.
    expected.retain(|name, is_file| {
        let is_record = || accept::is_record_beside(&baseline.path.join(name));
        found.contains_key(name) || !*is_file || !name.ends_with(RECORD) || !is_record()
    });
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
        let (baseline, actual) = (located(baseline, name), located(actual, name));
        let is_one_file = baseline.id.zip(actual.id).is_some_and(|(a, b)| a.is_same_file(&b));
        let form = match (expected.get(name), found.get(name)) {
            (Some(true), Some(true)) if is_one_file => Form::Same,
            (Some(true), Some(true)) => Form::Both(Language::of(Path::new(name)).unwrap_or(Language::Text)),
            (Some(true), None) => Form::Missing,
            (None, Some(true)) => Form::Extra,
            (Some(false), _) => Form::Special(Side::Baseline),
            _ => Form::Special(Side::Actual),
        };
        Pair { name: Some(name.clone()), baseline, actual, form }
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
