//! `daily.yaml`: from which figures the report of a day is made, and by what it is judged.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::requirement::Requirement;
use crate::format::duration;
use crate::judge::gate::Aggregate;
use crate::judge::kpi::unit_factor;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// `daily.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DailyConfig {
    /// The KPI of each figure.
    pub(super) figures: Figures,
    /// How much of a day must really be seen, such as `20h`.
    min_observed: String,
    /// Changes of the version within a day that were meant.
    #[serde(default)]
    pub(super) version_changes: Vec<VersionChange>,
    /// What parameters were accepted.
    pub(super) drift: DriftConfig,
    /// The newest failover drill, and what it must show.
    pub(super) chaos: Requirement,
    /// Where the results of the test sweep are.
    pub(super) bug_bash: TestConfig,
}

/// The KPI of each figure.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Figures {
    pub(super) edge_net_bps: FigureConfig,
    pub(super) order_age_p95_ms: FigureConfig,
    pub(super) taker_share_pct: FigureConfig,
}

/// From what a figure is made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FigureConfig {
    /// Name of a KPI of the runs.
    pub(super) kpi: String,
    /// Its unit.
    pub(super) unit: String,
    /// How the windows of the day become one value: mean, median, p95, max or min.
    pub(super) aggregate: Aggregate,
    /// The KPI is the share of all the others: 1 less it.
    #[serde(default)]
    pub(super) complement: bool,
}

/// A change of the version within a day that was meant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionChange {
    /// The day, such as `2026-03-09`.
    date: String,
    pub(super) from: String,
    pub(super) to: String,
    /// Why the day counts all the same.
    pub(super) reason: String,
}

/// What parameters were accepted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DriftConfig {
    /// The file with the accepted parameters.
    pub(super) accepted: String,
}

/// The accepted parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcceptedParameters {
    /// Configuration hashes, as the bot says them in `mm_build_info`; not compared where there is none.
    #[serde(default)]
    pub(super) config_hash: Vec<String>,
    /// Parameters, as the bot says them in `mm_param`; not compared where there is none.
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, f64>,
}

/// Where the results of the test sweep are: JUnit files, or a command that says them by its exit code.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestConfig {
    /// JUnit files, relative to the root.
    #[serde(default)]
    pub(super) junit: Vec<String>,
    /// Largest age of each file, such as `36h`.
    #[serde(default)]
    max_age: Option<String>,
    /// Fewest test cases over all files that really ran.
    #[serde(default)]
    pub(super) min_tests: Option<u64>,
    /// A command instead.
    #[serde(default)]
    pub(super) command: Option<TestCommand>,
}

/// A program that runs the test sweep.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestCommand {
    /// Program and arguments; the program `mmops` is this binary.
    pub(super) argv: Vec<String>,
    /// Time until it is stopped, such as `30m`.
    timeout: String,
}

/// A figure that the report has, with what is right for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) enum Side {
    AtLeast,
    AtMost,
}

impl DailyConfig {
    /// Says what is wrong with it, with the place.
    pub(super) fn check(&self) -> Result<(), String> {
        self.figures.edge_net_bps.check("edge_net_bps", "bps", false)?;
        self.figures.order_age_p95_ms.check("order_age_p95_ms", "ms", false)?;
        self.figures.taker_share_pct.check("taker_share_pct", "percent", true)?;
        let min_observed = parse("min_observed", &self.min_observed)?;
        if min_observed.is_zero() || min_observed > Duration::from_hours(24) {
            return Err(format!(
                "min_observed is `{}`, it must be above 0s and at most 24h",
                self.min_observed
            ));
        }
        for (at, change) in self.version_changes.iter().enumerate() {
            let place = format!("version_changes[{at}]");
            change
                .date
                .parse::<Date>()
                .map_err(|_| format!("{place}.date is `{}`, not a date such as 2026-03-09", change.date))?;
            if change.reason.trim().is_empty() {
                return Err(format!("{place} has no reason"));
            }
        }
        self.chaos.check()?;
        self.bug_bash.check()
    }

    pub(super) fn min_observed(&self) -> Duration {
        duration::parse(&self.min_observed).unwrap_or(Duration::MAX)
    }

    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let junit = self.bug_bash.junit.iter().map(|path| ("bug_bash.junit", path.as_str()));
        let named = [("drift.accepted", &self.drift.accepted), ("chaos.artifact", &self.chaos.artifact)];
        named.into_iter().map(|(key, path)| (key, path.as_str())).chain(junit)
    }
}

impl FigureConfig {
    fn check(&self, field: &str, unit: &str, may_complement: bool) -> Result<(), String> {
        let place = format!("figures.{field}");
        match self.aggregate {
            Aggregate::Mean | Aggregate::Median | Aggregate::P95 | Aggregate::Max | Aggregate::Min => {}
            Aggregate::Every | Aggregate::Sum | Aggregate::Growth | Aggregate::Ema(_) => {
                return Err(format!("{place}.aggregate must be mean, median, p95, max or min"));
            }
        }
        if unit_factor(&self.unit, unit).is_none() {
            return Err(format!("{place}.unit is `{}`, which cannot be given in {unit}", self.unit));
        }
        if self.complement && !may_complement {
            return Err(format!("{place}.complement is for shares alone"));
        }
        Ok(())
    }
}

impl VersionChange {
    pub(super) fn is_on(&self, date: Date) -> bool {
        self.date.parse::<Date>().is_ok_and(|day| day == date)
    }
}

impl TestConfig {
    fn check(&self) -> Result<(), String> {
        match (&self.command, self.junit.is_empty()) {
            (None, true) => return Err("bug_bash has neither junit nor a command".to_owned()),
            (Some(_), false) => return Err("bug_bash has junit and a command; one of them counts".to_owned()),
            (Some(command), true) => {
                if command.argv.first().is_none_or(String::is_empty) {
                    return Err("bug_bash.command.argv is empty".to_owned());
                }
                let timeout = parse("bug_bash.command.timeout", &command.timeout)?;
                if timeout.is_zero() || timeout > Duration::from_hours(24) {
                    return Err("bug_bash.command.timeout must be above 0s and at most 24h".to_owned());
                }
            }
            (None, false) => {
                let max_age = self.max_age.as_deref().ok_or("bug_bash.junit needs a max_age")?;
                parse("bug_bash.max_age", max_age)?;
                if self.min_tests == Some(0) {
                    return Err(
                        "bug_bash.min_tests must be at least 1: no test at all proves nothing".to_owned()
                    );
                }
            }
        }
        Ok(())
    }

    pub(super) fn max_age(&self) -> Duration {
        self.max_age.as_deref().and_then(|text| duration::parse(text).ok()).unwrap_or_default()
    }
}

impl TestCommand {
    pub(super) fn timeout(&self) -> Duration {
        duration::parse(&self.timeout).unwrap_or_default()
    }
}

fn parse(key: &str, text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{key} is `{text}`: {error}; write 20h or 30m"))
}
