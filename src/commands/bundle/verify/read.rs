//! Reads a bundle, and what lies beside it.

use super::check::{self, Check};
use super::inspect::{Hash, Inspected, inspect};
use super::verdict::Facts;
use crate::ctx::Ctx;
use crate::format::minisign::{self, Verifier};
use crate::format::uninterrupted;
use crate::format::zip::check::{FileReader, ReaderAt, hash_archive, hash_member};
use crate::format::zip::layout::{DosTime, Header};
use crate::release::bundle::manifest::{self, Manifest};
use crate::release::folder;
use crate::report::exit::Fault;
use crate::sys::signal::Cancel;
use crate::sys::{fsio, work};
use std::collections::VecDeque;
use std::io;
use std::path::Path;

/// An archive, with its hash and its signature beside it.
pub(super) fn archive(
    path: &Path,
    key: Option<&Verifier>,
    threads: usize,
    ctx: &Ctx,
) -> Result<Facts, Fault> {
    let length = fsio::metadata(path)?.len();
    let reader = Cancellable { archive: FileReader::from(fsio::open(path)?), cancel: &ctx.cancel };
    let hash_all = |members: &[&Header], time: DosTime| {
        let hashes = hash_all(&reader, length, members, time, threads);
        // What was read after a stop was asked for says nothing of the archive.
        ctx.check_cancelled().map(|()| hashes)
    };
    let Inspected { checks, manifest, sha256 } = inspect(&reader, length, &hash_all)?;
    ctx.check_cancelled()?;
    let (signature, trusted_comment) = signature(path, key)?;
    let sidecar = match &sha256 {
        Ok(found) => sidecar(path, found),
        Err(violation) => Check::new("sidecar").violation(violation.clone()),
    };
    let checks = [sidecar, signature].into_iter().chain(checks).collect();
    Ok(Facts { checks, manifest, sha256: sha256.ok(), trusted_comment })
}

fn hash_all<R: ReaderAt + Sync>(
    archive: &R,
    length: u64,
    members: &[&Header],
    time: DosTime,
    threads: usize,
) -> (Hash, Vec<Hash>) {
    // The longest first, so that no thread is left alone with it at the end: the archive, then the members.
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(members[*index].bytes));
    let hash = |number: usize| match number.checked_sub(1) {
        None => hash_archive(archive, length),
        Some(number) => hash_member(archive, members[order[number]], time),
    };
    let mut hashes: VecDeque<Hash> = work::map(threads, members.len() + 1, hash);
    let sha256 = hashes.pop_front().expect("the archive's own hash comes first");
    let mut of_members: Vec<(usize, Hash)> = order.iter().copied().zip(hashes).collect();
    of_members.sort_by_key(|(index, _)| *index);
    (sha256, of_members.into_iter().map(|(_, hash)| hash).collect())
}

/// An archive that cannot be read any more once a stop was asked for.
struct Cancellable<'a, R> {
    archive: R,
    cancel: &'a Cancel,
}

impl<R: ReaderAt> ReaderAt for Cancellable<'_, R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.cancel.signal().is_some() {
            return Err(io::Error::other("stopped"));
        }
        uninterrupted(|| self.archive.read_at(buffer, offset))
    }
}

/// A folder: its manifest, and every file.
pub(super) fn folder(dir: &Path, key: Option<&Verifier>, ctx: &Ctx) -> Result<Facts, Fault> {
    let (signature, trusted_comment) = signature(&dir.join(manifest::FILE_NAME), key)?;
    let found = folder::inspect(dir, &ctx.cancel)?;
    let mut entries = Check::new("entries");
    entries.violations = found.violations;
    let facts = |described, entries, found: Option<(Manifest, String)>| {
        let (manifest, sha256) = found.unzip();
        Facts { checks: vec![signature, described, entries], manifest, sha256, trusted_comment }
    };
    Ok(match found.manifest {
        Ok((manifest, sha256)) => {
            let described = Check::new("manifest").note(format!("{} v{}", manifest.name, manifest.version));
            let entries = entries.note(format!("{} files agree", manifest.files.len()));
            facts(described, entries, Some((manifest, sha256)))
        }
        Err(violation) => {
            let described = Check::new("manifest").violation(violation);
            facts(described, entries.violates("no-manifest", "there is nothing to compare them with"), None)
        }
    })
}

/// A deployed tree against the manifest.
pub(super) fn against(tree: &Path, manifest: Option<&Manifest>, ctx: &Ctx) -> Result<Check, Fault> {
    let mut check = Check::new("against");
    let Some(manifest) = manifest else {
        return Ok(check.violates("no-manifest", "there is nothing to compare the tree with"));
    };
    let (violations, others) = folder::against(tree, manifest, &ctx.cancel)?;
    check.violations = violations;
    check.remarks.extend(others.first().map(|first| {
        format!("{} files of the tree are not in the bundle, such as `{}`", others.len(), first.display())
    }));
    Ok(check.note(format!("{} files agree", manifest.files.len())))
}

/// Checks the signature of `path`, when a key is given; the comment that it vouches for comes beside.
fn signature(path: &Path, key: Option<&Verifier>) -> Result<(Check, Option<String>), Fault> {
    let beside = fsio::with_ending(path, minisign::ENDING);
    let exists = fsio::exists(&beside)?;
    let Some(key) = key else {
        let reason =
            if exists { "there is one, but no --key to check it with" } else { "not asked for: no --key" };
        return Ok((Check { skipped: Some(reason), ..Check::new("signature") }, None));
    };
    if !exists {
        let detail = format!("there is no `{}`", beside.display());
        return Ok((Check::new("signature").violates("signature-missing", detail), None));
    }
    let checked = match fsio::read_text(&beside) {
        Ok(text) => key.check(fsio::open(path)?, &text),
        Err(fault) => Err(fault.into()),
    };
    let check = check::signature(&checked, &path.file_name().unwrap_or_default().to_string_lossy());
    Ok((check, checked.ok()))
}

/// Checks the hash beside an archive against the hash that was found.
fn sidecar(path: &Path, found: &str) -> Check {
    let beside = fsio::with_ending(path, ".sha256");
    let text = match fsio::exists(&beside) {
        Ok(true) => fsio::read_text(&beside),
        Ok(false) => {
            let detail = format!("there is no `{}`", beside.display());
            return Check::new("sidecar").violates("sidecar-missing", detail);
        }
        Err(fault) => Err(fault),
    };
    match text {
        Err(fault) => Check::new("sidecar").violates("sidecar-unreadable", fault.to_string()),
        Ok(text) => check::sidecar(&text, &path.file_name().unwrap_or_default().to_string_lossy(), found),
    }
}
