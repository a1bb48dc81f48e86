//! `mmops chaos failover`: does a standby take over in time, alone, and without touching an order twice?
//! Reads nothing; starts real processes, hits the leader, and judges what they left behind.

mod arguments;
pub(crate) mod document;
mod finding;
mod report;
mod timeline;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use arguments::Args;
pub(crate) use report::SPEC;

use crate::commands::chaos::drill::run::Drill;
use crate::commands::chaos::run_log::{RunLog, Scenario};
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::evidence::header;
use crate::format::form::Form;
use crate::report::exit::Fault;
use crate::report::{Report, render};
use crate::sys::fsio::{self, ScratchDir};
use crate::sys::{env, progress, work};
use report::Circumstances;
use std::path::Path;
use std::sync::OnceLock;
use verdict::Facts;

/// What a drill writes.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let path = arguments::document(given.is_set("dry_run"), given.path("out_json").as_deref());
    vec![Output::of_verdict("out-json", path, Form::Document("chaos-failover"))]
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let plan = args.plan()?;
    let binary = env::own_binary()
        .map_err(|error| Fault::dependency(format!("failed to find the running binary: {error}")))?;
    let (store, out) = args.paths();
    let out = ctx.path(out);
    let pending = ctx.verdict_file(&out)?;
    let scratch = ScratchDir::create_in(&ctx.path(store), "chaos-failover")?;
    let runs = run_all(args, ctx, &Drill { binary, plan: plan.clone() }, scratch.path())?;
    let facts = Facts { plan, runs };
    let verdict = verdict::verdict(&facts);
    let logs = if verdict.outcome().is_yes() { None } else { Some(ctx.show(&scratch.keep()?)) };
    let circumstances = Circumstances {
        dry_run: args.dry_run,
        measured: !ctx.clock.is_frozen(),
        document: ctx.show(&out),
        logs,
    };
    let mut report = report::report(&facts, &verdict, &circumstances);
    header::stamp(&mut report, ctx.maker());
    pending.finish(render::json::render(&report).as_bytes())?;
    Ok(report)
}

/// Runs every run, some side by side; most of a run is waiting. The first error ends all.
fn run_all(args: &Args, ctx: &Ctx, drill: &Drill, scratch: &Path) -> anyhow::Result<Vec<RunLog>> {
    let runs = args.runs as usize;
    let failure: OnceLock<(usize, anyhow::Error)> = OnceLock::new();
    let bar = progress::bar(ctx.progress, u64::from(args.runs), "failovers");
    let stop = || {
        ctx.check_cancelled()?;
        if failure.get().is_some() { Err(Fault::stalled("another run failed")) } else { Ok(()) }
    };
    // A node dies with the thread that started it, which is the thread that runs its drill to the end.
    let logs: Option<Vec<RunLog>> = work::map(args.jobs as usize, runs, |index| {
        let log = one(drill, index, scratch, &stop);
        bar.inc(1);
        log.map_err(|error| failure.set((index, error))).ok()
    });
    bar.finish_and_clear();
    ctx.check_cancelled()?;
    if let Some((index, error)) = failure.into_inner() {
        return Err(error.context(format!("run {} could not be done", index + 1)));
    }
    Ok(logs.expect("every run was done"))
}

fn one(
    drill: &Drill,
    index: usize,
    scratch: &Path,
    stop: &dyn Fn() -> Result<(), Fault>,
) -> anyhow::Result<RunLog> {
    let dir = scratch.join(format!("run-{:04}", index + 1));
    fsio::create_dir(&dir)?;
    let mut drill = drill.clone();
    if drill.plan.scenario != Scenario::Healthy {
        drill.plan.after += drill.plan.renew.mul_f64(phase(index));
    }
    drill.run(&dir, stop)
}

/// Where within one renewal interval a run is hit, in `[0, 1)`: multiples of the golden ratio, which
/// spread evenly however many there are. The first is 0.
fn phase(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_749_895).fract()
}
