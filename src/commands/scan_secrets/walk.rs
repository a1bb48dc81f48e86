//! Which files of the tree are scanned, and their scan over several threads.
//!
//! `.gitignore` files below the root count, nothing else hides a file: no global or per-user ignore file,
//! no parent of the root. What is named on the command line is scanned even when it is ignored.

use crate::commands::scan_secrets::detect::finding::{Finding, Source};
use crate::commands::scan_secrets::worker::{Shared, Tally, Worker};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use ignore::{DirEntry, ParallelVisitor, ParallelVisitorBuilder, WalkBuilder, WalkState};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The folder that holds the objects of git, which `--git-history` reads.
const GIT_DIR: &str = ".git";

/// What the threads found.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    /// What was found.
    pub(super) findings: Vec<Finding>,
    /// What was looked at.
    pub(super) tally: Tally,
    fault: Option<Fault>,
}

impl Harvest {
    /// Adds what one thread found.
    pub(super) fn add(&mut self, worker: &mut Worker<'_>, fault: Option<Fault>) {
        self.findings.append(&mut worker.findings);
        self.tally.add(&worker.tally);
        worker.tally = Tally::default();
        self.fault = self.fault.take().or(fault);
    }

    /// Ends with the fault of a thread, if one had any.
    pub(super) fn check(&mut self) -> Result<(), Fault> {
        self.fault.take().map_or(Ok(()), Err)
    }
}

/// The files and folders to scan, absolute.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    files: BTreeSet<PathBuf>,
    dirs: BTreeSet<PathBuf>,
}

impl Targets {
    /// Resolves what the command line names; the root when it names nothing.
    pub(super) fn resolve(shared: &Shared<'_>, paths: &[PathBuf]) -> Result<Self, Fault> {
        let mut targets = Self::default();
        for path in paths {
            let path = normal(&shared.ctx.path(path));
            match fsio::existing_kind(&path)? {
                FileKind::Dir => _ = targets.dirs.insert(path),
                FileKind::File => _ = targets.files.insert(path),
                FileKind::Missing | FileKind::Link | FileKind::Other => {
                    let message = format!("`{}` is neither a file nor a directory", path.display());
                    return Err(Fault::config(message).hint("scan a stream with --stdin"));
                }
            }
        }
        if paths.is_empty() {
            targets.dirs.insert(shared.ctx.root.clone());
        }
        let all = targets.dirs.clone();
        targets.dirs.retain(|dir| !all.iter().any(|other| dir != other && dir.starts_with(other)));
        Ok(targets)
    }
}

/// Scans the targets with `jobs` threads.
pub(super) fn scan(shared: &Shared<'_>, targets: &Targets, jobs: usize) -> Result<Harvest, Fault> {
    let sink = Mutex::new(Harvest::default());
    let (inside, outside): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) =
        targets.dirs.iter().cloned().partition(|dir| dir.starts_with(&shared.ctx.root));
    let visited = Mutex::new(BTreeSet::new());
    if !inside.is_empty() {
        let tree = Tree { shared, start: &shared.ctx.root, wanted: &inside, targets, visited: &visited };
        tree.walk(jobs, &sink);
    }
    let visited = visited.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ignored = inside.difference(&visited);
    for dir in outside.iter().chain(ignored) {
        let wanted = BTreeSet::from([dir.clone()]);
        let visited = Mutex::default();
        Tree { shared, start: dir, wanted: &wanted, targets, visited: &visited }.walk(jobs, &sink);
    }
    let mut harvest = sink.into_inner().unwrap_or_else(PoisonError::into_inner);
    harvest.check()?;
    let mut worker = Worker::new(shared);
    for file in &targets.files {
        worker.file(file, &shown(shared, file))?;
    }
    harvest.add(&mut worker, None);
    Ok(harvest)
}

/// One walk from `start` to the folders that are wanted below it.
#[derive(Clone, Copy)]
struct Tree<'a> {
    shared: &'a Shared<'a>,
    start: &'a Path,
    wanted: &'a BTreeSet<PathBuf>,
    targets: &'a Targets,
    visited: &'a Mutex<BTreeSet<PathBuf>>,
}

impl Tree<'_> {
    fn walk(&self, jobs: usize, sink: &Mutex<Harvest>) {
        let wanted = self.wanted.clone();
        let on_the_way = move |entry: &DirEntry| {
            let path = entry.path();
            let is_git_dir =
                entry.file_name() == GIT_DIR && entry.file_type().is_some_and(|kind| kind.is_dir());
            !is_git_dir && wanted.iter().any(|dir| dir.starts_with(path) || path.starts_with(dir))
        };
        let mut builder = WalkBuilder::new(self.start);
        builder.standard_filters(false).git_ignore(true).require_git(false).threads(jobs);
        builder.filter_entry(on_the_way);
        builder.build_parallel().visit(&mut Crew { tree: self, sink });
    }
}

struct Crew<'a> {
    tree: &'a Tree<'a>,
    sink: &'a Mutex<Harvest>,
}

impl<'a> ParallelVisitorBuilder<'a> for Crew<'a> {
    fn build(&mut self) -> Box<dyn ParallelVisitor + 'a> {
        let worker = Worker::new(self.tree.shared);
        Box::new(Visitor { tree: self.tree, sink: self.sink, worker, fault: None })
    }
}

struct Visitor<'a> {
    tree: &'a Tree<'a>,
    sink: &'a Mutex<Harvest>,
    worker: Worker<'a>,
    fault: Option<Fault>,
}

impl ParallelVisitor for Visitor<'_> {
    fn visit(&mut self, entry: Result<DirEntry, ignore::Error>) -> WalkState {
        match self.entry(entry) {
            Ok(()) => WalkState::Continue,
            Err(fault) => {
                self.fault = Some(fault);
                WalkState::Quit
            }
        }
    }
}

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink.add(&mut self.worker, self.fault.take());
    }
}

impl Visitor<'_> {
    fn entry(&mut self, entry: Result<DirEntry, ignore::Error>) -> Result<(), Fault> {
        let shared = self.tree.shared;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = failed_path(&error).unwrap_or(self.tree.start);
                let path = shown(shared, path);
                let why = error.into_io_error().map_or("failed to walk".to_owned(), |e| e.to_string());
                self.worker.unscanned(Source { path: &path, commit: None }, &why);
                return Ok(());
            }
        };
        if let Some(error) = entry.error() {
            tracing::warn!("{error}");
        }
        let path = entry.path();
        let Some(kind) = entry.file_type() else { return Ok(()) };
        if kind.is_dir() {
            shared.ctx.check_cancelled()?;
            if self.tree.wanted.contains(path) {
                let mut visited = self.tree.visited.lock().unwrap_or_else(PoisonError::into_inner);
                visited.insert(path.to_owned());
            }
            return Ok(());
        }
        if self.tree.targets.files.contains(path) || shared.ctx.is_own_output(path) {
            return Ok(());
        }
        if kind.is_file() {
            return self.worker.file(path, &shown(shared, path));
        }
        if !kind.is_symlink() {
            self.worker.tally.special += 1;
            return Ok(());
        }
        self.worker.tally.symlinks += 1;
        let found = fsio::target_exists(path);
        if !matches!(found, Ok(true)) {
            let path = shown(shared, path);
            self.worker.unscanned(Source { path: &path, commit: None }, "a link to nothing");
        }
        Ok(())
    }
}

fn failed_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => failed_path(err),
        ignore::Error::Partial(errors) => errors.iter().find_map(failed_path),
        _ => None,
    }
}

/// A path as findings show it: relative to the root, with `/`.
pub(super) fn shown(shared: &Shared<'_>, path: &Path) -> String {
    shared.ctx.show(path)
}

/// Takes `.` and `..` out of a path without looking at the disk.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
