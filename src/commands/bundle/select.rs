//! Which files a bundle gets: the plan's list against the tree, with everything that is missing, too old,
//! or not fit for an archive named at once.

use super::plan::Entry;
use crate::ctx::Ctx;
use crate::evidence::age::{Age, display};
use crate::evidence::daily;
use crate::release::bundle::name;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileState};
use crate::sys::root_dir::{OpenError, RootDir};
use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use walkdir::WalkDir;

/// Reasons of one line of the plan that are named before "and more".
const SHOWN: usize = 5;

#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// Path in the bundle.
    pub(super) name: String,
    /// Path relative to the root.
    pub(super) source: PathBuf,
    /// The same without links.
    pub(super) real: PathBuf,
    /// What it was when it was chosen.
    pub(super) state: FileState,
    /// What it is for.
    pub(super) description: String,
}

/// What was chosen, sorted by name, and what was left out.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) files: Vec<Chosen>,
    /// Each file that is not in the bundle although a line of the plan matches it, and why.
    pub(super) left_out: Vec<String>,
    /// Their paths.
    pub(super) passed_over: BTreeSet<PathBuf>,
}

/// Chooses the files of `entries`; what a pattern finds directly in `out` is left out:
/// it is what earlier runs made.
pub(super) fn select(entries: &[Entry], out: &Path, root: &RootDir, ctx: &Ctx) -> Result<Selection, Fault> {
    let out = if fsio::exists(out)? { Some(fsio::canonical(out)?) } else { None };
    let mut finder = Finder {
        root,
        out,
        is_out: BTreeMap::new(),
        ctx,
        found: BTreeMap::new(),
        left_out: BTreeMap::new(),
        problems: Vec::new(),
    };
    for entry in entries {
        ctx.check_cancelled()?;
        finder.add(entry)?;
    }
    let Finder { found, left_out, mut problems, .. } = finder;
    problems.extend(name::clash(found.keys().map(String::as_str)).map(|(first, second)| {
        format!("`{first}` and `{second}` cannot stand in one bundle: some machine takes them for the same")
    }));
    if !problems.is_empty() {
        return Err(Fault::config(format!("no bundle can be made: {}", problems.join("; "))));
    }
    if found.is_empty() {
        return Err(Fault::config("no bundle can be made: there is nothing to put into it"));
    }
    let files: Vec<Chosen> = found.into_values().collect();
    let chosen: BTreeSet<&Path> = files.iter().map(|file| file.source.as_path()).collect();
    let left_out = left_out.into_iter().filter(|(source, _)| !chosen.contains(source.as_path()));
    let (passed_over, left_out) = left_out.unzip();
    Ok(Selection { files, left_out, passed_over })
}

struct Finder<'a> {
    root: &'a RootDir,
    /// Where the archive goes, without links, if it is there already.
    out: Option<PathBuf>,
    /// Which directories of sources are that one.
    is_out: BTreeMap<PathBuf, bool>,
    ctx: &'a Ctx,
    found: BTreeMap<String, Chosen>,
    left_out: BTreeMap<PathBuf, String>,
    problems: Vec<String>,
}

/// What became of a file that a line of the plan matches.
enum Choice {
    Taken,
    /// It is not; why is told once, at the end.
    LeftOut(String),
    /// There can be no bundle with it.
    Refused(String),
    /// It need not be there and is not.
    Absent,
}

impl Finder<'_> {
    fn add(&mut self, entry: &Entry) -> Result<(), Fault> {
        let max_age = entry.max_age().map_err(|error| Fault::config(error.to_string()))?;
        let sources = match (&entry.path, &entry.glob) {
            (Some(path), _) => vec![PathBuf::from(path)],
            (None, Some(glob)) => self.matching(glob)?,
            (None, None) => Vec::new(),
        };
        if sources.is_empty() && entry.required {
            self.problems.push(format!("`{}` matches no file", entry.source()));
        }
        let mut left_out = Vec::new();
        let mut is_met = false;
        for source in sources {
            match self.choose(entry, &source, max_age)? {
                Choice::Taken => is_met = true,
                Choice::LeftOut(reason) => {
                    left_out.push(reason.clone());
                    self.left_out.insert(source, reason);
                }
                // Its own problem is named; the entry need not be named as well.
                Choice::Refused(problem) => {
                    is_met = true;
                    self.problems.push(problem);
                }
                Choice::Absent => {}
            }
        }
        if entry.required && !is_met && !left_out.is_empty() {
            let more = left_out.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            left_out.truncate(SHOWN);
            let (source, reasons) = (entry.source(), left_out.join(", "));
            self.problems.push(format!("`{source}` is required and gives nothing: {reasons}{more}"));
        }
        Ok(())
    }

    fn choose(&mut self, entry: &Entry, source: &Path, max_age: Option<Duration>) -> Result<Choice, Fault> {
        let refused = |problem: String| Ok(Choice::Refused(problem));
        let Some(text) = source.to_str() else {
            return refused(format!("the name of `{}` is not UTF-8", source.display()));
        };
        let target = entry.target(text);
        if let Err(bad) = name::check(target.as_bytes()) {
            return refused(format!("`{}` {}", target.escape_debug(), bad.reason));
        }
        if entry.glob.is_some() && self.is_in_out(source)? {
            return Ok(Choice::LeftOut(format!("`{text}` lies where the archive goes")));
        }
        let opened = self.root.file(source);
        let state = match opened.and_then(|file| FileState::of(&file).map_err(OpenError::Failed)) {
            Ok(state) => state,
            // What a pattern found is there, if only as a link to nothing.
            Err(OpenError::Missing) if !entry.required && entry.path.is_some() => return Ok(Choice::Absent),
            Err(reason) => return refused(format!("`{text}` {reason}")),
        };
        let real = fsio::relative_to(&self.ctx.root, &self.ctx.path(source))?;
        if real.components().any(|part| part.as_os_str() == ".git") {
            return refused(format!("`{text}` is a link to what git keeps for itself"));
        }
        if state.id.bytes == 0 && entry.required && entry.path.is_some() {
            return refused(format!("`{text}` is empty"));
        }
        if let Some(max_age) = max_age {
            let now = self.ctx.clock.now();
            let made = reported_until(text, now).unwrap_or_else(|| state.id.modified());
            let age = Age::of(made, now, max_age);
            match age.refusal(&format!("`{text}`"), &display(max_age)) {
                None => {}
                Some(reason) if matches!(age, Age::Stale { .. }) => return Ok(Choice::LeftOut(reason)),
                Some(reason) => return refused(reason),
            }
        }
        if let Some(first) = self.found.get(&target) {
            if first.source != source {
                let (first, second) = (first.source.display(), source.display());
                return refused(format!("`{first}` and `{second}` would both become `{target}`"));
            }
            return Ok(Choice::Taken);
        }
        let description = entry.description.clone();
        let chosen = Chosen { name: target.clone(), source: source.to_owned(), real, state, description };
        self.found.insert(target, chosen);
        Ok(Choice::Taken)
    }

    /// Whether the directory of `source` is the one that the archive goes to.
    fn is_in_out(&mut self, source: &Path) -> Result<bool, Fault> {
        let Some(out) = &self.out else { return Ok(false) };
        let dir = source.parent().unwrap_or(Path::new(""));
        if let Some(known) = self.is_out.get(dir) {
            return Ok(*known);
        }
        let is_out = fsio::canonical(&self.ctx.path(dir))? == *out;
        self.is_out.insert(dir.to_owned(), is_out);
        Ok(is_out)
    }

    /// Files and links below the root whose path matches, sorted.
    fn matching(&self, glob: &str) -> Result<Vec<PathBuf>, Fault> {
        let matcher = matcher(glob)?;
        let is_literal = |part: &&str| !part.contains(['*', '?', '[', '{', '\\']);
        let mut start: Vec<&str> = glob.split('/').take_while(is_literal).collect();
        if start.len() == glob.split('/').count() {
            start.pop();
        }
        let top = self.ctx.path(start.join("/"));
        if !fsio::exists(&top)? {
            return Ok(Vec::new());
        }
        let walk = WalkDir::new(&top).min_depth(1).sort_by_file_name().into_iter();
        let walk = walk.filter_entry(|entry| entry.file_name() != ".git");
        let mut found = Vec::new();
        for entry in walk {
            self.ctx.check_cancelled()?;
            let entry = entry.map_err(|error| Fault::config(format!("the tree cannot be read: {error}")))?;
            let relative = entry.path().strip_prefix(&self.ctx.root).unwrap_or(entry.path());
            let is_content = !entry.file_type().is_dir() && !fsio::is_unfinished(entry.file_name());
            if is_content && matcher.is_match(relative) {
                found.push(relative.to_owned());
            }
        }
        found.sort();
        Ok(found)
    }
}

/// The matcher of a pattern.
fn matcher(glob: &str) -> Result<GlobMatcher, Fault> {
    let built = GlobBuilder::new(glob).literal_separator(true).build();
    let unusable = |error| Fault::config(format!("pattern `{glob}` cannot be used: {error}"));
    Ok(built.map_err(unusable)?.compile_matcher())
}

/// Those of `paths` that the contents name.
pub(super) fn named_by(entries: &[Entry], paths: Vec<String>) -> Result<Vec<String>, Fault> {
    let mut files = BTreeSet::new();
    let mut patterns = Vec::new();
    for entry in entries {
        files.extend(entry.path.as_deref());
        patterns.extend(entry.glob.as_deref().map(matcher).transpose()?);
    }
    let is_named = |path: &String| {
        files.contains(path.as_str()) || patterns.iter().any(|pattern| pattern.is_match(path))
    };
    Ok(paths.into_iter().filter(is_named).collect())
}

/// Up to when a daily report speaks. `None` for other files.
fn reported_until(path: &str, now: Timestamp) -> Option<Timestamp> {
    let name = path.rsplit('/').next().unwrap_or(path);
    // The form for people lies beside the document.
    let stem = name.strip_suffix(".md").or_else(|| name.strip_suffix(".json"))?;
    let day = daily::date_of(&format!("{stem}.json"))?;
    Some(daily::observed_to(day, now))
}
