//! `mmops canary checklist`: the first two days of a release on one page, with targets from its soak.

mod report;
mod verdict;

pub(crate) use report::{Body, SPEC};

use super::folder;
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::format::form::Form;
use crate::release::checklist;
use crate::report::Report;
use std::path::PathBuf;
use verdict::{Facts, Verdict};

/// Write the checklist of a release's first two days
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of the release, as `bundle release` builds it
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Where the checklist goes; not into the folder of the release, which is complete
    #[arg(long, value_name = "FILE", default_value = "artifacts/release/CANARY_CHECKLIST.md")]
    out: PathBuf,
}

/// What it writes. A folder of a release, which is complete, has no room for it.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let path = given.path("out").filter(|out| given.path("bundle").is_none_or(|dir| !out.starts_with(dir)));
    path.map(|path| Output::of_verdict("out", path, Form::Text(checklist::TITLE))).into_iter().collect()
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let shown = args.bundle.display().to_string();
    let dir = ctx.path(&args.bundle);
    let release = folder::load(&dir, &shown, ctx)?;
    let snapshot = &release.snapshot;
    let mut problems = snapshot.problems(ctx.clock.now(), true);
    problems.extend(release.violations);
    if ctx.path(&args.out).starts_with(&dir) {
        problems
            .push("--out lies in the folder of the release, which has no room for another file".to_owned());
    }
    let facts = Facts {
        soak_verdict: snapshot.verdict.clone(),
        is_simulated: snapshot.simulated,
        problems,
        has_manifest: release.manifest.is_some(),
    };
    let verdict = verdict::verdict(&facts);
    if let (Verdict::Complete, Some((manifest, sha256))) = (verdict, &release.manifest) {
        let name = format!("{} {}", manifest.name, manifest.version);
        let text = checklist::render(&name, &shown, sha256, snapshot);
        ctx.verdict_file(&args.out)?.finish(text.as_bytes())?;
    }
    Ok(report::report(args.out.display().to_string(), &facts, verdict))
}
