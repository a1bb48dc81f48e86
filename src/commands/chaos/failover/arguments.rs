//! The command line of `mmops chaos failover`, and the plan that it asks for.

use crate::commands::chaos::run_log::{DrillPlan, SLOT_US, Scenario};
use crate::format::duration;
use crate::report::exit::Fault;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The shortest TTL: below it the 200 ms of slack would be the whole test.
const TTL_MIN: Duration = Duration::from_millis(200);
/// The longest TTL; a run lasts a few of them.
const TTL_MAX: Duration = Duration::from_mins(1);
/// The shortest renewal interval.
const RENEW_MIN: Duration = Duration::from_millis(20);
/// The longest time a run waits for its fault, or is watched.
const AFTER_MAX: Duration = Duration::from_hours(1);
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
    lock: Option<LeaseStore>,
    /// How long a lease lasts without renewal, 200ms to 1m
    #[arg(long, value_name = "DURATION", default_value = "1500ms", value_parser = duration::parse)]
    ttl: Duration,
    /// Time between two renewals, at most half the TTL
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = duration::parse)]
    renew: Duration,
    /// When the leader is hit, counted from its election; later runs spread over one renewal interval
    /// from there [default: `3s`, with --dry-run `1s`]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    kill_at: Option<Duration>,
    /// What hits the leader
    #[arg(long, value_enum, default_value_t = LeaderSignal::Kill)]
    signal: LeaderSignal,
    /// How many runs
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) runs: u32,
    /// How many runs go side by side
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) jobs: u32,
    /// Hit nobody and watch two healthy nodes for this long: exactly one election is OK
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with_all = ["kill_at", "signal"])]
    healthy: Option<Duration>,
    /// Run once on private stores with a short wait, writing below artifacts/dry-run only
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where the result is written [default: `artifacts/CHAOS_FAILOVER.json`]
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    out_json: Option<PathBuf>,
}

/// Where the lease of a drill is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeaseStore {
    /// A directory on this machine.
    File(PathBuf),
}

impl FromStr for LeaseStore {
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
pub(crate) enum LeaderSignal {
    /// SIGKILL
    Kill,
    /// SIGSTOP for longer than the TTL, then SIGCONT
    Stop,
}

impl Args {
    /// Checks what clap cannot: how the durations relate to one another.
    pub(super) fn plan(&self) -> Result<DrillPlan, Fault> {
        let shown = humantime::format_duration;
        let refuse = |text: String| Err(Fault::usage(text));
        if !(TTL_MIN..=TTL_MAX).contains(&self.ttl) {
            return refuse(format!("--ttl {} must lie within 200ms and 1m", shown(self.ttl)));
        }
        if self.renew < RENEW_MIN {
            return refuse(format!("--renew {} must be at least 20ms", shown(self.renew)));
        }
        if self.renew > self.ttl / 2 {
            let text =
                "must be at most half of --ttl, so that a renewal that fails can be tried again in time";
            return refuse(format!("--renew {} {text} {}", shown(self.renew), shown(self.ttl)));
        }
        let (scenario, after) = match (self.healthy, self.signal) {
            (Some(healthy), _) => {
                if healthy < self.ttl * 2 {
                    let text = "must be at least twice --ttl, or a lease that is never renewed would pass";
                    return refuse(format!("--healthy {} {text}", shown(healthy)));
                }
                (Scenario::Healthy, healthy)
            }
            (None, signal) => {
                let seconds = if self.dry_run { 1 } else { 3 };
                let kill_at = self.kill_at.unwrap_or(Duration::from_secs(seconds));
                let least = self.renew.max(2 * Duration::from_micros(SLOT_US));
                if kill_at < least {
                    let text = "so that a leader is hit that has renewed and placed orders";
                    let (kill_at, least) = (shown(kill_at), shown(least));
                    return refuse(format!("--kill-at {kill_at} must be at least {least}, {text}"));
                }
                let scenario = match signal {
                    LeaderSignal::Kill => Scenario::Kill,
                    LeaderSignal::Stop => Scenario::Stop,
                };
                (scenario, kill_at)
            }
        };
        if after > AFTER_MAX {
            return refuse(format!("a run of {} is longer than 1h", shown(after)));
        }
        Ok(DrillPlan { scenario, ttl: self.ttl, renew: self.renew, after })
    }

    /// Where the stores lie, and where the result is written.
    pub(super) fn paths(&self) -> (PathBuf, PathBuf) {
        let base = base(self.dry_run);
        let store = self.lock.as_ref().map_or_else(|| base.into(), |LeaseStore::File(dir)| dir.clone());
        (store, document(self.dry_run, self.out_json.as_deref()))
    }
}

fn base(dry_run: bool) -> &'static str {
    if dry_run { "artifacts/dry-run" } else { "artifacts" }
}

/// Where the result is written.
pub(super) fn document(dry_run: bool, named: Option<&Path>) -> PathBuf {
    named.map_or_else(|| Path::new(base(dry_run)).join("CHAOS_FAILOVER.json"), Path::to_owned)
}
