//! `mmops soak run`: watches a service iteration by iteration, keeps every sample, and judges the run.
//!
//! A run has a directory of its own, `artifacts/soak/RUN_<epoch_ms>`; `latest` names the newest. A run that was
//! stopped, however hard, goes on with `--resume`.

mod arguments;
mod engine;
mod matching;
mod planning;
mod progress_log;
mod publisher;
mod recorder;
mod source;

use super::answer::report;
use super::document::JudgedRun;
use super::document::SoakBody;
use super::plan::SoakPlan;
use super::probe::{Probed, inspect};
use super::replay::Replayed;
use super::store::{self, KeptPlan, RunStore};
use super::trail::Trail;
use super::verdict::{Occasion, SoakFacts, SoakVerdict, verdict};
use crate::ctx::Ctx;
use crate::evidence::header::Header;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use engine::{FinishedRun, Options, Progress};
use publisher::StatusPublisher;
use source::{ProbeDepth, Source};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub(crate) use super::answer::RUN as SPEC;
pub(crate) use arguments::{Args, PlanArgs};

pub(crate) use super::outputs::outputs;

/// Runs, or continues a run.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let publisher = StatusPublisher::start(args.serve)?;
    let lock = ctx.lock(&ctx.path(store::RUNS).join(".run.lock"))?;
    let Started { plan, dir, open, progress } = start_or_resume(args, ctx)?;
    let finished = if let Some((store, source)) = open {
        tracing::info!("run `{}`: {} iterations", ctx.show(&dir), plan.iterations);
        engine::execute(
            &plan,
            store,
            source,
            progress,
            Options { publisher, abort_on_fail: args.abort_on_fail },
            ctx,
        )?
    } else {
        tracing::info!("`{}` is finished: its verdict again", ctx.show(&dir));
        let (ledger, trail) = (plan.ledger(&progress.iterations), Trail::of(&progress.iterations));
        FinishedRun { ledger, trail, stopped_by: None, aborted_by: Vec::new() }
    };
    let FinishedRun { stopped_by, aborted_by, .. } = finished;
    let occasion = Occasion::Finished { stopped_by, aborted_by };
    let facts = SoakFacts::new(&plan, finished.ledger, finished.trail, ctx.show(&dir), occasion);
    let verdict = verdict(&facts);
    if let SoakVerdict::Judged(verdict) = verdict {
        args.outputs.write(&JudgedRun { facts: &facts, verdict }, &dir, ctx)?;
    }
    drop(lock);
    Ok(report(&facts, verdict, Vec::new(), &SoakBody::new(&facts)))
}

/// A run that begins, goes on, or is finished already.
struct Started {
    plan: SoakPlan,
    dir: PathBuf,
    /// None where nothing is left to be done.
    open: Option<(RunStore, Source)>,
    progress: Progress,
}

fn start_or_resume(args: &Args, ctx: &Ctx) -> Result<Started, Fault> {
    if args.resume
        && let Some((dir, kept)) = to_resume(ctx)?
    {
        check_resumed(args, &kept.plan, &dir, ctx)?;
        return resume(kept, dir, ctx);
    }
    let plan = planning::plan(&args.plan, ctx)?;
    // A source that cannot be asked costs nothing before the run has a directory.
    let mut source = Source::open(&plan, ctx)?;
    check_source(&mut source, &plan, args.allow_missing, ctx)?;
    let store = RunStore::create(&plan, ctx)?;
    let (collector, dir) = (plan.collector(), store.dir().to_owned());
    let progress = Progress { iterations: Vec::new(), collector, series: Vec::new(), is_resumed: false };
    Ok(Started { plan, dir, open: Some((store, source)), progress })
}

/// Asks the source once for all that the gates need: a name that is not there is no reason to wait three days.
fn check_source(source: &mut Source, plan: &SoakPlan, allow_missing: bool, ctx: &Ctx) -> Result<(), Fault> {
    let Some(probed) = source.probe(plan, ProbeDepth::Gated, ctx)? else { return Ok(()) };
    for problem in probed.failures.iter().chain(probed.faulty.iter().map(|family| &family.fault)) {
        tracing::warn!("{problem}");
    }
    // Where a part of the source cannot be asked, nobody knows what it would have.
    let is_whole = probed.failures.is_empty();
    if !is_whole {
        tracing::warn!("the run begins all the same, and what is not seen of it will be unknown");
    }
    let mut unknown = Vec::new();
    for check in inspect(plan, &probed, plan.origin.is_server()) {
        for problem in &check.problems {
            let text = format!("{}: {problem}", check.selector);
            let is_hopeless = (check.is_unknown && is_whole) || check.is_ambiguous;
            match (check.is_gated, is_hopeless && !allow_missing) {
                (true, true) => unknown.push(text),
                (true, false) if is_whole => tracing::warn!("{text}"),
                (true, false) | (false, _) => tracing::debug!("{text}"),
            }
        }
    }
    let Some(first) = unknown.first() else { return Ok(()) };
    let more = unknown.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    let hint = "`mmops soak check` names all of them; --match narrows a server to one service, \
                --allow-missing begins all the same";
    Err(Fault::config(format!("the gates cannot be judged by what the source has: {first}{more}")).hint(hint))
}

/// The plan of a command line, and what its source shows when it is asked once.
pub(super) fn ask_once(args: &PlanArgs, ctx: &Ctx) -> Result<(SoakPlan, Probed), Fault> {
    let plan = planning::plan(args, ctx)?;
    let mut source = Source::open(&plan, ctx)?;
    match source.probe(&plan, ProbeDepth::Everything, ctx)? {
        // Of what was never asked there is nothing to say.
        Some(Probed { failures, series, .. }) if series.is_empty() && !failures.is_empty() => {
            Err(Fault::api(failures.join("; ")).hint("start what shows the figures, or mend its address"))
        }
        Some(probed) => Ok((plan, probed)),
        None => Err(Fault::usage("a report file has no series to ask for")),
    }
}

/// Goes on with a run, if what it has kept is what a stop can leave.
fn resume(kept: KeptPlan, dir: PathBuf, ctx: &Ctx) -> Result<Started, Fault> {
    let journal = store::read_journal(&dir)?;
    let done = u32::try_from(journal.entries.len()).unwrap_or(u32::MAX);
    let replayed = store::replay(&dir, &kept.plan, &journal.entries)?;
    let problem = store::plan_problem(&kept, &journal)
        .or_else(|| replayed.recomputed.differences.first().cloned())
        .map_or_else(|| store::unrecorded(&dir, &kept.plan, done), |problem| Ok(Some(problem)))?;
    if let Some(problem) = problem {
        let message = format!("the run `{}` cannot go on: {problem}", ctx.show(&dir));
        let hint = "judge what is there with `mmops soak gate`, or begin a new run";
        return Err(Fault::config(message).hint(hint));
    }
    let open = if done < kept.plan.iterations {
        let source = Source::open(&kept.plan, ctx)?;
        tracing::info!("resuming `{}` after {done} iterations", ctx.show(&dir));
        Some((RunStore::reopen(&dir, &kept, &replayed, ctx)?, source))
    } else {
        None
    };
    let iterations = journal.entries.into_iter().map(|entry| entry.iteration).collect();
    let Replayed { collector, series, .. } = replayed;
    let progress = Progress { iterations, collector, series, is_resumed: true };
    Ok(Started { plan: kept.plan, dir, open, progress })
}

/// The newest run, if there is one.
fn to_resume(ctx: &Ctx) -> Result<Option<(PathBuf, KeptPlan)>, Fault> {
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
    if args.plan.from.origin(None, ctx)?.is_none() {
        if !args.plan.changes_the_plan() {
            return Ok(());
        }
        let message = "a run goes on as it was started, and --resume was given what would change it";
        let hint = "name the source as well to have all of it compared, or leave everything but --resume out";
        return Err(Fault::usage(message).hint(hint));
    }
    let mut asked = planning::plan(&args.plan, ctx)?;
    // When it was planned and started is all that the command line does not say.
    asked.header = Header { version: asked.header.version, ..kept.header.clone() };
    if args.plan.from.from.is_none() {
        asked.started_at_ms = kept.started_at_ms;
    }
    let fields = |plan: &SoakPlan| serde_json::to_value(plan).expect("plain data serialises");
    let (asked, kept) = (fields(&asked), fields(kept));
    let [asked, kept] = [&asked, &kept].map(|plan| plan.as_object().expect("a plan is an object"));
    let keys: BTreeSet<&String> = asked.keys().chain(kept.keys()).collect();
    let differs: Vec<&str> =
        keys.into_iter().filter(|key| asked.get(*key) != kept.get(*key)).map(String::as_str).collect();
    if differs.is_empty() {
        return Ok(());
    }
    let message = format!("the run `{}` was started otherwise: {} differ", ctx.show(dir), differs.join(", "));
    Err(Fault::config(message).hint("leave --resume out for a new run"))
}
