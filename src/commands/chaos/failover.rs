//! `mmops chaos failover`: does a standby take over in time, alone, and without touching an order twice?
//! Reads nothing; starts real processes, hits the leader, and judges what they left behind.
use crate::format::json;

use crate::commands::chaos::drill::node::micros;
use crate::commands::chaos::drill::run::Drill;
use crate::commands::chaos::verdict::judge::{self, Finding, ms};
use crate::commands::chaos::verdict::rows::{self as verdict, Takeovers};
use crate::commands::chaos::verdict::{Plan, RunLog, SLACK_US, SLOT_US, Scenario, timeline};
use crate::ctx::Ctx;
use crate::report::exit::Fault;
use crate::report::{CommandSpec, Conclusion, Report, Row, Status};
use crate::sys::fsio::{self, AtomicFile};
use crate::sys::{env, progress, work};
use clap::ValueEnum;
use humantime::parse_duration;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

/// The shortest TTL: below it the 200 ms of slack would be the whole test.
const TTL_MIN: Duration = Duration::from_millis(200);
/// The longest TTL; a run lasts a few of them.
const TTL_MAX: Duration = Duration::from_mins(1);
/// The shortest renewal interval.
const RENEW_MIN: Duration = Duration::from_millis(20);
/// The longest time a run waits for its fault, or is watched.
const AFTER_MAX: Duration = Duration::from_hours(1);
/// How many failed runs are described in the document.
const FAILED_RUNS: usize = 20;

pub(crate) const SPEC: CommandSpec = CommandSpec::new("chaos failover", "CHAOS_RESULT", "FAIL");

/// Kill or pause the leader of two contending processes and prove that the other takes over
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Two child processes contend for a leader lease. While one leads it extends the lease and places an order \
every 50 ms into a log that refuses older fencing tokens. The leader is then killed, or paused for longer \
than the TTL with an order on its way, and the other has TTL + 200 ms to take over. OK needs, in every run: \
a takeover in time, exactly two elections, no instant with two leaders, every order in the log exactly once, \
no order taken under an older token. Time is real whatever --now says; under a frozen clock measured figures \
are left out of the report.

With --dry-run the processes, the signal and the verdict are just as real, but the stores are private \
(below artifacts/dry-run), --kill-at is 1s, and nothing outside artifacts/dry-run is written.")]
pub(crate) struct Args {
    /// Where the lease is kept: `file:DIR`; each call uses a directory of its own below DIR, which is
    /// removed unless the drill fails [default: `file:artifacts`]
    #[arg(long, value_name = "STORE", conflicts_with = "dry_run")]
    pub(crate) lock: Option<Store>,
    /// How long a lease lasts without renewal, 200ms to 1m
    #[arg(long, value_name = "DURATION", default_value = "1500ms", value_parser = parse_duration)]
    pub(crate) ttl: Duration,
    /// Time between two renewals, at most half the TTL
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = parse_duration)]
    pub(crate) renew: Duration,
    /// When the leader is hit, counted from its election; later runs spread over one renewal interval
    /// from there [default: `3s`, with --dry-run `1s`]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) kill_at: Option<Duration>,
    /// What hits the leader
    #[arg(long, value_enum, default_value_t = Hit::Kill)]
    pub(crate) signal: Hit,
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,
    /// How many runs go side by side
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) jobs: u32,
    /// Hit nobody and watch two healthy nodes for this long: exactly one election is OK
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, conflicts_with_all = ["kill_at", "signal"])]
    pub(crate) healthy: Option<Duration>,
    /// Run once on private stores with a short wait, writing below artifacts/dry-run only
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where the result is written [default: `artifacts/CHAOS_FAILOVER.json`]
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub(crate) out_json: Option<PathBuf>,
}

/// A lease store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    /// A directory on this machine.
    File(PathBuf),
}

impl FromStr for Store {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("file:") {
            Some("") => Err("`file:` needs a directory".to_owned()),
            Some(dir) => Ok(Self::File(dir.into())),
            None => Err("a lease store is named `file:DIR`".to_owned()),
        }
    }
}

/// What hits the leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Hit {
    /// SIGKILL
    Kill,
    /// SIGSTOP for longer than the TTL, then SIGCONT
    Stop,
}

/// The fields of the report and of the document.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Body {
    /// What the drill was asked to do.
    pub(crate) parameters: Parameters,
    /// What must be 0, over all runs.
    pub(crate) wrongs: Wrongs,
    /// Times a store did not answer, over all runs.
    pub(crate) store_outages: u64,
    /// The runs that failed, at most 20 of them.
    pub(crate) failed_runs: Vec<FailedRun>,
    /// What was measured; left out under a frozen clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) measured: Option<Measured>,
}

/// What the drill was asked to do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Parameters {
    /// What happens to the leader.
    pub(crate) scenario: Scenario,
    /// `dry-run` or `full`.
    pub(crate) mode: &'static str,
    /// How long a lease lasts.
    pub(crate) ttl_ms: u64,
    /// Time between two renewals.
    pub(crate) renew_ms: u64,
    /// When the leader is hit, or how long healthy nodes are watched.
    pub(crate) after_ms: u64,
    /// How many runs there were.
    pub(crate) runs: u64,
    /// Elections that every run must have.
    pub(crate) elections_expected: u64,
    /// The longest takeover that is OK; `null` for healthy nodes.
    pub(crate) takeover_limit_ms: Option<u64>,
}

/// Counts that must be 0.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Wrongs {
    /// Runs that are not OK.
    pub(crate) failed_runs: u64,
    /// Runs with another number of elections than expected.
    pub(crate) unexpected_elections: u64,
    /// Time during which two nodes led.
    pub(crate) dual_leader_us: u64,
    /// Orders in the log more than once.
    pub(crate) duplicate_orders: u64,
    /// Orders missing from the log.
    pub(crate) lost_orders: u64,
    /// Orders the log took under an older token.
    pub(crate) older_tokens_accepted: u64,
    /// Orders a node decided after its own deadline.
    pub(crate) late_acts: u64,
}

/// A run that is not OK.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct FailedRun {
    /// Number of the run, from 1.
    pub(crate) run: u64,
    /// What was wrong.
    pub(crate) problems: Vec<String>,
}

/// What was measured.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Measured {
    /// From the signal to the next leader; `null` when nobody ever took over.
    pub(crate) takeover: Option<Takeovers>,
    /// The runs one by one.
    pub(crate) runs: Vec<RunFigures>,
}

/// What was measured in one run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct RunFigures {
    /// From the signal to the next leader.
    pub(crate) takeover_ms: Option<u64>,
    /// From the last order of the first leader to the first of the next.
    pub(crate) order_gap_ms: Option<u64>,
    /// How often somebody was elected.
    pub(crate) elections: u64,
    /// Orders in the log.
    pub(crate) orders: u64,
    /// Repeated sends that the log recognised.
    pub(crate) idem_hits: u64,
    /// Orders refused because their token was older.
    pub(crate) refused_stale: u64,
    /// Times a store did not answer.
    pub(crate) store_outages: u64,
}

/// Runs the drill.
pub(crate) fn run(args: &Args, ctx: &Ctx) -> anyhow::Result<Report> {
    let (plan, drill) = settle(args)?;
    let (base, out) = if args.dry_run {
        (PathBuf::from("artifacts/dry-run"), PathBuf::from("artifacts/dry-run/CHAOS_FAILOVER.json"))
    } else {
        let Store::File(base) = args.lock.clone().unwrap_or(Store::File("artifacts".into()));
        (base, args.out_json.clone().unwrap_or_else(|| "artifacts/CHAOS_FAILOVER.json".into()))
    };
    let pending = AtomicFile::create_anew(&ctx.path(&out))?;
    let scratch = fsio::scratch_dir_in(&ctx.path(&base), "chaos-failover-")?;
    let logs = run_all(args, ctx, &drill, scratch.path())?;
    let findings: Vec<Finding> = logs.iter().map(|log| judge::judge(&plan, log)).collect();

    let measured = !ctx.clock.is_frozen();
    let mut rows = verdict::rows(&plan, &findings, measured);
    let good = rows.iter().all(|row| row.status <= Status::Warn);
    let (status, word) = if good { (Status::Ok, "OK") } else { (Status::Fail, "FAIL") };
    let body = body(args, &plan, &drill, &findings, measured);
    let mut report = Report::new(&SPEC, "FAILOVER DRILL", Conclusion::new(status, word)).body(&body);
    report = report.evidence([ctx.show(&ctx.path(&out))]);
    if measured {
        let worst = findings.iter().position(|finding| !finding.is_ok()).unwrap_or(logs.len() - 1);
        report = report.preamble(timeline::lines(&logs[worst])).preamble([timeline::summary(&findings)]);
    }
    if !good {
        let kept = ctx.show(&scratch.keep());
        rows.push(Row::new("logs", Status::Warn).reason(format!("kept for inspection in {kept}")));
        report = report.evidence([kept]);
    }
    let mut report = report.rows(rows);
    ctx.stamp(&mut report);
    pending.finish(json::document(&report.document()).as_bytes())?;
    Ok(report)
}

/// Checks what clap cannot: how the durations relate to one another.
fn settle(args: &Args) -> Result<(Plan, Drill), Fault> {
    let shown = humantime::format_duration;
    let refuse = |text: String| Err(Fault::usage(text));
    if !(TTL_MIN..=TTL_MAX).contains(&args.ttl) {
        return refuse(format!("--ttl {} must lie within 200ms and 1m", shown(args.ttl)));
    }
    if args.renew < RENEW_MIN {
        return refuse(format!("--renew {} must be at least 20ms", shown(args.renew)));
    }
    if args.renew > args.ttl / 2 {
        let text = "must be at most half of --ttl, so that a renewal that fails can be tried again in time";
        return refuse(format!("--renew {} {text} {}", shown(args.renew), shown(args.ttl)));
    }
    let (scenario, after) = match (args.healthy, args.signal) {
        (Some(healthy), _) => {
            if healthy < args.ttl * 2 {
                let text = "must be at least twice --ttl, or a lease that is never renewed would pass";
                return refuse(format!("--healthy {} {text}", shown(healthy)));
            }
            (Scenario::Healthy, healthy)
        }
        (None, hit) => {
            let seconds = if args.dry_run { 1 } else { 3 };
            let kill_at = args.kill_at.unwrap_or(Duration::from_secs(seconds));
            let least = args.renew.max(2 * Duration::from_micros(SLOT_US));
            if kill_at < least {
                let text = "so that a leader is hit that has renewed and placed orders";
                let (kill_at, least) = (shown(kill_at), shown(least));
                return refuse(format!("--kill-at {kill_at} must be at least {least}, {text}"));
            }
            let scenario = if hit == Hit::Kill { Scenario::Kill } else { Scenario::Stop };
            (scenario, kill_at)
        }
    };
    if after > AFTER_MAX {
        return refuse(format!("a run of {} is longer than 1h", shown(after)));
    }
    let binary = env::own_binary()
        .map_err(|error| Fault::dependency(format!("failed to find the running binary: {error}")))?;
    let drill = Drill { binary, ttl: args.ttl, renew: args.renew, scenario, after };
    Ok((Plan { scenario, ttl_us: micros(args.ttl) }, drill))
}

/// Runs every run, some side by side; most of a run is waiting. The first error ends all.
fn run_all(args: &Args, ctx: &Ctx, drill: &Drill, scratch: &Path) -> anyhow::Result<Vec<RunLog>> {
    let runs = args.runs as usize;
    let failure: OnceLock<(usize, anyhow::Error)> = OnceLock::new();
    let bar = progress::bar(ctx.progress, u64::from(args.runs), "failovers");
    let stop = || {
        ctx.check_cancelled()?;
        if failure.get().is_some() { Err(Fault::stalled("another run failed")) } else { Ok(()) }
    };
    // A node dies with the thread that started it, which is the thread that runs its drill to the end.
    let logs: Option<Vec<RunLog>> = work::map(args.jobs as usize, runs, |index| {
        let log = one(drill, index, scratch, &stop);
        bar.inc(1);
        log.map_err(|error| failure.set((index, error))).ok()
    });
    bar.finish_and_clear();
    ctx.check_cancelled()?;
    if let Some((index, error)) = failure.into_inner() {
        return Err(error.context(format!("run {} could not be done", index + 1)));
    }
    Ok(logs.expect("every run was done"))
}

fn one(
    drill: &Drill,
    index: usize,
    scratch: &Path,
    stop: &dyn Fn() -> Result<(), Fault>,
) -> anyhow::Result<RunLog> {
    let dir = scratch.join(format!("run-{:04}", index + 1));
    fsio::create_dir(&dir)?;
    let mut drill = drill.clone();
    if drill.scenario != Scenario::Healthy {
        drill.after += drill.renew.mul_f64(phase(index));
    }
    drill.run(&dir, stop)
}

/// Where within one renewal interval a run is hit, in `[0, 1)`: multiples of the golden ratio, which
/// spread evenly however many there are. The first is 0.
fn phase(index: usize) -> f64 {
    (index as f64 * 0.618_033_988_749_895).fract()
}

fn body(args: &Args, plan: &Plan, drill: &Drill, findings: &[Finding], measured: bool) -> Body {
    let sum = |count: fn(&Finding) -> u64| findings.iter().map(count).sum::<u64>();
    let count = |wrong: &dyn Fn(&Finding) -> bool| findings.iter().filter(|f| wrong(f)).count() as u64;
    let expected = plan.scenario.elections();
    let failed = findings.iter().zip(1..).filter(|(finding, _)| !finding.is_ok());
    let failed_runs = failed.take(FAILED_RUNS).map(|(finding, run)| FailedRun {
        run,
        problems: finding.problems.iter().take(FAILED_RUNS).map(|problem| problem.text.clone()).collect(),
    });
    Body {
        parameters: Parameters {
            scenario: plan.scenario,
            mode: if args.dry_run { "dry-run" } else { "full" },
            ttl_ms: ms(plan.ttl_us),
            renew_ms: ms(micros(drill.renew)),
            after_ms: ms(micros(drill.after)),
            runs: findings.len() as u64,
            elections_expected: expected,
            takeover_limit_ms: (plan.scenario != Scenario::Healthy).then(|| ms(plan.ttl_us + SLACK_US)),
        },
        wrongs: Wrongs {
            failed_runs: count(&|finding| !finding.is_ok()),
            unexpected_elections: count(&|finding| finding.elections != expected),
            dual_leader_us: sum(|finding| finding.dual_us),
            duplicate_orders: sum(|finding| finding.duplicates),
            lost_orders: sum(|finding| finding.lost),
            older_tokens_accepted: sum(|finding| finding.older_accepted),
            late_acts: sum(|finding| finding.late_acts),
        },
        store_outages: sum(|finding| finding.outages),
        failed_runs: failed_runs.collect(),
        measured: measured.then(|| Measured {
            takeover: verdict::takeovers(findings),
            runs: findings.iter().map(figures).collect(),
        }),
    }
}

fn figures(finding: &Finding) -> RunFigures {
    RunFigures {
        takeover_ms: finding.takeover_us.map(ms),
        order_gap_ms: finding.order_gap_us.map(ms),
        elections: finding.elections,
        orders: finding.orders,
        idem_hits: finding.idem_hits,
        refused_stale: finding.refused_stale,
        store_outages: finding.outages,
    }
}
