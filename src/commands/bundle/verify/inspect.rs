//! What an archive itself says: its structure, its manifest, every entry.

use super::check::Check;
use crate::format::json::typed;
use crate::format::zip::check::{self, Directory, ReaderAt};
use crate::format::zip::layout::{DosTime, Header};
use crate::format::zip::violation::Violation;
use crate::release::bundle::compare::{self, Found};
use crate::release::bundle::manifest::{self, Manifest, Provenance};
use crate::report::exit::Fault;
use crate::report::maker::ClockKind;
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
    let described = match &manifest {
        Ok(manifest) => bill_of_materials(archive, &directory, manifest)
            .err()
            .into_iter()
            .fold(described, Check::violation),
        Err(_) => described,
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

/// Whether the bill of materials, where there is one, is that of this version of this product.
fn bill_of_materials<R: ReaderAt>(
    archive: &R,
    directory: &Directory,
    manifest: &Manifest,
) -> Result<(), Violation> {
    let named = |member: &&Header| member.name == manifest::SBOM_NAME.as_bytes();
    let (Some(header), Some(time)) = (directory.members.iter().find(named), directory.time) else {
        return Ok(());
    };
    let wrong = |detail: String| Violation::new("sbom", format!("`{}` {detail}", manifest::SBOM_NAME));
    let content = check::content(archive, header, time, manifest::LARGEST_BYTES)?;
    let content = String::from_utf8_lossy(&content);
    let document = typed::parse(&content).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let component = &document["metadata"]["component"];
    let (name, version) = (&component["name"], &component["version"]);
    if *name == manifest.name.as_str() && *version == manifest.version.as_str() {
        return Ok(());
    }
    Err(wrong(format!(
        "is that of {name} {version}, the manifest that of {} {}",
        manifest.name, manifest.version
    )))
}

/// What a manifest that can be read says of itself.
pub(super) fn describe(manifest: &Manifest, now: Timestamp) -> Check {
    let mut check = Check::new("manifest").note(format!("{} v{}", manifest.name, manifest.version));
    check.remarks.extend(
        (manifest.clock == Some(ClockKind::Frozen)).then(|| "it was made under a frozen clock".to_owned()),
    );
    let Provenance { uncommitted, absent, .. } = &manifest.provenance;
    check.remarks.extend(match &manifest.git {
        None => Some("nobody knows what commit it was made from".to_owned()),
        Some(git) if git.dirty => {
            let count = uncommitted.len() + absent.len();
            Some(format!(
                "it was made from a tree that differed from its commit, by {count} files that it names"
            ))
        }
        Some(_) => None,
    });
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
