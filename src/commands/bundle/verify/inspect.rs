//! What an archive itself says: its structure, its manifest, every entry.

use super::check::Check;
use crate::format::zip::check::{self, Directory, ReaderAt};
use crate::format::zip::layout::{DosTime, Header};
use crate::format::zip::violation::Violation;
use crate::release::bundle::compare::{self, Found};
use crate::release::bundle::manifest::{self, Manifest};
use crate::report::exit::Fault;
use jiff::Timestamp;

pub(super) type Hash = Result<String, Violation>;

/// Hashes the archive, and the content of these members.
pub(super) type HashAll<'a> = &'a dyn Fn(&[&Header], DosTime) -> Result<(Hash, Vec<Hash>), Fault>;

pub(super) struct Inspected {
    pub(super) checks: Vec<Check>,
    pub(super) manifest: Option<Manifest>,
    pub(super) sha256: Hash,
}

/// Everything that can be said of an archive of `length` bytes, which is found under `name`, without what lies
/// beside it.
pub(super) fn inspect<R: ReaderAt>(
    archive: &R,
    length: u64,
    name: &str,
    now: Timestamp,
    hash_all: HashAll<'_>,
) -> Result<Inspected, Fault> {
    let directory = check::directory(archive, length);
    let mut structure = Check::new("structure").note(format!("{} entries", directory.members.len()));
    structure.violations.clone_from(&directory.violations);
    let manifest = read_manifest(archive, &directory);
    let described = match &manifest {
        Ok(manifest) => describe_archive(manifest, name, directory.time, now),
        Err(violation) => Check::new("manifest").violation(violation.clone()),
    };
    let (entries, sha256) = if let Ok(manifest) = &manifest {
        entries(&directory, manifest, hash_all)?
    } else {
        let (sha256, _) = hash_all(&[], DosTime::of(Timestamp::UNIX_EPOCH))?;
        let reason = "there is nothing to compare them with";
        (Check::new("entries").violates("no-manifest", reason), sha256)
    };
    Ok(Inspected { checks: vec![structure, described, entries], manifest: manifest.ok(), sha256 })
}

fn read_manifest<R: ReaderAt>(archive: &R, directory: &Directory) -> Result<Manifest, Violation> {
    let none = || Violation::new("no-manifest", format!("there is no `{}`", manifest::FILE_NAME));
    let time = directory.time.ok_or_else(none)?;
    let mut named = directory.members.iter().filter(|member| member.name == manifest::FILE_NAME.as_bytes());
    let header = named.next().ok_or_else(none)?;
    let text = check::content(archive, header, time, manifest::LARGEST_BYTES)?;
    Manifest::parse(&text).map_err(|error| Violation::new("manifest", error.to_string()))
}

/// What a manifest that can be read says of itself.
pub(super) fn describe(manifest: &Manifest, now: Timestamp) -> Check {
    let check = Check::new("manifest").note(format!("{} v{}", manifest.name, manifest.version));
    match manifest.clock_fault(now) {
        Some(refusal) => check.violates("clock", refusal),
        None => check,
    }
}

fn describe_archive(manifest: &Manifest, name: &str, time: Option<DosTime>, now: Timestamp) -> Check {
    let mut check = describe(manifest, now);
    if time.is_some() && manifest.made_at().map(DosTime::of) != time {
        check = check.violates("time", "the entries have another time than the manifest");
    }
    if manifest.archive_name() != name {
        let detail =
            format!("the archive is called `{name}`, its manifest is that of `{}`", manifest.archive_name());
        check = check.violates("archive-name", detail);
    }
    check
}

/// Compares the entries with the manifest, by name and size first: only an entry of the size that the
/// manifest gives is inflated.
fn entries(
    directory: &Directory,
    manifest: &Manifest,
    hash_all: HashAll<'_>,
) -> Result<(Check, Hash), Fault> {
    let mut check = Check::new("entries").note(format!("{} files agree", manifest.files.len()));
    let found = |member: &Header| Found {
        name: member.name.clone(),
        bytes: member.bytes,
        permissions: member.permissions,
    };
    let found: Vec<Found> = directory.members.iter().map(found).collect();
    check.violations = compare::entries(manifest, &found);
    let listed = |member: &Header| {
        let at = manifest.files.binary_search_by(|file| file.path.as_bytes().cmp(&member.name)).ok()?;
        Some(&manifest.files[at]).filter(|file| file.size == member.bytes)
    };
    let pairs: Vec<(&Header, &manifest::File)> =
        directory.members.iter().filter_map(|member| Some((member, listed(member)?))).collect();
    let wanted: Vec<&Header> = pairs.iter().map(|(member, _)| *member).collect();
    let time = directory.time.unwrap_or_else(|| DosTime::of(Timestamp::UNIX_EPOCH));
    let (sha256, members) = hash_all(&wanted, time)?;
    for ((_, file), hash) in pairs.iter().zip(members) {
        let compared = hash.and_then(|hash| compare::hash(&file.path, &file.sha256, &hash));
        check.violations.extend(compared.err());
    }
    Ok((check, sha256))
}
