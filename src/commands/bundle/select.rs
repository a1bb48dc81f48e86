//! Which files a bundle gets: the plan's list against the tree, with everything that is missing, too old,
//! or not fit for an archive named at once.

use crate::ctx::Ctx;
use crate::domain::bundle::name;
use crate::domain::bundle::plan::Entry;
use crate::domain::freshness::{self, Freshness};
use crate::domain::readiness::daily;
use crate::exit::Fault;
use crate::sys::beneath::{Beneath, Identity, Refused};
use crate::sys::fsio;
use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use walkdir::WalkDir;

/// A file that goes into the bundle.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// Path in the bundle.
    pub(super) name: String,
    /// Path relative to the root.
    pub(super) source: PathBuf,
    /// What it was when it was chosen.
    pub(super) identity: Identity,
    /// What it is for.
    pub(super) description: String,
}

/// What was chosen, sorted by name, and what was left out for its age.
#[derive(Debug, Default)]
pub(super) struct Selection {
    pub(super) files: Vec<Chosen>,
    pub(super) left_out: Vec<String>,
}

/// Chooses the files of `entries`; `out` is never looked into.
pub(super) fn select(entries: &[Entry], out: &Path, root: &Beneath, ctx: &Ctx) -> Result<Selection, Fault> {
    let mut finder =
        Finder { root, out, ctx, found: BTreeMap::new(), left_out: Vec::new(), problems: Vec::new() };
    for entry in entries {
        ctx.check_cancelled()?;
        finder.add(entry)?;
    }
    let Finder { found, left_out, mut problems, .. } = finder;
    let clash = name::clash(found.keys().map(String::as_str));
    problems.extend(clash.map(|clash| {
        format!(
            "`{}` and `{}` cannot stand in one bundle: some machine takes them for the same",
            clash.first, clash.second
        )
    }));
    if !problems.is_empty() {
        return Err(Fault::config(format!("no bundle can be made: {}", problems.join("; "))));
    }
    if found.is_empty() {
        return Err(Fault::config("no bundle can be made: there is nothing to put into it"));
    }
    Ok(Selection { files: found.into_values().collect(), left_out })
}

struct Finder<'a> {
    root: &'a Beneath,
    out: &'a Path,
    ctx: &'a Ctx,
    found: BTreeMap<String, Chosen>,
    left_out: Vec<String>,
    problems: Vec<String>,
}

impl Finder<'_> {
    fn add(&mut self, entry: &Entry) -> Result<(), Fault> {
        let max_age = entry.max_age().map_err(Fault::config)?;
        let sources = match (&entry.path, &entry.glob) {
            (Some(path), _) => vec![PathBuf::from(path)],
            (None, Some(glob)) => self.matching(glob)?,
            (None, None) => Vec::new(),
        };
        if sources.is_empty() && entry.required {
            self.problems.push(format!("`{}` matches no file", entry.source()));
        }
        for source in sources {
            self.choose(entry, &source, max_age);
        }
        Ok(())
    }

    fn choose(&mut self, entry: &Entry, source: &Path, max_age: Option<Duration>) {
        let Some(text) = source.to_str() else {
            self.problems.push(format!("the name of `{}` is not UTF-8", source.display()));
            return;
        };
        let target = entry.target(text);
        if let Err(bad) = name::judge(target.as_bytes()) {
            self.problems.push(format!("`{}` {}", target.escape_debug(), bad.reason()));
            return;
        }
        let opened = self.root.file(source);
        let identity = match opened.and_then(|file| Identity::of(&file).map_err(Refused::Failed)) {
            Ok(identity) => identity,
            Err(refused) => {
                // What a pattern found is there, if only as a link to nothing.
                let may_be_missing = !entry.required && entry.path.is_some();
                if !(may_be_missing && matches!(refused, Refused::Missing)) {
                    self.problems.push(format!("`{text}` {refused}"));
                }
                return;
            }
        };
        if identity.bytes == 0 && entry.required && entry.path.is_some() {
            self.problems.push(format!("`{text}` is empty"));
            return;
        }
        if let Some(max_age) = max_age
            && !self.is_recent(text, &identity, max_age)
        {
            return;
        }
        let chosen = Chosen {
            name: target.clone(),
            source: source.to_owned(),
            identity,
            description: entry.description.clone(),
        };
        match self.found.get(&target) {
            Some(first) if first.source != chosen.source => {
                let (first, second) = (first.source.display(), chosen.source.display());
                self.problems.push(format!("`{first}` and `{second}` would both become `{target}`"));
            }
            Some(_) => {}
            None => {
                self.found.insert(target, chosen);
            }
        }
    }

    fn is_recent(&mut self, path: &str, identity: &Identity, max_age: Duration) -> bool {
        let now = self.ctx.clock.now();
        let Some(made) = reported_until(path, now).or_else(|| identity.modified()) else {
            self.problems.push(format!("`{path}` has a time of change that is none"));
            return false;
        };
        match freshness::judge(made, now, max_age) {
            Freshness::Fresh { .. } => true,
            Freshness::Stale { age } => {
                let (age, most) = (freshness::shown(age), freshness::shown(max_age));
                self.left_out.push(format!("`{path}` is {age} old, the limit is {most}"));
                false
            }
            Freshness::Clock { ahead } => {
                let ahead = freshness::shown(ahead);
                self.problems.push(format!("clock: `{path}` is {ahead} in the future"));
                false
            }
        }
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
        let walk = walk.filter_entry(|entry| entry.file_name() != ".git" && entry.path() != self.out);
        let mut found = Vec::new();
        for entry in walk {
            self.ctx.check_cancelled()?;
            let entry = entry.map_err(|error| Fault::config(format!("the tree cannot be read: {error}")))?;
            let relative = entry.path().strip_prefix(&self.ctx.root).unwrap_or(entry.path());
            if !entry.file_type().is_dir() && matcher.is_match(relative) {
                found.push(relative.to_owned());
            }
        }
        found.sort();
        Ok(found)
    }
}

fn matcher(glob: &str) -> Result<GlobMatcher, Fault> {
    let built = GlobBuilder::new(glob).literal_separator(true).build();
    let built = built.map_err(|error| Fault::config(format!("pattern `{glob}` cannot be used: {error}")))?;
    Ok(built.compile_matcher())
}

/// Up to when a daily report speaks: the end of its day, or now while the day lasts. `None` for other files.
fn reported_until(path: &str, now: Timestamp) -> Option<Timestamp> {
    let day = daily::date_of(path.rsplit('/').next().unwrap_or(path))?;
    let start = day.to_zoned(TimeZone::UTC).ok()?;
    let end = start.tomorrow().ok()?.timestamp();
    Some(if start.timestamp() <= now { end.min(now) } else { end })
}
