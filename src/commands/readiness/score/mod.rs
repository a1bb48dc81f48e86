//! `mmops readiness score`: reads the daily reports, scores the window, writes `readiness.json`.

mod day;
mod document;
mod report;

pub(crate) use day::DayRecord;
pub(crate) use document::{Body, Document, Runtime, SCHEMA, ScoreAnswer};
pub(crate) use report::SPEC;

use super::explain::Explained;
use super::found;
use super::points::MOST_DAYS;
use crate::commands::{Given, Output};
use crate::ctx::Ctx;
use crate::evidence::age::EvidencePolicy;
use crate::evidence::daily::{self, Rules};
use crate::evidence::entry::{Entry, Found};
use crate::evidence::header::Header;
use crate::evidence::requirement::Requirement;
use crate::format::duration;
use crate::format::json;
use crate::release::identity;
use crate::report::Report;
use crate::report::exit::Fault;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Score the last daily reports: GO, HOLD or BLOCK
#[derive(Clone, Debug, clap::Args)]
#[group(id = "score")]
pub(crate) struct Args {
    /// Directory with `REPORT_SOAK_<YYYYMMDD>.json`, which `mmops soak daily` makes [default: artifacts/reports]
    #[arg(long, value_name = "DIR")]
    pub(crate) reports: Option<PathBuf>,
    /// Where the score goes; the Markdown form goes beside it
    #[arg(long, value_name = "FILE", default_value = "artifacts/reports/readiness.json")]
    pub(crate) out_json: PathBuf,
    /// Days that are scored
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_DAYS)))]
    pub(crate) window: u16,
    /// Largest age of the newest report, from the end of its day
    #[arg(long, value_name = "DURATION", default_value = "36h", value_parser = duration::parse)]
    pub(crate) max_age: Duration,
    /// Drills that GO requires: a file with a list `drills`, in the form of `evidence` of `deploy/release/make_ready.yaml`
    #[arg(long, value_name = "FILE")]
    pub(crate) drills: Option<PathBuf>,
    /// Count reports of simulated runs; stamped into the output
    #[arg(long)]
    pub(crate) allow_simulated: bool,
    /// Add each rule with its margin, the smallest change that flips the verdict, and when GO can be reached
    #[arg(long)]
    pub(crate) explain: bool,
}

/// The file that `--drills` names.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drills {
    /// Documents that GO requires.
    drills: Vec<Requirement>,
}

/// What a score writes.
pub(crate) fn outputs(given: &Given) -> Vec<Output> {
    given.path("out_json").map(|path| written("out-json", path)).unwrap_or_default()
}

/// A score and its readable form.
pub(crate) fn written(option: &'static str, path: PathBuf) -> Vec<Output> {
    Output::with_markdown(option, path, "readiness", report::TITLE)
}

/// What no output may be, whether it exists yet or not: the report of a day.
pub(crate) fn inputs(given: &Given) -> Vec<PathBuf> {
    let is_day =
        |path: &PathBuf| path.file_name().is_some_and(|name| daily::is_report(&name.to_string_lossy()));
    ["out_json", "junit", "metrics_file"].into_iter().filter_map(|id| given.path(id)).filter(is_day).collect()
}

/// Scores the window.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let drills = match &args.drills {
        Some(path) => load_drills(path, ctx)?,
        None => Vec::new(),
    };
    score_with(args, &drills, ctx)
}

/// Scores the window and requires `drills` for GO.
pub(crate) fn score_with(args: &Args, drills: &[Requirement], ctx: &Ctx) -> anyhow::Result<Report> {
    let json_out = ctx.verdict_file(&args.out_json)?;
    let md_out = ctx.companion_file(args.out_json.with_extension("md"))?;
    let files = found::reports(args.reports.as_deref(), ctx)?;
    let policy = EvidencePolicy::new(&ctx.maker(), args.allow_simulated);
    let standard = found::standard(&files, ctx)?;
    let rules = Rules { window: usize::from(args.window), max_age: args.max_age, policy, standard };
    let window = daily::window(&files, &rules);
    let judge = found::judge(drills, policy, ctx)?;
    let documents = drills.iter().map(|drill| (drill, found::document(&drill.artifact, ctx)));
    let documents: Vec<(&Requirement, Found)> = documents.collect();
    let drills: Vec<Entry> = documents.iter().map(|(drill, found)| drill.judge(found, &judge)).collect();
    // Git is asked only where there is something to compare it with.
    let names_versions = window.days.iter().any(|day| !day.versions.is_empty());
    let release = names_versions.then(|| identity::find(&ctx.root, &ctx.env, &ctx.cancel)).transpose()?;
    let release = release.unwrap_or_default();
    let explained = args.explain.then(|| Explained {
        window: &window,
        files: &files,
        rules,
        release: release.clone(),
        reports: args.reports.as_deref().unwrap_or(Path::new(found::REPORTS)).display().to_string(),
        drills: documents.iter().flat_map(|(drill, found)| drill.rules(found, &judge)).collect(),
        unmet_drills: drills.iter().filter(|drill| !drill.outcome().is_yes()).count(),
    });
    let explanation = explained.map(Explained::explanation);
    let runtime = Runtime { utc: ctx.clock.stamp_utc(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let header = Header::new(SCHEMA, ctx.maker());
    let document = Document::new(header, runtime, &window, drills, release, policy.now);
    json_out.finish(json::document(&document).as_bytes())?;
    md_out.finish(report::markdown(&document).as_bytes())?;
    let written =
        [&args.out_json, &args.out_json.with_extension("md")].map(|path| path.display().to_string());
    Ok(report::report(&window, &document, explanation).evidence(written))
}

fn load_drills(path: &Path, ctx: &Ctx) -> Result<Vec<Requirement>, Fault> {
    let Drills { drills } = ctx.configs.load(path)?;
    let bad = |reason| Fault::config(format!("`{}` cannot be used: {reason}", path.display()));
    if drills.is_empty() {
        return Err(bad("the list `drills` is empty".to_owned()));
    }
    drills.iter().try_for_each(Requirement::check).map_err(bad)?;
    Ok(drills)
}
