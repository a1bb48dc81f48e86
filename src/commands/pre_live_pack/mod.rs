//! `mmops pre-live-pack --dry-run`: runs the dress rehearsals as child processes and says whether every
//! one of them passes.
//!
//! A step that cannot start, times out, dies by a signal, exits non-zero or leaves processes behind is
//! FAIL; one whose need failed is SKIP and the pack is FAILED.

mod plan;
mod report;
mod runner;
mod verdict;

pub(crate) use plan::PackPlan;
pub(crate) use report::SPEC;

use crate::commands::{Given, Input, Output};
use crate::ctx::Ctx;
use crate::evidence::header;
use crate::format::duration;
use crate::report::exit::Fault;
use crate::report::{Report, render};
use crate::sys::work;
use clap::Args as _;
use runner::{RunOptions, Runner};
use schemars::JsonSchema;
use serde::Serialize;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;
use verdict::{Facts, StepFact};

/// The plan that runs when none is named and the root has no file of its own.
const BUILT_IN: &str = include_str!("../../../deploy/release/pre_live.yaml");
/// Where a root's own plan is.
pub(crate) const PLAN: &str = "deploy/release/pre_live.yaml";
/// Where the report goes unless another place is named.
pub(crate) const REPORT: &str = "artifacts/reports/PRE_LIVE_PACK.json";

/// Run the dress rehearsals and say whether all of them pass
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the rehearsals; nothing outside artifacts/ is written
    #[arg(long)]
    dry_run: bool,
    /// Steps to run [default: `deploy/release/pre_live.yaml`, else the built-in plan]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Run this step alone (can be repeated); the pack is then PARTIAL and never OK
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Leave this step out (can be repeated); the pack is then PARTIAL and never OK
    #[arg(long, value_name = "NAME")]
    skip: Vec<String>,
    /// Start no more steps once one has failed
    #[arg(long)]
    fail_fast: bool,
    /// Time after which the whole pack is stopped
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    deadline: Option<Duration>,
    /// Time after which a step without a timeout of its own is stopped
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
    /// Steps that run side by side [default: number of processors]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<u16>>,
    /// Write the output of every step to a file of its own in this directory, while the step runs
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Where the report with the output of every step goes; the Markdown form goes beside it
    #[arg(long, value_name = "FILE", default_value = REPORT)]
    report: PathBuf,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The plan's file, or `built-in`; null where nothing was rehearsed.
    plan: Option<String>,
}

impl Args {
    /// The arguments of a rehearsal as `make-ready` runs it.
    pub(crate) fn rehearsal(plan: Option<PathBuf>, timeout: Duration) -> Self {
        Self {
            dry_run: true,
            plan,
            only: Vec::new(),
            skip: Vec::new(),
            fail_fast: false,
            deadline: None,
            timeout,
            jobs: None,
            logs: None,
            report: PathBuf::from(REPORT),
        }
    }
}

/// What a pack writes.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    given.path("report").map(|path| written("report", path)).unwrap_or_default()
}

/// A report and its readable form.
pub(crate) fn written(option: &'static str, path: PathBuf) -> Vec<Output> {
    Output::with_markdown(option, path, "pre-live-pack", report::PAGE_TITLE)
}

/// The files that the steps of a plan name: no output of the run may be one.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    planned_by(given.path("plan").as_deref(), ctx)
}

/// The same of the plan that was named, or the root's own.
pub(crate) fn planned_by(plan: Option<&Path>, ctx: &Ctx) -> Vec<Input> {
    let plan: Option<PackPlan> = ctx.configs.peek(plan, PLAN, BUILT_IN);
    plan.iter().flat_map(PackPlan::files).collect()
}

/// Runs the plan; without `--dry-run`, returns the usage.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    if args.dry_run {
        return rehearse(args, ctx);
    }
    let usage = Args::augment_args(clap::Command::new("mmops pre-live-pack")).render_usage();
    Ok(report::usage(&usage.to_string()).body(&Body { plan: None }))
}

/// Runs the plan and writes the report.
pub(crate) fn rehearse(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (plan, source) = load(args, ctx)?;
    let left_out = left_out(args, &plan)?;
    let markdown_path = args.report.with_extension("md");
    let json = ctx.verdict_file(&args.report)?;
    let markdown = ctx.companion_file(&markdown_path)?;
    let options = RunOptions {
        timeout: args.timeout,
        deadline: args.deadline,
        is_fail_fast: args.fail_fast,
        jobs: args.jobs.map_or_else(work::processors, |jobs| usize::from(jobs.get())),
        logs: args.logs.clone(),
    };
    let steps = Runner::new(ctx, &plan, &options)?.run_all(left_out);
    let facts = Facts { steps, is_partial: !(args.only.is_empty() && args.skip.is_empty()) };
    let mut report = report::report(&plan.steps, &facts, ctx.clock.is_frozen())
        .body(&Body { plan: Some(source) })
        .body(&ctx.config_body())
        .evidence([&args.report, &markdown_path].map(|path| path.display().to_string()));
    header::stamp(&mut report, ctx.maker());
    json.finish(render::json::render(&report).as_bytes())?;
    let page = render::markdown::steps(&report) + &report::outputs(&plan.steps, &facts);
    markdown.finish(page.as_bytes())?;
    Ok(report)
}

fn load(args: &Args, ctx: &Ctx) -> anyhow::Result<(PackPlan, String)> {
    let source = ctx.configs.choose(args.plan.as_deref(), PLAN, BUILT_IN, "plan pre_live")?;
    let (plan, source): (PackPlan, String) = (source.parse()?, source.name());
    plan.check(args.timeout)
        .map_err(|reason| Fault::config(format!("plan `{source}` cannot be used: {reason}")))?;
    Ok((plan, source))
}

/// The steps that are not to be run.
fn left_out(args: &Args, plan: &PackPlan) -> anyhow::Result<Vec<Option<StepFact>>> {
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    for (option, chosen) in [("--only", &args.only), ("--skip", &args.skip)] {
        if let Some(wrong) = chosen.iter().find(|name| !names.contains(&name.as_str())) {
            let message = format!("{option} {wrong}: no such step; the plan has {}", names.join(", "));
            return Err(Fault::usage(message).into());
        }
    }
    let is_in = |list: &[String], name: &str| list.iter().any(|known| known == name);
    let fact = |name: &&str| match () {
        () if !(args.only.is_empty() || is_in(&args.only, name)) => Some("not selected by --only"),
        () if is_in(&args.skip, name) => Some("left out by --skip"),
        () => None,
    };
    Ok(names.iter().map(|name| fact(name).map(|why| StepFact::NotStarted(why.to_owned()))).collect())
}
