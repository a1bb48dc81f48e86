//! `mmops soak daily`: the report of a day, made of what its runs have kept, which readiness scores.

mod bug_bash;
mod config;
mod continuity;
mod day;
mod day_end;
mod document;
mod drift;
mod gates;
mod guards;
mod junit;
mod radar;
mod report;
mod runs;
mod sources;
mod verdict;
mod weekly;
mod windows;

pub(crate) use crate::evidence::daily::standard::CONFIG;
pub(crate) use config::{AcceptedParameters, DailyConfig};
pub(crate) use document::DailyBody;
pub(crate) use report::{DailyAnswer, SPEC};
pub(crate) use weekly::WeeklyRollup;

use crate::commands::soak::settings::{self, SettingsFiles};
use crate::commands::{Given, Input, Output};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::daily::report::{Anomaly, DayRules};
use crate::evidence::daily::standard::{BUILT_IN, DayStandard};
use crate::evidence::daily::{self, report_name};
use crate::evidence::header::Header;
use crate::format::form::Form;
use crate::format::json;
use crate::judge::gate::GateProfile;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use config::DayJudge;
use day::{DayFigures, FIGURES};
use day_end::DayEnd;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use verdict::DailyFacts;
use weekly::WeeklyBody;

/// Make the report of a day from what its runs have kept, for readiness
#[derive(Clone, Debug, clap::Args)]
#[group(id = "soak_daily")]
pub(crate) struct Args {
    /// The day, UTC, such as 2026-03-09; it must be over [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = daily::parse)]
    date: Option<Date>,
    /// Where the reports of the days before are, and where this one goes
    #[arg(long, value_name = "DIR", default_value = "artifacts/reports")]
    reports: PathBuf,
    /// By what the report is made and judged [default: `deploy/soak/daily.yaml`, else the built-in one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Make `WEEKLY_ROLLUP` of the seven reports that end with the day, instead of the report of a day
    #[arg(long)]
    weekly: bool,
    /// With `--weekly`: count reports of simulated days; stamped into the rollup
    #[arg(long, requires = "weekly")]
    allow_simulated: bool,
}

/// The rollup of a week; its Markdown form goes beside it.
const WEEKLY: &str = "WEEKLY_ROLLUP.json";

/// The rollup, or the report of the day where the command line names it: that one says at every moment either what the
/// day came to or that it could not be judged.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    let Some(dir) = given.path("reports") else { return Vec::new() };
    if given.is_set("weekly") {
        let rollup = Output::with_markdown("", dir.join(WEEKLY), "weekly-rollup", weekly::TITLE);
        return rollup.into_iter().map(Output::of_own_name).collect();
    }
    let date = given.text("date").and_then(|text| daily::parse(text).ok());
    let path = date.map(|date| dir.join(report_name(date)));
    let own = |path: PathBuf| [path.with_extension("md"), path].map(|path| Output::updated("", path, None));
    path.into_iter().flat_map(own).collect()
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
        return Ok(roll_up(date, args, ctx)?);
    }
    let path = args.reports.join(report_name(date));
    let json_out = ctx.outputs.take_standing(&ctx.path(&path), Form::Document("daily-report"))?;
    let markdown_path = path.with_extension("md");
    fsio::remove_own(&ctx.path(&markdown_path), Form::Text(document::TITLE))?;
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
fn roll_up(last: Date, args: &Args, ctx: &Ctx) -> Result<Report, Fault> {
    let path = args.reports.join(WEEKLY);
    let (json_out, md_out) = (ctx.verdict_file(&path)?, ctx.companion_file(path.with_extension("md"))?);
    let policy = EvidencePolicy::new(&ctx.maker(), args.allow_simulated);
    let config = load(args, ctx)?;
    let standard = standard(&config, &judge(&config, ctx)?);
    let (facts, files) = sources::weeks(&args.reports, last, policy, standard, ctx)?;
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
    let judge = judge(config, ctx)?;
    if let Some(problem) = day::config_problem(config, &judge) {
        return Err(Fault::config(format!("daily.yaml cannot be used: {problem}")));
    }
    let found = runs::find(date, &judge, &config.told_changes(date), ctx)?;
    let (runs, mut left_out) = day::choose(found.runs, ctx.clock.is_frozen());
    let day = DayFigures::of(date, config, &judge, &runs, &found.unreadable);
    left_out.extend(found.unreadable.into_iter().chain(found.earlier));
    let is_simulated = runs.iter().any(|run| run.is_simulated);
    // A real day is compared with real ones alone.
    let policy = EvidencePolicy::new(&ctx.maker(), is_simulated);
    let standard = standard(config, &judge);
    let weaker = standard.weaker.clone();
    let earlier = sources::earlier_days(reports, date, policy, standard, ctx)?;
    let (regression, baselines) = guards::regression(&day.figures, &earlier.history);
    let (accepted, accepted_file) = sources::accepted(&config.drift.accepted, ctx)?;
    let drift = drift::drift(&accepted, &runs, &day.builds, config.min_observed().as_secs_f64());
    let end = DayEnd::of(date, config.evidence_grace(), policy);
    let (chaos, drill) = sources::drill(&config.chaos, &end, ctx)?;
    let (bug_bash, tests) = sources::tests(&config.bug_bash, &end, ctx)?;
    let anomalies = anomalies(&day);
    Ok(DailyFacts {
        date,
        min_observed_secs: config.min_observed().as_secs_f64(),
        rules: judge.rules,
        weaker,
        told_changes: config.told_changes(date),
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

/// By what the windows are judged, which the runs have no part in.
fn judge(config: &DailyConfig, ctx: &Ctx) -> Result<DayJudge, Fault> {
    let path = |path: &Option<String>| path.as_ref().map(PathBuf::from);
    let gates = &config.gates;
    let files = SettingsFiles { kpis: path(&gates.kpis), gates_file: path(&gates.gates_file) };
    let settings = settings::load(&files, &gates.profile, ctx)?;
    let profile = GateProfile { min_observed: None, ..settings.profile };
    let rules = DayRules {
        kpis: settings.kpis_file,
        gates: settings.gates_file,
        profile: gates.profile.clone(),
        max_window: config.max_window.clone(),
        evidence_grace: config.evidence_grace.clone(),
    };
    Ok(DayJudge { kpis: settings.kpis, profile, rules })
}

/// What reports of other days are held to.
fn standard(config: &DailyConfig, judge: &DayJudge) -> DayStandard {
    let figures = day::rules(config);
    DayStandard::new(config.min_observed().as_secs_f64() / 3600.0, judge.rules.clone(), figures)
}

fn anomalies(day: &DayFigures) -> Vec<Anomaly> {
    let of = |(kind, series): (&day::FigureKind, &Vec<(jiff::Timestamp, f64)>)| {
        let named: Vec<(String, f64)> = series.iter().map(|(at, value)| (at.to_string(), *value)).collect();
        radar::anomalies(kind.field, &named)
    };
    FIGURES.iter().zip(&day.series).flat_map(of).collect()
}
