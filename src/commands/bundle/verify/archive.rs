//! An archive: structure, manifest, every entry.

use super::{Check, Verified};
use crate::ctx::Ctx;
use crate::format::minisign::Verifier;
use crate::format::zip::check::{self, Directory, FileReader, ReaderAt};
use crate::format::zip::layout::{DosTime, Header};
use crate::format::zip::violation::Violation;
use crate::release::bundle::compare::{self, Found};
use crate::release::bundle::manifest::{self, Manifest};
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::signal::Cancel;
use crate::sys::work;
use std::collections::VecDeque;
use std::io;
use std::path::Path;

/// Verifies the archive at `path`.
pub(super) fn verify(
    path: &Path,
    key: Option<&Verifier>,
    jobs: usize,
    ctx: &Ctx,
) -> anyhow::Result<Verified> {
    let file = fsio::open(path)?;
    let length = fsio::metadata(path)?.len();
    let inspected = inspect(&FileReader::from(file), length, jobs, &ctx.cancel)?;
    let mut checks = Vec::new();
    let (signature, trusted_comment) = super::signature(path, key)?;
    checks.push(match &inspected.sha256 {
        Ok(found) => super::sidecar(path, found),
        Err(violation) => Check::new("sidecar").refuse(violation.kind, &violation.detail),
    });
    checks.push(signature);
    checks.extend(inspected.checks);
    let sha256 = inspected.sha256.ok();
    Ok(Verified { checks, manifest: inspected.manifest, sha256, trusted_comment })
}

/// What the archive itself says.
pub(super) struct Inspected {
    pub(super) checks: Vec<Check>,
    pub(super) manifest: Option<Manifest>,
    pub(super) sha256: Result<String, Violation>,
}

/// Everything that can be said of an archive of `length` bytes without what lies beside it.
pub(super) fn inspect<R: ReaderAt + Sync>(
    archive: &R,
    length: u64,
    jobs: usize,
    cancel: &Cancel,
) -> Result<Inspected, Fault> {
    let directory = check::directory(archive, length);
    let mut structure = Check::new("structure");
    structure.refusals.extend(directory.violations.iter().cloned());
    structure.note = format!("{} entries", directory.members.len());
    let mut described = Check::new("manifest");
    let manifest = match read_manifest(archive, &directory) {
        Ok(manifest) => {
            described.note = format!("{} v{}", manifest.name, manifest.version);
            Some(manifest)
        }
        Err(refusal) => {
            described.refusals.push(refusal);
            None
        }
    };
    if let (Some(manifest), Some(time)) = (&manifest, directory.time) {
        let made: Option<jiff::Timestamp> = manifest.created_at.parse().ok();
        if made.map(DosTime::of) != Some(time) {
            described
                .refusals
                .push(Violation::new("time", "the entries have another time than the manifest"));
        }
    }
    let (entries, sha256) = if let Some(manifest) = &manifest {
        entries(archive, length, &directory, manifest, jobs, cancel)?
    } else {
        let epoch = DosTime::of(jiff::Timestamp::UNIX_EPOCH);
        let (sha256, _) = hashes(archive, length, &[], epoch, 1, cancel)?;
        let entries = Check::new("entries").refuse("no-manifest", "there is nothing to compare them with");
        (entries, sha256)
    };
    Ok(Inspected { checks: vec![structure, described, entries], manifest, sha256 })
}

fn read_manifest<R: ReaderAt>(archive: &R, directory: &Directory) -> Result<Manifest, Violation> {
    let none = || Violation::new("no-manifest", format!("there is no `{}`", manifest::FILE_NAME));
    let time = directory.time.ok_or_else(none)?;
    let mut named = directory.members.iter().filter(|member| member.name == manifest::FILE_NAME.as_bytes());
    let header = named.next().ok_or_else(none)?;
    let text = check::content(archive, header, time, manifest::LARGEST_BYTES)?;
    Manifest::parse(&text).map_err(|reason| Violation::new("manifest", reason))
}

/// Compares the entries with the manifest, by name and size first: only an entry of the size that the
/// manifest gives is inflated.
fn entries<R: ReaderAt + Sync>(
    archive: &R,
    length: u64,
    directory: &Directory,
    manifest: &Manifest,
    jobs: usize,
    cancel: &Cancel,
) -> Result<(Check, Result<String, Violation>), Fault> {
    let mut check = Check::new("entries");
    let found = |member: &Header| Found {
        name: member.name.clone(),
        bytes: member.bytes,
        permissions: member.permissions,
    };
    let found: Vec<Found> = directory.members.iter().map(found).collect();
    check.refusals = compare::entries(manifest, &found);
    let listed = |member: &Header| {
        let at = manifest.files.binary_search_by(|file| file.path.as_bytes().cmp(&member.name)).ok()?;
        Some(&manifest.files[at]).filter(|file| file.size == member.bytes)
    };
    let pairs: Vec<(&Header, &manifest::File)> =
        directory.members.iter().filter_map(|member| Some((member, listed(member)?))).collect();
    let wanted: Vec<&Header> = pairs.iter().map(|(member, _)| *member).collect();
    let time = directory.time.unwrap_or_else(|| DosTime::of(jiff::Timestamp::UNIX_EPOCH));
    let (sha256, members) = hashes(archive, length, &wanted, time, jobs, cancel)?;
    for ((_, file), hash) in pairs.iter().zip(members) {
        match hash {
            Ok(hash) => check.refusals.extend(compare::hash(&file.path, &file.sha256, &hash)),
            Err(violation) => check.refusals.push(violation),
        }
    }
    check.note = format!("{} files agree", manifest.files.len());
    Ok((check, sha256))
}

type Hash = Result<String, Violation>;

/// Hashes the archive, and the content of members, on `jobs` threads.
fn hashes<R: ReaderAt + Sync>(
    archive: &R,
    length: u64,
    wanted: &[&Header],
    time: DosTime,
    jobs: usize,
    cancel: &Cancel,
) -> Result<(Hash, Vec<Hash>), Fault> {
    let archive = Cancellable { archive, cancel };
    // The longest first, so that no thread is left alone with it at the end: the archive, then the members.
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(wanted[*index].bytes));
    let hash = |number: usize| match number.checked_sub(1) {
        None => check::hash_archive(&archive, length),
        Some(member) => check::hash_member(&archive, wanted[order[member]], time),
    };
    let mut found = work::map::<_, VecDeque<Hash>>(jobs, wanted.len() + 1, hash);
    // What was read after a stop was asked for is a violation of nobody.
    if let Some(signal) = cancel.signal() {
        return Err(Fault::stopped(signal));
    }
    let sha256 = found.pop_front().expect("the archive's own hash comes first");
    let mut members: Vec<(usize, Hash)> = order.iter().copied().zip(found).collect();
    members.sort_by_key(|(index, _)| *index);
    Ok((sha256, members.into_iter().map(|(_, hash)| hash).collect()))
}

/// An archive that cannot be read any more once a stop was asked for.
struct Cancellable<'a, R> {
    archive: &'a R,
    cancel: &'a Cancel,
}

impl<R: ReaderAt> ReaderAt for Cancellable<'_, R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.cancel.signal().is_some() {
            return Err(io::Error::other("stopped"));
        }
        self.archive.read_at(buffer, offset)
    }
}
