//! An archive: structure, manifest, every entry.

use super::{Check, Verified};
use crate::ctx::Ctx;
use crate::format::minisign::Verifier;
use crate::format::zip::check::{self, Directory, FileReader, Flaw, ReaderAt};
use crate::format::zip::layout::{DosTime, Header};
use crate::release::bundle::compare::{self, Found, Refusal};
use crate::release::bundle::manifest::{self, Manifest};
use crate::report::exit::Fault;
use crate::sys::fsio;
use crate::sys::signal::Cancel;
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
        Err(flaw) => Check::new("sidecar").refuse(flaw.kind, &flaw.detail),
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
    pub(super) sha256: Result<String, Flaw>,
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
    structure.refusals.extend(directory.flaws.iter().map(refusal));
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
            described.refusals.push(Refusal::new("time", "the entries have another time than the manifest"));
        }
    }
    let (entries, sha256) = if let Some(manifest) = &manifest {
        entries(archive, length, &directory, manifest, jobs, cancel)?
    } else {
        let epoch = DosTime::of(jiff::Timestamp::UNIX_EPOCH);
        let hashes = check::hashes(archive, length, &[], epoch, 1, cancel)?;
        let entries = Check::new("entries").refuse("no-manifest", "there is nothing to compare them with");
        (entries, hashes.archive)
    };
    Ok(Inspected { checks: vec![structure, described, entries], manifest, sha256 })
}

fn refusal(flaw: &Flaw) -> Refusal {
    Refusal::new(flaw.kind, &flaw.detail)
}

fn read_manifest<R: ReaderAt>(archive: &R, directory: &Directory) -> Result<Manifest, Refusal> {
    let none = || Refusal::new("no-manifest", format!("there is no `{}`", manifest::FILE_NAME));
    let time = directory.time.ok_or_else(none)?;
    let mut named = directory.members.iter().filter(|member| member.name == manifest::FILE_NAME.as_bytes());
    let header = named.next().ok_or_else(none)?;
    let text =
        check::content(archive, header, time, manifest::LARGEST_BYTES).map_err(|flaw| refusal(&flaw))?;
    Manifest::parse(&text).map_err(|reason| Refusal::new("manifest", reason))
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
) -> Result<(Check, Result<String, Flaw>), Fault> {
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
    let hashes = check::hashes(archive, length, &wanted, time, jobs, cancel)?;
    for ((_, file), hash) in pairs.iter().zip(&hashes.members) {
        match hash {
            Ok(hash) => check.refusals.extend(compare::hash(&file.path, &file.sha256, hash)),
            Err(flaw) => check.refusals.push(refusal(flaw)),
        }
    }
    check.note = format!("{} files agree", manifest.files.len());
    Ok((check, hashes.archive))
}
