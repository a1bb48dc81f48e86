//! A task as it is configured, and everything that can be wrong with it.

use super::assertion::{Assertion, AssertionConfig};
use super::expression::Expression;
use super::schedule::Schedule;
use crate::format::duration;
use crate::format::json::path::Place;
use crate::format::size;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Fields of a JSON artifact that are read without being named.
pub(crate) const STARTED_AT: &str = "started_at";
pub(crate) const FINISHED_AT: &str = "finished_at";

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentinelConfig {
    pub(crate) tasks: Vec<TaskConfig>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskConfig {
    name: String,
    artifact: String,
    max_age: Option<String>,
    schedule: Option<String>,
    timezone: Option<String>,
    grace: Option<String>,
    early: Option<String>,
    min_size: Option<Size>,
    started_at: Option<String>,
    finished_at: Option<String>,
    max_runtime: Option<String>,
    #[serde(default, rename = "assert")]
    assertions: Vec<AssertionConfig>,
    owner: Option<String>,
    #[serde(default)]
    severity: Severity,
}

/// Whole bytes, or a text such as `2K`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    Text(String),
}

/// How bad it is when the task is not fresh; it is shown and never makes a failure less than one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Somebody has to act at once.
    #[default]
    Critical,
    /// Somebody has to look.
    Warning,
    /// Good to know.
    Info,
}

impl Severity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// When an artifact has to be there.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    /// Never older than this.
    MaxAge(Duration),
    /// After each run of a schedule.
    Schedule {
        schedule: Schedule,
        /// How long after that the artifact may come.
        grace: Duration,
        /// How long before that it may have come.
        early: Duration,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Its name, unique.
    pub(crate) name: String,
    pub(crate) artifact: String,
    pub(crate) due: Due,
    /// In which times are shown.
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
    /// Smaller artifacts are no artifacts.
    pub(crate) min_size: u64,
    /// Place of the time at which the job was started.
    pub(crate) started_at: Option<Place>,
    /// Place of the time at which the job was finished.
    pub(crate) finished_at: Option<Place>,
    /// How long a job may have been running.
    pub(crate) max_runtime: Option<Duration>,
    pub(crate) assertions: Vec<Assertion>,
    pub(crate) owner: Option<String>,
    pub(crate) severity: Severity,
    /// What is valid and looks like a slip.
    pub(crate) remark: Option<String>,
}

/// Checks every task; the error has all that is wrong.
pub(crate) fn check(config: SentinelConfig) -> Result<Vec<Task>, Vec<String>> {
    if config.tasks.is_empty() {
        return Err(vec!["it has no tasks, so it could not fail".to_owned()]);
    }
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    let mut zones = Zones::default();
    let mut tasks = Vec::new();
    for (index, configured) in config.tasks.into_iter().enumerate() {
        let name = configured.name.trim().to_owned();
        if name.is_empty() {
            faults.push(format!("task {} has no name", index + 1));
            continue;
        }
        if !names.insert(name.clone()) {
            faults.push(format!("task `{name}` is there twice"));
        }
        match configured.check(&name, &mut zones) {
            Ok(task) => tasks.push(task),
            Err(reason) => faults.push(format!("task `{name}`: {reason}")),
        }
    }
    if faults.is_empty() { Ok(tasks) } else { Err(faults) }
}

/// Time zones that were looked up.
#[derive(Default)]
struct Zones(BTreeMap<String, TimeZone>);

impl Zones {
    fn get(&mut self, name: &str) -> Result<TimeZone, String> {
        if let Some(zone) = self.0.get(name) {
            return Ok(zone.clone());
        }
        let zone = TimeZone::get(name).map_err(|_| {
            format!("`{name}` is not a time zone that this machine knows; write a name such as Europe/Berlin")
        })?;
        self.0.insert(name.to_owned(), zone.clone());
        Ok(zone)
    }
}

impl TaskConfig {
    fn check(self, name: &str, zones: &mut Zones) -> Result<Task, String> {
        if self.artifact.trim().is_empty() {
            return Err("artifact is empty".to_owned());
        }
        let zone_name = self.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
        let zone = zones.get(&zone_name)?;
        let mut remark = None;
        let due = match (&self.max_age, &self.schedule) {
            (Some(max_age), None) => {
                if self.grace.is_some() || self.early.is_some() {
                    return Err("grace and early belong to a schedule, not to max_age".to_owned());
                }
                Due::MaxAge(positive("max_age", max_age)?)
            }
            (None, Some(text)) => {
                if self.timezone.is_none() {
                    return Err(
                        "a schedule needs the timezone of its clock, such as UTC or Europe/Berlin".into()
                    );
                }
                let expression = Expression::parse(text).map_err(|reason| format!("schedule: {reason}"))?;
                if expression.is_every_minute_of_some_hours() {
                    remark =
                        Some(format!("task `{name}`: `{text}` expects a run in every minute of its hours"));
                }
                let duration =
                    |name, text: &Option<String>| text.as_ref().map_or(Ok(Duration::ZERO), |t| age(name, t));
                Due::Schedule {
                    schedule: Schedule { expression, zone: zone.clone() },
                    grace: duration("grace", &self.grace)?,
                    early: duration("early", &self.early)?,
                }
            }
            (Some(_), Some(_)) => return Err("it has max_age and schedule; one of them decides".to_owned()),
            (None, None) => {
                return Err("it has neither max_age nor schedule, so it would never be stale".to_owned());
            }
        };
        let min_size = match &self.min_size {
            None => 1,
            Some(Size::Bytes(bytes)) => *bytes,
            Some(Size::Text(text)) => size::parse(text).map_err(|reason| format!("min_size: {reason}"))?,
        };
        if min_size == 0 {
            return Err("min_size is 0, so an empty artifact would do; leave it out for 1 byte".to_owned());
        }
        let place = |path: &Option<String>| path.as_deref().map(Place::parse).transpose();
        let assertions: Result<Vec<Assertion>, String> =
            self.assertions.iter().map(AssertionConfig::check).collect();
        Ok(Task {
            name: name.to_owned(),
            artifact: self.artifact.clone(),
            due,
            zone,
            zone_name,
            min_size,
            started_at: place(&self.started_at)?,
            finished_at: place(&self.finished_at)?,
            max_runtime: self.max_runtime.as_ref().map(|text| positive("max_runtime", text)).transpose()?,
            assertions: assertions.map_err(|reason| format!("assert: {reason}"))?,
            owner: self.owner,
            severity: self.severity,
            remark,
        })
    }
}

fn age(name: &str, text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{name} `{text}`: {error}; write 90m, 36h or 7d"))
}

fn positive(name: &str, text: &str) -> Result<Duration, String> {
    let duration = age(name, text)?;
    if duration.is_zero() { Err(format!("{name} `{text}` leaves no time at all")) } else { Ok(duration) }
}
