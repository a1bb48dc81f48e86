//! `mmops cron-sentinel`: decides from what scheduled jobs left behind whether each of them still produces:
//! there, in time, and saying what it must.
//!
//! There are no built-in tasks: a configuration that is missing, empty or wrong is an answer to nobody.

pub(crate) mod assertion;
mod calendar;
pub(crate) mod chain;
pub(crate) mod dialect;
mod exact;
pub(crate) mod expression;
mod find;
mod inspect;
pub(crate) mod judge;
mod large;
mod metrics;
mod notice;
mod page;
mod report;
pub(crate) mod schedule;
mod serve;
pub(crate) mod task;
mod times;
mod verdict;

pub(crate) use report::{Body, SPEC};

use crate::commands::cron_sentinel::task::{SentinelConfig, Task};
use crate::ctx::Ctx;
use crate::execute::notify::Notifier;
use crate::execute::notify::config::{self as notify_config, Target};
use crate::format::duration;
use crate::format::zone::Zones;
use crate::report::Report;
use crate::report::exit::Fault;
use crate::sys::fsio;
use inspect::Inspector;
use jiff::tz::TimeZoneDatabase;
use report::Beside;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The zones of the machine, for `--tz-system`.
const SYSTEM_ZONES: &str = "/usr/share/zoneinfo";
/// A calendar reaches no further.
const LONGEST_CALENDAR: Duration = Duration::from_hours(24 * 366);

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
    /// Also list what is due in the time ahead, such as 48h
    #[arg(long, value_name = "DURATION", value_parser = parse_calendar, conflicts_with = "serve")]
    calendar: Option<Duration>,
    /// Inspect again and again until a signal, and serve a page and /metrics at this loopback address; port 0 takes a
    /// free one
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<SocketAddr>,
    /// Time between two inspections of --serve
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_window, requires = "serve")]
    every: Duration,
    /// Write the address to this file once --serve listens
    #[arg(long, value_name = "FILE", requires = "serve")]
    address_file: Option<PathBuf>,
    /// Notify nobody, whatever `notify` says
    #[arg(long)]
    no_notify: bool,
    /// Time zones by the rules of this machine rather than the built-in ones
    #[arg(long)]
    tz_system: bool,
}

pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (tasks, targets) = load(args, ctx)?;
    let notifier = Notifier::new(targets, &ctx.root, &ctx.clock, &ctx.cancel)?;
    let host = host_name();
    let config = args.config.display().to_string();
    let inspector = Inspector { tasks: &tasks, config, window: args.window, ctx };
    if let Some(address) = args.serve {
        let address_file = args.address_file.as_deref();
        let settings = serve::Settings { address, address_file, every: args.every, host: &host };
        return serve::run(&inspector, &notifier, &settings, ctx);
    }
    let (facts, verdict) = inspector.inspect()?;
    let calendar =
        args.calendar.map(|ahead| calendar::calendar(&tasks, &facts.tasks, ctx.clock.now(), ahead));
    let notice = notice::notice(&facts, verdict, &host, &ctx.maker());
    let notifications = notifier.send(notice.as_ref());
    Ok(report::report(facts, verdict, Beside { calendar, notifications }))
}

fn load(args: &Args, ctx: &Ctx) -> Result<(Vec<Task>, Vec<Target>), Fault> {
    let file = args.config.display();
    let config: SentinelConfig = ctx.configs.load(&args.config)?;
    let mut zones = if args.tz_system { system_zones()? } else { Zones::built_in() };
    let tasks = task::check(config.tasks, &mut zones, ctx.clock.now());
    let targets = notify_config::check(config.notify);
    let (mut tasks, targets) = match (tasks, targets) {
        (Ok(tasks), Ok(targets)) => (tasks, targets),
        (tasks, targets) => {
            let faults =
                tasks.err().into_iter().chain(targets.err()).flatten().collect::<Vec<_>>().join("; ");
            return Err(Fault::config(format!("failed to load `{file}`: {faults}")));
        }
    };
    for remark in tasks.iter().filter_map(|task| task.remark.as_ref()) {
        tracing::warn!("`{file}`: {remark}");
    }
    for wanted in &args.tasks {
        if !tasks.iter().any(|task| task.name == *wanted) {
            let known: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).take(20).collect();
            let message = format!("`{file}` has no task `{wanted}`; it has {}", known.join(", "));
            return Err(Fault::config(message));
        }
    }
    tasks.retain(|task| args.tasks.is_empty() || args.tasks.contains(&task.name));
    Ok((tasks, if args.no_notify { Vec::new() } else { targets }))
}

fn system_zones() -> Result<Zones, Fault> {
    let database = TimeZoneDatabase::from_dir(SYSTEM_ZONES).map_err(|error| {
        Fault::dependency(format!("failed to read the time zones in `{SYSTEM_ZONES}`: {error}"))
            .hint("install tzdata, or leave --tz-system out")
    })?;
    Ok(Zones::of(database))
}

fn host_name() -> String {
    let name = fsio::read_text(Path::new("/proc/sys/kernel/hostname"));
    name.map_or_else(|_| "an unnamed host".to_owned(), |name| name.trim().to_owned())
}

fn parse_calendar(text: &str) -> Result<Duration, String> {
    let ahead = parse_window(text)?;
    if ahead > LONGEST_CALENDAR { Err("a calendar reaches a year at most".to_owned()) } else { Ok(ahead) }
}

fn parse_window(text: &str) -> Result<Duration, String> {
    let duration = duration::parse(text)?;
    if duration.is_zero() { Err("it leaves no time at all".to_owned()) } else { Ok(duration) }
}
