//! `mmops canary checklist`: the first two days of a release on one page, with targets from its soak.

use crate::ctx::Ctx;
use crate::release::checklist;
use crate::report::{CommandSpec, Conclusion, Report, Row, Status};
use crate::sys::fsio::AtomicFile;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::PathBuf;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("canary checklist", "CANARY", "FAIL").named("canary");

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

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The checklist; null when none was written.
    checklist: Option<String>,
}

/// Writes the checklist.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let shown = args.bundle.display().to_string();
    let dir = ctx.path(&args.bundle);
    let release = super::load(&dir, &shown, ctx)?;
    let snapshot = &release.snapshot;
    let mut refusals = snapshot.refusals(ctx.clock.now(), true);
    refusals.extend(release.broken);
    if ctx.path(&args.out).starts_with(&dir) {
        refusals
            .push("--out lies in the folder of the release, which has no room for another file".to_owned());
    }
    let mut rows = vec![Row::judged("release", refusals).note(&snapshot.verdict)];
    if snapshot.simulated {
        rows.push(Row::new("simulated", Status::Warn).reason("the targets come from a simulated soak"));
    }
    let mut body = Body { checklist: None };
    let written = match &release.manifest {
        Some((manifest, sha256)) if rows[0].status == Status::Ok => {
            let name = format!("{} {}", manifest.name, manifest.version);
            let text = checklist::render(&name, &shown, sha256, snapshot);
            AtomicFile::create(&ctx.path(&args.out))?.finish(text.as_bytes())?;
            true
        }
        _ => false,
    };
    let (status, value) = if written { (Status::Ok, "CHECKLIST") } else { (Status::Fail, "FAIL") };
    body.checklist = written.then(|| args.out.display().to_string());
    let report = Report::new(&SPEC, "CANARY CHECKLIST", Conclusion::new(status, value));
    Ok(report.rows(rows).simulated(snapshot.simulated).body(&body).evidence(body.checklist))
}
