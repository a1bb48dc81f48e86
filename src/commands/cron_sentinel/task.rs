//! A task as it is configured, and everything that can be wrong with it.

use super::assertion::{Assertion, AssertionConfig};
use super::dialect::Dialect;
use super::expression::{self, Parsed, Timing};
use super::schedule::Schedule;
use super::times::TimeFormat;
use crate::execute::notify::config::NotifyConfig;
use crate::format::duration;
use crate::format::json::path::Place;
use crate::format::size;
use crate::format::unfinished::is_unfinished;
use crate::format::zone::Zones;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Fields of a JSON artifact that are read without being named.
pub(crate) const STARTED_AT: &str = "started_at";
pub(crate) const FINISHED_AT: &str = "finished_at";

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SentinelConfig {
    pub(crate) tasks: Vec<TaskConfig>,
    /// Who is notified when not every task is fresh.
    #[serde(default)]
    pub(crate) notify: Vec<NotifyConfig>,
}

#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskConfig {
    name: String,
    artifact: String,
    max_age: Option<String>,
    schedule: Option<String>,
    /// Whose rules the schedule is read by.
    dialect: Option<Dialect>,
    timezone: Option<String>,
    grace: Option<String>,
    early: Option<String>,
    min_size: Option<Size>,
    started_at: Option<String>,
    finished_at: Option<String>,
    #[serde(default)]
    time_format: TimeFormat,
    time_key: Option<TimeKey>,
    max_runtime: Option<String>,
    #[serde(default, rename = "assert")]
    assertions: Vec<AssertionConfig>,
    owner: Option<String>,
    #[serde(default)]
    severity: Severity,
}

/// Where an artifact has its times.
#[derive(Clone, Copy, Debug, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TimeKey {
    /// Nowhere: its time of modification counts, whatever stands in it.
    None,
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
    /// So long after the run before.
    Every { interval: Duration, grace: Duration },
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
    /// Whether the usual places are asked for times where no others are named.
    pub(crate) reads_usual_times: bool,
    pub(crate) time_format: TimeFormat,
    /// How long a job may have been running.
    pub(crate) max_runtime: Option<Duration>,
    pub(crate) assertions: Vec<Assertion>,
    pub(crate) owner: Option<String>,
    pub(crate) severity: Severity,
    /// What is valid and looks like a slip.
    pub(crate) remark: Option<String>,
}

/// Checks every task, as it is at `now`; the error has all that is wrong.
pub(crate) fn check(
    configured: Vec<TaskConfig>,
    zones: &mut Zones,
    now: Timestamp,
) -> Result<Vec<Task>, Vec<String>> {
    if configured.is_empty() {
        return Err(vec!["it has no tasks, so it could not fail".to_owned()]);
    }
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    let mut tasks = Vec::new();
    for (index, configured) in configured.into_iter().enumerate() {
        let name = configured.name.trim().to_owned();
        if name.is_empty() {
            faults.push(format!("task {} has no name", index + 1));
            continue;
        }
        if !names.insert(name.clone()) {
            faults.push(format!("task `{name}` is there twice"));
        }
        match configured.check(&name, zones, now) {
            Ok(task) => tasks.push(task),
            Err(reason) => faults.push(format!("task `{name}`: {reason}")),
        }
    }
    if faults.is_empty() { Ok(tasks) } else { Err(faults) }
}

impl TaskConfig {
    fn check(self, name: &str, zones: &mut Zones, now: Timestamp) -> Result<Task, String> {
        if self.artifact.trim().is_empty() {
            return Err("artifact is empty".to_owned());
        }
        if let Some(own) = self.artifact.rsplit('/').next().filter(|own| names_unfinished(own)) {
            return Err(format!("artifact: `{own}` is the name of a file that is still being written"));
        }
        let Timed { due, zone_name, zone, remark } = self.timed(name, zones, now)?;
        let min_size = match &self.min_size {
            None => 1,
            Some(Size::Bytes(bytes)) => *bytes,
            Some(Size::Text(text)) => size::parse(text).map_err(|reason| format!("min_size: {reason}"))?,
        };
        if min_size == 0 {
            return Err("min_size is 0, so an empty artifact would do; leave it out for 1 byte".to_owned());
        }
        let place = |path: &Option<String>| path.as_deref().map(Place::parse).transpose();
        let reads_usual_times = self.time_key.is_none();
        if !reads_usual_times && (self.started_at.is_some() || self.finished_at.is_some()) {
            return Err(
                "`time_key: none` takes no time from the artifact, and started_at or finished_at does".into(),
            );
        }
        if !reads_usual_times && self.time_format != TimeFormat::default() {
            return Err(
                "`time_key: none` takes no time from the artifact, so time_format means nothing".into()
            );
        }
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
            reads_usual_times,
            time_format: self.time_format,
            max_runtime: self.max_runtime.as_ref().map(|text| positive("max_runtime", text)).transpose()?,
            assertions: assertions.map_err(|reason| format!("assert: {reason}"))?,
            owner: self.owner,
            severity: self.severity,
            remark,
        })
    }

    /// When the artifact is due, and on whose clock.
    fn timed(&self, name: &str, zones: &mut Zones, now: Timestamp) -> Result<Timed, String> {
        let own_zone = |zones: &mut Zones| {
            let name = self.timezone.as_deref().unwrap_or("UTC");
            Ok::<_, String>((name.to_owned(), zones.get(name)?))
        };
        match (&self.max_age, &self.schedule) {
            (Some(max_age), None) => {
                if self.grace.is_some() || self.early.is_some() || self.dialect.is_some() {
                    return Err("grace, early and dialect belong to a schedule, not to max_age".to_owned());
                }
                let (zone_name, zone) = own_zone(zones)?;
                Ok(Timed { due: Due::MaxAge(positive("max_age", max_age)?), zone_name, zone, remark: None })
            }
            (None, Some(text)) => self.scheduled(name, text, zones, now),
            (Some(_), Some(_)) => Err("it has max_age and schedule; one of them decides".to_owned()),
            (None, None) => Err("it has neither max_age nor schedule, so it would never be stale".to_owned()),
        }
    }

    fn scheduled(&self, name: &str, text: &str, zones: &mut Zones, now: Timestamp) -> Result<Timed, String> {
        let dialect = self.dialect.unwrap_or_default();
        let parsed = expression::parse(text, dialect);
        let Parsed { zone: in_front, timing } = parsed.map_err(|reason| format!("schedule: {reason}"))?;
        let zone_name = match (&self.timezone, in_front) {
            (Some(own), Some(other)) if *own != other => {
                return Err(format!("timezone is {own}, and the schedule says {other}"));
            }
            (Some(own), _) => own.clone(),
            (None, Some(in_front)) => in_front,
            (None, None) if matches!(timing, Timing::Every(_)) => "UTC".to_owned(),
            (None, None) => {
                return Err(
                    "a schedule needs the timezone of its clock, such as UTC or Europe/Berlin".to_owned()
                );
            }
        };
        let zone = zones.get(&zone_name)?;
        let duration =
            |name, text: &Option<String>| text.as_ref().map_or(Ok(Duration::ZERO), |t| age(name, t));
        let (grace, early) = (duration("grace", &self.grace)?, duration("early", &self.early)?);
        let (due, remark) = match timing {
            Timing::Every(interval) => {
                if self.early.is_some() {
                    return Err(
                        "early means nothing with @every, which counts from the run before".to_owned()
                    );
                }
                (Due::Every { interval, grace }, None)
            }
            Timing::Calendar(expression) => {
                let remark = expression
                    .is_every_minute_of_some_hours()
                    .then(|| format!("task `{name}`: `{text}` expects a run in every minute of its hours"));
                let schedule = Schedule { expression, zone: zone.clone(), rules: dialect.rules() };
                if !early.is_zero()
                    && let Some(gap) = schedule.shortest_gap_secs(early.as_secs(), now)
                    && early.as_secs() >= gap
                {
                    let gap = humantime::format_duration(Duration::from_secs(gap));
                    return Err(format!(
                        "early `{}` is not below {gap}, the shortest time between two runs: the run before would count \
                         for the next one",
                        self.early.as_deref().unwrap_or_default()
                    ));
                }
                (Due::Schedule { schedule, grace, early }, remark)
            }
        };
        Ok(Timed { due, zone_name, zone, remark })
    }
}

/// When an artifact is due, and what is said of that.
struct Timed {
    due: Due,
    zone_name: String,
    zone: TimeZone,
    remark: Option<String>,
}

/// Whether a file name, or every name that a pattern stands for, is one of files that are still being written. One
/// that is only hidden was asked for.
fn names_unfinished(own: &str) -> bool {
    is_unfinished(own.trim_start_matches('.'))
}

fn age(name: &str, text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{name} `{text}`: {error}; write 90m, 36h or 7d"))
}

fn positive(name: &str, text: &str) -> Result<Duration, String> {
    let duration = age(name, text)?;
    if duration.is_zero() { Err(format!("{name} `{text}` leaves no time at all")) } else { Ok(duration) }
}
