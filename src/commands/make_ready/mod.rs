//! `mmops make-ready`: one answer from the pre-live pack, readiness, and any further evidence the plan
//! requires. OK only when every part says yes; every reason for a no is listed.

mod plan;
mod report;
mod verdict;

pub(crate) use report::SPEC;

use crate::commands::{pre_live_pack, readiness};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::header;
use crate::evidence::requirement::{Found, Requirement};
use crate::report::exit::{self, Fault};
use crate::report::{Outcome, Report, render};
use crate::sys::config::Source;
use crate::sys::fsio::AtomicFile;
use crate::sys::json_file;
use plan::ReadyPlan;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use verdict::{Component, Facts};

/// The plan that runs when none is named and the root has no file of its own.
const BUILT_IN: &str = include_str!("../../../deploy/release/make_ready.yaml");
/// Where a root's own plan is.
const PLAN: &str = "deploy/release/make_ready.yaml";
/// The report; the Markdown form goes beside it.
const REPORT: &str = "artifacts/reports/MAKE_READY.json";

/// Decide GO or HOLD from the pre-live pack, readiness and any further evidence the plan requires
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is required [default: `deploy/release/make_ready.yaml`, else the built-in plan]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Accept evidence of simulated runs; stamped into the output
    #[arg(long)]
    allow_simulated: bool,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The plan's file, or `built-in`.
    plan: String,
}

/// Runs the components, judges the evidence, writes the report.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (plan, source) = load(args, ctx)?;
    let pack = pack_args(&plan)?;
    let score = score_args(args, &plan)?;
    let json_out = AtomicFile::create_anew(&ctx.path(REPORT))?;
    let md_out = AtomicFile::create_anew(&ctx.path(Path::new(REPORT).with_extension("md")))?;
    let components = vec![
        component("pre_live_pack", "pre_live_pack --dry-run", pre_live_pack::rehearse(&pack, ctx)),
        component("readiness", "readiness score validation", readiness(&score, args, &plan, ctx)),
    ];
    ctx.check_cancelled()?;
    let policy = EvidencePolicy::new(&ctx.maker(), args.allow_simulated);
    let judge = |requirement: &Requirement| {
        let found = Found::of(json_file::load(&ctx.path(&requirement.artifact)));
        requirement.judge(&found, &policy)
    };
    let facts = Facts { components, evidence: plan.evidence.iter().map(judge).collect() };
    let mut report = report::report(&facts).body(&Body { plan: source }).evidence([REPORT]);
    header::stamp(&mut report, ctx.maker());
    json_out.finish(render::json::render(&report).as_bytes())?;
    md_out.finish(render::markdown::components(&report).as_bytes())?;
    Ok(report)
}

fn load(args: &Args, ctx: &Ctx) -> anyhow::Result<(ReadyPlan, String)> {
    let source = Source::of(args.plan.as_deref(), PLAN, BUILT_IN, "plan make_ready", &ctx.root)?;
    let (plan, source): (ReadyPlan, String) = (source.parse()?, source.name());
    plan.check().map_err(|reason| Fault::config(format!("plan `{source}` cannot be used: {reason}")))?;
    Ok((plan, source))
}

fn pack_args(plan: &ReadyPlan) -> Result<pre_live_pack::Args, Fault> {
    let timeout = plan.pre_live_pack.timeout().map_err(Fault::config)?;
    Ok(pre_live_pack::Args::rehearsal(plan.pre_live_pack.plan.clone(), timeout))
}

fn score_args(args: &Args, plan: &ReadyPlan) -> Result<readiness::score::Args, Fault> {
    let readiness = &plan.readiness;
    if readiness.window == 0 {
        return Err(Fault::config("readiness.window is 0; a window of no days proves nothing"));
    }
    Ok(readiness::score::Args {
        reports: readiness.reports.clone(),
        out_json: readiness.out_json.clone(),
        window: readiness.window,
        max_age: readiness.max_age().map_err(Fault::config)?,
        drills: None,
        allow_simulated: args.allow_simulated,
    })
}

/// Scores, then validates the file that was just written; the validation's answer counts.
fn readiness(
    score: &readiness::score::Args,
    args: &Args,
    plan: &ReadyPlan,
    ctx: &Ctx,
) -> anyhow::Result<Report> {
    let scored = readiness::score::score_with(score, &plan.readiness.drills, ctx)?;
    let validated = readiness::validate::run_on_new(&score.out_json, args.allow_simulated, ctx)?;
    // The validator trusts nothing of the score; where both say no, the score's own reasons help more.
    Ok(if scored.is_ok() { validated } else { scored })
}

fn component(name: &'static str, title: &'static str, answer: anyhow::Result<Report>) -> Component {
    match answer {
        Ok(report) => Component {
            name,
            title,
            outcome: Outcome::of(report.is_ok()),
            exit_code: report.exit().clamped().code(),
            word: match (name, report.is_ok()) {
                ("pre_live_pack", true) => "PASS",
                ("pre_live_pack", false) => "FAIL",
                _ => report.verdict(),
            },
            marker: report.marker(),
            reasons: report.complaints().collect(),
            files: report.files().to_vec(),
            simulated: report.is_simulated(),
        },
        Err(error) => Component {
            name,
            title,
            outcome: Outcome::Unknown,
            exit_code: exit::classify(&error).clamped().code(),
            word: "ERROR",
            marker: "ERROR".to_owned(),
            reasons: vec![format!("{error:#}")],
            files: Vec::new(),
            simulated: false,
        },
    }
}
