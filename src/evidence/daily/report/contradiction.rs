//! Where the report of a day says more than what it says that it rests on, by itself or beside those of other days.
//! The one place that decides it, for the score, the week and the days that a new one is compared with.
#![warn(clippy::wildcard_enum_match_arm)]

use super::basis::{Baseline, DailyBasis, DayGates, FigureSource, RunSource, TestSource, ToldChange};
use super::versions::untold_change;
use super::{
    BUG_BASH, CHAOS, DRIFT, DailyFields, DailyReport, DayVerdict, EDGE, Field, Guard, NO_HISTORY, NONE, OK,
    ORDER_AGE, REG_GUARD, SCHEMA, TAKER_SHARE,
};
use crate::evidence::age::{Age, CLOCK_TOLERANCE};
use crate::evidence::daily::baseline::is_kept;
use crate::evidence::daily::date::{end, start};
use crate::evidence::daily::figures::{BEARABLE, FIGURES, SIDES};
use crate::report::Status;
use crate::report::maker::ClockKind;
use jiff::Timestamp;
use jiff::civil::Date;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::Duration;

/// A day has no more of them, but for what is lost in adding up.
const HOURS_OF_DAY: f64 = 24.0 * (1.0 + 1e-9);
/// What a run of the simulated bot says of where its figures come from.
const MOCK: &str = "mock";
/// Where figures can come from.
const SOURCES: [&str; 4] = ["scrape", "prometheus", "edge-report", MOCK];

impl DailyFields {
    fn figures(&self) -> [(&'static str, Option<f64>); 3] {
        [
            (EDGE, self.edge_net_bps.value().copied()),
            (ORDER_AGE, self.order_age_p95_ms.value().copied()),
            (TAKER_SHARE, self.taker_share_pct.value().copied()),
        ]
    }

    /// The fields that are not figures, where they are text.
    fn answers(&self) -> [(&'static str, Option<&str>); 4] {
        fn reason(guard: &Field<Guard>) -> Option<&str> {
            guard.value()?.reason.value().map(String::as_str)
        }
        [
            (REG_GUARD, reason(&self.reg_guard)),
            (DRIFT, reason(&self.drift)),
            (CHAOS, self.chaos_result.value().map(String::as_str)),
            (BUG_BASH, self.bug_bash.value().map(String::as_str)),
        ]
    }

    fn says(&self, field: &str, text: &str) -> bool {
        self.answers().contains(&(field, Some(text)))
    }

    /// A field that has a value and a reason for having none.
    fn both(&self) -> Option<&'static str> {
        let figures = self.figures().map(|(field, value)| (field, value.is_some()));
        let answers = self.answers().map(|(field, value)| (field, value.is_some()));
        let mut known = figures.into_iter().chain(answers).filter(|(_, is_known)| *is_known);
        known.find(|(field, _)| self.unknown.contains_key(*field)).map(|(field, _)| field)
    }
}

impl DailyReport {
    /// Where it contradicts itself, as the report of `date` that is read at `now`.
    pub(crate) fn contradiction(&self, date: Date, now: Timestamp) -> Option<String> {
        let schema = &self.header.schema;
        let is_ours = schema == SCHEMA;
        if !is_ours && !schema.is_empty() {
            return Some(format!("its schema is `{schema}`, not `{SCHEMA}`"));
        }
        if is_ours && self.header.made_at.is_none() {
            return Some("it does not say when it was made".to_owned());
        }
        self.contradiction_of_times(date, now)
            .or_else(|| Some(format!("{} has a value, and a reason for having none", self.fields.both()?)))
            .or_else(|| {
                let basis = match &self.basis {
                    Some(basis) if is_ours => basis,
                    Some(_) => {
                        return Some(format!("it says what it rests on, and has no schema `{SCHEMA}`"));
                    }
                    None if is_ours => return Some("it does not say all of what it rests on".to_owned()),
                    // Of another program nothing is known but what it says itself.
                    None => {
                        let is_bad = self.verdict.value() == Some(&DayVerdict::Fail);
                        return is_bad.then(|| "it says of itself that its day is FAIL".to_owned());
                    }
                };
                let of_verdict = self.contradiction_of_verdict(&basis.gates);
                of_verdict
                    .or_else(|| self.contradiction_of_runs(basis, date))
                    .or_else(|| self.contradiction_of_rest(basis))
                    .or_else(|| self.contradiction_of_conclusion(basis))
            })
    }

    fn contradiction_of_times(&self, date: Date, now: Timestamp) -> Option<String> {
        let (begin, end) = (start(date), end(date));
        if let Some((from, to)) = self.header.observation()
            && (from < begin || to > end)
        {
            return Some(format!("it was observed from {from} to {to}, which is not {date}"));
        }
        // A time that was fixed tells nothing.
        let made_at = self.header.made_at.filter(|_| self.header.clock != ClockKind::Stamped)?;
        if made_at < end {
            return Some(format!("it was made at {made_at}, before its day was over"));
        }
        let is_ahead = matches!(Age::of(made_at, now, Duration::MAX), Age::Future { .. });
        is_ahead.then(|| format!("it was made at {made_at}, which lies in the future"))
    }

    fn contradiction_of_verdict(&self, gates: &DayGates) -> Option<String> {
        let DailyFields { unknown, .. } = &self.fields;
        if !["PASS", "INCONCLUSIVE", "FAIL"].contains(&gates.verdict.as_str()) {
            return Some(format!("its gates say `{}`, which is no verdict", gates.verdict));
        }
        if gates.verdict == "PASS" && !gates.unknown.is_empty() {
            return Some("its gates PASS, and something of them is not known".to_owned());
        }
        match (self.verdict.value(), unknown.keys().next()) {
            (None, _) => Some("it has no verdict".to_owned()),
            (Some(DayVerdict::Ok), Some(field)) => {
                Some(format!("its verdict is OK, and {field} is not known"))
            }
            (Some(DayVerdict::Ok | DayVerdict::Inconclusive | DayVerdict::Fail), _) => None,
        }
    }

    /// A verdict that does not follow from the fields, and a subject that is not what ran.
    fn contradiction_of_conclusion(&self, basis: &DailyBasis) -> Option<String> {
        if self.fields.date.value().is_none() {
            return Some("it does not say of which day it is".to_owned());
        }
        let versions: BTreeSet<&String> = basis.versions.iter().flatten().collect();
        let one = versions.first().filter(|_| versions.len() == 1);
        if self.header.subject.as_ref() != one.copied() {
            let subject = self.header.subject.as_deref().unwrap_or("nothing");
            return Some(format!("it speaks of {subject}, and names other versions"));
        }
        let (found, given) = (*self.verdict.value()?, self.conclusion(&basis.gates));
        (found != given)
            .then(|| format!("its verdict is {}, and what it says gives {}", found.as_str(), given.as_str()))
    }

    /// What the fields and the gates come to.
    fn conclusion(&self, gates: &DayGates) -> DayVerdict {
        let of_figure = |(at, (_, value)): (usize, (&'static str, Option<f64>))| match value {
            None => DayVerdict::Inconclusive,
            Some(value) if is_kept(SIDES[at], value, BEARABLE[at]) => DayVerdict::Ok,
            Some(_) => DayVerdict::Fail,
        };
        let of_answer = |(_, text): (&'static str, Option<&str>)| match text {
            Some(NONE | OK | "") => DayVerdict::Ok,
            None | Some(NO_HISTORY) => DayVerdict::Inconclusive,
            Some(_) => DayVerdict::Fail,
        };
        let of_gates = match gates.verdict.as_str() {
            "PASS" => DayVerdict::Ok,
            "INCONCLUSIVE" => DayVerdict::Inconclusive,
            _ => DayVerdict::Fail,
        };
        let figures = self.fields.figures().into_iter().enumerate().map(of_figure);
        let answers = self.fields.answers().into_iter().map(of_answer);
        figures.chain(answers).fold(of_gates, DayVerdict::max)
    }

    /// Figures that no run of the day can have given.
    fn contradiction_of_runs(&self, basis: &DailyBasis, date: Date) -> Option<String> {
        let known: Vec<&str> =
            self.fields.figures().into_iter().filter_map(|(field, value)| value.map(|_| field)).collect();
        let is_less = |hours: f64| {
            // Not a number is not enough either.
            hours.partial_cmp(&basis.min_observed_hours).is_none_or(Ordering::is_lt)
        };
        if !known.is_empty() {
            let hours = [basis.min_observed_hours, basis.observed_hours].into_iter();
            let mut hours = hours.chain(basis.figures.values().map(|source| source.hours));
            if basis.min_observed_hours <= 0.0 {
                return Some("it has figures of a day of which it needs nothing to be seen".to_owned());
            }
            if let Some(hours) = hours.find(|hours| !(0.0..=HOURS_OF_DAY).contains(hours)) {
                return Some(format!("it has figures, and speaks of {hours} hours of a day"));
            }
            if basis.runs.is_empty() {
                return Some("it has figures, and no run that they are of".to_owned());
            }
            let Some((from, to)) = self.header.observation() else {
                return Some("it has figures, and does not say when they were observed".to_owned());
            };
            if is_less(basis.observed_hours) {
                return Some(
                    "it has figures of a day of which less was seen than it says is needed".to_owned(),
                );
            }
            let span = to.duration_since(from).as_secs_f64() / 3600.0;
            if basis.observed_hours > span * (1.0 + 1e-9) {
                return Some(format!("it saw {} hours of {span}", basis.observed_hours));
            }
            if basis.gates.verdict == "INCONCLUSIVE" {
                return Some("it has figures of windows of which its gates are INCONCLUSIVE".to_owned());
            }
        }
        let is_short = |source: &FigureSource| is_less(source.hours) || source.windows == 0;
        let short = known.iter().find(|field| basis.figures.get(**field).is_none_or(is_short));
        if let Some(field) = short {
            return Some(format!("{field} has a value, and was measured for less than it says is needed"));
        }
        if let Some((before, after)) =
            untold_change(&basis.versions, &basis.version_changes).filter(|_| !known.is_empty())
        {
            return Some(format!(
                "it has figures of versions {before} and {after}, and names no such change"
            ));
        }
        let named: BTreeSet<&str> = basis.versions.iter().flatten().map(String::as_str).collect();
        let built: BTreeSet<&str> = basis.builds.iter().map(|build| build.version.as_str()).collect();
        if !known.is_empty() && (named.is_empty() || named != built) {
            return Some("it has figures, and its builds are not of the versions that it names".to_owned());
        }
        let of_run = basis.runs.iter().enumerate().find_map(|(at, run)| {
            let is_twice = basis.runs[..at].iter().any(|other| other.plan_sha256 == run.plan_sha256);
            if is_twice {
                return Some(format!("it names `{}` twice", run.run_dir));
            }
            run.contradiction(date)
        });
        let windows: u64 = basis.runs.iter().map(|run| u64::from(run.windows)).sum();
        let is_counted = |of: &FigureSource| u64::from(of.windows) + u64::from(of.unknown_windows) == windows;
        let miscounted =
            known.iter().find(|field| basis.figures.get(**field).is_some_and(|of| !is_counted(of)));
        of_run.or_else(|| {
            miscounted.map(|field| format!("{field} has not been looked for in each of {windows} windows"))
        })
    }

    /// Answers without that on which they rest.
    fn contradiction_of_rest(&self, basis: &DailyBasis) -> Option<String> {
        let (fields, header) = (&self.fields, &self.header);
        let drill = basis.drill.as_ref();
        let tests = basis.tests.as_ref();
        let rests_on_simulation = basis.runs.iter().any(|run| run.simulated)
            || drill.is_some_and(|drill| drill.simulated)
            || tests.is_some_and(|tests| tests.simulated);
        if rests_on_simulation && !header.simulated {
            return Some("it rests on a simulation, and does not say so".to_owned());
        }
        if fields.says(REG_GUARD, NONE) && basis.history.is_empty() {
            return Some(format!("{REG_GUARD} is {NONE}, and there is no day that it was compared with"));
        }
        if fields.says(REG_GUARD, NONE) {
            let figures = fields.figures();
            let is_so = |(at, field): (usize, &&str)| {
                let Some(Baseline { days: 1.., median: Some(_), limit: Some(limit) }) =
                    basis.baselines.get(*field)
                else {
                    return false;
                };
                figures[at].1.is_some_and(|value| is_kept(SIDES[at], value, *limit))
            };
            if let Some(at) = FIGURES.iter().enumerate().position(|figure| !is_so(figure)) {
                return Some(format!(
                    "{REG_GUARD} is {NONE}, and {} does not keep to its baseline",
                    FIGURES[at]
                ));
            }
        }
        if fields.says(DRIFT, NONE) && basis.accepted.is_none() {
            return Some(format!("{DRIFT} is {NONE}, and there is nothing that was accepted"));
        }
        if fields.says(CHAOS, OK) {
            let Some(drill) = drill else { return Some(format!("{CHAOS} is {OK}, and there is no drill")) };
            if drill.status != Status::Ok || !drill.reasons.is_empty() {
                return Some(format!("{CHAOS} is {OK}, and its drill does not count"));
            }
            if drill.frozen && header.clock != ClockKind::Frozen {
                return Some(format!("{CHAOS} is {OK}, and its drill was made under a frozen clock"));
            }
            let made_at: Option<Timestamp> = drill.made_at.as_deref().and_then(|text| text.parse().ok());
            let (Some(made_at), Some(_)) = (made_at, &drill.sha256) else {
                return Some(format!("{CHAOS} is {OK}, and its drill has no time or no hash"));
            };
            let is_later = header.made_at.is_some_and(|own| made_at > own + CLOCK_TOLERANCE);
            if is_later && header.clock != ClockKind::Stamped {
                return Some(format!("{CHAOS} is {OK}, and its drill was made after the report"));
            }
        }
        if fields.says(BUG_BASH, OK) {
            let Some(tests) = tests else {
                return Some(format!("{BUG_BASH} is {OK}, and there are no tests"));
            };
            return tests.contradiction();
        }
        None
    }
}

impl TestSource {
    /// Why these are no tests that passed.
    fn contradiction(&self) -> Option<String> {
        let Self { from, sha256, tests, failures, errors, skipped, .. } = self;
        // A command gives no counts, and files give all of them.
        let counts = [tests, failures, errors, skipped].map(Option::is_some);
        let (is_of_command, is_of_files) =
            (sha256.is_empty() && counts == [false; 4], sha256.len() == from.len() && counts == [true; 4]);
        if from.is_empty() || !(is_of_command || is_of_files) {
            return Some("it does not say which tests ran, and bug_bash is OK".to_owned());
        }
        if failures.unwrap_or_default() > 0 || errors.unwrap_or_default() > 0 {
            return Some("its tests failed, and bug_bash is OK".to_owned());
        }
        let ran_none = tests.is_some_and(|tests| tests <= skipped.unwrap_or_default());
        ran_none.then(|| "none of its tests ran, and bug_bash is OK".to_owned())
    }
}

impl RunSource {
    /// Why it cannot have given these windows of the day.
    fn contradiction(&self, date: Date) -> Option<String> {
        let Self { run_dir, iterations: (first, last), windows, over_midnight, source, simulated, .. } = self;
        if source == MOCK && !simulated {
            return Some(format!("`{run_dir}` is of the simulated bot, and says that it is not simulated"));
        }
        let length = last.checked_sub(*first).map_or(0, |more| u64::from(more) + 1);
        // Its only windows on the day may be those over midnight.
        let is_over_midnight = (*first, *last, *windows) == (0, 0, 0) && (1..=2).contains(over_midnight);
        let is_numbered = *first > 0 && *windows > 0 && u64::from(*windows) == length && *over_midnight <= 2;
        if !is_numbered && !is_over_midnight {
            return Some(format!("`{run_dir}` has {windows} windows from {first} to {last}"));
        }
        if !SOURCES.contains(&source.as_str()) {
            return Some(format!("`{run_dir}` is of `{source}`, which is no source of figures"));
        }
        let digits = run_dir.rsplit('/').next().and_then(|name| name.strip_prefix("RUN_"));
        let Some(started) = digits.and_then(|digits| digits.parse::<i64>().ok()) else {
            return Some(format!("`{run_dir}` is no directory of a run"));
        };
        (started >= end(date).as_millisecond()).then(|| format!("`{run_dir}` began after {date}"))
    }
}

/// The windows of a run that stand in the report of an earlier day as well.
pub(crate) fn shared_windows((earlier, before): (Date, &DailyBasis), after: &DailyBasis) -> Option<String> {
    after.runs.iter().filter(|run| run.windows > 0).find_map(|run| {
        let known = before.runs.iter().find(|known| known.plan_sha256 == run.plan_sha256)?;
        (run.iterations.0 <= known.iterations.1).then(|| {
            format!(
                "windows from {} of `{}` stand in the report of {earlier} as well, which ends with {}",
                run.iterations.0, run.run_dir, known.iterations.1
            )
        })
    })
}

/// The change from the last versions of one day to the first of the next that has some, where nobody told it.
pub(crate) fn untold_between(
    before: &[Vec<String>],
    after: &[Vec<String>],
    told: impl AsRef<[ToldChange]>,
) -> Option<(String, String)> {
    untold_change(before.last().into_iter().chain(after.first()), told.as_ref())
}
