//! `mmops canary tag`: an annotated tag whose message is what the soak showed. Everything that speaks
//! against it is named at once, and then no tag is put anywhere.

mod report;
mod verdict;

pub(crate) use report::{Body, SPEC};

use super::folder::{self, ReleaseFolder};
use crate::ctx::Ctx;
use crate::release::tag;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::git::Git;
use std::path::{Path, PathBuf};
use verdict::{BuiltFrom, Facts, Head, Verdict};

/// Put an annotated tag on the commit of a release, with what its soak showed
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the release, as `bundle release` builds it
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Name of the tag
    #[arg(long, value_name = "T")]
    tag: String,
    /// Print the message and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Let git sign the tag with the key it is configured for
    #[arg(long)]
    sign: bool,
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let git = Git::open(&ctx.root, &ctx.cancel)?;
    if !git.is_tag_name(&args.tag)? {
        return Err(Fault::config(format!("`{}` is not a valid tag name", args.tag)).into());
    }
    let dir = ctx.path(&args.bundle);
    let release = folder::load(&dir, &args.bundle.display().to_string(), ctx)?;
    let facts = facts(&release, &git, &args.tag, &dir, ctx)?;
    let message = match (verdict::verdict(&facts), &release.manifest, facts.head.commit()) {
        (Verdict::Taggable, Some((manifest, sha256)), Some(commit)) => {
            let name = format!("{} {}", manifest.name, manifest.version);
            let subject = tag::Subject { tag: &args.tag, release: &name, commit, bundle_sha256: sha256 };
            let message = tag::message(&subject, &release.snapshot);
            if !args.dry_run {
                ctx.check_cancelled()?;
                git.put_tag(&args.tag, commit, &message, args.sign)?;
            }
            Some(message)
        }
        (Verdict::Taggable | Verdict::Refused, ..) => None,
    };
    Ok(report::report(&args.tag, args.dry_run, &facts, message))
}

fn facts(release: &ReleaseFolder, git: &Git<'_>, tag: &str, dir: &Path, ctx: &Ctx) -> Result<Facts, Fault> {
    let head = match (git.head()?, git.branch()?) {
        (None, _) => Head::NoCommit,
        (Some(commit), None) => Head::Detached(commit),
        (Some(commit), Some(name)) => Head::Branch { name, commit },
    };
    // The folder of the release itself may be new.
    let own = |path: &String| ctx.path(path).starts_with(dir);
    let mut changed = git.changes()?;
    changed.extend(git.untracked()?.into_iter().filter(|path| !own(path)));
    Ok(Facts {
        soak_verdict: release.snapshot.verdict.clone(),
        snapshot: release.snapshot.problems(ctx.clock.now(), false),
        bundle: release.violations.clone(),
        existing: git.tag(tag)?,
        changed,
        head,
        built_from: match &release.manifest {
            None => BuiltFrom::NoManifest,
            Some((manifest, _)) => manifest.git.clone().map_or(BuiltFrom::Unknown, BuiltFrom::Revision),
        },
    })
}
