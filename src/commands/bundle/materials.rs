//! What a bundle is made of beside files: its version, the revision, the lock files, the time it carries.

use super::checkout::Checkout;
use super::plan::Entry;
use super::sbom::{self, Kind, Listing};
use super::select::{self, Chosen, Selection};
use crate::ctx::Ctx;
use crate::format::config::Source;
use crate::format::hash;
use crate::format::minisign::Signer;
use crate::release::bundle::committed::{self, Held};
use crate::release::bundle::manifest::{self, Named, Revision};
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

/// The file that has the version of a root.
pub(super) const VERSION: &str = "VERSION";

/// The version of a bundle and where it was found.
pub(super) struct Versioned {
    pub(super) version: Version,
    pub(super) source: &'static str,
    /// What the `VERSION` file says, when that is something else.
    pub(super) file_differs: Option<String>,
    /// The file, where the version comes from it.
    pub(super) file: Option<Named>,
}

/// `--version`, else `MM_VERSION`, else the `VERSION` file.
pub(super) fn version(flag: Option<&str>, ctx: &Ctx) -> Result<Versioned, Fault> {
    let path = ctx.path(VERSION);
    let content = if fsio::exists(&path)? { Some(fsio::read_text(&path)?) } else { None };
    let file = content.as_ref().map(|content| content.trim().to_owned());
    let (text, source) = match (flag, ctx.env.get("MM_VERSION"), &file) {
        (Some(text), ..) => (text, "--version"),
        (None, Some(text), _) => (text, "MM_VERSION"),
        (None, None, Some(text)) => (text.as_str(), VERSION),
        (None, None, None) => {
            let fault = Fault::config("the version is not known: there is no file `VERSION`");
            return Err(fault.hint(
                "write it into the file `VERSION`, which the built-in list of contents requires, or give --version, \
                 or set MM_VERSION",
            ));
        }
    };
    let version = Version::parse(text).map_err(|error| {
        Fault::config(format!("{source} is `{text}`, which is not a semantic version: {error}"))
            .hint("write it as 1.2.3 or 1.2.3-rc.1")
    })?;
    let file_differs = file.filter(|file| *file != version.to_string());
    let named = |content: &String| Named { path: VERSION.to_owned(), sha256: hash::sha256(content) };
    let file = content.as_ref().filter(|_| source == VERSION).map(named);
    Ok(Versioned { version, source, file_differs, file })
}

/// Refuses a place for something new inside of what is complete, or is not ours: a release, a run, git's own files.
/// A root that was itself unpacked of a bundle has room.
pub(super) fn check_place(out: &Path, ctx: &Ctx) -> Result<(), Fault> {
    let mut above = Vec::new();
    for dir in out.ancestors().skip(1) {
        above.push(dir.to_owned());
        if fsio::exists(dir)? {
            let real = fsio::canonical(dir)?;
            above.extend(real.ancestors().map(Path::to_owned));
            break;
        }
    }
    let root = fsio::canonical(&ctx.root)?;
    let markers =
        [(manifest::FILE_NAME, "a release or bundle, which is complete"), ("RUN.json", "a soak run")];
    for dir in above.iter().filter(|dir| !root.starts_with(dir) && **dir != ctx.root) {
        let is_git = dir.file_name().is_some_and(|name| name == ".git");
        let mut found = is_git.then_some("git's own directory");
        for (name, what) in markers {
            if fsio::exists(&dir.join(name))? {
                found = Some(what);
            }
        }
        if let Some(what) = found {
            let message = format!("`{}` would lie in `{}`, {what}", ctx.show(out), ctx.show(dir));
            return Err(Fault::config(message).hint("name a place elsewhere by --out"));
        }
    }
    Ok(())
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

/// What is checked out; not known where there is no repository or no commit. A repository that git cannot read is no
/// reason to say so: it is a fault.
pub(super) fn checkout(ctx: &Ctx) -> Result<Checkout, Fault> {
    ctx.check_cancelled()?;
    let Some(git) = Git::find(&ctx.root, &ctx.cancel)? else {
        return Ok(Err(format!("`{}` is not inside a work tree of git", ctx.root.display())));
    };
    let Some(commit) = git.head()? else { return Ok(Err("there is no commit yet".to_owned())) };
    let dirty = !git.changes()?.is_empty();
    Ok(Ok(Revision { commit, dirty }))
}

/// A configuration by its path below the root and its hash; none where it is built in.
pub(super) fn named(source: &Source, ctx: &Ctx) -> Result<Option<Named>, Fault> {
    let Some(file) = &source.file else { return Ok(None) };
    let path = if fsio::names_descriptor(Path::new(file)) {
        // What a shell passes has no path that says anything.
        "a descriptor".to_owned()
    } else {
        fsio::relative_to(&ctx.root, &ctx.path(file))?.display().to_string()
    };
    Ok(Some(Named { path, sha256: hash::sha256(source.text.as_bytes()) }))
}

/// The files, and what they were made by (the plan, configuration, lock files), that the commit which is checked out
/// does not have as they are bundled. Evidence belongs to no commit; where one has it all the same, it has it so.
pub(super) fn uncommitted(
    checkout: &mut Checkout,
    (code, evidence): (&[&Chosen], &[&Chosen]),
    made_by: &[&Named],
    root: &RootDir,
    ctx: &Ctx,
) -> Result<Vec<String>, Fault> {
    let Ok(revision) = checkout else { return Ok(Vec::new()) };
    let held = |chosen: &Chosen| chosen.source.to_str().map(str::to_owned).expect("names are UTF-8");
    let chosen: Vec<&Chosen> = code.iter().chain(evidence).copied().collect();
    let paths: Vec<String> = chosen.iter().map(|chosen| held(chosen)).collect();
    let paths = paths.iter().chain(made_by.iter().map(|named| &named.path));
    let is_executable = |at: usize| code.get(at).map(|chosen| chosen.state.is_executable());
    let held = paths.enumerate().map(|(at, path)| Held { path, is_executable: is_executable(at) });
    let git = Git::open(&ctx.root, &ctx.cancel)?;
    let blobs = committed::blobs(&git, &revision.commit, &held.collect::<Vec<_>>())?;
    let hash = |(at, blob): (usize, &Option<_>)| -> Result<Option<String>, Fault> {
        ctx.check_cancelled()?;
        match (blob, chosen.get(at)) {
            (None, _) => Ok(None),
            (Some(_), Some(chosen)) => hash_unchanged(chosen, root).map(Some),
            (Some(_), None) => Ok(Some(made_by[at - chosen.len()].sha256.clone())),
        }
    };
    let hashes: Vec<Option<String>> = blobs.iter().enumerate().map(hash).collect::<Result<_, _>>()?;
    let are_committed = committed::are_equal(&git, &blobs, &hashes)?;
    ctx.check_cancelled()?;
    let names = chosen.iter().map(|chosen| &chosen.name).chain(made_by.iter().map(|named| &named.path));
    let is_free = |at: usize| blobs[at].is_none() && (code.len()..chosen.len()).contains(&at);
    let missing = names.zip(are_committed).enumerate();
    let missing = missing.filter(|(at, (_, is_committed))| !is_committed && !is_free(*at));
    let missing: BTreeSet<String> = missing.map(|(_, (name, _))| name.clone()).collect();
    revision.dirty |= !missing.is_empty();
    Ok(missing.into_iter().collect())
}

/// Files of the commit that the contents name and that are not among what was chosen or passed over: git may have been
/// told not to look whether they are there.
pub(super) fn absent(
    checkout: &mut Checkout,
    entries: &[Entry],
    selection: &Selection,
    ctx: &Ctx,
) -> Result<Vec<String>, Fault> {
    let Ok(revision) = checkout else { return Ok(Vec::new()) };
    let git = Git::open(&ctx.root, &ctx.cancel)?;
    let mut absent = select::named_by(entries, committed::paths(&git, &revision.commit)?)?;
    let chosen: BTreeSet<&Path> = selection.files.iter().map(|chosen| &*chosen.source).collect();
    let is_known =
        |path: &String| chosen.contains(Path::new(path)) || selection.passed_over.contains(Path::new(path));
    absent.retain(|path| !is_known(path));
    revision.dirty |= !absent.is_empty();
    Ok(absent)
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
