//! Reads a bundle, and what lies beside it.

use super::check::{self, Check};
use super::inspect::{self, Hash, Inspected, inspect};
use super::verdict::Facts;
use crate::commands::bundle::provenance;
use crate::ctx::Ctx;
use crate::format::minisign::Verifier;
use crate::format::zip::check::{FileReader, ReaderAt, hash_archive, hash_member};
use crate::format::zip::layout::{DosTime, Header};
use crate::format::{hash, uninterrupted};
use crate::release::bundle::manifest::{self, Manifest};
use crate::release::folder::{self, Folder};
use crate::release::signature::Bound;
use crate::release::signed;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileState, SizeLimit};
use crate::sys::signal::Cancel;
use crate::sys::work;
use std::collections::VecDeque;
use std::io;
use std::path::Path;

/// An archive, with what lies beside it. One descriptor serves all that is asked of it: under its name another file
/// may stand a moment later.
pub(super) fn archive(
    path: &Path,
    key: Option<&Verifier>,
    threads: usize,
    ctx: &Ctx,
) -> Result<Facts, Fault> {
    let unreadable = |error| fsio::unreadable(path, &error);
    let file = fsio::open(path)?;
    let state = FileState::of(&file).map_err(unreadable)?;
    let shared = FileReader::from(file.try_clone().map_err(unreadable)?);
    let reader = Cancellable { archive: shared, cancel: &ctx.cancel };
    let length = state.id.bytes;
    let hash_all = |members: &[&Header], time: DosTime| {
        let hashes = hash_all(&reader, length, members, time, threads);
        // What was read after a stop was asked for says nothing of the archive.
        ctx.check_cancelled().map(|()| hashes)
    };
    let name = file_name(path);
    let Inspected { mut checks, manifest, sha256 } =
        inspect(&reader, length, &name, ctx.clock.now(), &hash_all)?;
    ctx.check_cancelled()?;
    let statement = STATEMENT.read(path)?;
    let provenance = statement.as_ref().map_or_else(|_| String::new(), hash::sha256);
    let statement = statement.map(|text| match (&manifest, &sha256) {
        (Some(manifest), Ok(sha256)) => check::provenance(&text, &provenance::statement(manifest, sha256)),
        _ => Check::new("provenance").violates("no-manifest", "there is nothing to compare it with"),
    });
    let sidecar = match &sha256 {
        Ok(found) => SIDECAR.read(path)?.map(|text| check::sidecar(&text, &name, found)),
        Err(violation) => Err(Check::new("sidecar").violation(violation.clone())),
    };
    let bound = Bound {
        name: &name,
        sha256: sha256.as_ref().map_or("", |sha256| sha256),
        provenance: Some(&provenance),
        version: manifest.as_ref().map_or("", |manifest| &manifest.version),
    };
    let from_start = Sequential { reader: &reader, at: 0 };
    let signature = signed::check(path, from_start, bound, key)?;
    ctx.check_cancelled()?;
    if FileState::of(&file).map_err(unreadable)? != state {
        let changed = Check::new("unchanged").violates("changed", "it was changed while it was read");
        checks.push(changed);
    }
    let either = |check: Result<Check, Check>| check.unwrap_or_else(|check| check);
    let signed = check::signature(&signature);
    let checks = [either(sidecar), either(statement), signed].into_iter().chain(checks).collect();
    Ok(Facts { checks, manifest, sha256: sha256.ok(), signature })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
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

/// An archive from some byte on, for what reads to its end.
struct Sequential<'a, R> {
    reader: &'a R,
    at: u64,
}

impl<R: ReaderAt> io::Read for Sequential<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A folder: its manifest, and every file.
pub(super) fn folder(dir: &Path, key: Option<&Verifier>, ctx: &Ctx) -> Result<Facts, Fault> {
    let path = dir.join(manifest::FILE_NAME);
    let Folder { manifest, manifest_text, violations } = folder::inspect(dir, &ctx.cancel)?;
    let (version, sha256) = match &manifest {
        Ok((manifest, sha256)) => (&*manifest.version, &**sha256),
        Err(_) => ("", ""),
    };
    let bound = Bound { name: manifest::FILE_NAME, sha256, provenance: None, version };
    let signature = signed::check(&path, &*manifest_text, bound, key)?;
    let mut entries = Check::new("entries");
    entries.violations = violations;
    if let Ok((manifest, _)) = &manifest {
        entries.violations.extend(folder::missing(manifest));
    }
    let (described, entries) = match &manifest {
        Ok((manifest, _)) => {
            let agree = format!("{} files agree", manifest.files.len());
            (inspect::describe(manifest, ctx.clock.now()), entries.note(agree))
        }
        Err(violation) => {
            let described = Check::new("manifest").violation(violation.clone());
            (described, entries.violates("no-manifest", "there is nothing to compare them with"))
        }
    };
    let (manifest, sha256) = manifest.ok().unzip();
    let signed = check::signature(&signature);
    Ok(Facts { checks: vec![signed, described, entries], manifest, sha256, signature })
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

/// A file beside an archive: its ending, the check of it, and how violations are called.
struct Beside {
    ending: &'static str,
    check: &'static str,
    missing: &'static str,
    unreadable: &'static str,
}

const SIDECAR: Beside = Beside {
    ending: ".sha256",
    check: "sidecar",
    missing: "sidecar-missing",
    unreadable: "sidecar-unreadable",
};
const STATEMENT: Beside = Beside {
    ending: provenance::ENDING,
    check: "provenance",
    missing: "provenance-missing",
    unreadable: "provenance-unreadable",
};
impl Beside {
    /// The text of what must lie beside `path`, or the check that fails for want of it.
    fn read(&self, path: &Path) -> Result<Result<String, Check>, Fault> {
        let path = fsio::with_ending(path, self.ending);
        let check = Check::new(self.check);
        if !fsio::exists(&path)? {
            return Ok(Err(check.violates(self.missing, format!("there is no `{}`", path.display()))));
        }
        let text = fsio::read_text_within(&path, SizeLimit::Document);
        Ok(text.map_err(|fault| check.violates(self.unreadable, fault.to_string())))
    }
}
