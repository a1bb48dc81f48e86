//! What a bundle is made of beside files: its version, the revision, the lock files, the time it carries.

use super::checkout::Checkout;
use super::sbom::{self, Kind, Listing};
use super::select::Chosen;
use crate::ctx::Ctx;
use crate::format::hash;
use crate::format::minisign::Signer;
use crate::release::bundle::committed::{self, Held};
use crate::release::bundle::manifest::{Named, Revision};
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileState};
use crate::sys::git::Git;
use crate::sys::root_dir::{OpenError, RootDir};
use jiff::Timestamp;
use semver::Version;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

/// Largest lock file that is read.
const LARGEST_LOCK: u64 = 64 << 20;

/// The version of a bundle and where it was found.
pub(super) struct Versioned {
    pub(super) version: Version,
    pub(super) source: &'static str,
    /// What the `VERSION` file says, when that is something else.
    pub(super) file_differs: Option<String>,
}

/// `--version`, else `MM_VERSION`, else the `VERSION` file.
pub(super) fn version(flag: Option<&str>, ctx: &Ctx) -> Result<Versioned, Fault> {
    let path = ctx.path("VERSION");
    let file = if fsio::exists(&path)? { Some(fsio::read_text(&path)?.trim().to_owned()) } else { None };
    let (text, source) = match (flag, ctx.env.get("MM_VERSION"), &file) {
        (Some(text), ..) => (text, "--version"),
        (None, Some(text), _) => (text, "MM_VERSION"),
        (None, None, Some(text)) => (text.as_str(), "VERSION"),
        (None, None, None) => {
            let fault = Fault::config("the version is not known: there is no file `VERSION`");
            return Err(fault.hint("give --version, or set MM_VERSION"));
        }
    };
    let version = Version::parse(text).map_err(|error| {
        Fault::config(format!("{source} is `{text}`, which is not a semantic version: {error}"))
            .hint("write it as 1.2.3 or 1.2.3-rc.1")
    })?;
    let file_differs = file.filter(|file| *file != version.to_string());
    Ok(Versioned { version, source, file_differs })
}

/// The secret key that a bundle is signed with.
pub(super) fn signer(key: &Path, ctx: &Ctx) -> Result<Signer, Fault> {
    let path = ctx.path(key);
    Signer::parse(&fsio::read_text(&path)?, &path, ctx.env.get("MMOPS_SIGN_PASSWORD"))
}

/// The time that a bundle carries.
pub(super) fn stamp(ctx: &Ctx) -> Result<Timestamp, Fault> {
    let Some(text) = ctx.env.get("SOURCE_DATE_EPOCH") else { return Ok(ctx.clock.stamp()) };
    let seconds = text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds.ok_or_else(|| {
        Fault::config(format!("SOURCE_DATE_EPOCH={text} is not a number of seconds since 1970"))
    })
}

pub(super) fn checkout(ctx: &Ctx) -> Result<Checkout, Fault> {
    ctx.check_cancelled()?;
    let ask = || -> Result<Checkout, Fault> {
        let git = Git::open(&ctx.root, &ctx.cancel)?;
        let Some(commit) = git.head()? else { return Ok(Err("there is no commit yet".to_owned())) };
        let dirty = !git.changes()?.is_empty();
        Ok(Ok(Revision { commit, dirty }))
    };
    let found = ask();
    ctx.check_cancelled()?;
    Ok(found.unwrap_or_else(|fault| Err(fault.to_string())))
}

/// The files, and the lock files of a bill of materials, that the commit which is checked out does not have as they are
/// bundled. A checkout that cannot say so is not known any more.
pub(super) fn uncommitted(
    checkout: &mut Checkout,
    chosen: &[&Chosen],
    locks: &[Named],
    root: &RootDir,
    ctx: &Ctx,
) -> Result<Vec<String>, Fault> {
    let Ok(revision) = checkout else { return Ok(Vec::new()) };
    let files = chosen.iter().map(|chosen| Held {
        path: chosen.source.to_str().expect("names are UTF-8"),
        is_executable: Some(chosen.state.is_executable()),
    });
    let locked = locks.iter().map(|lock| Held { path: &lock.path, is_executable: None });
    let held: Vec<Held<'_>> = files.chain(locked).collect();
    let git = Git::open(&ctx.root, &ctx.cancel);
    let blobs = git.and_then(|git| Ok((committed::blobs(&git, &revision.commit, &held)?, git)));
    let known = match blobs {
        Err(fault) => Err(fault),
        Ok((blobs, git)) => {
            let hash = |(at, blob): (usize, &Option<_>)| -> Result<Option<String>, Fault> {
                ctx.check_cancelled()?;
                match (blob, chosen.get(at)) {
                    (None, _) => Ok(None),
                    (Some(_), Some(chosen)) => hash_unchanged(chosen, root).map(Some),
                    (Some(_), None) => Ok(Some(locks[at - chosen.len()].sha256.clone())),
                }
            };
            let hashes: Vec<Option<String>> = blobs.iter().enumerate().map(hash).collect::<Result<_, _>>()?;
            committed::are_equal(&git, &blobs, &hashes)
        }
    };
    ctx.check_cancelled()?;
    match known {
        Ok(are_committed) => {
            let names = chosen.iter().map(|chosen| &chosen.name).chain(locks.iter().map(|lock| &lock.path));
            let missing = names.zip(are_committed).filter(|(_, is_committed)| !is_committed);
            let missing: BTreeSet<String> = missing.map(|(name, _)| name.clone()).collect();
            revision.dirty |= !missing.is_empty();
            Ok(missing.into_iter().collect())
        }
        Err(fault) => {
            *checkout = Err(fault.to_string());
            Ok(Vec::new())
        }
    }
}

/// The SHA-256 of a file that is still what it was when it was chosen; packing it holds it to the same.
fn hash_unchanged(chosen: &Chosen, root: &RootDir) -> Result<String, Fault> {
    let bad = |reason: String| Fault::config(format!("`{}` {reason}", chosen.source.display()));
    let file = root.file(&chosen.source).map_err(|refused| bad(refused.to_string()))?;
    let failed = |error: std::io::Error| bad(format!("cannot be read: {error}"));
    let (sha256, _) = hash::sha256_reader(&file).map_err(failed)?;
    if FileState::of(&file).map_err(failed)? == chosen.state {
        Ok(sha256)
    } else {
        Err(bad("changed while it was read".to_owned()))
    }
}

/// The comment that a signature vouches for: it binds the name, version and hash of what is signed.
pub(super) fn trusted_comment(stamp: Timestamp, file: &str, version: &Version, sha256: &str) -> String {
    format!("timestamp:{}\tfile:{file}\tversion:{version}\tsha256:{sha256}", stamp.as_second())
}

pub(super) struct Bill {
    pub(super) listings: Vec<(String, Listing)>,
    pub(super) files: Vec<Named>,
}

/// Reads the lock files at the top of the tree and among `chosen`.
pub(super) fn bill(chosen: &[Chosen], root: &RootDir, ctx: &Ctx) -> Result<Bill, Fault> {
    let top = fsio::list(&ctx.root)?;
    let top = top.iter().filter_map(|path| path.file_name().map(Path::new));
    let chosen = chosen.iter().map(|chosen| chosen.source.as_path());
    let mut paths: Vec<&str> = top.chain(chosen).filter_map(Path::to_str).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut bill = Bill { listings: Vec::new(), files: Vec::new() };
    // A `go.sum` knows more modules than the build has; a `go.mod` beside it that lists them all comes before it.
    let mut complete_modules = Vec::new();
    for path in paths {
        let Some(kind) = Kind::of(path) else { continue };
        let text = read(path, root)?;
        let dir = Path::new(path).parent();
        if kind == Kind::GoModule && sbom::is_complete_go_mod(&text) {
            complete_modules.push(dir);
        }
        let parsed = match kind {
            Kind::GoSums if complete_modules.contains(&dir) => Ok(Listing::complete()),
            kind => sbom::parse(kind, &text),
        };
        let listing =
            parsed.map_err(|error| Fault::config(format!("lock file `{path}` cannot be read: {error}")))?;
        bill.listings.push((path.to_owned(), listing));
        bill.files.push(Named { path: path.to_owned(), sha256: hash::sha256(text.as_bytes()) });
    }
    if bill.files.is_empty() {
        let fault = Fault::config("--sbom: there is no lock file to read packages from");
        return Err(fault.hint(sbom::KINDS));
    }
    Ok(bill)
}

fn read(path: &str, root: &RootDir) -> Result<String, Fault> {
    let bad = |refused: OpenError| Fault::config(format!("lock file `{path}` {refused}"));
    let file = root.file(Path::new(path)).map_err(bad)?;
    let mut text = String::new();
    let read = file
        .take(LARGEST_LOCK + 1)
        .read_to_string(&mut text)
        .map_err(|error| bad(OpenError::Failed(error)))?;
    if read as u64 > LARGEST_LOCK {
        return Err(Fault::config(format!("lock file `{path}` is larger than 64 MiB")));
    }
    Ok(text)
}
