//! The days of the window: which report stands for which day, and what it shows.
#![warn(clippy::wildcard_enum_match_arm)]

pub(crate) mod report;

use crate::evidence::age::{Age, AgeSource, EvidencePolicy, display, judge_age};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use report::{DailyReport, Field, FieldReader, RunSource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

/// What the figures of a day can be.
pub(crate) const EDGE_RANGE: RangeInclusive<f64> = f64::NEG_INFINITY..=f64::INFINITY;
pub(crate) const AGE_RANGE: RangeInclusive<f64> = 0.0..=f64::INFINITY;
pub(crate) const TAKER_RANGE: RangeInclusive<f64> = 0.0..=100.0;

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
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Days in the window.
    pub window: usize,
    /// Largest age of the newest report, counted from the end of its day.
    pub max_age: Duration,
    /// What the reports are judged by.
    pub policy: EvidencePolicy,
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
    /// The report of the day.
    pub report: Option<ReportFile>,
    /// Net edge, basis points.
    pub edge_net_bps: Figure,
    /// 95th percentile of order age, milliseconds.
    pub order_age_p95_ms: Figure,
    /// Taker share of volume, percent.
    pub taker_share_pct: Figure,
    /// No regression and no drift guard stopped the day.
    pub guards_ok: Flag,
    /// The chaos drill passed.
    pub chaos_ok: Flag,
    /// The test sweep passed.
    pub tests_ok: Flag,
    /// Whether the report says that it comes from a simulation.
    pub simulated: bool,
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

const PREFIX: &str = "REPORT_SOAK_";
const ENDING: &str = ".json";

/// Chooses the window from all files of the directory and reads each day.
///
/// The window ends at the newest report that is not dated after today. A report dated after today takes
/// a place in the window and shows nothing, because one of the clocks is wrong; a newest report that is
/// too old makes every day show nothing.
pub fn window(files: &[File], rules: &Rules) -> Window {
    let now = rules.policy.now;
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut remarks = Vec::new();
    let mut by_date: BTreeMap<Date, &File> = BTreeMap::new();
    let mut doubtful: Vec<&str> = Vec::new();
    for file in files {
        if let Some(date) = date_of(&file.name) {
            by_date.insert(date, file);
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
    let newest = by_date.keys().copied().rfind(|date| *date <= today);
    let stale = match newest {
        None => Some("no report".to_owned()),
        Some(date) => stale(date, now, rules.max_age),
    };
    let end = newest.unwrap_or(today);
    let mut dates: Vec<Date> = std::iter::successors(Some(end), |date| date.yesterday().ok())
        .take(rules.window - future.len())
        .collect();
    dates.reverse();
    let mut days: Vec<Day> = dates
        .into_iter()
        .map(|date| match (&stale, by_date.get(&date)) {
            (_, None) => Day::blank(date, &no_report(date)),
            (Some(reason), Some(file)) => Day::blank(date, reason).of(file),
            (None, Some(file)) => read(date, file, rules).of(file),
        })
        .collect();
    let late = |date| {
        let day = Day::blank(date, &format!("clock: the report is dated after today ({today})"));
        by_date.get(&date).map_or(day.clone(), |file| day.of(file))
    };
    days.extend(future.into_iter().map(late));
    let simulated = days.iter().any(|day| day.simulated);
    Window { days, remarks, simulated }
}

fn stale(date: Date, now: Timestamp, max_age: Duration) -> Option<String> {
    let subject = format!("the newest report ({date})");
    Age::of(observed_to(date, now), now, max_age).refusal(&subject, &display(max_age))
}

/// The beginning of a day, UTC.
pub(crate) fn start(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |start| start.timestamp())
}

/// Up to when the report of a day speaks, from which its age is counted: the end of the day in UTC, or now
/// while the day lasts.
pub(crate) fn observed_to(date: Date, now: Timestamp) -> Timestamp {
    let end = date.tomorrow().map_or(Timestamp::MAX, start);
    if start(date) <= now { end.min(now) } else { end }
}

/// The date in `REPORT_SOAK_<YYYYMMDD>.json`; none of another name, be it that of a backup or a draft.
pub(crate) fn date_of(name: &str) -> Option<Date> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(ENDING)?;
    let is_plain = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    Date::strptime("%Y%m%d", digits).ok().filter(|_| is_plain)
}

/// The name of a day's report.
pub(crate) fn report_name(date: Date) -> String {
    format!("{PREFIX}{}{ENDING}", compact(date))
}

/// Whether the name of a file begins as that of a daily report does.
pub(crate) fn is_report(name: &str) -> bool {
    name.strip_suffix(ENDING).is_some_and(|stem| stem.starts_with(PREFIX))
}

/// A date as report names have it.
pub(crate) fn compact(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

impl Day {
    /// A day that shows nothing, for a reason.
    pub(crate) fn blank(date: Date, reason: &str) -> Self {
        Self {
            date,
            fault: Some(reason.to_owned()),
            report: None,
            edge_net_bps: Err(reason.to_owned()),
            order_age_p95_ms: Err(reason.to_owned()),
            taker_share_pct: Err(reason.to_owned()),
            guards_ok: Err(reason.to_owned()),
            chaos_ok: Err(reason.to_owned()),
            tests_ok: Err(reason.to_owned()),
            simulated: false,
        }
    }

    fn of(self, file: &File) -> Self {
        Self { report: Some(ReportFile { name: file.name.clone(), sha256: file.sha256.clone() }), ..self }
    }
}

/// Reads the report of a day.
pub(crate) fn read(date: Date, file: &File, rules: &Rules) -> Day {
    let content = match &file.content {
        Err(reason) => return Day::blank(date, reason),
        Ok(content) if content.is_object() => content,
        Ok(_) => return Day::blank(date, &format!("`{}` is not a JSON object", file.name)),
    };
    let report = match DailyReport::deserialize(content) {
        Ok(report) => report,
        Err(reason) => return Day::blank(date, &format!("`{}`: {reason}", file.name)),
    };
    let (subject, policy) = (format!("`{}`", file.name), &rules.policy);
    let source = AgeSource::Outside(observed_to(date, policy.now));
    let age = judge_age(&report.header, source, Duration::MAX, policy);
    let refusal = policy.simulation_refusal(&report.header, &subject).or_else(|| age.refusal(&subject, ""));
    if let Some(reason) = refusal {
        return Day::blank(date, &reason);
    }
    if let Some(contradiction) = report.contradiction() {
        return Day::blank(date, &format!("{subject} contradicts itself: {contradiction}"));
    }
    // A day on which a hard limit broke is no good one, whatever its figures came to.
    let mut runs = report.basis.iter().flat_map(|basis| &basis.runs);
    if let Some(RunSource { run_dir, broken_gates, .. }) = runs.find(|run| !run.broken_gates.is_empty()) {
        let gates = broken_gates.join(", ");
        return Day::blank(
            date,
            &format!("{subject}: hard gates of `{run_dir}` broke on this day ({gates})"),
        );
    }
    let simulated = report.header.simulated;
    let report = report.fields;
    let inside = match &report.date {
        Field::Missing => None,
        Field::Value(text) if *text == compact(date) || *text == date.to_string() => None,
        Field::Value(text) => Some(Value::from(text.as_str())),
        Field::Other(found) => Some(found.clone()),
        Field::Null => Some(Value::Null),
    };
    if let Some(inside) = inside {
        return Day::blank(date, &format!("`{}` says inside that its date is {inside}", file.name));
    }
    let reader = FieldReader { name: &file.name, report: &report };
    let is_ok = |text: &str| text == report::OK;
    Day {
        date,
        fault: None,
        report: None,
        edge_net_bps: reader.number(report::EDGE, &report.edge_net_bps, &EDGE_RANGE),
        order_age_p95_ms: reader.number(report::ORDER_AGE, &report.order_age_p95_ms, &AGE_RANGE),
        taker_share_pct: reader.number(report::TAKER_SHARE, &report.taker_share_pct, &TAKER_RANGE),
        guards_ok: guards(&reader, date, rules.window),
        chaos_ok: reader.text(report::CHAOS, &report.chaos_result).map(is_ok),
        tests_ok: reader.text(report::BUG_BASH, &report.bug_bash).map(is_ok),
        simulated,
    }
}

/// Whether no guard stopped the day. A guard that had nothing to judge by has not let it pass either.
fn guards(reader: &FieldReader, date: Date, window: usize) -> Flag {
    let regression = reader.guard(report::REG_GUARD, &reader.report.reg_guard)?;
    let drift = reader.guard(report::DRIFT, &reader.report.drift)?;
    if regression == report::NO_HISTORY && matches!(drift, "" | report::NONE) {
        let go =
            go_without(date, window).map_or_else(String::new, |go| format!(": GO can be reached on {go}"));
        return Err(format!("`{}`: {} is {}{go}", reader.name, report::REG_GUARD, report::NO_HISTORY));
    }
    Ok(regression == report::NONE && matches!(drift, "" | report::NONE))
}

/// The first day on which a score does not ask for `date` any more: `window` days follow it, and the last one is
/// over.
pub(crate) fn go_without(date: Date, window: usize) -> Option<Date> {
    let days = i64::try_from(window).ok()?.checked_add(1)?;
    date.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}
