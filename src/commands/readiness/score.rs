//! `mmops readiness score`: reads the daily reports, scores the window, writes `readiness.json`.
use crate::format::json;

use crate::commands::readiness::scoring::advice;
use crate::commands::readiness::scoring::scale;
use crate::commands::readiness::scoring::score::{self, Section, Sections, Verdict};
use crate::ctx::Ctx;
use crate::evidence::daily::{self, Day, File, Rules, Window};
use crate::evidence::header::Header;
use crate::evidence::requirement::{Found, Judged, Requirement};
use crate::format::config;
use crate::format::json::typed;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Outcome, Report, Row, Status};
use crate::sys::fsio::{self, AtomicFile};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where daily reports are.
const REPORTS: &str = "artifacts/reports";

pub(crate) const SPEC: CommandSpec =
    CommandSpec::new("readiness score", "READINESS", "HOLD").named("readiness");

/// Score the last daily reports: GO, HOLD or BLOCK
#[derive(Clone, Debug, clap::Args)]
#[group(id = "score")]
pub(crate) struct Args {
    /// Directory with `REPORT_SOAK_<YYYYMMDD>.json` [default: artifacts/reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) reports: Option<PathBuf>,
    /// Where the score goes; the Markdown form goes beside it
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/readiness.json")]
    pub(crate) out_json: PathBuf,
    /// Days that are scored
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) window: u16,
    /// Largest age of the newest report, from the end of its day
    #[arg(long, value_name = "DURATION", default_value = "36h", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
    /// Drills that GO requires, with their ages: a file with a list `drills`
    #[arg(long, value_name = "FILE")]
    pub(crate) drills: Option<PathBuf>,
    /// Count reports of simulated runs; stamped into the output
    #[arg(long)]
    pub(crate) allow_simulated: bool,
}

/// The file that `--drills` names.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Drills {
    drills: Vec<Requirement>,
}

/// `readiness.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Document {
    #[serde(flatten)]
    header: Header,
    /// GO, HOLD or BLOCK.
    verdict: Verdict,
    #[serde(flatten)]
    body: Body,
}

/// What the file and the report have in common.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// When and by what the score was made; proves nothing about the age of the evidence.
    runtime: Runtime,
    /// Points of 100, six decimals.
    score: f64,
    /// Points by section.
    sections: Sections,
    /// Days that were scored.
    window: usize,
    /// The newest day of the window.
    newest_day: String,
    /// What each day shows, oldest first.
    days: Vec<DayShown>,
    /// Why points are lost, and what would win them back.
    losses: Vec<Loss>,
    /// The drills that GO requires.
    drills: Vec<Judged>,
    /// Files that stand for no day.
    remarks: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Runtime {
    utc: String,
    version: String,
}

/// One day; what it does not show is null.
#[derive(Debug, Serialize, JsonSchema)]
struct DayShown {
    date: String,
    /// Why the day shows nothing at all.
    fault: Option<String>,
    edge_net_bps: Option<f64>,
    order_age_p95_ms: Option<f64>,
    taker_share_pct: Option<f64>,
    guards_ok: Option<bool>,
    chaos_ok: Option<bool>,
    tests_ok: Option<bool>,
}

/// Lost points of a section.
#[derive(Debug, Serialize, JsonSchema)]
struct Loss {
    section: String,
    points: f64,
    reasons: Vec<String>,
    cheapest: Option<String>,
}

/// Scores the window.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let drills = match &args.drills {
        Some(path) => load_drills(&ctx.path(path))?,
        None => Vec::new(),
    };
    score_with(args, &drills, ctx)
}

/// Scores the window and requires `drills` for GO.
pub(crate) fn score_with(args: &Args, drills: &[Requirement], ctx: &Ctx) -> anyhow::Result<Report> {
    let json_out = AtomicFile::create_anew(&ctx.path(&args.out_json))?;
    let md_out = AtomicFile::create_anew(&ctx.path(args.out_json.with_extension("md")))?;
    let files = read_reports(args, ctx)?;
    let policy = ctx.evidence_policy(args.allow_simulated);
    let rules = Rules { window: usize::from(args.window), max_age: args.max_age, policy };
    let window = daily::window(&files, &rules);
    let scored = score::score(&window);
    let judge = |drill: &Requirement| {
        let found = Found::of(typed::load(&ctx.path(&drill.artifact)));
        drill.judge(&found, &policy)
    };
    let drills: Vec<Judged> = drills.iter().map(judge).collect();
    let document = document(ctx, &window, &scored, drills);
    json_out.finish(json::document(&document).as_bytes())?;
    md_out.finish(markdown(&document).as_bytes())?;
    Ok(report(args, &window, &scored, &document))
}

fn load_drills(path: &Path) -> Result<Vec<Requirement>, Fault> {
    let Drills { drills } = config::load(path)?;
    let bad = |reason| Fault::config(format!("`{}` cannot be used: {reason}", path.display()));
    if drills.is_empty() {
        return Err(bad("the list `drills` is empty".to_owned()));
    }
    drills.iter().try_for_each(Requirement::check).map_err(bad)?;
    Ok(drills)
}

/// Every daily report of the directory. The default directory may be missing, which shows no day; one
/// that the operator named may not.
fn read_reports(args: &Args, ctx: &Ctx) -> anyhow::Result<Vec<File>> {
    let dir = ctx.path(args.reports.as_deref().unwrap_or(Path::new(REPORTS)));
    if args.reports.is_none() && !fsio::exists(&dir)? {
        return Ok(Vec::new());
    }
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let files = fsio::list(&dir)?;
    let reports =
        files.iter().filter_map(|path| Some((path, name(path).filter(|name| daily::is_report(name))?)));
    let read = |(path, name): (&PathBuf, String)| {
        let content = typed::load(path).map(|(content, _)| content);
        File { name, content: content.map_err(|fault| fault.to_string()) }
    };
    Ok(reports.map(read).collect())
}

fn document(ctx: &Ctx, window: &Window, scored: &[Section], drills: Vec<Judged>) -> Document {
    let sections = score::sections(scored);
    let total = sections.total();
    let drills_hold = drills.iter().all(|drill| drill.status == Status::Ok);
    let lost = |section: &&Section| section.points < section.max;
    let loss = |section: &Section| Loss {
        section: section.name.to_owned(),
        points: ((section.max - section.points) * 1e6).round() / 1e6,
        reasons: section.reasons.clone(),
        cheapest: section.advice.clone().or_else(|| advice::for_blank_days(&window.days)),
    };
    let simulated = window.simulated || drills.iter().any(|drill| drill.simulated);
    let header =
        ctx.header("mmops.readiness.v1").simulated(simulated).observed(window.observed(ctx.clock.now()));
    let body = Body {
        runtime: Runtime { utc: ctx.clock.stamp_utc(), version: env!("CARGO_PKG_VERSION").to_owned() },
        score: total,
        sections,
        window: window.days.len(),
        newest_day: window
            .days
            .iter()
            .map(|day| day.date)
            .max()
            .map_or_else(String::new, |date| date.to_string()),
        days: window.days.iter().map(day_shown).collect(),
        losses: scored.iter().filter(lost).map(loss).collect(),
        drills,
        remarks: window.remarks.clone(),
    };
    Document { header, verdict: Verdict::of(total, drills_hold), body }
}

fn day_shown(day: &Day) -> DayShown {
    DayShown {
        date: day.date.to_string(),
        fault: day.fault.clone(),
        edge_net_bps: day.edge_net_bps.clone().ok(),
        order_age_p95_ms: day.order_age_p95_ms.clone().ok(),
        taker_share_pct: day.taker_share_pct.clone().ok(),
        guards_ok: day.guards_ok.clone().ok(),
        chaos_ok: day.chaos_ok.clone().ok(),
        tests_ok: day.tests_ok.clone().ok(),
    }
}

fn report(args: &Args, window: &Window, scored: &[Section], document: &Document) -> Report {
    let mut rows = vec![reports_row(window)];
    rows.extend(scored.iter().map(row));
    rows.extend(document.body.drills.iter().map(Judged::row));
    rows.extend(window.remarks.iter().map(|remark| Row::new("reports", Status::Warn).reason(remark)));
    if document.header.simulated {
        rows.push(Row::new("simulated", Status::Warn).reason("the score rests on simulated runs"));
    }
    let total = Row::new("score", Outcome::of(document.verdict == Verdict::Go))
        .note(format!("{:.6} / 100", document.body.score));
    rows.push(total);
    let written = [args.out_json.clone(), args.out_json.with_extension("md")];
    Report::new(&SPEC, "READINESS SCORE", super::conclusion(document.verdict))
        .rows(rows)
        .simulated(document.header.simulated)
        .observed(document.header.observation())
        .body(&document.body)
        .evidence(written.iter().map(|path| path.display().to_string()))
}

/// Whether every day of the window has a report that counts.
fn reports_row(window: &Window) -> Row {
    let shown = window.days.iter().filter(|day| day.fault.is_none()).count();
    let note = format!("{shown} of {} days", window.days.len());
    let status = if shown == window.days.len() { Status::Ok } else { Status::Fail };
    let row = Row::new("reports", status).note(note);
    let faults = window.days.iter().filter_map(|day| Some(format!("{}: {}", day.date, day.fault.as_ref()?)));
    let row = row.reasons(faults);
    match advice::for_blank_days(&window.days) {
        Some(advice) => row.reason(format!("to win it back: {advice}")),
        None => row,
    }
}

fn row(section: &Section) -> Row {
    let status = if section.points < section.max { Status::Fail } else { Status::Ok };
    let note = format!("{:.6} / {}", section.points, section.max);
    let row = Row::new(section.name, status).note(note).reasons(&section.reasons);
    match &section.advice {
        Some(advice) if status == Status::Fail => row.reason(format!("to win it back: {advice}")),
        _ => row,
    }
}

fn markdown(document: &Document) -> String {
    let mut out = format!(
        "# READINESS SCORE\n\nResult: {}  Score: {:.6}\n\n",
        document.verdict.word(),
        document.body.score
    );
    if document.header.simulated {
        out.push_str("**simulated: true**\n\n");
    }
    out.push_str("| section | score |\n| --- | --- |\n");
    for ((name, _), points) in scale::SECTIONS.iter().zip(document.body.sections.points()) {
        out.push_str(&format!("| {name} | {points:.6} |\n"));
    }
    for loss in &document.body.losses {
        out.push_str(&format!("\n## {}: {:.6} points lost\n\n", loss.section, loss.points));
        for reason in loss
            .reasons
            .iter()
            .cloned()
            .chain(loss.cheapest.iter().map(|text| format!("to win it back: {text}")))
        {
            out.push_str(&format!("- {}\n", reason.replace('\n', " ")));
        }
    }
    out
}
