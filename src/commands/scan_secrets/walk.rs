//! Which files of the tree are scanned, and their scan over several threads.
//!
//! `.gitignore` files below the root count, nothing else hides a file: no global or per-user ignore file,
//! no parent of the root. What is named on the command line is scanned even when it is ignored.

use crate::commands::scan_secrets::detect::finding::Source;
use crate::commands::scan_secrets::facts::ScanResult;
use crate::commands::scan_secrets::worker::{Shared, Worker};
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use crate::sys::work;
use ignore::{DirEntry, WalkBuilder};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The folder that holds the objects of git, which `--git-history` reads.
const GIT_DIR: &str = ".git";

/// How often a walk that a signal interrupted is begun anew.
const INTERRUPTED_WALKS: u32 = 16;

/// The files and folders to scan, absolute.
#[derive(Clone, Debug, Default)]
pub(super) struct Targets {
    files: BTreeSet<PathBuf>,
    dirs: BTreeSet<PathBuf>,
}

impl Targets {
    /// Resolves what the command line names; the root when it names nothing.
    pub(super) fn resolve(ctx: &Ctx, paths: &[PathBuf]) -> Result<Self, Fault> {
        let mut targets = Self::default();
        for path in paths {
            let path = normal(&ctx.path(path));
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
            targets.dirs.insert(ctx.root.clone());
        }
        let all = targets.dirs.clone();
        targets.dirs.retain(|dir| !all.iter().any(|other| dir != other && dir.starts_with(other)));
        Ok(targets)
    }
}

pub(super) fn scan(
    ctx: &Ctx,
    shared: &Shared<'_>,
    targets: &Targets,
    jobs: usize,
) -> Result<ScanResult, Fault> {
    let mut result = ScanResult::default();
    let (inside, outside): (BTreeSet<PathBuf>, BTreeSet<PathBuf>) =
        targets.dirs.iter().cloned().partition(|dir| dir.starts_with(&ctx.root));
    let visited = Mutex::new(BTreeSet::new());
    if !inside.is_empty() {
        let tree = Tree { ctx, shared, start: &ctx.root, wanted: &inside, targets, visited: &visited };
        result.join(tree.walk(jobs)?);
    }
    let visited = visited.into_inner().unwrap_or_else(PoisonError::into_inner);
    let ignored = inside.difference(&visited);
    for dir in outside.iter().chain(ignored) {
        let wanted = BTreeSet::from([dir.clone()]);
        let visited = Mutex::default();
        let tree = Tree { ctx, shared, start: dir, wanted: &wanted, targets, visited: &visited };
        result.join(tree.walk(jobs)?);
    }
    let mut worker = Worker::new(shared);
    for file in &targets.files {
        worker.file(fsio::open(file), &ctx.show(file))?;
    }
    result.join(worker.result);
    Ok(result)
}

/// One walk from `start` to the folders that are wanted below it.
#[derive(Clone, Copy)]
struct Tree<'a> {
    ctx: &'a Ctx,
    shared: &'a Shared<'a>,
    start: &'a Path,
    wanted: &'a BTreeSet<PathBuf>,
    targets: &'a Targets,
    visited: &'a Mutex<BTreeSet<PathBuf>>,
}

impl Tree<'_> {
    /// A directory whose reading a signal interrupted cannot be taken up again in the midst of a walk, which begins
    /// anew then; what is interrupted each time is named as not scanned.
    fn walk(&self, jobs: usize) -> Result<ScanResult, Fault> {
        for _ in 0..INTERRUPTED_WALKS {
            if let Some(result) = self.walk_once(jobs, false)? {
                return Ok(result);
            }
        }
        Ok(self.walk_once(jobs, true)?.expect("the last walk goes on to its end"))
    }

    /// One thread at a time takes the next entry, and all scan: the walk has none of its own, so that it works
    /// with as many as there is room for. `None` once it was interrupted, unless this is the last walk.
    fn walk_once(&self, jobs: usize, is_last: bool) -> Result<Option<ScanResult>, Fault> {
        let wanted = self.wanted.clone();
        let on_the_way = move |entry: &DirEntry| {
            let path = entry.path();
            let is_git_dir =
                entry.file_name() == GIT_DIR && entry.file_type().is_some_and(|kind| kind.is_dir());
            !is_git_dir && wanted.iter().any(|dir| dir.starts_with(path) || path.starts_with(dir))
        };
        let mut builder = WalkBuilder::new(self.start);
        builder.standard_filters(false).git_ignore(true).require_git(false);
        builder.filter_entry(on_the_way);
        let entries = Mutex::new(builder.build().fuse());
        let next = || entries.lock().unwrap_or_else(PoisonError::into_inner).next();
        let is_over = AtomicBool::new(false);
        let found = work::on_threads(jobs, || -> Result<Option<ScanResult>, Fault> {
            let mut visitor = Visitor { tree: self, worker: Worker::new(self.shared) };
            while !is_over.load(Ordering::Relaxed)
                && let Some(entry) = next()
            {
                if !is_last && entry.as_ref().is_err_and(is_interrupted) {
                    is_over.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                visitor.entry(entry).inspect_err(|_| is_over.store(true, Ordering::Relaxed))?;
            }
            Ok(Some(visitor.worker.result))
        });
        let mut all = Some(ScanResult::default());
        for part in found {
            all = all.zip(part?).map(|(mut all, part)| {
                all.join(part);
                all
            });
        }
        Ok(all)
    }
}

fn is_interrupted(error: &ignore::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == ErrorKind::Interrupted)
}

struct Visitor<'a> {
    tree: &'a Tree<'a>,
    worker: Worker<'a>,
}

impl Visitor<'_> {
    fn entry(&mut self, entry: Result<DirEntry, ignore::Error>) -> Result<(), Fault> {
        let ctx = self.tree.ctx;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = failed_path(&error).unwrap_or(self.tree.start);
                let path = ctx.show(path);
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
            ctx.check_cancelled()?;
            if self.tree.wanted.contains(path) {
                let mut visited = self.tree.visited.lock().unwrap_or_else(PoisonError::into_inner);
                visited.insert(path.to_owned());
            }
            return Ok(());
        }
        if self.tree.targets.files.contains(path) || ctx.is_own_output(path) {
            return Ok(());
        }
        if kind.is_file() {
            return self.worker.file(fsio::open(path), &ctx.show(path));
        }
        if !kind.is_symlink() {
            self.worker.result.stats.special += 1;
            return Ok(());
        }
        self.worker.result.stats.symlinks += 1;
        let found = fsio::target_exists(path);
        if !matches!(found, Ok(true)) {
            let path = ctx.show(path);
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
