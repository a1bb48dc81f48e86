//! `mmops bundle verify`: is this archive, or this folder, what its manifest says, to the last bit? The
//! archive's hash and signature, its structure, every entry, and on request a deployed tree against it.

mod archive;

#[cfg(test)]
mod mutations;

use crate::ctx::Ctx;
use crate::format::minisign::{self, Verifier};
use crate::format::zip::violation::Violation;
use crate::release::bundle::compare;
use crate::release::bundle::manifest::{self, Manifest};
use crate::release::folder;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Report, Row, Status};
use crate::sys::fsio::{self, FileKind};
use crate::sys::work;
use schemars::JsonSchema;
use serde::Serialize;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Most reasons that are shown of one check.
const SHOWN: usize = 20;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("bundle verify", "BUNDLE", "FAILED").named("bundle").revised(2);

/// Say whether an archive or a folder is what its manifest says, to the last bit
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// An archive, with its .sha256 beside it, or a folder with a MANIFEST.json
    #[arg(value_name = "FILE|DIR")]
    bundle: PathBuf,
    /// Require a signature by this minisign public key: a file, or the key itself
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Compare a deployed tree with the manifest as well
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,
    /// Threads that read and hash [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<u16>>,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// What was verified.
    bundle: String,
    /// When it was made, as its manifest says.
    created_at: Option<String>,
    /// How many files its manifest lists.
    files: Option<usize>,
    /// Every reason to refuse it.
    refusals: Vec<Violation>,
    /// SHA-256 of the archive, or of the manifest of a folder.
    sha256: Option<String>,
    /// The comment that the signature vouches for, when it was checked.
    trusted_comment: Option<String>,
    /// Its version, as its manifest says.
    bundle_version: Option<String>,
}

/// One check and its answer.
#[derive(Debug)]
struct Check {
    name: &'static str,
    refusals: Vec<Violation>,
    /// What to say when nothing is refused.
    note: String,
    /// Why nothing was asked.
    skipped: Option<&'static str>,
    /// What somebody should look at.
    remarks: Vec<String>,
}

impl Check {
    fn new(name: &'static str) -> Self {
        Self { name, refusals: Vec::new(), note: String::new(), skipped: None, remarks: Vec::new() }
    }

    fn refuse(mut self, kind: &'static str, detail: impl Into<String>) -> Self {
        self.refusals.push(Violation::new(kind, detail));
        self
    }

    fn row(&self) -> Row {
        if let Some(reason) = self.skipped {
            return Row::new(self.name, Status::Skip).reason(reason);
        }
        let status = match (self.refusals.is_empty(), self.remarks.is_empty()) {
            (false, _) => Status::Fail,
            (true, false) => Status::Warn,
            (true, true) => Status::Ok,
        };
        let mut row = Row::new(self.name, status);
        if self.refusals.is_empty() {
            row = row.note(&self.note);
        }
        let reasons = self.refusals.iter().map(ToString::to_string);
        row.reasons.extend(reasons.chain(self.remarks.iter().cloned()).take(SHOWN));
        let more = (self.refusals.len() + self.remarks.len()).saturating_sub(SHOWN);
        if more > 0 {
            row = row.reason(format!("and {more} more"));
        }
        row
    }
}

/// What a bundle was found to be.
#[derive(Debug, Default)]
struct Verified {
    checks: Vec<Check>,
    manifest: Option<Manifest>,
    sha256: Option<String>,
    trusted_comment: Option<String>,
}

/// Verifies an archive or a folder.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let path = ctx.path(&args.bundle);
    let key = args.key.as_ref().map(|key| load_key(key, ctx)).transpose()?;
    let jobs = args.jobs.map_or_else(work::processors, |jobs| usize::from(jobs.get()));
    let mut verified = match fsio::existing_kind(&path)? {
        FileKind::Dir => folder(&path, key.as_ref(), ctx)?,
        FileKind::File => archive::verify(&path, key.as_ref(), jobs, ctx)?,
        FileKind::Missing | FileKind::Link | FileKind::Other => {
            let message = format!("`{}` is neither a file nor a folder", args.bundle.display());
            return Err(Fault::config(message).into());
        }
    };
    if let Some(tree) = &args.against {
        let check = match &verified.manifest {
            Some(manifest) => against(&ctx.path(tree), manifest, ctx)?,
            None => Check::new("against").refuse("no-manifest", "there is nothing to compare the tree with"),
        };
        verified.checks.push(check);
    }
    Ok(report(args, verified))
}

/// The key itself, or that of a file.
fn load_key(key: &Path, ctx: &Ctx) -> Result<Verifier, Fault> {
    if let Some(key) = Verifier::of_base64(&key.to_string_lossy()) {
        return Ok(key);
    }
    let path = ctx.path(key);
    Verifier::parse(&fsio::read_text(&path)?, &path)
}

/// A folder: its manifest, and every file.
fn folder(dir: &Path, key: Option<&Verifier>, ctx: &Ctx) -> anyhow::Result<Verified> {
    let (signature, trusted_comment) = signature(&dir.join(manifest::FILE_NAME), key)?;
    let found = folder::inspect(dir, &ctx.cancel)?;
    let mut described = Check::new("manifest");
    let mut entries = Check::new("entries");
    entries.refusals = found.violations;
    let mut verified = Verified { trusted_comment, ..Verified::default() };
    match found.manifest {
        Ok((manifest, sha256)) => {
            described.note = format!("{} v{}", manifest.name, manifest.version);
            entries.note = format!("{} files agree", manifest.files.len());
            verified.manifest = Some(manifest);
            verified.sha256 = Some(sha256);
        }
        Err(refusal) => {
            described.refusals.push(refusal);
            entries = entries.refuse("no-manifest", "there is nothing to compare them with");
        }
    }
    verified.checks = vec![signature, described, entries];
    Ok(verified)
}

/// A deployed tree against the manifest.
fn against(tree: &Path, manifest: &Manifest, ctx: &Ctx) -> anyhow::Result<Check> {
    let mut check = Check::new("against");
    let (violations, others) = folder::against(tree, manifest, &ctx.cancel)?;
    check.refusals = violations;
    check.note = format!("{} files agree", manifest.files.len());
    check.remarks.extend(others.first().map(|first| {
        format!("{} files of the tree are not in the bundle, such as `{}`", others.len(), first.display())
    }));
    Ok(check)
}

fn report(args: &Args, verified: Verified) -> Report {
    let refusals: Vec<Violation> = verified.checks.iter().flat_map(|check| check.refusals.clone()).collect();
    let (status, value) =
        if refusals.is_empty() { (Status::Ok, "VERIFIED") } else { (Status::Fail, "FAILED") };
    let manifest = verified.manifest.as_ref();
    let body = Body {
        bundle: args.bundle.display().to_string(),
        created_at: manifest.map(|manifest| manifest.created_at.clone()),
        files: manifest.map(|manifest| manifest.files.len()),
        refusals,
        sha256: verified.sha256,
        trusted_comment: verified.trusted_comment,
        bundle_version: manifest.map(|manifest| manifest.version.clone()),
    };
    let rows = verified.checks.iter().map(Check::row).collect();
    Report::new(&SPEC, "BUNDLE VERIFY", Conclusion::new(status, value)).rows(rows).body(&body)
}

/// Checks the signature of `path`, when a key is given.
fn signature(path: &Path, key: Option<&Verifier>) -> anyhow::Result<(Check, Option<String>)> {
    let mut check = Check::new("signature");
    let beside = fsio::with_ending(path, minisign::ENDING);
    let exists = fsio::exists(&beside)?;
    let Some(key) = key else {
        check.skipped = Some(if exists {
            "there is one, but no --key to check it with"
        } else {
            "not asked for: no --key"
        });
        return Ok((check, None));
    };
    if !exists {
        let detail = format!("there is no `{}`", beside.display());
        return Ok((check.refuse("signature-missing", detail), None));
    }
    let checked = match fsio::read_text(&beside) {
        Ok(text) => key.check(fsio::open(path)?, &text),
        Err(fault) => Err(fault.into()),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(match checked {
        Err(error) => (check.refuse("signature", error.to_string()), None),
        // The comment binds the name, so that a signature of another release is no signature of this one.
        Ok(comment) if !comment.split('\t').any(|part| part == format!("file:{name}")) => (
            check.refuse("signature-name", format!("it was made for another file: {comment}")),
            Some(comment),
        ),
        Ok(comment) => {
            "valid".clone_into(&mut check.note);
            (check, Some(comment))
        }
    })
}

/// Checks the hash beside an archive against the hash that was found.
fn sidecar(path: &Path, found: &str) -> Check {
    let check = Check::new("sidecar");
    let beside = fsio::with_ending(path, ".sha256");
    let text = match fsio::exists(&beside) {
        Ok(true) => fsio::read_text(&beside),
        Ok(false) => {
            let detail = format!("there is no `{}`", beside.display());
            return check.refuse("sidecar-missing", detail);
        }
        Err(fault) => Err(fault),
    };
    match text {
        Err(fault) => check.refuse("sidecar-unreadable", fault.to_string()),
        Ok(text) => {
            judge_sidecar(check, &text, &path.file_name().unwrap_or_default().to_string_lossy(), found)
        }
    }
}

fn judge_sidecar(mut check: Check, text: &str, name: &str, found: &str) -> Check {
    match compare::sidecar(text) {
        Err(reason) => check.refuse("sidecar-malformed", reason),
        Ok((_, other)) if other != name => {
            check.refuse("sidecar-name", format!("it is about `{other}`, not `{name}`"))
        }
        Ok((hash, _)) if hash != found => {
            check.refuse("archive-hash", format!("the archive has SHA-256 {found}, the sidecar says {hash}"))
        }
        Ok(_) => {
            "sha256 agrees".clone_into(&mut check.note);
            check
        }
    }
}
