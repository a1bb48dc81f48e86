//! `mmops cron-sentinel`: decides from what scheduled jobs left behind whether each of them still produces:
//! there, in time, and saying what it must.
//!
//! There are no built-in tasks: a configuration that is missing, empty or wrong is an answer to nobody.

pub(crate) mod assertion;
pub(crate) mod chain;
pub(crate) mod expression;
mod find;
pub(crate) mod judge;
mod large;
pub(crate) mod schedule;
pub(crate) mod task;

use crate::commands::cron_sentinel::judge::{Judged, State, judge};
use crate::commands::cron_sentinel::task::{Config, Task};
use crate::ctx::Ctx;
use crate::format::config;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Place, Report, Row, Status};
use find::Finder;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("cron-sentinel", "CRON_SENTINEL", "STALE");

/// Say whether scheduled jobs still produce: there, in time, and saying what they must
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Tasks in YAML, JSON or TOML
    #[arg(long, value_name = "FILE", default_value = "deploy/cron/sentinel.yaml")]
    config: PathBuf,
    /// Judge only this task (can be repeated)
    #[arg(long = "task", value_name = "NAME")]
    tasks: Vec<String>,
    /// Largest age instead of each `max_age`, such as 36h; tasks with a schedule keep it
    #[arg(long, value_name = "DURATION", value_parser = parse_window)]
    window: Option<Duration>,
}

/// Fields of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// The configuration.
    config: String,
    /// Number of tasks in each state.
    counts: BTreeMap<String, usize>,
    /// Every task that was judged, in the order of the configuration.
    tasks: Vec<Judged>,
    /// Largest age in seconds that was given on the command line.
    window_secs: Option<u64>,
}

/// Looks at each task and judges it.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let tasks = load(args, ctx)?;
    let mut finder = Finder::new(ctx);
    let mut judged = Vec::with_capacity(tasks.len());
    for task in &tasks {
        ctx.check_cancelled()?;
        let found = finder.find(task)?;
        judged.push(judge(task, &found, ctx.clock.now(), args.window));
    }
    Ok(report(args, judged))
}

fn load(args: &Args, ctx: &Ctx) -> Result<Vec<Task>, Fault> {
    let shown = args.config.display();
    let config: Config = config::load(&ctx.path(&args.config))?;
    let mut tasks = task::check(config)
        .map_err(|faults| Fault::config(format!("failed to load `{shown}`: {}", faults.join("; "))))?;
    for remark in tasks.iter().filter_map(|task| task.remark.as_ref()) {
        tracing::warn!("`{shown}`: {remark}");
    }
    if args.tasks.is_empty() {
        return Ok(tasks);
    }
    for wanted in &args.tasks {
        if !tasks.iter().any(|task| task.name == *wanted) {
            let known: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).take(20).collect();
            let message = format!("`{shown}` has no task `{wanted}`; it has {}", known.join(", "));
            return Err(Fault::config(message));
        }
    }
    tasks.retain(|task| args.tasks.contains(&task.name));
    Ok(tasks)
}

fn report(args: &Args, judged: Vec<Judged>) -> Report {
    let worst = judged.iter().map(Judged::status).max().unwrap_or(Status::Fail);
    let word = if worst >= Status::Skip { "STALE" } else { "FRESH" };
    let mut counts = BTreeMap::new();
    for task in &judged {
        *counts.entry(task.state.word().to_owned()).or_default() += 1;
    }
    let rows = judged.iter().map(row).collect();
    let body = Body {
        config: args.config.display().to_string(),
        counts,
        tasks: judged,
        window_secs: args.window.map(|window| window.as_secs()),
    };
    Report::new(&SPEC, "CRON SENTINEL", Conclusion::new(worst, word)).rows(rows).body(&body)
}

fn row(task: &Judged) -> Row {
    let row = Row::new(&task.name, task.status()).note(task.state.word());
    if task.state == State::Fresh {
        return row;
    }
    let reasons = task.reasons.iter().map(|reason| format!("{}: {reason}", task.artifact));
    let owner = task.owner.as_ref().map_or_else(String::new, |owner| format!(", owner {owner}"));
    let severity = format!("severity {}{owner}", task.severity);
    let place = Place { path: task.artifact.clone(), line: None, column: None };
    row.reasons(reasons).reason(severity).at(place)
}

fn parse_window(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("it leaves no time at all".to_owned()) } else { Ok(duration) }
}
