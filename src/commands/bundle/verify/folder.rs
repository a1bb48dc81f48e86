//! A folder with a manifest, and a deployed tree against one.

use super::{Check, Verified};
use crate::ctx::Ctx;
use crate::domain::bundle::compare::{self, Found, Refusal};
use crate::domain::bundle::manifest::{self, Manifest};
use crate::exit::Fault;
use crate::sys::beneath::{Beneath, Identity, Refused};
use crate::sys::fsio;
use crate::sys::minisign::{self, Verifier};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Verifies the folder `dir`.
pub(super) fn verify(dir: &Path, key: Option<&Verifier>, ctx: &Ctx) -> anyhow::Result<Verified> {
    let path = dir.join(manifest::FILE_NAME);
    let (signature, trusted_comment) = super::signature(&path, key)?;
    let mut described = Check::new("manifest");
    let root = Beneath::open(dir)?;
    let read = read_manifest(&root);
    let mut verified = Verified { trusted_comment, ..Verified::default() };
    match read {
        Ok((manifest, sha256)) => {
            described.note = format!("{} v{}", manifest.name, manifest.version);
            verified.sha256 = Some(sha256);
            verified.checks = vec![signature, described, entries(dir, &root, &manifest, ctx)?];
            verified.manifest = Some(manifest);
        }
        Err(refusal) => {
            described.refusals.push(refusal);
            verified.checks = vec![signature, described];
        }
    }
    Ok(verified)
}

fn read_manifest(root: &Beneath) -> Result<(Manifest, String), Refusal> {
    let name = manifest::FILE_NAME;
    let none = |refused: Refused| Refusal::new("no-manifest", format!("`{name}` {refused}"));
    let file = root.file(Path::new(name)).map_err(none)?;
    let bytes = Identity::of(&file).map_err(|error| none(Refused::Failed(error)))?.bytes;
    if bytes > manifest::LARGEST_BYTES {
        return Err(Refusal::new("too-large", format!("`{name}` has {bytes} bytes")));
    }
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut &file, &mut text).map_err(|error| none(Refused::Failed(error)))?;
    let manifest = Manifest::parse(&text).map_err(|reason| Refusal::new("manifest", reason))?;
    Ok((manifest, fsio::sha256_bytes(&text)))
}

/// Every file of the folder against the manifest, and nothing else in it.
fn entries(dir: &Path, root: &Beneath, manifest: &Manifest, ctx: &Ctx) -> Result<Check, Fault> {
    let mut check = Check::new("entries");
    let signature = minisign::beside(Path::new(manifest::FILE_NAME));
    let mut found = Vec::new();
    for entry in WalkDir::new(dir).min_depth(1).sort_by_file_name() {
        ctx.check_cancelled()?;
        let entry = entry.map_err(|error| Fault::config(format!("the folder cannot be read: {error}")))?;
        let relative = entry.path().strip_prefix(dir).unwrap_or(entry.path());
        let kind = entry.file_type();
        if kind.is_dir() || relative == signature {
            continue;
        }
        if !kind.is_file() {
            let (name, what) = if kind.is_symlink() { ("link-entry", "a link") } else { ("special-entry", "no file") };
            check.refusals.push(Refusal::new(name, format!("`{}` is {what}", relative.display())));
            continue;
        }
        let metadata = entry.metadata().map_err(|error| Fault::config(error.to_string()))?;
        let is_executable = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0;
        found.push(Found {
            name: relative.as_os_str().as_bytes().to_vec(),
            bytes: metadata.len(),
            permissions: manifest::mode(is_executable).0,
        });
    }
    check.refusals.extend(compare::files(manifest, &found));
    for file in &manifest.files {
        ctx.check_cancelled()?;
        if found.iter().any(|found| found.name == file.path.as_bytes() && found.bytes == file.size) {
            check.refusals.extend(differs(root, file));
        }
    }
    check.note = format!("{} files agree", manifest.files.len());
    Ok(check)
}

/// A deployed tree: every file of the manifest must be there as it was bundled. What else is there is
/// counted, for a tree that runs has files of its own.
pub(super) fn against(tree: &Path, manifest: &Manifest, ctx: &Ctx) -> Result<Check, Fault> {
    let root = Beneath::open(tree)?;
    let mut check = Check::new("against");
    for file in &manifest.files {
        ctx.check_cancelled()?;
        check.refusals.extend(differs(&root, file));
    }
    check.note = format!("{} files agree", manifest.files.len());
    let is_ours = |path: &Path| {
        let own = manifest.files.iter().any(|file| Path::new(&file.path) == path);
        own || path == Path::new(manifest::FILE_NAME) || path == minisign::beside(Path::new(manifest::FILE_NAME))
    };
    let others: Vec<PathBuf> = WalkDir::new(tree)
        .min_depth(1)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git")
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_type().is_dir())
        .filter_map(|entry| Some(entry.path().strip_prefix(tree).ok()?.to_owned()))
        .filter(|path| !is_ours(path))
        .collect();
    if let Some(first) = others.first() {
        let count = others.len();
        check.remarks.push(format!("{count} files of the tree are not in the bundle, such as `{}`", first.display()));
    }
    Ok(check)
}

/// Whether a file of the tree is another than the manifest's.
fn differs(root: &Beneath, file: &manifest::File) -> Option<Refusal> {
    let path = Path::new(&file.path);
    let opened = match root.file(path) {
        Ok(opened) => opened,
        Err(Refused::Missing) => {
            return Some(Refusal::new("missing-entry", format!("`{}` is not in the tree", file.path)));
        }
        Err(refused) => return Some(Refusal::new("unreadable", format!("`{}` {refused}", file.path))),
    };
    let unreadable = |error: std::io::Error| Some(Refusal::new("unreadable", format!("`{}`: {error}", file.path)));
    let identity = match Identity::of(&opened) {
        Ok(identity) => identity,
        Err(error) => return unreadable(error),
    };
    if identity.bytes != file.size {
        let detail = format!("`{}` has {} bytes, the manifest {}", file.path, identity.bytes, file.size);
        return Some(Refusal::new("content", detail));
    }
    let (permissions, mode) = manifest::mode(identity.is_executable());
    if file.permissions() != Some(permissions) {
        let detail = format!("`{}` has the mode {mode}, the manifest {}", file.path, file.mode);
        return Some(Refusal::new("mode", detail));
    }
    match fsio::sha256(opened) {
        Ok((found, _)) => compare::hash(&file.path, &file.sha256, &found),
        Err(error) => unreadable(error),
    }
}
