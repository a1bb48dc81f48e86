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
mod report;
pub(crate) mod schedule;
pub(crate) mod task;
mod verdict;

pub(crate) use report::{Body, SPEC};

use crate::commands::cron_sentinel::judge::judge;
use crate::commands::cron_sentinel::task::{SentinelConfig, Task};
use crate::ctx::Ctx;
use crate::format::duration;
use crate::report::Report;
use crate::report::exit::Fault;
use find::Finder;
use std::path::PathBuf;
use std::time::Duration;
use verdict::{Facts, verdict};

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

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let tasks = load(args, ctx)?;
    let mut finder = Finder::new(ctx);
    let mut judged = Vec::with_capacity(tasks.len());
    for task in &tasks {
        ctx.check_cancelled()?;
        let found = finder.find(task)?;
        judged.push(judge(task, &found, ctx.clock.now(), args.window));
    }
    let facts = Facts { config: args.config.display().to_string(), tasks: judged, window: args.window };
    let verdict = verdict(&facts);
    Ok(report::report(facts, verdict))
}

fn load(args: &Args, ctx: &Ctx) -> Result<Vec<Task>, Fault> {
    let shown = args.config.display();
    let config: SentinelConfig = ctx.configs.load(&args.config)?;
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

fn parse_window(text: &str) -> Result<Duration, String> {
    let duration = duration::parse(text)?;
    if duration.is_zero() { Err("it leaves no time at all".to_owned()) } else { Ok(duration) }
}
