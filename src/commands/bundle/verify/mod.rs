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

use super::provenance;
use crate::commands::{Given, Input};
use crate::ctx::Ctx;
use crate::format::minisign;
use crate::release::signed;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio::{self, FileKind};
use crate::sys::work;
use std::num::NonZero;
use std::path::PathBuf;

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

/// What it reads beside the bundle.
pub(crate) fn beside(given: &Given, _: &Ctx) -> Vec<Input> {
    let Some(bundle) = given.path("bundle") else { return Vec::new() };
    let endings = [".sha256", provenance::ENDING, minisign::ENDING];
    let beside =
        |ending| Input { option: "an argument".to_owned(), path: fsio::with_ending(&bundle, ending) };
    endings.map(beside).into()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let path = ctx.path(&args.bundle);
    let key = args.key.as_ref().map(|key| signed::key(key, &ctx.root)).transpose()?;
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
