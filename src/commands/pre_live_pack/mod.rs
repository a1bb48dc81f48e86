//! `mmops pre-live-pack --dry-run`: runs the dress rehearsals as child processes and says whether every
//! one of them passes.
//!
//! A step that cannot start, times out, dies by a signal, exits non-zero or leaves processes behind is
//! FAIL; one whose need failed is SKIP and the pack is FAILED.

mod step;
pub(crate) mod steps;
use crate::format::json;

use crate::commands::pre_live_pack::steps::{Plan, State};
use crate::ctx::Ctx;
use crate::format::config::Source;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Outcome, Report, Row, Status, render};
use crate::sys::fsio::AtomicFile;
use crate::sys::proc;
use crate::sys::work::{self, Queue};
use clap::Args as _;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use step::Ran;

/// The plan that runs when none is named and the root has no file of its own.
const BUILT_IN: &str = include_str!("../../../deploy/release/pre_live.yaml");
/// Where a root's own plan is.
const PLAN: &str = "deploy/release/pre_live.yaml";

pub(crate) const SPEC: CommandSpec = CommandSpec::new("pre-live-pack", "PRE_LIVE_PACK", "FAILED").clamped();
const TITLE: &str = "PRE-LIVE PACK DRY-RUN RESULTS";

/// Run the dress rehearsals and say whether all of them pass
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the rehearsals; nothing outside artifacts/ is written
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Steps to run [default: `deploy/release/pre_live.yaml`, else the built-in plan]
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Run this step alone (can be repeated); the pack is then PARTIAL and never OK
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Time after which a step without a timeout of its own is stopped
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    /// Steps that run side by side [default: number of processors]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Where the report with the output of every step goes; the Markdown form goes beside it
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/PRE_LIVE_PACK.json")]
    pub(crate) report: PathBuf,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The plan's file, or `built-in`.
    plan: String,
}

impl Args {
    /// The arguments of a rehearsal as `make-ready` runs it.
    pub(crate) fn rehearsal(plan: Option<PathBuf>, timeout: Duration) -> Self {
        Self {
            dry_run: true,
            plan,
            only: Vec::new(),
            timeout,
            jobs: None,
            report: PathBuf::from("artifacts/reports/PRE_LIVE_PACK.json"),
        }
    }
}

/// Runs the plan; without `--dry-run`, returns the usage.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    if args.dry_run {
        return rehearse(args, ctx);
    }
    let usage = Args::augment_args(clap::Command::new("mmops pre-live-pack")).render_usage();
    let reason = "pre-live-pack only rehearses: pass --dry-run";
    Ok(Report::new(&SPEC, TITLE, Conclusion::new(Outcome::Fail, "FAILED"))
        .rows(vec![Row::new("usage", Outcome::Fail).reason(reason)])
        .usage(format!("{usage}\n\n{reason}")))
}

/// Runs the plan and writes the report.
pub(crate) fn rehearse(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (plan, source) = load(args, ctx)?;
    let selected = select(args, &plan)?;
    let json = AtomicFile::create_anew(&ctx.path(&args.report))?;
    let markdown = AtomicFile::create_anew(&ctx.path(args.report.with_extension("md")))?;
    // A step that was not selected holds no other back; its row is SKIP all the same.
    let states = selected.iter().map(|yes| if *yes { State::Waiting } else { State::Passed }).collect();
    let board = execute(args, ctx, &plan, states)?;
    let is_partial = !args.only.is_empty();
    let rehearsal = Rehearsal { plan, selected, is_partial, board, left_behind: proc::sweep() };
    let mut report = rehearsal
        .report(ctx.clock.is_frozen())
        .body(&Body { plan: source })
        .evidence([shown(&args.report), shown(&args.report.with_extension("md"))]);
    ctx.stamp(&mut report);
    json.finish(json::document(&report.document()).as_bytes())?;
    let outputs = step::outputs(&rehearsal.plan.steps, &rehearsal.board.ran);
    markdown.finish((render::markdown::steps(&report) + &outputs).as_bytes())?;
    Ok(report)
}

fn load(args: &Args, ctx: &Ctx) -> anyhow::Result<(Plan, String)> {
    let source = Source::of(args.plan.as_deref(), PLAN, BUILT_IN, "plan pre_live", &ctx.root)?;
    let (plan, source): (Plan, String) = (source.parse()?, source.name());
    let bad = |reason: String| Fault::config(format!("plan `{source}` cannot be used: {reason}"));
    plan.check().map_err(bad)?;
    for step in &plan.steps {
        step::timeout(step, args.timeout).map_err(bad)?;
    }
    Ok((plan, source))
}

fn select(args: &Args, plan: &Plan) -> anyhow::Result<Vec<bool>> {
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    if let Some(wrong) = args.only.iter().find(|name| !names.contains(&name.as_str())) {
        let message = format!("--only {wrong}: no such step; the plan has {}", names.join(", "));
        return Err(Fault::usage(message).into());
    }
    Ok(names.iter().map(|name| args.only.is_empty() || args.only.iter().any(|only| only == name)).collect())
}

/// What the workers share, and what they leave behind.
struct Board {
    states: Vec<State>,
    ran: Vec<Option<Ran>>,
}

fn execute(args: &Args, ctx: &Ctx, plan: &Plan, states: Vec<State>) -> anyhow::Result<Board> {
    let jobs = args.jobs.unwrap_or_else(work::processors).clamp(1, plan.steps.len());
    let runner = step::Runner::new(ctx, args.timeout)?;
    let ran = plan.steps.iter().map(|_| None).collect();
    let queue = Queue::new(Board { states, ran });
    let next = |board: &mut Board| {
        let at = plan.next(&mut board.states)?;
        board.states[at] = State::Running;
        Some(at)
    };
    work::on_threads(jobs, || {
        while let Some((at, running)) = queue.take(next) {
            let outcome = runner.run_caught(&plan.steps[at], ctx);
            let state = if outcome.failure.is_none() { State::Passed } else { State::Failed };
            tracing::debug!("step {} ended: {state:?}", plan.steps[at].name);
            running.finish(|board| {
                board.states[at] = state;
                board.ran[at] = Some(outcome);
            });
        }
    });
    Ok(queue.into_state())
}

/// A plan and what became of it.
struct Rehearsal {
    plan: Plan,
    selected: Vec<bool>,
    /// Steps were asked for by name, even if these were all there are.
    is_partial: bool,
    board: Board,
    left_behind: usize,
}

impl Rehearsal {
    fn report(&self, frozen: bool) -> Report {
        let mut rows: Vec<Row> = (0..self.plan.steps.len()).map(|at| self.row(at, frozen)).collect();
        if self.left_behind > 0 {
            let reason =
                format!("{} processes that no step owns were left behind and killed", self.left_behind);
            rows.push(Row::new("left_behind", Status::Fail).reason(reason));
        }
        let (status, value) = if self.is_partial {
            (Status::Fail, "PARTIAL")
        } else if rows.iter().all(|row| row.status == Status::Ok) {
            (Status::Ok, "DRYRUN")
        } else {
            (Status::Fail, "FAILED")
        };
        Report::new(&SPEC, TITLE, Conclusion::new(status, value)).rows(rows)
    }

    fn row(&self, at: usize, frozen: bool) -> Row {
        let step = &self.plan.steps[at];
        if let Some(ran) = &self.board.ran[at] {
            return ran.row(step, frozen);
        }
        let reason = if self.selected[at] {
            let need = self.plan.unmet_need(at, &self.board.states).unwrap_or("an earlier step");
            format!("not run: it needs `{need}`, which is not OK")
        } else {
            "not selected by --only".to_owned()
        };
        Row::new(&step.name, Status::Skip).reason(reason)
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
