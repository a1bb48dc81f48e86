//! A score file computed again, of the days that it shows or of the reports themselves, and where the two differ.
//!
//! These fields carry no claim that anything else in the file or the reports could contradict: `commit`, and
//! `clock` where it says `stamped` instead of `system` or `frozen`, which only makes the file less believed, and the
//! `age` of a drill, which is counted anew from what the drill says.
//! Without the reports the figures of a day carry none as long as the points stay the same, nor do the hashes of
//! reports and drills and what is told of a drill beside its status, `simulated` and `frozen`.

use super::score::{Body, DayRecord, Document, SCHEMA};
use crate::evidence::age::EvidencePolicy;
use crate::evidence::daily::{self, Day, File, Rules, Window};
use crate::evidence::entry::{Entry, Found, ReleaseIdentity};
use crate::evidence::header::Header;
use crate::format::json::path::{Path, Step};
use crate::format::node;
use crate::report::Status;
use crate::report::maker::ClockKind;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// A score file whose form is good.
pub(super) struct Recorded<'a> {
    document: &'a Value,
    header: &'a Header,
    body: Body,
}

/// What the score rests on, as it lies on the disk now.
pub(super) struct Inputs {
    pub(super) reports: Vec<File>,
    /// In the order of the file.
    pub(super) drills: Vec<Found>,
}

impl<'a> Recorded<'a> {
    pub(super) fn read(document: &'a Value, header: &'a Header) -> Result<Self, String> {
        let body: Body = node::from_json(document.clone()).map_err(|error| error.to_string())?;
        Ok(Self { document, header, body })
    }

    /// The newest day, from the end of which the age of the score is counted.
    pub(super) fn newest_day(&self) -> Option<jiff::civil::Date> {
        daily::parse(&self.body.newest_day).ok()
    }

    pub(super) fn window(&self) -> usize {
        self.body.days.len()
    }

    /// Whether any of its days names a version.
    pub(super) fn names_versions(&self) -> bool {
        self.body.days.iter().any(DayRecord::names_version)
    }

    /// Why its days speak of something else than what is to be released now.
    pub(super) fn other_release(&self, release: &ReleaseIdentity) -> Option<String> {
        let days: Vec<Day> = self.body.days.iter().map(DayRecord::day).collect::<Result<_, _>>().ok()?;
        daily::other_release(&days, release)
    }

    /// Files of the drills that it names.
    pub(super) fn drill_paths(&self) -> impl Iterator<Item = &str> {
        self.body.drills.iter().map(|drill| drill.path.as_str())
    }

    /// Where the file contradicts itself; `now` is the time of the check.
    pub(super) fn contradictions(&self, now: Timestamp) -> Vec<String> {
        let days: Result<Vec<Day>, String> = self.body.days.iter().map(DayRecord::day).collect();
        let days = match days {
            Ok(days) => days,
            Err(reason) => return vec![reason],
        };
        let mut faults = Vec::new();
        if days.is_empty() {
            faults.push("'days' is empty; a window of no days proves nothing".to_owned());
        }
        for pair in days.windows(2) {
            if pair[0].date.tomorrow().ok() != Some(pair[1].date) {
                faults
                    .push(format!("the days {} and {} do not follow each other", pair[0].date, pair[1].date));
            }
        }
        faults.extend(self.body.drills.iter().filter_map(|drill| self.drill_contradiction(drill)));
        let simulated = days.iter().any(|day| day.simulated);
        let window = Window { simulated, days, remarks: self.body.remarks.clone() };
        faults.extend(self.differences(&window, "the days and drills of the file give", now));
        faults.extend(self.time_contradiction());
        faults
    }

    /// Where the file is not what the reports and drills give.
    pub(super) fn departures(&self, inputs: &Inputs, rules: &Rules) -> Vec<String> {
        let policy = EvidencePolicy {
            now: self.made_at(rules.policy.now),
            is_frozen: self.header.clock == ClockKind::Frozen,
            allow_simulated: self.header.simulated,
        };
        let window = daily::window(&inputs.reports, &Rules { policy, ..rules.clone() });
        let mut faults = self.differences(&window, "the reports give", rules.policy.now);
        for (drill, found) in self.body.drills.iter().zip(&inputs.drills) {
            let (now, _) = Entry::of(&drill.name, &drill.path, found);
            let (status, reasons, age) = (drill.status, drill.reasons.clone(), drill.age.clone());
            if (Entry { status, age, reasons, ..now }) != *drill {
                faults.push(format!("drill {}: `{}` is not what was judged", drill.name, drill.path));
            }
        }
        faults
    }

    /// When it was made; a fixed time does not tell.
    fn made_at(&self, now: Timestamp) -> Timestamp {
        match self.header.clock {
            ClockKind::System | ClockKind::Frozen => self.header.made_at.unwrap_or(now),
            ClockKind::Stamped => now,
        }
    }

    fn differences(&self, window: &Window, giver: &str, now: Timestamp) -> Vec<String> {
        let header = Header { schema: SCHEMA.to_owned(), subject: None, ..self.header.clone() };
        let mut runtime = self.body.runtime.clone();
        runtime.version = self.header.version.clone().unwrap_or_default();
        if let (ClockKind::System | ClockKind::Stamped, Some(made_at)) =
            (self.header.clock, self.header.made_at)
        {
            runtime.utc = made_at.to_string();
        }
        // A day of today was observed up to some moment of the making, which the file alone knows.
        let now = self.header.observed_to.filter(|to| self.is_moment_of_making(*to, now)).unwrap_or(now);
        let required = self.body.required_drills.clone();
        let mut drills = self.body.drills.clone();
        for drill in &mut drills {
            drill.status = drill.outcome().status();
        }
        let mut document = Document::new(header, runtime, window, drills, self.body.release.clone(), now);
        let names = std::mem::replace(&mut document.body.required_drills, required);
        if names != document.body.required_drills {
            return vec!["'drills' are not those of 'required_drills'".to_owned()];
        }
        let expected = serde_json::to_value(&document).expect("plain data serialises");
        let mut differences = Differences { giver, found: Vec::new() };
        differences.compare(&Path::default(), self.document, &expected);
        differences.found
    }

    fn is_moment_of_making(&self, time: Timestamp, now: Timestamp) -> bool {
        let made_at = self.made_at(now);
        let distance = made_at.duration_since(time).abs();
        self.header.clock == ClockKind::Stamped || distance <= SignedDuration::from_secs(1)
    }

    fn time_contradiction(&self) -> Option<String> {
        let made_at = self.header.made_at.filter(|_| self.header.clock != ClockKind::Stamped)?;
        let newest = self.newest_day()?;
        let is_early = made_at < daily::start(newest);
        is_early.then(|| format!("the score was made at {made_at}, before its newest day {newest}"))
    }

    fn drill_contradiction(&self, drill: &Entry) -> Option<String> {
        let name = &drill.name;
        let is_frozen = self.header.clock == ClockKind::Frozen;
        if drill.status == Status::Ok && drill.frozen && !is_frozen {
            return Some(format!("drill {name} was made under a frozen clock, which is not evidence"));
        }
        let is_nameless = drill.status == Status::Ok && drill.sha256.is_none();
        is_nameless.then(|| format!("drill {name} counts without a hash"))
    }
}

/// More differences say no more.
const ENOUGH: usize = 10;

struct Differences<'a> {
    giver: &'a str,
    found: Vec<String>,
}

impl Differences<'_> {
    fn compare(&mut self, at: &Path, found: &Value, expected: &Value) {
        if self.found.len() >= ENOUGH {
            return;
        }
        match (found, expected) {
            (Value::Object(found), Value::Object(expected)) => self.compare_fields(at, found, expected),
            (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
                for (index, (found, expected)) in (0..).zip(found.iter().zip(expected)) {
                    self.compare(&at.with(Step::Index(index)), found, expected);
                }
            }
            (Value::Number(one), Value::Number(other)) if one.as_f64() == other.as_f64() => {}
            _ if found == expected => {}
            _ => self.add(format!("{at} is {}, {} {}", brief(found), self.giver, brief(expected))),
        }
    }

    fn compare_fields(&mut self, at: &Path, found: &Map<String, Value>, expected: &Map<String, Value>) {
        for (key, value) in found {
            let at = at.with(Step::Key(key.clone()));
            match expected.get(key) {
                Some(expected) => self.compare(&at, value, expected),
                // A header may write a null where there is nothing.
                None if value.is_null() => {}
                None => self.add(format!("{at} is {}, which belongs to nothing", brief(value))),
            }
        }
        for (key, expected) in expected.iter().filter(|(key, _)| !found.contains_key(*key)) {
            let at = at.with(Step::Key(key.clone()));
            self.add(format!("{at} is missing, {} {}", self.giver, brief(expected)));
        }
    }

    fn add(&mut self, difference: String) {
        if self.found.len() < ENOUGH {
            self.found.push(difference);
        }
    }
}

/// A value in one short line.
fn brief(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
