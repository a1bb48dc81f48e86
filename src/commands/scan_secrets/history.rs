//! The history of git: every file of every commit that a ref reaches. Each object is read once and judged
//! under each path it had, since exceptions go by the path; a finding names the first commit with it there.

use crate::commands::scan_secrets::detect::finding::Source;
use crate::commands::scan_secrets::facts::ScanResult;
use crate::commands::scan_secrets::worker::{Shared, Worker};
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::git::{Blob, Git};
use crate::sys::work;
use std::path::PathBuf;

pub(super) fn scan(
    ctx: &Ctx,
    shared: &Shared<'_>,
    paths: &[PathBuf],
    jobs: usize,
) -> Result<ScanResult, Fault> {
    let git = Git::open(&ctx.root, &ctx.cancel)?;
    let mut result = ScanResult::default();
    if git.is_shallow()? {
        let mut worker = Worker::new(shared);
        let why = "the history is shallow; fetch all of it with `git fetch --unshallow`";
        worker.unscanned(Source { path: ".git", commit: None }, why);
        result.join(worker.result);
    }
    let blobs = git.blobs(&below_root(ctx, paths)?)?;
    let slice = blobs.len().div_ceil(jobs).max(1);
    let slices: Vec<&[Blob]> = blobs.chunks(slice).collect();
    let parts: Result<Vec<ScanResult>, Fault> =
        work::map(jobs, slices.len(), |index| scan_blobs(shared, &git, slices[index]));
    parts?.into_iter().for_each(|part| result.join(part));
    Ok(result)
}

fn scan_blobs(shared: &Shared<'_>, git: &Git<'_>, blobs: &[Blob]) -> Result<ScanResult, Fault> {
    let mut worker = Worker::new(shared);
    git.contents(blobs, |blob, content| {
        worker.result.stats.blobs += 1;
        for name in &blob.names {
            let source = Source { path: &name.path, commit: Some(&name.commit) };
            if let Some(content) = content {
                worker.blob(content, source)?;
            } else {
                worker.unscanned(source, "the object is not in this clone");
            }
        }
        Ok(())
    })?;
    Ok(worker.result)
}

/// The paths as git wants them: relative to the root, and inside it.
fn below_root(ctx: &Ctx, paths: &[PathBuf]) -> Result<Vec<String>, Fault> {
    let root = fsio::canonical(&ctx.root)?;
    let relative = |path: &PathBuf| {
        let full = fsio::canonical(&ctx.path(path))?;
        let Ok(inside) = full.strip_prefix(&root) else {
            let message = format!("--git-history: `{}` is outside the root", path.display());
            return Err(Fault::config(message));
        };
        let inside = inside.to_string_lossy().into_owned();
        Ok(if inside.is_empty() { ".".to_owned() } else { inside })
    };
    paths.iter().map(relative).collect()
}
