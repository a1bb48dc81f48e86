//! `mmops canary checklist`: the first two days of a release on one page, with targets from its soak. The page is a file
//! of the release; it is printed, or written elsewhere.

mod report;
mod verdict;

pub(crate) use report::{Body, SPEC};

use super::folder;
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::format::form::Form;
use crate::release::checklist;
use crate::release::signature::Signature;
use crate::report::Report;
use crate::sys::fsio;
use std::path::PathBuf;
use verdict::{Facts, Verdict};

/// Print the checklist of a release's first two days
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the release, as `bundle release` builds it
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Write the checklist to this file instead; not into the folder of the release, which is complete
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What it writes.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    given
        .path("out")
        .map(|path| Output::of_verdict("out", path, Form::Text(checklist::TITLE)))
        .into_iter()
        .collect()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let shown = args.bundle.display().to_string();
    let dir = fsio::canonical(&ctx.path(&args.bundle))?;
    let release = folder::load(&dir, &shown, None, ctx)?;
    let snapshot = &release.snapshot;
    let mut problems = snapshot.problems(&EvidencePolicy::new(&ctx.maker(), true));
    problems.extend(release.violations);
    // What was made by a chosen time counts where the time is chosen as well.
    if release.is_frozen && !ctx.clock.is_frozen() {
        problems.push("it was made under a frozen clock, which is not evidence".to_owned());
    }
    if let Signature::Refused(violations) = &release.signature {
        problems.extend(violations.iter().map(ToString::to_string));
    }
    let facts = Facts {
        soak_verdict: snapshot.verdict.clone(),
        is_simulated: snapshot.simulated,
        problems,
        has_manifest: release.manifest.is_some(),
        checklist: release.checklist,
    };
    let verdict = verdict::verdict(&facts);
    if let (Verdict::Complete, Some(out), Some(text)) = (verdict, &args.out, &facts.checklist) {
        ctx.verdict_file(out)?.finish(text.as_bytes())?;
    }
    Ok(report::report(args.out.as_ref().map(|out| out.display().to_string()), facts, verdict))
}
