//! `mmops make-ready`: one answer from the pre-live pack, readiness, and any further evidence the plan
//! requires. OK only when every part says yes; every reason for a no is listed.
use crate::format::json;

use crate::commands::{pre_live_pack, readiness};
use crate::ctx::Ctx;
use crate::evidence::requirement::{Found, Judged, Requirement};
use crate::format::config::Source;
use crate::format::json::typed;
use crate::report::exit::{self, Fault};
use crate::report::{CommandSpec, Conclusion, Report, Row, Status, render};
use crate::sys::fsio::AtomicFile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The plan that runs when none is named and the root has no file of its own.
const BUILT_IN: &str = include_str!("../../deploy/release/make_ready.yaml");
/// Where a root's own plan is.
const PLAN: &str = "deploy/release/make_ready.yaml";
/// The report; the Markdown form goes beside it.
const REPORT: &str = "artifacts/reports/MAKE_READY.json";

pub(crate) const SPEC: CommandSpec = CommandSpec::new("make-ready", "MAKE_READY", "BLOCKED").clamped();

/// Decide GO or HOLD from the pre-live pack, readiness and any further evidence the plan requires
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is required [default: `deploy/release/make_ready.yaml`, else the built-in plan]
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Accept evidence of simulated runs; stamped into the output
    #[arg(long)]
    pub(crate) allow_simulated: bool,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The plan's file, or `built-in`.
    plan: String,
}

/// `make_ready.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    pre_live_pack: PackPlan,
    readiness: ReadinessPlan,
    evidence: Vec<Requirement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PackPlan {
    plan: Option<PathBuf>,
    timeout: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadinessPlan {
    reports: Option<PathBuf>,
    out_json: PathBuf,
    window: u16,
    max_age: String,
    drills: Vec<Requirement>,
}

/// One component and what came of it.
struct Component {
    name: &'static str,
    doing: &'static str,
    answer: anyhow::Result<Report>,
}

/// Runs the components, judges the evidence, writes the report.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (plan, source) = load(args, ctx)?;
    let pack = pack_args(&plan)?;
    let score = score_args(args, &plan)?;
    let json_out = AtomicFile::create_anew(&ctx.path(REPORT))?;
    let md_out = AtomicFile::create_anew(&ctx.path(Path::new(REPORT).with_extension("md")))?;
    let components = [
        Component {
            name: "pre_live_pack",
            doing: "pre_live_pack --dry-run",
            answer: pre_live_pack::rehearse(&pack, ctx),
        },
        Component {
            name: "readiness",
            doing: "readiness score validation",
            answer: readiness(&score, args, &plan, ctx),
        },
    ];
    ctx.check_cancelled()?;
    let policy = ctx.evidence_policy(args.allow_simulated);
    let judge = |requirement: &Requirement| {
        let found = Found::of(typed::load(&ctx.path(&requirement.artifact)));
        requirement.judge(&found, &policy)
    };
    let evidence: Vec<Judged> = plan.evidence.iter().map(judge).collect();
    // The rehearsals of the pack are no evidence of a service.
    let rests_on_simulation =
        |component: &Component| component.answer.as_ref().is_ok_and(Report::is_simulated);
    let simulated = components.iter().any(rests_on_simulation) || evidence.iter().any(|one| one.simulated);
    let mut report = fold(&components, &evidence).body(&Body { plan: source }).simulated(simulated);
    ctx.stamp(&mut report);
    json_out.finish(json::document(&report.document()).as_bytes())?;
    md_out.finish(render::markdown::components(&report).as_bytes())?;
    Ok(report)
}

fn load(args: &Args, ctx: &Ctx) -> anyhow::Result<(Plan, String)> {
    let source = Source::of(args.plan.as_deref(), PLAN, BUILT_IN, "plan make_ready", &ctx.root)?;
    let (plan, source): (Plan, String) = (source.parse()?, source.name());
    let mut required = plan.evidence.iter().chain(&plan.readiness.drills);
    required
        .try_for_each(Requirement::check)
        .map_err(|reason| Fault::config(format!("plan `{source}` cannot be used: {reason}")))?;
    Ok((plan, source))
}

fn duration(key: &str, text: &str) -> Result<Duration, Fault> {
    humantime::parse_duration(text)
        .map_err(|error| Fault::config(format!("{key} is `{text}`: {error}; write 30s or 36h")))
}

fn pack_args(plan: &Plan) -> Result<pre_live_pack::Args, Fault> {
    let timeout = duration("pre_live_pack.timeout", &plan.pre_live_pack.timeout)?;
    Ok(pre_live_pack::Args::rehearsal(plan.pre_live_pack.plan.clone(), timeout))
}

fn score_args(args: &Args, plan: &Plan) -> Result<readiness::score::Args, Fault> {
    let readiness = &plan.readiness;
    if readiness.window == 0 {
        return Err(Fault::config("readiness.window is 0; a window of no days proves nothing"));
    }
    Ok(readiness::score::Args {
        reports: readiness.reports.clone(),
        out_json: readiness.out_json.clone(),
        window: readiness.window,
        max_age: duration("readiness.max_age", &readiness.max_age)?,
        drills: None,
        allow_simulated: args.allow_simulated,
    })
}

/// Scores, then validates the file that was just written; the validation's answer counts.
fn readiness(score: &readiness::score::Args, args: &Args, plan: &Plan, ctx: &Ctx) -> anyhow::Result<Report> {
    let scored = readiness::score::score_with(score, &plan.readiness.drills, ctx)?;
    let validated = readiness::validate::run_on_new(&score.out_json, args.allow_simulated, ctx)?;
    // The validator trusts nothing of the score; where both say no, the score's own reasons help more.
    Ok(if scored.is_ok() { validated } else { scored })
}

fn fold(components: &[Component], evidence: &[Judged]) -> Report {
    let mut rows = Vec::new();
    let mut preamble = Vec::new();
    for (at, component) in components.iter().enumerate() {
        let (word, code, row) = outcome(component);
        preamble.push(format!("[{}/{}] Running {}...", at + 1, components.len(), component.doing));
        preamble.push(format!("      Result: {word} (exit {code})"));
        rows.push(row);
    }
    rows.extend(evidence.iter().map(Judged::row));
    preamble.extend([String::new(), "SUMMARY".to_owned()]);
    let ok = rows.iter().all(|row| row.status == Status::Ok);
    let (status, value) = if ok { (Status::Ok, "OK") } else { (Status::Fail, "BLOCKED") };
    let written = components.iter().flat_map(|component| component.answer.iter().flat_map(Report::files));
    Report::new(&SPEC, "MAKE-READY", Conclusion::new(status, value))
        .rows(rows)
        .preamble(preamble)
        .evidence(written)
        .evidence([REPORT])
}

fn outcome(component: &Component) -> (String, u8, Row) {
    let report = match &component.answer {
        Err(error) => {
            let row = Row::new(component.name, Status::Fail).note("ERROR").reason(format!("{error:#}"));
            return ("ERROR".to_owned(), exit::classify(error).clamped().code(), row);
        }
        Ok(report) => report,
    };
    let word = match (component.name, report.is_ok()) {
        ("pre_live_pack", true) => "PASS",
        ("pre_live_pack", false) => "FAIL",
        _ => report.verdict(),
    };
    let status = if report.is_ok() { Status::Ok } else { Status::Fail };
    let row = Row::new(component.name, status).note(report.marker()).reasons(report.complaints());
    (word.to_owned(), report.exit().clamped().code(), row)
}
