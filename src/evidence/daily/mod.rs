//! The days of the window: which report stands for which day, and what it shows.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod baseline;
mod date;
mod doubts;
pub(crate) mod figures;
mod history;
mod outlook;
mod remedy;
pub(crate) mod report;
pub(crate) mod standard;

pub(crate) use date::{compact, date_of, end, is_report, observed_to, parse, report_name, start};
pub(crate) use figures::{BEARABLE, FIGURES, RANGES, SIDES, Side};
pub(crate) use outlook::{Outlook, PastDay, go_without};
pub(crate) use remedy::Remedy;

use crate::evidence::age::{Age, AgeSource, EvidencePolicy, display, judge_age};
use crate::evidence::entry::{ReleaseIdentity, WATCHED_VERSION};
use crate::report::ERROR_SCHEMA;
use doubts::CountingReport;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use report::reader::FieldReader;
use report::{DailyBasis, DailyReport, Field, ToldChange, shared_windows, untold_between};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use standard::DayStandard;
use std::collections::BTreeMap;
use std::time::Duration;

/// A file of the reports directory, read or not.
#[derive(Clone, Debug)]
pub struct File {
    /// Name without its directory.
    pub name: String,
    /// The document, or why there is none.
    pub content: Result<Value, String>,
    /// SHA-256 of the file's bytes, where it could be read.
    pub sha256: Option<String>,
}

/// The file that stands for a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFile {
    /// Name without its directory.
    pub(crate) name: String,
    /// SHA-256 of its bytes; null where it could not be read.
    pub(crate) sha256: Option<String>,
}

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Days in the window.
    pub window: usize,
    /// Largest age of the newest report, counted from the end of its day.
    pub max_age: Duration,
    /// What the reports are judged by.
    pub policy: EvidencePolicy,
    /// What `daily.yaml` asks of a day, where reports are held to it.
    pub(crate) standard: Option<DayStandard>,
}

impl Rules {
    /// Without what `daily.yaml` asks for.
    pub fn new(window: usize, max_age: Duration, policy: EvidencePolicy) -> Self {
        Self { window, max_age, policy, standard: None }
    }
}

/// One measured number of a day, or why it is missing.
pub(crate) type Figure = Result<f64, String>;
/// One yes or no of a day, or why it is missing.
pub(crate) type Flag = Result<bool, String>;

/// What one day shows.
#[derive(Clone, Debug)]
pub struct Day {
    /// The date in the report's name.
    pub date: Date,
    /// Why the day shows nothing at all, if it does not.
    pub fault: Option<String>,
    /// What would change that.
    pub(crate) remedy: Remedy,
    /// The report of the day.
    pub report: Option<ReportFile>,
    /// Net edge in basis points, 95th percentile of order age in milliseconds, taker share of volume in percent.
    pub figures: [Figure; 3],
    /// No guard stopped the day, the chaos drill passed, the test sweep passed.
    pub flags: [Flag; 3],
    /// Whether the report says that it comes from a simulation.
    pub simulated: bool,
    /// What the report rests on, where it says so and can be believed.
    pub(crate) basis: Option<Box<DailyBasis>>,
    /// The versions that it speaks of, one list for each time that they changed; none where it names none.
    pub(crate) versions: Vec<Vec<String>>,
}

/// The window, newest day last, and what is wrong with files that stand for no single day.
#[derive(Clone, Debug)]
pub struct Window {
    /// Exactly as many days as the rules ask for.
    pub days: Vec<Day>,
    /// Faults that belong to no day, such as a name without a date.
    pub remarks: Vec<String>,
    /// Whether any day that counts is simulated.
    pub simulated: bool,
}

impl Window {
    /// From when to when the days that count were observed.
    pub(crate) fn observed(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let mut dates = self.days.iter().filter(|day| day.fault.is_none()).map(|day| day.date);
        let first = dates.next()?;
        let last = dates.next_back().unwrap_or(first);
        Some((start(first), observed_to(last, now)))
    }
}

/// Chooses the window from all files of the directory and reads each day.
///
/// The window ends with yesterday: a day of which nobody made a report is a day that shows nothing, and moves the window
/// nowhere, and a report of today, which is not over, is left out. A report dated after today takes a place in the window and
/// shows nothing, because one of the clocks is wrong; a newest report that is too old makes every day show nothing.
pub fn window(files: &[File], rules: &Rules) -> Window {
    let now = rules.policy.now;
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut remarks = Vec::new();
    let mut by_date: BTreeMap<Date, &File> = BTreeMap::new();
    let mut doubtful: Vec<&str> = Vec::new();
    for file in files {
        if let Some(date) = date_of(&file.name) {
            if date == today {
                remarks.push(format!("`{}` is of a day that is not over, and is left out", file.name));
            } else {
                by_date.insert(date, file);
            }
        } else {
            doubtful.push(&file.name);
            remarks.push(format!(
                "`{}` is not named REPORT_SOAK_<YYYYMMDD>.json and is not evidence",
                file.name
            ));
        }
    }
    // A backup or a draft is no report of its day, and where there is no other it is named.
    let no_report = |date: Date| {
        let name = report_name(date);
        let begins = name.trim_end_matches(".json");
        let instead: Vec<&str> =
            doubtful.iter().copied().filter(|doubtful| doubtful.starts_with(begins)).collect();
        match instead.as_slice() {
            [] => format!("no report {name}"),
            names => format!("no report {name}; {} does not stand for the day", names.join(", ")),
        }
    };
    let future: Vec<Date> = by_date.keys().copied().filter(|date| *date > today).take(rules.window).collect();
    let newest = by_date.keys().copied().rfind(|date| *date < today);
    let stale = newest.and_then(|date| stale(date, now, rules.max_age));
    let end = today.yesterday().unwrap_or(today);
    let mut dates: Vec<Date> = std::iter::successors(Some(end), |date| date.yesterday().ok())
        .take(rules.window - future.len())
        .collect();
    dates.reverse();
    let found = dates.into_iter().map(|date| (date, by_date.get(&date).copied()));
    let mut days = match &stale {
        None => read_days(found, rules, no_report, |date| by_date.get(&date).copied()),
        Some(reason) => {
            let day = |(date, file): (Date, Option<&File>)| match file {
                None => Day::missing(date, &no_report(date)),
                Some(file) => Day::blank(date, reason, Remedy::NewerReport).of(file),
            };
            found.map(day).collect()
        }
    };
    let late = |date| {
        let reason = format!("clock: the report is dated after today ({today})");
        let day = Day::blank(date, &reason, Remedy::Clocks);
        by_date.get(&date).map_or(day.clone(), |file| day.of(file))
    };
    days.extend(future.into_iter().map(late));
    let simulated = days.iter().any(|day| day.simulated);
    let counting = days.iter().filter(|day| day.fault.is_none()).filter_map(|day| by_date.get(&day.date));
    remarks.extend(doubts::remarks(counting.map(|file| CountingReport {
        name: &file.name,
        content: file.content.as_ref().ok(),
        sha256: file.sha256.as_deref(),
    })));
    remarks.extend(rules.standard.iter().flat_map(|standard| standard.weaker.iter().cloned()));
    Window { days, remarks, simulated }
}

fn stale(date: Date, now: Timestamp, max_age: Duration) -> Option<String> {
    let subject = format!("the newest report ({date})");
    Age::of(observed_to(date, now), now, max_age).refusal(&subject, &display(max_age))
}

/// The days of these dates, which follow each other: each as its report has it, and none whose report cannot stand
/// beside those before it. `earlier` has the report of any day, by which what one was compared with is computed again.
pub(crate) fn read_days<'a>(
    found: impl IntoIterator<Item = (Date, Option<&'a File>)>,
    rules: &Rules,
    no_report: impl Fn(Date) -> String,
    earlier: impl Fn(Date) -> Option<&'a File>,
) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for (date, file) in found {
        let Some(file) = file else {
            days.push(Day::missing(date, &no_report(date)));
            continue;
        };
        let day = read(date, file, rules).of(file);
        let conflict = day.conflict(&days).or_else(|| {
            let usable = |other: &&Day| other.fault.is_none() && (day.simulated || !other.simulated);
            let usable: Vec<Date> = days.iter().filter(usable).map(|other| other.date).collect();
            let report =
                |date| earlier(date).map(|file| (file.sha256.as_deref(), file.content.as_ref().ok()));
            history::conflict(date, day.basis.as_deref()?, &usable, report)
        });
        days.push(match conflict.filter(|_| day.fault.is_none()) {
            Some(reason) => {
                let reason = format!("`{}` contradicts the days before: {reason}", file.name);
                let Day { report, basis, versions, .. } = day;
                Day { report, basis, versions, ..Day::blank(date, &reason, Remedy::Anew) }
            }
            None => day,
        });
    }
    days
}

/// Why the days speak of something else than what is to be released: the versions that the last one of them ends with.
/// Those before it are of the same, or of versions whose change was told.
pub(crate) fn other_release(days: &[Day], release: &ReleaseIdentity) -> Option<String> {
    let last = days.iter().rev().find(|day| day.fault.is_none() && !day.versions.is_empty())?;
    let other = last.versions.last()?.iter().find(|version| release.is_other(version))?;
    Some(format!("{} speaks of {other}, what is to be released is {release}{WATCHED_VERSION}", last.date))
}

impl Day {
    /// Why it cannot stand beside the days before: windows of a run that are theirs, or another version that nobody told.
    fn conflict(&self, before: &[Day]) -> Option<String> {
        let own = self.basis.as_deref();
        let with_basis = before.iter().rev().filter_map(|day| Some((day.date, day.basis.as_deref()?)));
        let shared =
            own.and_then(|own| with_basis.into_iter().find_map(|before| shared_windows(before, own)));
        shared.or_else(|| {
            let last = before.iter().rev().find(|day| !day.versions.is_empty())?;
            let (one, other) =
                untold_between(&last.versions, &self.versions, [last.told(), self.told()].concat())?;
            Some(format!(
                "version {other} ran, and {one} on {}: version_changes of daily.yaml does not say so on {}",
                last.date, self.date
            ))
        })
    }

    fn told(&self) -> Vec<ToldChange> {
        self.basis.as_ref().map(|basis| basis.version_changes.clone()).unwrap_or_default()
    }

    pub(crate) fn past(&self) -> PastDay {
        let has_figure = self.figures.each_ref().map(Result::is_ok);
        let is_seen = self.basis.as_ref().is_some_and(|basis| basis.observed_hours > 0.0);
        let (date, has_report) = (self.date, self.report.is_some());
        PastDay { date, has_report, was_watched: is_seen || has_figure.contains(&true), has_figure }
    }

    pub(crate) fn subject(&self) -> Option<String> {
        self.versions.last().map(|versions| versions.join(", "))
    }

    /// A day that shows nothing, for a reason.
    pub(crate) fn blank(date: Date, reason: &str, remedy: Remedy) -> Self {
        Self {
            date,
            fault: Some(reason.to_owned()),
            remedy,
            report: None,
            figures: [(); 3].map(|()| Err(reason.to_owned())),
            flags: [(); 3].map(|()| Err(reason.to_owned())),
            simulated: false,
            basis: None,
            versions: Vec::new(),
        }
    }

    /// A day without a report.
    pub(crate) fn missing(date: Date, reason: &str) -> Self {
        Self::blank(date, reason, Remedy::Report)
    }

    fn of(self, file: &File) -> Self {
        Self { report: Some(ReportFile { name: file.name.clone(), sha256: file.sha256.clone() }), ..self }
    }
}

/// Reads the report of a day.
fn read(date: Date, file: &File, rules: &Rules) -> Day {
    let (subject, policy) = (format!("`{}`", file.name), &rules.policy);
    let anew = |reason: &str| Day::blank(date, reason, Remedy::Anew);
    let content = match &file.content {
        Err(reason) => return anew(reason),
        Ok(content) if content.is_object() => content,
        Ok(_) => return anew(&format!("{subject} is not a JSON object")),
    };
    if content.get("schema").is_some_and(|schema| schema == ERROR_SCHEMA) {
        let message = content.get("message").and_then(Value::as_str).unwrap_or("it does not say why");
        return anew(&format!("{subject}: the day could not be judged: {message}"));
    }
    let report = match DailyReport::deserialize(content) {
        Ok(report) => report,
        Err(reason) => return anew(&format!("{subject}: {reason}")),
    };
    let source = AgeSource::Outside(observed_to(date, policy.now));
    let age = judge_age(&report.header, source, Duration::MAX, policy);
    let refusal = policy.simulation_refusal(&report.header, &subject).or_else(|| age.refusal(&subject, ""));
    if let Some(reason) = refusal {
        return Day::blank(date, &reason, Remedy::OtherRun);
    }
    let inside = match &report.fields.date {
        Field::Missing => None,
        Field::Value(text) if *text == compact(date) || *text == date.to_string() => None,
        Field::Value(text) => Some(Value::from(text.as_str())),
        Field::Other(found) => Some(found.clone()),
        Field::Null => Some(Value::Null),
    };
    if let Some(inside) = inside {
        return anew(&format!("{subject} says inside that its date is {inside}"));
    }
    if let Some(contradiction) = report.contradiction(date, policy.now) {
        return anew(&format!("{subject} contradicts itself: {contradiction}"));
    }
    let versions = match (&report.basis, &report.header.subject) {
        (Some(basis), _) => basis.versions.clone(),
        (None, Some(subject)) => vec![vec![subject.clone()]],
        (None, None) => Vec::new(),
    };
    let weaker = rules.standard.as_ref().zip(report.basis.as_ref());
    if let Some(reason) = weaker.and_then(|(standard, basis)| standard.refusal(basis)) {
        return anew(&format!("{subject} was not made by what daily.yaml asks for: {reason}"));
    }
    let basis = report.basis.map(Box::new);
    // A day on which a hard limit broke is no good one, whatever its figures came to.
    if let Some(gates) = basis.as_ref().map(|basis| &basis.gates).filter(|gates| gates.is_broken()) {
        let names = gates.broken.join(", ");
        let reason = format!("{subject}: hard gates broke on this day ({names})");
        return Day { basis, versions, ..Day::blank(date, &reason, Remedy::Time) };
    }
    let fields = &report.fields;
    let reader = FieldReader { name: &file.name, report: fields };
    let [edge, age, taker] = FIGURES;
    let is_ok = |text: &str| text == report::OK;
    Day {
        date,
        fault: None,
        remedy: Remedy::Anew,
        report: None,
        figures: [
            reader.number(edge, &fields.edge_net_bps, &RANGES[0]),
            reader.number(age, &fields.order_age_p95_ms, &RANGES[1]),
            reader.number(taker, &fields.taker_share_pct, &RANGES[2]),
        ],
        flags: [
            guards(&reader, date, rules.window),
            reader.text(report::CHAOS, &fields.chaos_result).map(is_ok),
            reader.text(report::BUG_BASH, &fields.bug_bash).map(is_ok),
        ],
        simulated: report.header.simulated,
        basis,
        versions,
    }
}

/// Whether no guard stopped the day. A guard that had nothing to judge by has not let it pass either.
fn guards(reader: &FieldReader, date: Date, window: usize) -> Flag {
    let regression = reader.guard(report::REG_GUARD, &reader.report.reg_guard)?;
    let drift = reader.guard(report::DRIFT, &reader.report.drift)?;
    if regression == report::NO_HISTORY && matches!(drift, "" | report::NONE) {
        let go = go_without(date, window)
            .map_or_else(String::new, |go| format!(": a score asks for it no more on {go}"));
        return Err(format!("`{}`: {} is {}{go}", reader.name, report::REG_GUARD, report::NO_HISTORY));
    }
    Ok(regression == report::NONE && matches!(drift, "" | report::NONE))
}
