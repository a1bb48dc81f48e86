//! `daily.yaml`: from which figures the report of a day is made, and by what it is judged.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::daily;
use crate::evidence::daily::report::{DayRules, ToldChange};
use crate::evidence::daily::standard::{GatesConfig, evidence_grace, max_window};
use crate::evidence::requirement::Requirement;
use crate::format::duration;
use crate::judge::gate::{Aggregate, GateProfile};
use crate::judge::kpi::{KpiDefinition, unit_factor};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
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
    /// The longest window that counts, such as `1h`: of a longer one nobody knows what happened within.
    #[serde(default = "max_window")]
    pub(super) max_window: String,
    /// By what the windows are judged, whatever the runs were started with.
    #[serde(default)]
    pub(super) gates: GatesConfig,
    /// Changes of the version that were meant.
    #[serde(default)]
    pub(super) version_changes: Vec<VersionChange>,
    /// What parameters were accepted.
    pub(super) drift: DriftConfig,
    /// How long after its end what is made still speaks of the day, such as `12h`.
    #[serde(default = "evidence_grace")]
    pub(super) evidence_grace: String,
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

/// A change of the version that was meant, in its direction: within a day, or to the first version of the day.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VersionChange {
    /// The day, such as `2026-03-09`.
    date: String,
    from: String,
    to: String,
    /// Why the day counts all the same.
    reason: String,
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
    /// Configuration hashes, as the bot says them in `mm_build_info`; not compared where the key is left out, and an
    /// empty list accepts none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<String>")]
    pub(super) config_hash: Option<Vec<String>>,
    /// Parameters, as the bot says them in `mm_param`; not compared where the key is left out, and an empty list
    /// accepts none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "BTreeMap<String, f64>")]
    pub(super) parameters: Option<BTreeMap<String, f64>>,
}

/// A list that is there; one of which nothing stands behind the key is empty.
fn present<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Some(Option::<T>::deserialize(deserializer)?.unwrap_or_default()))
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

impl DailyConfig {
    /// Says what is wrong with it, with the place.
    pub(super) fn check(&self) -> Result<(), String> {
        self.figures.edge_net_bps.check("edge_net_bps", "bps", false)?;
        self.figures.order_age_p95_ms.check("order_age_p95_ms", "ms", false)?;
        self.figures.taker_share_pct.check("taker_share_pct", "percent", true)?;
        above_zero("min_observed", &self.min_observed, MOST)?;
        above_zero("max_window", &self.max_window, MOST)?;
        at_most("evidence_grace", &self.evidence_grace, MOST)?;
        above_zero("chaos.max_age", &self.chaos.max_age, MOST_OF_DRILL)?;
        for (at, change) in self.version_changes.iter().enumerate() {
            let place = format!("version_changes[{at}]");
            daily::parse(&change.date).map_err(|reason| format!("{place}.date: {reason}"))?;
            if change.from == change.to {
                return Err(format!("{place} is a change from `{}` to itself", change.from));
            }
            if change.reason.trim().is_empty() {
                return Err(format!("{place} has no reason"));
            }
        }
        let twice = |(at, path): (usize, &String)| self.bug_bash.junit[..at].contains(path);
        if let Some(at) = self.bug_bash.junit.iter().enumerate().position(twice) {
            return Err(format!("bug_bash.junit names `{}` twice", self.bug_bash.junit[at]));
        }
        self.chaos.check()?;
        self.bug_bash.check()
    }

    pub(super) fn min_observed(&self) -> Duration {
        duration::parse(&self.min_observed).unwrap_or(Duration::MAX)
    }

    pub(super) fn max_window(&self) -> Duration {
        duration::parse(&self.max_window).unwrap_or_default()
    }

    pub(super) fn evidence_grace(&self) -> Duration {
        duration::parse(&self.evidence_grace).unwrap_or_default()
    }

    /// The changes of the version that were meant on a day.
    pub(super) fn told_changes(&self, date: Date) -> Vec<ToldChange> {
        let of_day = self.version_changes.iter().filter(|change| daily::parse(&change.date) == Ok(date));
        let told = of_day.map(|VersionChange { from, to, reason, .. }| ToldChange {
            from: from.clone(),
            to: to.clone(),
            reason: reason.clone(),
        });
        told.collect()
    }

    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let junit = self.bug_bash.junit.iter().map(|path| ("bug_bash.junit", path.as_str()));
        let gates = [("gates.kpis", &self.gates.kpis), ("gates.gates_file", &self.gates.gates_file)];
        let gates = gates.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)));
        let named = [("drift.accepted", &self.drift.accepted), ("chaos.artifact", &self.chaos.artifact)];
        named.into_iter().map(|(key, path)| (key, path.as_str())).chain(gates).chain(junit)
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

impl TestConfig {
    fn check(&self) -> Result<(), String> {
        match (&self.command, self.junit.is_empty()) {
            (None, true) => return Err("bug_bash has neither junit nor a command".to_owned()),
            (Some(_), false) => return Err("bug_bash has junit and a command; one of them counts".to_owned()),
            (Some(command), true) => {
                if command.argv.first().is_none_or(String::is_empty) {
                    return Err("bug_bash.command.argv is empty".to_owned());
                }
                above_zero("bug_bash.command.timeout", &command.timeout, MOST)?;
            }
            (None, false) => {
                let max_age = self.max_age.as_deref().ok_or("bug_bash.junit needs a max_age")?;
                above_zero("bug_bash.max_age", max_age, MOST_OF_TESTS)?;
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

/// By what the windows of a day are judged.
#[derive(Clone, Debug)]
pub(super) struct DayJudge {
    pub(super) kpis: BTreeMap<String, KpiDefinition>,
    /// How long the service must be watched in all is asked of a run, not of a day.
    pub(super) profile: GateProfile,
    /// The same as the report has it.
    pub(super) rules: DayRules,
}

/// What is of a day is no longer than a day.
const MOST: (Duration, &str) = (Duration::from_hours(24), "24h");
/// Tests that are older than a week are of other code.
const MOST_OF_TESTS: (Duration, &str) = (Duration::from_hours(7 * 24), "7d");
/// What nobody drilled for a year nobody knows.
const MOST_OF_DRILL: (Duration, &str) = (Duration::from_hours(366 * 24), "366d");

fn at_most(key: &str, text: &str, (most, bound): (Duration, &str)) -> Result<Duration, String> {
    let parsed =
        duration::parse(text).map_err(|error| format!("{key} is `{text}`: {error}; write 20h or 30m"))?;
    if parsed > most {
        return Err(format!("{key} is `{text}`, it must be at most {bound}"));
    }
    Ok(parsed)
}

fn above_zero(key: &str, text: &str, most: (Duration, &str)) -> Result<(), String> {
    if at_most(key, text, most)?.is_zero() {
        return Err(format!("{key} is `{text}`, it must be above 0s and at most {}", most.1));
    }
    Ok(())
}
