//! `mmops make-ready`: one answer from the pre-live pack, readiness, and any further evidence the plan
//! requires. OK only when every part says yes; every reason for a no is listed.

mod explain;
mod plan;
mod report;
mod soak;
mod verdict;

pub(crate) use plan::ReadyPlan;
pub(crate) use report::SPEC;

use crate::commands::readiness::found;
use crate::commands::{Given, Input, Output, pre_live_pack, readiness};
use crate::ctx::Ctx;
use crate::evidence::age::{EvidencePolicy, display};
use crate::evidence::entry::Entry;
use crate::evidence::explanation::Explanation;
use crate::evidence::header;
use crate::format::form::Form;
use crate::format::node;
use crate::report::exit::{self, Fault};
use crate::report::maker::Maker;
use crate::report::{Outcome, Report, render};
use crate::sys::fsio;
use explain::{Evidence, Explained};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use verdict::{Component, Facts};

/// The plan that runs when none is named and the root has no file of its own.
const BUILT_IN: &str = include_str!("../../../deploy/release/make_ready.yaml");
/// Where a root's own plan is.
pub(crate) const PLAN: &str = "deploy/release/make_ready.yaml";
/// The report; the Markdown form goes beside it.
const REPORT: &str = "artifacts/reports/MAKE_READY.json";

/// Decide GO or HOLD from the pre-live pack, readiness and any further evidence the plan requires
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is required, and by which gates the soak is judged [default: `deploy/release/make_ready.yaml`, else the built-in plan]
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Accept evidence of simulated runs; stamped into the output
    #[arg(long)]
    allow_simulated: bool,
    /// Add each rule with its margin, the smallest change that flips the answer, and when OK can be reached
    #[arg(long)]
    explain: bool,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The plan's file, or `built-in`.
    plan: String,
    /// Whether simulated evidence was accepted.
    allow_simulated: bool,
    /// What a plan can require and this one does not.
    not_required: Vec<&'static str>,
    /// How near the answer is to another one, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Explanation>,
}

/// What it writes, and where the pack and the score go: without this run they have no answer.
pub(crate) fn outputs(_: &Given) -> Vec<Output> {
    let parts = parts().into_iter().map(|(path, form)| Output::companion("", path, form));
    parts.chain(Output::with_markdown("", REPORT.into(), "make-ready", "# MAKE-READY\n")).collect()
}

/// Where the pack and the score go, and what they look like.
fn parts() -> Vec<(PathBuf, Form)> {
    let pack = pre_live_pack::written("", pre_live_pack::REPORT.into());
    let score = readiness::score::written("", "artifacts/reports/readiness.json".into());
    let part = |output: Output| Some((output.path.clone(), output.form()?));
    pack.into_iter().chain(score).filter_map(part).collect()
}

/// The files that only the plan, and the plan of its pack, name. Where the pack and the score go is an answer of
/// the same run, which the plan may ask for.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    let plan: Option<ReadyPlan> = ctx.configs.peek(given.path("plan").as_deref(), PLAN, BUILT_IN);
    let Some(plan) = plan else { return Vec::new() };
    let is_part = |input: &Input| {
        parts().iter().any(|(part, _)| fsio::same_file(&ctx.path(part), &ctx.path(&input.path)))
    };
    let steps = pre_live_pack::planned_by(plan.pre_live_pack.plan.as_deref(), ctx);
    steps.into_iter().chain(plan.files()).filter(|input| !is_part(input)).collect()
}

/// Refuses a plan by which the score would replace what the run reads.
fn refuse_clash(args: &Args, plan: &ReadyPlan, ctx: &Ctx) -> Result<(), Fault> {
    let score = &plan.readiness.out_json;
    let named = [(args.plan.as_deref(), PLAN), (plan.pre_live_pack.plan.as_deref(), pre_live_pack::PLAN)];
    let read = named.into_iter().map(|(named, own)| named.unwrap_or(Path::new(own)));
    let read = read.chain(plan.requirements().map(|requirement| Path::new(&requirement.artifact)));
    let read: Vec<&Path> = read.collect();
    let mut written = [score.clone(), score.with_extension("md")].into_iter();
    let clash = written.find_map(|written| {
        let is_same = |path: &&Path| fsio::same_file(&ctx.path(&written), &ctx.path(path));
        // The plan may ask for the score itself, where that has its usual name.
        let is_score = |path: &Path| path == score && parts().iter().any(|(part, _)| part == path);
        let found = read.iter().copied().filter(|path| !is_score(path)).find(is_same);
        found.map(|path| path.display().to_string())
    });
    clash.map_or(Ok(()), |path| {
        let message = format!("`{path}` is read by the plan, whose readiness.out_json would replace it");
        Err(Fault::usage(message).hint("a file that is written must not be another one of the same run"))
    })
}

/// Runs the components, judges the evidence, writes the report.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (plan, source) = load(args, ctx)?;
    refuse_clash(args, &plan, ctx)?;
    let pack = pack_args(&plan)?;
    let score = score_args(args, &plan)?;
    let json_out = ctx.verdict_file(REPORT)?;
    let md_out = ctx.companion_file(Path::new(REPORT).with_extension("md"))?;
    let (score_path, policy) =
        (&plan.readiness.out_json, EvidencePolicy::new(&ctx.maker(), args.allow_simulated));
    for output in readiness::score::written("", score_path.clone()) {
        output.form().map_or(Ok(()), |form| ctx.outputs.begin(&ctx.path(&output.path), form))?;
    }
    let rehearsed = pre_live_pack::rehearse(&pack, ctx);
    // What the components are judged by is read under its name.
    ctx.outputs.publish()?;
    let (scored, explanation) = readiness(&score, args, &plan, ctx)
        .map_or_else(|error| (Err(error), None), |(report, explanation)| (Ok(report), explanation));
    ctx.outputs.publish()?;
    let components = vec![
        component(
            "pre_live_pack",
            "pre_live_pack --dry-run",
            rehearsed,
            documents("pre_live_pack", Path::new(pre_live_pack::REPORT), ctx),
        ),
        component("readiness", "readiness score validation", scored, documents("readiness", score_path, ctx)),
    ];
    ctx.check_cancelled()?;
    let judge = found::judge(plan.requirements(), policy, ctx)?;
    let mut evidence = Vec::new();
    for requirement in &plan.evidence {
        let found = found::document(&requirement.artifact, ctx);
        let departures = soak::departures(&requirement.artifact, &found, &plan.soak_gates, ctx);
        evidence.push(Evidence { requirement, found, departures });
        ctx.check_cancelled()?;
    }
    let facts = Facts {
        components,
        evidence: evidence.iter().map(|evidence| evidence.entry(&judge)).collect(),
        not_required: plan.not_required(),
        allow_simulated: args.allow_simulated,
    };
    let explained = Explained { facts: &facts, evidence: &evidence, judge: &judge, readiness: explanation };
    let explanation = args.explain.then(|| explained.explanation());
    let mut report = report::report(&facts, explanation.as_ref());
    let body = Body {
        plan: source,
        allow_simulated: args.allow_simulated,
        not_required: facts.not_required.clone(),
        explanation,
    };
    report = report.body(&body).body(&ctx.config_body()).evidence([REPORT]);
    header::stamp(&mut report, ctx.maker());
    json_out.finish(render::json::render(&report).as_bytes())?;
    md_out.finish(render::markdown::components(&report).as_bytes())?;
    Ok(report)
}

fn load(args: &Args, ctx: &Ctx) -> anyhow::Result<(ReadyPlan, String)> {
    let source = ctx.configs.choose(args.plan.as_deref(), PLAN, BUILT_IN, "plan make_ready")?;
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
    Ok(readiness::score::Args {
        reports: readiness.reports.clone(),
        out_json: readiness.out_json.clone(),
        window: readiness.window,
        max_age: readiness.max_age().map_err(Fault::config)?,
        drills: None,
        allow_simulated: args.allow_simulated,
        explain: args.explain,
    })
}

/// Scores, then validates the file that was just written; the validation's answer counts. What explains the score
/// comes beside it.
fn readiness(
    score: &readiness::score::Args,
    args: &Args,
    plan: &ReadyPlan,
    ctx: &Ctx,
) -> anyhow::Result<(Report, Option<Explanation>)> {
    let scored = readiness::score::score_with(score, &plan.readiness.drills, ctx)?;
    let explanation = scored.document().get("explanation").cloned();
    let explanation = explanation.and_then(|explanation| node::from_json(explanation).ok());
    if !scored.is_ok() {
        return Ok((scored, explanation));
    }
    // The validator reads what stands under its name.
    ctx.outputs.publish()?;
    let validation = readiness::validate::Args {
        file: score.out_json.clone(),
        reports: Some(score.reports.clone().unwrap_or_else(|| PathBuf::from(found::REPORTS))),
        max_age: score.max_age,
        allow_simulated: args.allow_simulated,
    };
    Ok((readiness::validate::run(&validation, ctx)?, explanation))
}

/// The entries of what a component wrote, and of what that names as its evidence.
fn documents(name: &str, path: &Path, ctx: &Ctx) -> Vec<Entry> {
    let document = found::document(&path.display().to_string(), ctx);
    let (entry, header) = Entry::of(name, &path.display().to_string(), &document);
    let Maker { now, .. } = ctx.maker();
    let made_at = header.and_then(|header| header.observed_to.or(header.made_at));
    let age = made_at.and_then(|made_at| std::time::Duration::try_from(now.duration_since(made_at)).ok());
    let inner = document.ok().and_then(|document| document.content.get("drills").cloned());
    let inner: Vec<Entry> = inner.and_then(|drills| node::from_json(drills).ok()).unwrap_or_default();
    std::iter::once(Entry { age: age.map(display), ..entry }).chain(inner).collect()
}

fn component(
    name: &'static str,
    title: &'static str,
    answer: anyhow::Result<Report>,
    mut documents: Vec<Entry>,
) -> Component {
    if let (Ok(report), Some(own)) = (&answer, documents.first_mut()) {
        // A document does not count where the answer that it holds is a no.
        let refusal = (!report.is_ok()).then(|| format!("`{}` says {}", own.path, report.marker()));
        *own = own.clone().also(refusal);
    }
    match answer {
        Ok(report) => Component {
            name,
            title,
            answer: Outcome::of(report.is_ok()),
            exit_code: report.exit().clamped().code(),
            word: match (name, report.is_ok()) {
                ("pre_live_pack", true) => "PASS",
                ("pre_live_pack", false) => "FAIL",
                _ => report.verdict(),
            },
            marker: report.marker(),
            reasons: if report.is_ok() { report.warnings().collect() } else { report.complaints().collect() },
            documents,
            simulated: report.is_simulated(),
        },
        Err(error) => Component {
            name,
            title,
            answer: Outcome::Unknown,
            exit_code: exit::classify(&error).clamped().code(),
            word: "ERROR",
            marker: "ERROR".to_owned(),
            reasons: vec![format!("{error:#}")],
            documents: Vec::new(),
            simulated: false,
        },
    }
}
