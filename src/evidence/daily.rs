//! The days of the window: which report stands for which day, and what it shows.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::evidence::age::{Age, AgeSource, EvidencePolicy, display, judge_age};
use crate::evidence::header::Header;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// A file of the reports directory, read or not.
#[derive(Clone, Debug)]
pub struct File {
    /// Name without its directory.
    pub name: String,
    /// The document, or why there is none.
    pub content: Result<Value, String>,
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

/// Chooses the window from all files of the directory and reads each day.
///
/// The window ends at the newest report that is not dated after today. A report dated after today takes
/// a place in the window and shows nothing, because one of the clocks is wrong; a newest report that is
/// too old makes every day show nothing.
pub fn window(files: &[File], rules: &Rules) -> Window {
    let now = rules.policy.now;
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut remarks = Vec::new();
    let mut by_date: BTreeMap<Date, Vec<&File>> = BTreeMap::new();
    for file in files {
        match date_of(&file.name) {
            Some(date) => by_date.entry(date).or_default().push(file),
            None => remarks.push(format!("`{}` has no date in its name and is not evidence", file.name)),
        }
    }
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
        .map(|date| match (&stale, by_date.get(&date).map(Vec::as_slice)) {
            (_, None) => blank(date, &format!("no report REPORT_SOAK_{}.json", compact(date))),
            (Some(reason), _) => blank(date, reason),
            (None, Some([file])) => read(date, file, rules),
            (None, Some(several)) => {
                let names: Vec<&str> = several.iter().map(|file| file.name.as_str()).collect();
                blank(date, &format!("duplicate date: {}", names.join(", ")))
            }
        })
        .collect();
    let late = |date| blank(date, &format!("clock: the report is dated after today ({today})"));
    days.extend(future.into_iter().map(late));
    let simulated = days.iter().any(|day| day.simulated);
    Window { days, remarks, simulated }
}

fn stale(date: Date, now: Timestamp, max_age: Duration) -> Option<String> {
    let subject = format!("the newest report ({date})");
    Age::of(observed_to(date, now), now, max_age).refusal(&subject, &display(max_age))
}

fn start(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |start| start.timestamp())
}

/// Up to when the report of a day speaks, from which its age is counted: the end of the day in UTC, or now
/// while the day lasts.
pub(crate) fn observed_to(date: Date, now: Timestamp) -> Timestamp {
    let end = date.tomorrow().map_or(Timestamp::MAX, start);
    if start(date) <= now { end.min(now) } else { end }
}

/// The date in `REPORT_SOAK_<YYYYMMDD>...`.
pub(crate) fn date_of(name: &str) -> Option<Date> {
    let digits = name.strip_prefix(PREFIX)?.get(..8)?;
    let rest = &name[PREFIX.len() + 8..];
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Date::strptime("%Y%m%d", digits).ok()
}

/// Whether a file of the directory is a daily report by its name.
pub(crate) fn is_report(name: &str) -> bool {
    name.strip_suffix(".json").is_some_and(|stem| stem.starts_with(PREFIX))
}

/// A date as report names have it.
pub(crate) fn compact(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

fn blank(date: Date, reason: &str) -> Day {
    Day {
        date,
        fault: Some(reason.to_owned()),
        edge_net_bps: Err(reason.to_owned()),
        order_age_p95_ms: Err(reason.to_owned()),
        taker_share_pct: Err(reason.to_owned()),
        guards_ok: Err(reason.to_owned()),
        chaos_ok: Err(reason.to_owned()),
        tests_ok: Err(reason.to_owned()),
        simulated: false,
    }
}

fn read(date: Date, file: &File, rules: &Rules) -> Day {
    let fields = match &file.content {
        Err(reason) => return blank(date, reason),
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return blank(date, &format!("`{}` is not a JSON object", file.name)),
    };
    let header = match Header::of_fields(fields) {
        Ok(header) => header,
        Err(reason) => return blank(date, &format!("`{}`: {reason}", file.name)),
    };
    let (subject, policy) = (format!("`{}`", file.name), &rules.policy);
    let age = judge_age(&header, AgeSource::Outside(observed_to(date, policy.now)), Duration::MAX, policy);
    let refusal = policy.simulation_refusal(&header, &subject).or_else(|| age.refusal(&subject, ""));
    if let Some(reason) = refusal {
        return blank(date, &reason);
    }
    if let Some(inside) = fields.get("date")
        && inside.as_str().is_none_or(|text| text != compact(date) && text != date.to_string())
    {
        return blank(date, &format!("`{}` says inside that its date is {inside}", file.name));
    }
    let reader = Reader { name: &file.name, fields };
    Day {
        date,
        fault: None,
        edge_net_bps: reader.number("edge_net_bps", f64::NEG_INFINITY..=f64::INFINITY),
        order_age_p95_ms: reader.number("order_age_p95_ms", 0.0..=f64::INFINITY),
        taker_share_pct: reader.number("taker_share_pct", 0.0..=100.0),
        guards_ok: reader.guards(),
        chaos_ok: reader.text("chaos_result").map(|text| text == "OK"),
        tests_ok: reader.text("bug_bash").map(|text| text == "OK"),
        simulated: header.simulated,
    }
}

struct Reader<'a> {
    name: &'a str,
    fields: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn number(&self, field: &str, range: std::ops::RangeInclusive<f64>) -> Figure {
        let found = self.fields.get(field).ok_or_else(|| format!("`{}` has no {field}", self.name))?;
        match found.as_f64() {
            Some(value) if value.is_finite() && range.contains(&value) => Ok(value),
            Some(_) => Err(format!("`{}`: {field} is {found}, outside its range", self.name)),
            None => Err(format!("`{}`: {field} is {found}, not a number", self.name)),
        }
    }

    fn text(&self, field: &str) -> Result<&str, String> {
        let found = self.fields.get(field).ok_or_else(|| format!("`{}` has no {field}", self.name))?;
        found.as_str().ok_or_else(|| format!("`{}`: {field} is {found}, not text", self.name))
    }

    fn guards(&self) -> Flag {
        let reason = |guard: &str| {
            let found = self.fields.get(guard).and_then(|guard| guard.get("reason"));
            let found = found.ok_or_else(|| format!("`{}` has no {guard}.reason", self.name))?;
            found.as_str().ok_or_else(|| format!("`{}`: {guard}.reason is {found}, not text", self.name))
        };
        let (regression, drift) = (reason("reg_guard")?, reason("drift")?);
        Ok(regression == "NONE" && matches!(drift, "" | "NONE"))
    }
}
