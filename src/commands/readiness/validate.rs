//! `mmops readiness validate FILE`: 0 for a valid GO, 1 for HOLD, BLOCK or any fault, 3 for a file that
//! is no readiness file. The file is computed again, of its own days and with `--reports` of the reports.

use super::recompute::{Inputs, Recorded};
use super::verdict::confirmed;
use super::{check, found};
use crate::ctx::Ctx;
use crate::evidence::age::{Age, AgeSource, EvidencePolicy, display, judge_age};
use crate::evidence::daily::{self, Rules};
use crate::evidence::header::Header;
use crate::format::duration;
use crate::release::identity;
use crate::report::exit::Fault;
use crate::report::maker::ClockKind;
use crate::report::{CommandSpec, Outcome, Report, Row};
use crate::sys::json_file;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("readiness validate", "READINESS", "HOLD").named("readiness");

/// Compute a score file again: structure, points, verdict, age, and with --reports every figure
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Score file, such as artifacts/reports/readiness.json
    pub(crate) file: PathBuf,
    /// Directory of the reports that the score was made of; every figure and hash is compared with them
    #[arg(long, value_name = "DIR")]
    pub(crate) reports: Option<PathBuf>,
    /// Largest age of the newest day, from its end; the file itself may not be older either
    #[arg(long, value_name = "DURATION", default_value = "36h", value_parser = duration::parse)]
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
    let file = args.file.display().to_string();
    let (document, modified) = json_file::load(&ctx.path(&args.file))?;
    let mut faults = check::faults(&document)
        .map_err(|reason| Fault::config(format!("`{file}` is not a readiness file: {reason}")))?;
    let header = Header::read(&document);
    match &header {
        Ok(header) if faults.is_empty() => faults = judge(args, &document, header, modified, ctx)?,
        Ok(_) => {}
        Err(reason) => faults.push(format!("The score: {reason}")),
    }
    // What does not say so clearly is taken for a simulation.
    let simulated = header.map_or(true, |header| header.simulated);
    let verdict = confirmed(check::claimed(&document), &faults);
    let score = document.get("score").and_then(Value::as_f64);
    let note = score.map_or_else(String::new, |score| format!("score={score}"));
    let mut rows = vec![Row::new("valid", Outcome::of_refusals(&faults)).note(note)];
    rows.extend(faults.iter().map(|fault| Row::new("fault", Outcome::Fail).reason(fault)));
    let remarks = document.get("remarks").and_then(Value::as_array).into_iter().flatten();
    let remarks = remarks.filter_map(Value::as_str);
    rows.extend(remarks.map(|remark| Row::new("reports", Outcome::Warn).reason(remark)));
    let report = Report::new(&SPEC, "READINESS VALIDATION", verdict.conclusion()).rows(rows);
    Ok(report.body(&Body { score }).simulated(simulated).evidence([file]))
}

/// What is wrong with a file whose form is good.
fn judge(
    args: &Args,
    document: &Value,
    header: &Header,
    modified: Timestamp,
    ctx: &Ctx,
) -> Result<Vec<String>, Fault> {
    let policy = EvidencePolicy::new(&ctx.maker(), args.allow_simulated);
    let recorded = match Recorded::read(document, header) {
        Ok(recorded) => recorded,
        Err(reason) => return Ok(vec![reason]),
    };
    let mut faults = recorded.contradictions(policy.now);
    if let Some(dir) = &args.reports {
        let reports = found::reports(Some(dir), ctx)?;
        let drills = recorded.drill_paths().map(|path| found::document(path, ctx)).collect();
        let standard = found::standard(&reports, ctx)?;
        let rules = Rules { window: recorded.window(), max_age: args.max_age, policy, standard };
        faults.extend(recorded.departures(&Inputs { reports, drills }, &rules));
    }
    if recorded.names_versions() {
        let release = identity::find(&ctx.root, &ctx.env, &ctx.cancel)?;
        faults.extend(recorded.other_release(&release));
    }
    let limit = display(args.max_age);
    let newest = recorded.newest_day().map(|day| {
        let subject = format!("The newest day ({day})");
        Age::of(daily::observed_to(day, policy.now), policy.now, args.max_age).refusal(&subject, &limit)
    });
    faults.extend(newest.flatten());
    // A copy or a checkout makes a file look new; it may only make it look older.
    let age = judge_age(header, AgeSource::Outside(modified), args.max_age, &policy);
    faults.extend(age.refusal("The score", &limit));
    let is_ahead = header
        .made_at
        .filter(|_| header.clock != ClockKind::Stamped)
        .and_then(|made_at| Age::of(made_at, policy.now, Duration::MAX).refusal("The score", &limit));
    faults.extend(is_ahead);
    faults.extend(policy.simulation_refusal(header, "The score"));
    Ok(faults)
}
