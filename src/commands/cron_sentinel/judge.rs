//! The state of a task: decided from what was found, the time, and when it is due.
#![warn(clippy::wildcard_enum_match_arm)]

use super::dialect::{Dialect, DialectRules};
use super::exact;
use super::task::{Due, FINISHED_AT, STARTED_AT, Severity, Task};
use crate::evidence::age::{CLOCK_TOLERANCE, display};
use crate::format::json::path::Place;
use crate::format::node::{Node, Value};
use crate::report::Outcome;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The state of a task, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// There in time, and it says what it must.
    Fresh,
    /// Started, and not finished.
    Running,
    /// Too old.
    Stale,
    /// There, and not what it must be.
    Invalid,
    /// Of the future: one of the clocks is wrong.
    Clock,
    /// Not there.
    Missing,
    /// It cannot be looked at.
    Error,
}

impl State {
    pub(crate) const ALL: [Self; 7] =
        [Self::Fresh, Self::Running, Self::Stale, Self::Invalid, Self::Clock, Self::Missing, Self::Error];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Fresh => "fresh",
            State::Running => "running",
            State::Stale => "stale",
            State::Invalid => "invalid",
            State::Clock => "clock",
            State::Missing => "missing",
            State::Error => "error",
        }
    }
}

/// What was found in the place of an artifact.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// Nothing; what was looked for.
    Missing(String),
    /// It cannot be looked at; the reason.
    Error(String),
    File {
        path: String,
        modified: Timestamp,
        bytes: u64,
        /// Its text, where somebody has to look into it.
        content: Option<Content>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) text: String,
    /// The text as JSON, or why it is none; absent where it need not be.
    pub(crate) document: Option<Result<Node, String>>,
    /// Why the text is none.
    pub(crate) fault: Option<String>,
}

/// A task after it was judged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Judged {
    /// Name of the task.
    pub(crate) name: String,
    /// What came of it.
    pub(crate) state: State,
    /// The file that was judged; the configured path or glob where there is none.
    pub(crate) artifact: String,
    /// Why it is not fresh; empty when it is.
    pub(crate) reasons: Vec<String>,
    /// When the artifact was made.
    pub(crate) made_at: Option<String>,
    /// Its age in seconds.
    pub(crate) age_secs: Option<i64>,
    /// The largest age, or the grace of the schedule, in seconds.
    pub(crate) limit_secs: u64,
    /// The run of the schedule that the artifact must belong to.
    pub(crate) due_at: Option<String>,
    /// Since when it is stale.
    pub(crate) stale_since: Option<String>,
    /// When the next artifact is due.
    pub(crate) next_due: Option<String>,
    /// Time zone of the task.
    pub(crate) timezone: String,
    /// By which rules its schedule is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dialect: Option<DialectRules>,
    /// Who is asked.
    pub(crate) owner: Option<String>,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// The zone behind its name.
    #[serde(skip)]
    pub(crate) zone: TimeZone,
    /// Whether a running job is still inside its time.
    #[serde(skip)]
    pub(crate) in_time: bool,
}

impl Judged {
    /// A job that runs inside its time is a yes with a warning; what cannot be looked at is not known.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.state {
            State::Fresh => Outcome::Pass,
            State::Running if self.in_time => Outcome::Warn,
            State::Error => Outcome::Unknown,
            State::Running | State::Stale | State::Invalid | State::Clock | State::Missing => Outcome::Fail,
        }
    }
}

/// Judges a task. `window` replaces the largest age of tasks that have one.
pub(crate) fn judge(task: &Task, found: &Found, now: Timestamp, window: Option<Duration>) -> Judged {
    let limit = match &task.due {
        Due::MaxAge(max_age) => window.unwrap_or(*max_age),
        Due::Schedule { grace, .. } | Due::Every { grace, .. } => *grace,
    };
    let dialect = match &task.due {
        Due::MaxAge(_) => None,
        Due::Schedule { schedule, .. } => Some(schedule.rules),
        Due::Every { .. } => Some(Dialect::Kubernetes.rules()),
    };
    let mut judged = Judged {
        name: task.name.clone(),
        state: State::Fresh,
        artifact: task.artifact.clone(),
        reasons: Vec::new(),
        made_at: None,
        age_secs: None,
        limit_secs: limit.as_secs(),
        due_at: None,
        stale_since: None,
        next_due: None,
        timezone: task.zone_name.clone(),
        dialect,
        owner: task.owner.clone(),
        severity: task.severity,
        zone: task.zone.clone(),
        in_time: false,
    };
    let mut judge = Judge { task, now, limit, judged: &mut judged };
    match found {
        Found::Missing(reason) => {
            judge.note(State::Missing, reason.clone());
            judge.note_next_due(None);
        }
        Found::Error(reason) => judge.note(State::Error, reason.clone()),
        Found::File { path, modified, bytes, content } => {
            judge.judged.artifact.clone_from(path);
            judge.file(*modified, *bytes, content.as_ref());
        }
    }
    judged
}

/// No run of a schedule is known by which something was due.
struct ScheduleUnknown;

struct Judge<'a> {
    task: &'a Task,
    now: Timestamp,
    limit: Duration,
    judged: &'a mut Judged,
}

impl Judge<'_> {
    fn note(&mut self, state: State, reason: String) {
        self.judged.state = self.judged.state.max(state);
        self.judged.reasons.push(reason);
    }

    fn file(&mut self, modified: Timestamp, bytes: u64, content: Option<&Content>) {
        if bytes < self.task.min_size {
            let least = self.task.min_size;
            self.note(State::Invalid, format!("it has {bytes} bytes, wanted at least {least}"));
        }
        self.content(content);
        // A copy keeps an old time and a wrong clock makes a new one; what the artifact says comes first.
        self.clock("the file was modified", modified);
        let document = content.and_then(|content| content.document.as_ref()?.as_ref().ok());
        let started = self.time(document, self.task.started_at.as_ref(), STARTED_AT);
        let finished = self.time(document, self.task.finished_at.as_ref(), FINISHED_AT);
        if let Some(started) = started {
            self.clock("the job was started", started);
            if finished.is_none_or(|finished| finished < started) {
                if self.judged.state == State::Fresh {
                    self.running(started);
                }
                return;
            }
        }
        if let Some(finished) = finished {
            self.clock("the job was finished", finished);
        }
        let made = finished.unwrap_or(modified);
        self.judged.made_at = Some(utc(made));
        self.judged.age_secs = Some(self.now.duration_since(made).as_secs().max(0));
        self.age(made);
    }

    fn content(&mut self, content: Option<&Content>) {
        let Some(content) = content else {
            if !self.task.assertions.is_empty() {
                self.note(State::Error, "its content was not read".to_owned());
            }
            return;
        };
        if let Some(fault) = &content.fault {
            return self.note(State::Invalid, fault.clone());
        }
        if let Some(Err(reason)) = &content.document {
            self.note(State::Invalid, format!("it is not valid JSON: {reason}"));
        }
        for assertion in &self.task.assertions {
            let is_known = assertion.wants_document() && matches!(content.document, Some(Err(_)));
            if let Some(fault) = assertion.fault(&content.text, content.document.as_ref())
                && !is_known
            {
                self.note(State::Invalid, fault);
            }
        }
    }

    /// A time in the artifact: at the configured place, where it must be; else at the usual one, where
    /// it may be.
    fn time(
        &mut self,
        document: Option<&Node>,
        configured: Option<&Place>,
        usual: &str,
    ) -> Option<Timestamp> {
        if configured.is_none() && !self.task.reads_usual_times {
            return None;
        }
        let usually = Place::of_key(usual);
        let place = configured.unwrap_or(&usually);
        match document.and_then(|document| exact::find(document, place)) {
            // A job that has not finished leaves its end out.
            None | Some(Node { value: Value::Null, .. }) => {
                let is_end = usual == FINISHED_AT;
                if configured.is_some() && !(is_end && self.has_start(document)) {
                    self.note(State::Invalid, format!("there is no time at {place}"));
                }
                None
            }
            Some(node) => {
                let time = self.task.time_format.read(node, &self.task.zone);
                if time.is_none() {
                    let value: String =
                        serde_json::Value::from(node.clone()).to_string().chars().take(80).collect();
                    let noun = self.task.time_format.noun();
                    self.note(State::Invalid, format!("{place} is {value}, not {noun}"));
                }
                time
            }
        }
    }

    fn has_start(&self, document: Option<&Node>) -> bool {
        let usually = Place::of_key(STARTED_AT);
        let place = self.task.started_at.as_ref().unwrap_or(&usually);
        let start = document.and_then(|document| exact::find(document, place));
        start.is_some_and(|start| !matches!(start.value, Value::Null))
    }

    fn clock(&mut self, what: &str, time: Timestamp) {
        let ahead = time.duration_since(self.now);
        if ahead > CLOCK_TOLERANCE {
            let ahead = display(ahead.unsigned_abs());
            self.note(State::Clock, format!("{what} {ahead} in the future, at {}", self.both(time)));
        }
    }

    fn running(&mut self, started: Timestamp) {
        let gone = Duration::try_from(self.now.duration_since(started)).unwrap_or_default();
        let since = format!("started {} ago, at {}, and not finished", display(gone), self.both(started));
        let Some(most) = self.task.max_runtime else {
            return self.note(
                State::Running,
                format!("{since}; without max_runtime nothing says that it still may"),
            );
        };
        let Ok(overdue) = self.overdue(started) else { return };
        self.judged.in_time = gone <= most && overdue.is_none();
        let limit = format!("{since}; it may run for {}", display(most));
        self.note(State::Running, limit);
        self.note_next_due(Some(started));
    }

    fn age(&mut self, made: Timestamp) {
        self.note_next_due(Some(made));
        let Ok(Some(since)) = self.overdue(made) else { return };
        self.judged.stale_since = Some(utc(since));
        let age = display(Duration::try_from(self.now.duration_since(made)).unwrap_or_default());
        let since = self.both(since);
        let reason = match &self.task.due {
            Due::MaxAge(_) => {
                format!("it is {age} old, the limit is {}, stale since {since}", display(self.limit))
            }
            Due::Schedule { .. } | Due::Every { .. } => {
                let due = self.judged.due_at.clone().and_then(|due| due.parse().ok());
                let due = due.map_or_else(String::new, |due| self.both(due));
                let grace = display(self.limit);
                format!(
                    "it is {age} old, the last run was due at {due} with a grace of {grace}, stale since {since}"
                )
            }
        };
        let next = match (&self.task.due, &self.judged.next_due) {
            (Due::Schedule { .. }, Some(next)) => {
                let next = next.parse().map_or_else(|_| next.clone(), |next| self.both(next));
                format!("; next due at {next}")
            }
            _ => String::new(),
        };
        self.note(State::Stale, reason + &next);
    }

    /// Since when something made at a time does not count any more; an error, which is noted, where nothing
    /// says when it was due.
    fn overdue(&mut self, made: Timestamp) -> Result<Option<Timestamp>, ScheduleUnknown> {
        match &self.task.due {
            Due::MaxAge(_) => {
                let since = later(made, self.limit);
                Ok((self.now > since).then_some(since))
            }
            Due::Every { interval, grace } => {
                let due = later(made, *interval);
                self.judged.due_at = Some(utc(due));
                let since = later(due, *grace);
                Ok((self.now > since).then_some(since))
            }
            Due::Schedule { schedule, grace, early } => {
                let Some(due) = schedule.last(earlier(self.now, *grace)) else {
                    let reason =
                        "no run of the schedule is found before now, so nothing says when it was due";
                    self.note(State::Error, reason.to_owned());
                    return Err(ScheduleUnknown);
                };
                self.judged.due_at = Some(utc(due));
                if made >= earlier(due, *early) {
                    return Ok(None);
                }
                // Not since the last run, but since the first one that it missed.
                let first = schedule.next(later(made, *early)).unwrap_or(due);
                Ok(Some(later(first.min(due), *grace)))
            }
        }
    }

    fn note_next_due(&mut self, made: Option<Timestamp>) {
        let next = match &self.task.due {
            Due::MaxAge(_) => made.map(|made| later(made, self.limit)),
            Due::Schedule { schedule, .. } => schedule.next(self.now),
            Due::Every { interval, .. } => made.map(|made| later(made, *interval)),
        };
        self.judged.next_due = next.map(utc);
    }

    /// A time in UTC and in the zone of the task.
    fn both(&self, time: Timestamp) -> String {
        let there = time.to_zoned(self.task.zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z");
        match self.task.zone_name.as_str() {
            "UTC" => utc(time),
            zone => format!("{} ({there} {zone})", utc(time)),
        }
    }
}

pub(super) fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn later(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    time.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
