//! `mmops bundle verify`: is this archive, or this folder, what its manifest says, to the last bit? The
//! archive's hash and signature, its structure, every entry, and on request a deployed tree against it.

mod check;
mod inspect;
mod read;
mod report;
mod verdict;

#[cfg(test)]
mod mutations;

pub(crate) use report::{Body, SPEC};

use crate::ctx::Ctx;
use crate::format::minisign::Verifier;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use crate::sys::work;
use std::num::NonZero;
use std::path::{Path, PathBuf};

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

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let path = ctx.path(&args.bundle);
    let key = args.key.as_ref().map(|key| load_key(key, ctx)).transpose()?;
    let threads = args.jobs.map_or_else(work::processors, |jobs| usize::from(jobs.get()));
    let mut facts = match fsio::existing_kind(&path)? {
        FileKind::Dir => read::folder(&path, key.as_ref(), ctx)?,
        FileKind::File => read::archive(&path, key.as_ref(), threads, ctx)?,
        FileKind::Missing | FileKind::Link | FileKind::Other => {
            let message = format!("`{}` is neither a file nor a folder", args.bundle.display());
            return Err(Fault::config(message).into());
        }
    };
    if let Some(tree) = &args.against {
        let check = read::against(&ctx.path(tree), facts.manifest.as_ref(), ctx)?;
        facts.checks.push(check);
    }
    let verdict = verdict::verdict(&facts);
    Ok(report::report(args.bundle.display().to_string(), facts, verdict))
}

/// The key itself, or that of a file.
fn load_key(key: &Path, ctx: &Ctx) -> Result<Verifier, Fault> {
    if let Some(key) = Verifier::of_base64(&key.to_string_lossy()) {
        return Ok(key);
    }
    let path = ctx.path(key);
    Verifier::parse(&fsio::read_text(&path)?, &path)
}
