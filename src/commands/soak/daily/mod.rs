//! `mmops soak daily`: the report of a day, made of what its runs have kept, which readiness scores.

mod bug_bash;
mod config;
mod day;
mod document;
mod guards;
mod junit;
mod radar;
mod report;
mod runs;
mod sources;
mod verdict;
mod weekly;
mod windows;

pub(crate) use config::{AcceptedParameters, DailyConfig};
pub(crate) use document::DailyBody;
pub(crate) use report::{DailyAnswer, SPEC};
pub(crate) use weekly::WeeklyRollup;

use crate::commands::{Given, Input, Output};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::daily::report::Anomaly;
use crate::evidence::daily::{self, report_name};
use crate::evidence::header::Header;
use crate::format::json;
use crate::report::Report;
use crate::report::exit::Fault;
use day::{DayFigures, FIGURES};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use verdict::DailyFacts;
use weekly::WeeklyBody;

/// The configuration that counts when none is named and the root has no file of its own.
const BUILT_IN: &str = include_str!("../../../../deploy/soak/daily.yaml");
/// Where a root's own is.
pub(crate) const CONFIG: &str = "deploy/soak/daily.yaml";

/// Make the report of a day from what its runs have kept, for readiness
#[derive(Clone, Debug, clap::Args)]
#[group(id = "soak_daily")]
pub(crate) struct Args {
    /// The day, UTC, such as 2026-03-09 [default: yesterday]
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    date: Option<Date>,
    /// Where the reports of the days before are, and where this one goes
    #[arg(long, value_name = "DIR", default_value = "artifacts/reports")]
    reports: PathBuf,
    /// What the report is made from [default: `deploy/soak/daily.yaml`, else the built-in one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make `WEEKLY_ROLLUP` of the seven reports up to the day, instead of one more report
    #[arg(long)]
    weekly: bool,
}

/// The rollup of a week; its Markdown form goes beside it.
const WEEKLY: &str = "WEEKLY_ROLLUP.json";

fn parse_date(text: &str) -> Result<Date, String> {
    let is_compact = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if is_compact { Date::strptime("%Y%m%d", text) } else { text.parse() };
    parsed.map_err(|_| "not a date such as 2026-03-09".to_owned())
}

/// The report of the day, where the command line names it.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let date = given.text("date").and_then(|text| parse_date(text).ok());
    let Some(dir) = given.path("reports") else { return Vec::new() };
    if given.is_set("weekly") {
        let rollup = written(dir.join(WEEKLY), "weekly-rollup", weekly::TITLE);
        return rollup.into_iter().map(Output::of_own_name).collect();
    }
    date.map(|date| written(dir.join(report_name(date)), "daily-report", document::TITLE)).unwrap_or_default()
}

/// A report and its readable form.
fn written(path: PathBuf, name: &'static str, title: &'static str) -> Vec<Output> {
    Output::with_markdown("", path, name, title)
}

/// The files that only the configuration names.
pub(crate) fn planned(given: &Given, ctx: &Ctx) -> Vec<Input> {
    let config: Option<DailyConfig> = ctx.configs.peek(given.path("config").as_deref(), CONFIG, BUILT_IN);
    let input = |(key, path): (&str, &str)| Input {
        option: format!("{key} of daily.yaml"),
        path: PathBuf::from(path),
    };
    config.iter().flat_map(DailyConfig::files).map(input).collect()
}

/// Makes the report.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let date = chosen_date(args.date, ctx)?;
    if args.weekly {
        return Ok(roll_up(date, &args.reports, ctx)?);
    }
    let path = args.reports.join(report_name(date));
    for output in written(path.clone(), "daily-report", document::TITLE) {
        let (Some(form), path) = (output.form(), ctx.path(&output.path)) else { continue };
        ctx.outputs.begin(&path, form)?;
    }
    let json_out = ctx.verdict_file(&path)?;
    let markdown_path = path.with_extension("md");
    let md_out = ctx.companion_file(&markdown_path)?;
    let config = load(args, ctx)?;
    let facts = gather(date, &args.reports, &config, ctx)?;
    let body = DailyBody::new(&facts);
    let document = body.document(&facts, ctx.maker());
    json_out.finish(json::document(&document).as_bytes())?;
    md_out.finish(document::page(&document, &facts).as_bytes())?;
    let written = [&path, &markdown_path].map(|path| path.display().to_string());
    Ok(report::report(&facts, &body).evidence(written))
}

/// The week that ends with a day.
fn roll_up(last: Date, reports: &Path, ctx: &Ctx) -> Result<Report, Fault> {
    let path = reports.join(WEEKLY);
    let (json_out, md_out) = (ctx.verdict_file(&path)?, ctx.companion_file(path.with_extension("md"))?);
    // That days are simulated is carried on, and judged by whoever reads the rollup.
    let policy = EvidencePolicy::new(&ctx.maker(), true);
    let (facts, files) = sources::weeks(reports, last, policy, ctx)?;
    let first = facts.days.first().map_or(last, |day| day.date);
    let body = WeeklyBody::new(&facts, first, last, files);
    let observed = Some((daily::start(first), daily::observed_to(last, policy.now)));
    let header = Header::new(weekly::SCHEMA, ctx.maker()).simulated(facts.is_simulated()).observed(observed);
    let verdict = weekly::week_verdict(&facts);
    let rollup = WeeklyRollup { header, verdict, body };
    json_out.finish(json::document(&rollup).as_bytes())?;
    md_out.finish(weekly::page(&rollup).as_bytes())?;
    let written = [path.clone(), path.with_extension("md")].map(|path| path.display().to_string());
    Ok(report::weekly(&facts, &rollup.body).observed(observed).evidence(written))
}

/// The day that is asked for, which must be over: a report of half a day would be taken for one of all of it.
fn chosen_date(asked: Option<Date>, ctx: &Ctx) -> Result<Date, Fault> {
    let today = ctx.clock.now().to_zoned(TimeZone::UTC).date();
    let Some(date) = asked else {
        return today.yesterday().map_err(|_| Fault::usage("there is no day before today"));
    };
    match date.cmp(&today) {
        std::cmp::Ordering::Less => Ok(date),
        std::cmp::Ordering::Equal => {
            let message = format!("{date} is not over: it ends at midnight, UTC");
            Err(Fault::usage(message).hint("leave --date out for yesterday"))
        }
        std::cmp::Ordering::Greater => {
            Err(Fault::usage(format!("{date} lies in the future: today is {today}, UTC")))
        }
    }
}

fn load(args: &Args, ctx: &Ctx) -> Result<DailyConfig, Fault> {
    let source = ctx.configs.choose(args.config.as_deref(), CONFIG, BUILT_IN, "daily.yaml")?;
    let (config, name): (DailyConfig, String) = (source.parse()?, source.name());
    config.check().map_err(|reason| Fault::config(format!("`{name}` cannot be used: {reason}")))?;
    Ok(config)
}

fn gather(date: Date, reports: &Path, config: &DailyConfig, ctx: &Ctx) -> Result<DailyFacts, Fault> {
    let found = runs::find(date, ctx)?;
    let (runs, mut left_out) = day::choose(found.runs, ctx.clock.is_frozen());
    if let Some(problem) = day::config_problem(config, &runs) {
        return Err(Fault::config(format!("daily.yaml cannot be used: {problem}")));
    }
    let day = DayFigures::of(date, config, &runs, &found.unreadable);
    left_out.extend(found.unreadable.into_iter().chain(found.earlier));
    let is_simulated = runs.iter().any(|run| run.is_simulated);
    // A real day is compared with real ones alone.
    let policy = EvidencePolicy::new(&ctx.maker(), is_simulated);
    let earlier = sources::earlier_days(reports, date, policy, ctx)?;
    let (regression, baselines) = guards::regression(&day.figures, &earlier.history);
    let (accepted, accepted_file) = sources::accepted(&config.drift.accepted, ctx)?;
    let drift = guards::drift(&accepted, &runs, &day.builds);
    let (chaos, drill) = sources::drill(&config.chaos, policy, ctx)?;
    let (bug_bash, tests) = sources::tests(&config.bug_bash, policy, ctx)?;
    let anomalies = anomalies(&day);
    Ok(DailyFacts {
        date,
        min_observed_secs: config.min_observed().as_secs_f64(),
        runs,
        left_out,
        day,
        regression,
        baselines,
        history: earlier.files,
        history_faults: earlier.faults,
        drift,
        accepted: accepted_file,
        chaos,
        drill: Some(drill),
        bug_bash,
        tests: Some(tests),
        anomalies,
    })
}

fn anomalies(day: &DayFigures) -> Vec<Anomaly> {
    let of = |(kind, series): (&day::FigureKind, &Vec<(jiff::Timestamp, f64)>)| {
        let named: Vec<(String, f64)> = series.iter().map(|(at, value)| (at.to_string(), *value)).collect();
        radar::anomalies(kind.field, &named)
    };
    FIGURES.iter().zip(&day.series).flat_map(of).collect()
}
