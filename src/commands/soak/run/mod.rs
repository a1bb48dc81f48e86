//! `mmops soak run`: watches a service iteration by iteration, keeps every sample, and judges the run.
//!
//! A run has a directory of its own, `artifacts/soak/RUN_<epoch_ms>`; `latest` names the newest. A run that was
//! stopped, however hard, goes on with `--resume`.

mod arguments;
mod engine;
mod matching;
mod planning;
mod publisher;
mod recorder;
mod source;

use super::document::JudgedRun;
use super::plan::SoakPlan;
use super::report::report;
use super::store::{self, Progress, RunStore};
use super::verdict::{Occasion, SoakFacts, SoakVerdict, verdict};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use publisher::StatusPublisher;
use source::Source;
use std::path::{Path, PathBuf};

pub(crate) use super::report::RUN as SPEC;
pub(crate) use arguments::Args;

pub(crate) use super::outputs::outputs;

/// Runs, or continues a run.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let publisher = StatusPublisher::start(args.serve)?;
    let lock = ctx.lock(&ctx.path(store::RUNS).join(".run.lock"))?;
    let (plan, store, progress) = start_or_resume(args, ctx)?;
    let dir = store.dir().to_owned();
    tracing::info!("run `{}`: {} iterations", ctx.show(&dir), plan.iterations);
    let finished = engine::execute(&plan, store, progress, publisher, ctx)?;
    let occasion = Occasion::Finished { stopped_by: finished.stopped_by };
    let facts = SoakFacts::new(&plan, finished.ledger, ctx.show(&dir), occasion);
    let verdict = verdict(&facts);
    if let SoakVerdict::Judged(verdict) = verdict {
        let (header, stamp) = (Header::new("", ctx.maker()), ctx.clock.stamp_utc());
        args.outputs.write(&JudgedRun { facts: &facts, verdict, header, stamp }, &dir, ctx)?;
    }
    drop(lock);
    Ok(report(&facts, verdict))
}

fn start_or_resume(args: &Args, ctx: &Ctx) -> Result<(SoakPlan, RunStore, Progress), Fault> {
    if args.resume
        && let Some((dir, plan)) = to_resume(ctx)?
    {
        check_resumed(args, &plan, &dir, ctx)?;
        let (store, progress) = RunStore::reopen(&dir, &plan, ctx)?;
        tracing::info!("resuming `{}` after {} iterations", ctx.show(&dir), progress.iterations.len());
        return Ok((plan, store, progress));
    }
    let plan = planning::plan(args, ctx)?;
    // A source that cannot be asked costs nothing before the run has a directory.
    Source::open(&plan, ctx)?;
    let store = RunStore::create(&plan, ctx)?;
    Ok((plan, store, Progress::default()))
}

/// The newest run, if there is one.
fn to_resume(ctx: &Ctx) -> Result<Option<(PathBuf, SoakPlan)>, Fault> {
    let latest = ctx.path(store::RUNS).join(store::LATEST);
    if fsio::exists(&latest)?
        && let Some(plan) = store::read_plan(&latest)?
    {
        return Ok(Some((fsio::canonical(&latest)?, plan)));
    }
    tracing::info!("nothing to resume: `{}` is no run", ctx.show(&latest));
    Ok(None)
}

/// A run goes on as it was started: what the command line says must be what the plan says.
fn check_resumed(args: &Args, kept: &SoakPlan, dir: &Path, ctx: &Ctx) -> Result<(), Fault> {
    if args.from.origin(None, ctx)?.is_none() {
        if !args.changes_the_plan() {
            return Ok(());
        }
        let message = "a run goes on as it was started, and --resume was given what would change it";
        let hint = "name the source as well to have all of it compared, or leave everything but --resume out";
        return Err(Fault::usage(message).hint(hint));
    }
    let mut asked = planning::plan(args, ctx)?;
    // When it was planned and started is all that the command line does not say.
    asked.header = Header { version: asked.header.version, ..kept.header.clone() };
    if args.from.from.is_none() {
        asked.started_at_ms = kept.started_at_ms;
    }
    let fields = |plan: &SoakPlan| serde_json::to_value(plan).expect("plain data serialises");
    let (asked, kept) = (fields(&asked), fields(kept));
    let kept = kept.as_object().expect("a plan is an object");
    let differs: Vec<&str> = kept
        .iter()
        .filter(|(key, value)| asked[key.as_str()] != **value)
        .map(|(key, _)| key.as_str())
        .collect();
    if differs.is_empty() {
        return Ok(());
    }
    let message = format!("the run `{}` was started otherwise: {} differ", ctx.show(dir), differs.join(", "));
    Err(Fault::config(message).hint("leave --resume out for a new run"))
}
