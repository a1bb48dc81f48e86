//! `mmops readiness validate FILE`: 0 for a valid GO, 1 for HOLD, BLOCK or any fault, 3 for a file that
//! is no readiness file.

use super::check;
use super::verdict::confirmed;
use crate::ctx::Ctx;
use crate::evidence::age::{AgeSource, EvidencePolicy, display, judge_age};
use crate::evidence::header::Header;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Outcome, Report, Row};
use crate::sys::json_file;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("readiness validate", "READINESS", "HOLD").named("readiness");

/// Check a score file: structure, ranges, sum, verdict, age
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Score file, such as artifacts/reports/readiness.json
    pub(crate) file: PathBuf,
    /// Largest age of the file
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
    /// Accept a score that rests on simulated runs
    #[arg(long)]
    pub(crate) allow_simulated: bool,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The score in the file, if it is a number.
    score: Option<f64>,
}

/// Validates the file, its age included.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (document, modified) = json_file::load(&ctx.path(&args.file))?;
    judge(&args.file, &document, args.allow_simulated, (modified, args.max_age), ctx)
}

/// Validates a score that this run has just written; its age is not in question.
pub(crate) fn run_on_new(file: &Path, allow_simulated: bool, ctx: &Ctx) -> anyhow::Result<Report> {
    let (document, _) = json_file::load(&ctx.path(file))?;
    judge(file, &document, allow_simulated, (ctx.clock.now(), Duration::MAX), ctx)
}

fn judge(
    file: &Path,
    document: &Value,
    allow_simulated: bool,
    (modified, max_age): (Timestamp, Duration),
    ctx: &Ctx,
) -> anyhow::Result<Report> {
    let mut faults = check::faults(document)
        .map_err(|reason| Fault::config(format!("`{}` is not a readiness file: {reason}", file.display())))?;
    let (subject, policy) = ("The score", EvidencePolicy::new(&ctx.maker(), allow_simulated));
    let header = Header::read(document);
    match &header {
        Ok(header) => {
            let age = judge_age(header, AgeSource::Outside(modified), max_age, &policy);
            faults.extend(age.refusal(subject, &display(max_age)));
            faults.extend(policy.simulation_refusal(header, subject));
        }
        Err(reason) => faults.push(format!("{subject}: {reason}")),
    }
    // What does not say so clearly is taken for a simulation.
    let simulated = header.map_or(true, |header| header.simulated);
    let verdict = confirmed(check::claimed(document), &faults);
    let score = document.get("score").and_then(Value::as_f64);
    let note = score.map_or_else(String::new, |score| format!("score={score}"));
    let mut rows = vec![Row::new("valid", Outcome::of_refusals(&faults)).note(note)];
    rows.extend(faults.iter().map(|fault| Row::new("fault", Outcome::Fail).reason(fault)));
    let report = Report::new(&SPEC, "READINESS VALIDATION", verdict.conclusion()).rows(rows);
    Ok(report.body(&Body { score }).simulated(simulated).evidence([file.display().to_string()]))
}
