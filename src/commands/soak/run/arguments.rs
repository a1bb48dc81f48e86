//! The command line of `mmops soak run`.

use super::matching;
use crate::commands::soak::outputs::Outputs;
use crate::commands::soak::settings::SettingsFiles;
use crate::format::{duration, timestamp};
use crate::simulation::bot::Scenario;
use jiff::Timestamp;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Watch a service iteration by iteration and judge it
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Clone, Debug, clap::Args)]
#[group(id = "soak_run")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) plan: PlanArgs,
    /// Begin although the source does not have what the gates need
    #[arg(long)]
    pub(super) allow_missing: bool,
    /// End the run as soon as a hard gate is broken for good
    #[arg(long)]
    pub(super) abort_on_fail: bool,
    /// Continue the newest run where it stopped
    #[arg(long)]
    pub(super) resume: bool,
    /// Answer a page, /status and /metrics on this address while the run lasts, loopback only
    #[arg(long, value_name = "ADDRESS")]
    pub(super) serve: Option<SocketAddr>,
    /// Accepted for the command lines of the earlier toolkit: every run has a directory of its own
    #[arg(long)]
    pub(super) run_isolated: bool,
    #[command(flatten)]
    pub(super) outputs: Outputs,
}

/// What is to be watched, how long, and by which gates.
#[derive(Clone, Debug, clap::Args)]
#[group(id = "soak_plan")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(super) from: Sources,
    #[command(flatten)]
    pub(super) length: Length,
    /// Length of one iteration [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) iteration: Option<Duration>,
    /// Time between two samples [default: 15s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) interval: Option<Duration>,
    /// Profile of gates [default: soak-72h]
    #[arg(long, value_name = "PROFILE")]
    pub(super) gates: Option<String>,
    #[command(flatten)]
    pub(super) files: SettingsFiles,
    /// Iterations left out of every gate at the start [default: as the gates say]
    #[arg(long, value_name = "N")]
    pub(super) warmup: Option<u32>,
    /// Members that must be there, where each is judged by itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) expect_members: Option<u32>,
}

/// Where samples come from.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = true)]
pub(super) struct Sources {
    /// Watch simulated bots on a virtual clock; stamped for ever
    #[arg(long, conflicts_with_all = ["scrape", "edge_report", "prometheus"])]
    pub(super) mock: bool,
    /// What goes wrong with the simulated bots
    #[arg(long, value_enum, requires = "mock", value_name = "NAME")]
    pub(super) scenario: Option<Scenario>,
    /// Seed of the simulated bots [default: 7]
    #[arg(long, requires = "mock")]
    pub(super) seed: Option<u64>,
    /// Number of simulated bots, each judged by itself [default: 1]
    #[arg(long, requires = "mock", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) instances: Option<u32>,
    /// Start the simulated bots with the parameters of this file
    #[arg(long, requires = "mock", value_name = "FILE")]
    pub(super) overrides: Option<PathBuf>,
    /// Fetch this metrics endpoint (can be repeated: each is judged by itself)
    #[arg(long, value_name = "URL", conflicts_with_all = ["edge_report", "prometheus"])]
    pub(super) scrape: Vec<String>,
    /// Read this report file of the bot once an iteration
    #[arg(long, value_name = "PATH", conflicts_with = "prometheus")]
    pub(super) edge_report: Option<PathBuf>,
    /// Ask this server with the Prometheus query API [default: as the environment says]
    #[arg(long, value_name = "URL")]
    pub(super) prometheus: Option<String>,
    /// Conditions that every selector gets for the server, such as 'job="mm-bot"'
    #[arg(long = "match", value_name = "SELECTOR", value_parser = matching::parse, conflicts_with_all = ELSEWHERE)]
    pub(super) matching: Option<String>,
    /// How long after its end a window is asked for: auto measures how late the server is, 0 asks at once
    /// [default: auto]
    #[arg(long, value_name = "DURATION", value_parser = Lag::parse, conflicts_with_all = ELSEWHERE)]
    pub(super) lag: Option<Lag>,
    /// Judge each value of this label by itself
    #[arg(long, value_name = "LABEL", conflicts_with_all = ELSEWHERE)]
    pub(super) group_by: Option<String>,
    /// Judge recorded time from here on
    #[arg(long, value_name = "RFC3339", requires = "to", conflicts_with_all = ELSEWHERE, value_parser = timestamp::parse)]
    pub(super) from: Option<Timestamp>,
    /// Judge recorded time up to here
    #[arg(long, value_name = "RFC3339", requires = "from", value_parser = timestamp::parse, conflicts_with_all = ["hours", "duration", "iterations"])]
    pub(super) to: Option<Timestamp>,
}

/// Sources that are not a server with the query API.
const ELSEWHERE: [&str; 3] = ["mock", "scrape", "edge_report"];

/// How late a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lag {
    /// It is measured.
    Auto,
    Secs(u32),
}

impl Lag {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => return Ok(Self::Auto),
            "0" => return Ok(Self::Secs(0)),
            _ => {}
        }
        let duration = duration::parse(text)?;
        let secs = u32::try_from(duration.as_secs()).ok().filter(|secs| *secs <= MAX_LAG_SECS);
        match secs.filter(|_| duration.subsec_nanos() == 0) {
            Some(secs) => Ok(Self::Secs(secs)),
            None => Err(format!("not auto and not whole seconds up to {MAX_LAG_SECS}")),
        }
    }
}

/// The longest time that a server may be late.
const MAX_LAG_SECS: u32 = 3600;

/// How long the run is.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct Length {
    /// Length in hours [default: 72]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8784))]
    pub(super) hours: Option<u32>,
    /// Length as a duration, such as 90m
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(super) duration: Option<Duration>,
    /// Number of iterations
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) iterations: Option<u32>,
}

impl PlanArgs {
    /// Whether anything beside the source was given that a run depends on.
    pub(super) fn changes_the_plan(&self) -> bool {
        let Length { hours, duration, iterations } = &self.length;
        let SettingsFiles { kpis, gates_file } = &self.files;
        let Sources { matching, lag, group_by, .. } = &self.from;
        hours.is_some()
            || duration.is_some()
            || iterations.is_some()
            || self.iteration.is_some()
            || self.interval.is_some()
            || self.gates.is_some()
            || kpis.is_some()
            || gates_file.is_some()
            || self.warmup.is_some()
            || self.expect_members.is_some()
            || matching.is_some()
            || lag.is_some()
            || group_by.is_some()
    }
}
