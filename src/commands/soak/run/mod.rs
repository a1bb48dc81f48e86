//! `mmops soak run`: watches a service iteration by iteration, keeps every sample, and judges the run.
//!
//! A run has a directory of its own, `artifacts/soak/RUN_<epoch_ms>`; `latest` names the newest. A run that was
//! stopped, however hard, goes on with `--resume`.

mod engine;
mod live;
mod sink;
pub(crate) mod source;

use crate::commands::soak::outputs::{self, Outputs};
use crate::commands::soak::settings::{self, Files};
use crate::commands::soak::store::{self, Left, Plan, Store};
use crate::ctx::Ctx;
use crate::net::prometheus::access;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Report};
use crate::simulation::bot::Scenario;
use crate::sys::fsio;
use crate::sys::lock::Lock;
use jiff::Timestamp;
use source::Origin;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("soak run", "SOAK", "INCONCLUSIVE");
const TITLE: &str = "SOAK RESULTS";

/// Watch a service iteration by iteration and judge it
#[derive(Clone, Debug, clap::Args)]
#[group(id = "soak_run")]
pub(crate) struct Args {
    #[command(flatten)]
    from: Sources,
    #[command(flatten)]
    length: Length,
    /// Length of one iteration [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    iteration: Option<Duration>,
    /// Time between two samples [default: 15s]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    interval: Option<Duration>,
    /// Profile of gates [default: soak-72h]
    #[arg(long, value_name = "PROFILE")]
    gates: Option<String>,
    #[command(flatten)]
    files: Files,
    /// Iterations left out of every gate at the start [default: as the gates say]
    #[arg(long, value_name = "N")]
    warmup: Option<u32>,
    /// Continue the newest run where it stopped
    #[arg(long)]
    resume: bool,
    /// Answer /status and /metrics on this address while the run lasts, loopback only
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<SocketAddr>,
    /// Accepted for the command lines of the earlier toolkit: every run has a directory of its own
    #[arg(long)]
    run_isolated: bool,
    #[command(flatten)]
    outputs: Outputs,
}

/// Where samples come from.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = true)]
struct Sources {
    /// Watch simulated bots on a virtual clock; stamped for ever
    #[arg(long, conflicts_with_all = ["scrape", "edge_report", "prometheus"])]
    mock: bool,
    /// What goes wrong with the simulated bots
    #[arg(long, value_enum, requires = "mock", value_name = "NAME")]
    scenario: Option<Scenario>,
    /// Seed of the simulated bots [default: 7]
    #[arg(long, requires = "mock")]
    seed: Option<u64>,
    /// Number of simulated bots, each judged by itself [default: 1]
    #[arg(long, requires = "mock", value_parser = clap::value_parser!(u32).range(1..=1000))]
    instances: Option<u32>,
    /// Fetch this metrics endpoint (can be repeated: each is judged by itself)
    #[arg(long, value_name = "URL", conflicts_with_all = ["edge_report", "prometheus"])]
    scrape: Vec<String>,
    /// Read this report file of the bot once an iteration
    #[arg(long, value_name = "PATH", conflicts_with = "prometheus")]
    edge_report: Option<PathBuf>,
    /// Ask this server with the Prometheus query API
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Judge each value of this label by itself
    #[arg(long, value_name = "LABEL", requires = "prometheus")]
    group_by: Option<String>,
    /// Judge recorded time from here on
    #[arg(long, value_name = "RFC3339", requires = "prometheus", requires = "to")]
    from: Option<Timestamp>,
    /// Judge recorded time up to here
    #[arg(long, value_name = "RFC3339", requires = "from", conflicts_with_all = ["hours", "duration", "iterations"])]
    to: Option<Timestamp>,
}

/// How long the run is.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
struct Length {
    /// Length in hours [default: 72]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8784))]
    hours: Option<u32>,
    /// Length as a duration, such as 90m
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    duration: Option<Duration>,
    /// Number of iterations
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    iterations: Option<u32>,
}

impl Args {
    /// Whether anything beside the source was given that a run depends on.
    fn changes_the_plan(&self) -> bool {
        let Length { hours, duration, iterations } = &self.length;
        let Files { kpis, gates_file } = &self.files;
        hours.is_some()
            || duration.is_some()
            || iterations.is_some()
            || self.iteration.is_some()
            || self.interval.is_some()
            || self.gates.is_some()
            || kpis.is_some()
            || gates_file.is_some()
            || self.warmup.is_some()
    }
}

impl Sources {
    fn origin(&self, ctx: &Ctx) -> Result<Option<Origin>, Fault> {
        if self.mock {
            return Ok(Some(Origin::Mock {
                scenario: self.scenario.unwrap_or_default(),
                seed: self.seed.unwrap_or(7),
                instances: self.instances.unwrap_or(1),
            }));
        }
        if !self.scrape.is_empty() {
            let urls: Vec<String> =
                self.scrape.iter().map(|url| address(url, "/metrics", ctx)).collect::<Result<_, _>>()?;
            if let Some(twice) = (1..urls.len()).find(|index| urls[..*index].contains(&urls[*index])) {
                return Err(Fault::usage(format!("--scrape names `{}` twice", urls[twice])));
            }
            return Ok(Some(Origin::Scrape { urls }));
        }
        if let Some(path) = &self.edge_report {
            return Ok(Some(Origin::EdgeReport { path: path.display().to_string() }));
        }
        let Some(url) = &self.prometheus else { return Ok(None) };
        Ok(Some(Origin::Prometheus { url: address(url, "", ctx)?, history: self.from.is_some() }))
    }
}

/// An address as it may be kept with the run: without secrets, and with a path.
fn address(text: &str, default_path: &str, ctx: &Ctx) -> Result<String, Fault> {
    access::settings(text, &ctx.root, &|name| ctx.env.get(name).map(str::to_owned))?;
    if text.contains('@') || text.contains('?') {
        return Err(Fault::usage("an address with a password or a query would be kept with the run")
            .hint("name credentials in the environment, such as MMOPS_PROMETHEUS_TOKEN_FILE"));
    }
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = !host.trim_end_matches('/').contains('/');
    Ok(if bare { format!("{}{default_path}", text.trim_end_matches('/')) } else { text.to_owned() })
}

/// Runs, or continues a run.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    args.outputs.probe(ctx)?;
    let live = live::Live::start(args.serve)?;
    let lock = Lock::acquire(&ctx.path(store::RUNS).join(".run.lock"))?;
    let (plan, store, left) = if let Some(dir) = if args.resume { to_resume(ctx)? } else { None } {
        resume(args, &dir, ctx)?
    } else {
        let plan = plan(args, ctx)?;
        // A source that cannot be asked costs nothing before the run has a directory.
        source::Source::open(&plan, ctx)?;
        let store = Store::create(&plan, ctx)?;
        (plan, store, Left { iterations: Vec::new(), series: Vec::new() })
    };
    let dir = store.dir().to_owned();
    tracing::info!("run `{}`: {} iterations", ctx.show(&dir), plan.iterations);
    args.outputs.clear(ctx)?;
    let finished = engine::execute(&plan, store, left, live, ctx)?;
    let answer = outputs::Answer::of(&plan, &finished.ledger, &dir, ctx);
    if let Some(signal) = finished.stopped {
        return Ok(answer.interrupted(&SPEC, TITLE, signal));
    }
    args.outputs.write(&answer, &dir, ctx)?;
    drop(lock);
    Ok(answer.report(&SPEC, TITLE, Vec::new()))
}

/// The newest run, if there is one.
fn to_resume(ctx: &Ctx) -> anyhow::Result<Option<PathBuf>> {
    let latest = ctx.path(store::RUNS).join(store::LATEST);
    if fsio::exists(&latest)? && store::read_plan(&latest)?.is_some() {
        return Ok(Some(fsio::canonical(&latest)?));
    }
    tracing::info!("nothing to resume: `{}` is no run", ctx.show(&latest));
    Ok(None)
}

fn resume(args: &Args, dir: &Path, ctx: &Ctx) -> anyhow::Result<(Plan, Store, Left)> {
    let kept = store::read_plan(dir)?.expect("looked at before");
    if args.from.origin(ctx)?.is_none() && args.changes_the_plan() {
        return Err(Fault::usage(
            "a run goes on as it was started, and --resume was given what would change it",
        )
        .hint("name the source as well to have all of it compared, or leave everything but --resume out")
        .into());
    }
    if args.from.origin(ctx)?.is_some() {
        let mut asked = plan(args, ctx)?;
        // When it started is the one thing that the command line does not say.
        if args.from.from.is_none() {
            asked.started_at_ms = kept.started_at_ms;
        }
        let (asked, known) = (serde_json::to_value(&asked)?, serde_json::to_value(&kept)?);
        let fields = known.as_object().expect("a plan is an object");
        let differs: Vec<&str> = fields
            .keys()
            .filter(|key| asked[key.as_str()] != known[key.as_str()])
            .map(String::as_str)
            .collect();
        if !differs.is_empty() {
            let message =
                format!("the run `{}` was started otherwise: {} differ", ctx.show(dir), differs.join(", "));
            return Err(Fault::config(message).hint("leave --resume out for a new run").into());
        }
    }
    let (store, left) = Store::reopen(dir, &kept, ctx)?;
    tracing::info!("resuming `{}` after {} iterations", ctx.show(dir), left.iterations.len());
    Ok((kept, store, left))
}

fn plan(args: &Args, ctx: &Ctx) -> anyhow::Result<Plan> {
    let Some(origin) = args.from.origin(ctx)? else {
        let fault =
            Fault::usage("nothing to watch: name one of --prometheus, --scrape, --edge-report, --mock");
        return Err(fault.into());
    };
    let iteration_secs = whole_secs("--iteration", args.iteration.unwrap_or(Duration::from_mins(5)))?;
    let default_interval = Duration::from_secs(15).min(Duration::from_secs(u64::from(iteration_secs)));
    let interval = if matches!(origin, Origin::EdgeReport { .. }) { iteration_secs } else { 0 };
    let interval_secs = match interval {
        0 => whole_secs("--interval", args.interval.unwrap_or(default_interval))?,
        once => once,
    };
    if !iteration_secs.is_multiple_of(interval_secs) || iteration_secs / interval_secs > 50_000 {
        let message = format!(
            "an iteration of {iteration_secs} s is not up to 50000 times the interval of {interval_secs} s"
        );
        return Err(Fault::usage(message).into());
    }
    let started_at = args.from.from.unwrap_or_else(|| ctx.clock.now());
    let iterations = match (&args.length, args.from.to) {
        (Length { iterations: Some(iterations), .. }, _) => *iterations,
        (length, to) => {
            let total = match (to, length.duration, length.hours) {
                (Some(to), ..) => u64::try_from(to.duration_since(started_at).as_secs()).unwrap_or(0),
                (None, Some(duration), _) => duration.as_secs(),
                (None, None, hours) => u64::from(hours.unwrap_or(72)) * 3600,
            };
            if total == 0 || !total.is_multiple_of(u64::from(iteration_secs)) {
                let message = format!("{total} s are not a whole number of iterations of {iteration_secs} s");
                return Err(Fault::usage(message).into());
            }
            u32::try_from(total / u64::from(iteration_secs))
                .map_err(|_| Fault::usage("too many iterations"))?
        }
    };
    if args.from.to.is_some_and(|to| to > ctx.clock.now()) {
        return Err(Fault::usage("--to lies in the future").into());
    }
    let group_by = match &origin {
        Origin::Mock { instances, .. } if *instances > 1 => Some("instance".to_owned()),
        Origin::Scrape { urls } if urls.len() > 1 => Some("instance".to_owned()),
        _ => args.from.group_by.clone(),
    };
    let profile_name = args.gates.as_deref().unwrap_or(settings::DEFAULT_PROFILE);
    let mut settings = settings::load(&args.files, profile_name, ctx)?;
    if let Some(warmup) = args.warmup {
        settings.profile.gates.values_mut().for_each(|gate| gate.warmup = warmup);
    }
    Ok(Plan {
        schema: "mmops.soak-plan.v1".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: started_at.as_millisecond(),
        iterations,
        iteration_secs,
        interval_secs,
        simulated: matches!(origin, Origin::Mock { .. }),
        origin,
        group_by,
        profile_name: profile_name.to_owned(),
        profile: settings.profile,
        kpis: settings.kpis,
    })
}

fn whole_secs(flag: &str, duration: Duration) -> Result<u32, Fault> {
    match u32::try_from(duration.as_secs()) {
        Ok(secs) if secs > 0 && duration.subsec_nanos() == 0 => Ok(secs),
        _ => Err(Fault::usage(format!("{flag} must be a whole number of seconds"))),
    }
}
