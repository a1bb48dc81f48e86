//! A folder with a manifest: is every file of it what the manifest says, and is there nothing else? And a
//! deployed tree against a manifest.

use crate::format::hash;
use crate::format::zip::violation::Violation;
use crate::release::bundle::compare::{self, Found};
use crate::release::bundle::manifest::{self, Manifest};
use crate::release::{checklist, snapshot, summary};
use crate::report::exit::Fault;
use crate::sys::fsio::FileState;
use crate::sys::root_dir::{OpenError, RootDir};
use crate::sys::signal::Cancel;
use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What every release has beside its manifest.
pub(crate) const CONTENTS: [&str; 11] = [
    checklist::FILE_NAME,
    "CHANGELOG.md",
    "DELTA_VERIFY_REPORT.json",
    "FAILURES.md",
    "POST_SOAK_AUDIT.md",
    snapshot::FILE_NAME,
    "RECOMMENDATIONS.md",
    summary::JSON_NAME,
    summary::MARKDOWN_NAME,
    "rollback_plan.md",
    "soak_profile.runtime_overrides.json",
];

/// Where evidence is, which is made of runs: no release is built from it, and a tree that runs has more of it.
pub(crate) const EVIDENCE_DIR: &str = "artifacts";

/// What a release lacks. What was unpacked of an archive is a folder as well, and has what its archive had.
pub(crate) fn missing(manifest: &Manifest) -> impl Iterator<Item = Violation> + '_ {
    let is_release = manifest.provenance.encoder == manifest::NO_ENCODER;
    let listed = |name: &str| manifest.files.iter().any(|file| file.path == name);
    let missing = CONTENTS.into_iter().filter(move |name| is_release && !listed(name));
    missing.map(|name| {
        Violation::new("missing-entry", format!("`{name}` is not there, and every release has one"))
    })
}

/// A folder as it was found.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Its manifest and the SHA-256 of that, which stands for the hash of every file.
    pub(crate) manifest: Result<(Manifest, String), Violation>,
    /// The bytes that were read as its manifest, which a signature must be one of.
    pub(crate) manifest_text: Vec<u8>,
    /// Why its files are not those of the manifest.
    pub(crate) violations: Vec<Violation>,
}

impl Folder {
    /// Every reason to refuse it.
    pub(crate) fn all_violations(&self) -> impl Iterator<Item = &Violation> {
        self.manifest.as_ref().err().into_iter().chain(&self.violations)
    }
}

/// Compares the folder with its manifest.
pub(crate) fn inspect(dir: &Path, cancel: &Cancel) -> Result<Folder, Fault> {
    let root = RootDir::open(dir)?;
    let (manifest, manifest_text) = match read_manifest(&root) {
        Ok(text) => {
            let parsed = Manifest::parse(&text).map(|manifest| (manifest, hash::sha256(&text)));
            (parsed.map_err(|error| Violation::new("manifest", error.to_string())), text)
        }
        Err(violation) => (Err(violation), Vec::new()),
    };
    let violations = match &manifest {
        Ok((manifest, _)) => entries(dir, &root, manifest, cancel)?,
        Err(_) => Vec::new(),
    };
    Ok(Folder { manifest, manifest_text, violations })
}

fn read_manifest(root: &RootDir) -> Result<Vec<u8>, Violation> {
    let name = manifest::FILE_NAME;
    let none = |refused: OpenError| Violation::new("no-manifest", format!("`{name}` {refused}"));
    let mut file = root.file(Path::new(name)).map_err(none)?;
    let bytes = FileState::of(&file).map_err(|error| none(OpenError::Failed(error)))?.id.bytes;
    if bytes > manifest::LARGEST_BYTES {
        return Err(Violation::new("too-large", format!("`{name}` has {bytes} bytes")));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(|error| none(OpenError::Failed(error)))?;
    Ok(text)
}

/// Every file of the folder against the manifest, and nothing else in it.
fn entries(
    dir: &Path,
    root: &RootDir,
    manifest: &Manifest,
    cancel: &Cancel,
) -> Result<Vec<Violation>, Fault> {
    let mut violations = Vec::new();
    let mut found = Vec::new();
    for entry in WalkDir::new(dir).min_depth(1).sort_by_file_name() {
        check(cancel)?;
        let entry = entry.map_err(|error| Fault::config(format!("the folder cannot be read: {error}")))?;
        let relative = entry.path().strip_prefix(dir).unwrap_or(entry.path());
        let kind = entry.file_type();
        if kind.is_dir() || relative == Path::new(manifest::SIGNATURE_NAME) {
            continue;
        }
        if !kind.is_file() {
            let (name, what) =
                if kind.is_symlink() { ("link-entry", "a link") } else { ("special-entry", "no file") };
            violations.push(Violation::new(name, format!("`{}` is {what}", relative.display())));
            continue;
        }
        let metadata = entry.metadata().map_err(|error| Fault::config(error.to_string()))?;
        let permissions = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        found.push(Found {
            name: relative.as_os_str().as_bytes().to_vec(),
            bytes: metadata.len(),
            permissions: manifest::mode_of(permissions),
        });
    }
    violations.extend(compare::files(manifest, &found));
    let sizes: BTreeSet<(&[u8], u64)> = found.iter().map(|found| (&found.name[..], found.bytes)).collect();
    for file in &manifest.files {
        check(cancel)?;
        if sizes.contains(&(file.path.as_bytes(), file.size)) {
            violations.extend(check_file(root, file).err());
        }
    }
    Ok(violations)
}

fn check(cancel: &Cancel) -> Result<(), Fault> {
    cancel.signal().map_or(Ok(()), |signal| Err(Fault::stopped(signal)))
}

/// A deployed tree: every file of the manifest must be there as it was bundled, and nothing else but what runs have left
/// where evidence lies, which is returned beside.
pub(crate) fn against(
    tree: &Path,
    manifest: &Manifest,
    cancel: &Cancel,
) -> Result<(Vec<Violation>, Vec<PathBuf>), Fault> {
    let root = RootDir::open(tree)?;
    let mut violations = Vec::new();
    for file in &manifest.files {
        check(cancel)?;
        violations.extend(check_file(&root, file).err());
    }
    // A tree may have been unpacked of a bundle: then of this one.
    match root.file(Path::new(manifest::FILE_NAME)) {
        Err(OpenError::Missing) => {}
        found => {
            let read = found.map_err(|error| error.to_string()).and_then(|file| {
                hash::sha256_reader(file).map(|(sha256, _)| sha256).map_err(|error| error.to_string())
            });
            if read != Ok(hash::sha256(manifest.clone().sealed())) {
                let detail = format!("`{}` of the tree is that of another bundle", manifest::FILE_NAME);
                violations.push(Violation::new("content", detail));
            }
        }
    }
    let mut ours: BTreeSet<&Path> = manifest.files.iter().map(|file| Path::new(&file.path)).collect();
    ours.extend([manifest::FILE_NAME, manifest::SIGNATURE_NAME].map(Path::new));
    let mut others = Vec::new();
    let walk = WalkDir::new(tree).min_depth(1).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.file_name() != ".git") {
        check(cancel)?;
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                violations.push(Violation::new("unreadable", format!("a part of the tree: {error}")));
                continue;
            }
        };
        let relative = entry.path().strip_prefix(tree).unwrap_or(entry.path());
        if entry.file_type().is_dir() || ours.contains(relative) {
            continue;
        }
        if relative.starts_with(EVIDENCE_DIR) {
            others.push(relative.to_owned());
        } else {
            let name = relative.as_os_str().to_string_lossy().escape_debug().to_string();
            let detail = format!("`{name}` of the tree is not in the manifest");
            violations.push(Violation::new("extra-entry", detail));
        }
    }
    Ok((violations, others))
}

/// Whether a file of the tree is the one of the manifest.
fn check_file(root: &RootDir, file: &manifest::File) -> Result<(), Violation> {
    let path = &file.path;
    let unreadable = |error: io::Error| Violation::new("unreadable", format!("`{path}`: {error}"));
    let opened = root.file(Path::new(path)).map_err(|refused| match refused {
        OpenError::Missing => Violation::new("missing-entry", format!("`{path}` is not in the tree")),
        refused => Violation::new("unreadable", format!("`{path}` {refused}")),
    })?;
    let state = FileState::of(&opened).map_err(unreadable)?;
    if state.id.bytes != file.size {
        let detail = format!("`{path}` has {} bytes, the manifest {}", state.id.bytes, file.size);
        return Err(Violation::new("content", detail));
    }
    if file.permissions() != Some(manifest::mode_of(state.permissions())) {
        let mode = state.permissions();
        let detail = format!("`{path}` has the mode {mode:04o}, the manifest {}", file.mode);
        return Err(Violation::new("mode", detail));
    }
    let (found, _) = hash::sha256_reader(opened).map_err(unreadable)?;
    compare::hash(path, &file.sha256, &found)
}
