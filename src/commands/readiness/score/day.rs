//! A day as a score file keeps it, and back.

use crate::evidence::daily::{self, Day, FIGURES, Figure, Flag, RANGES, Remedy, ReportFile};
use crate::format::number;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One day; what it does not show is null and has its reason in `unknown`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DayRecord {
    date: String,
    /// The report that stands for the day.
    report: Option<ReportFile>,
    /// Why the day shows nothing at all.
    fault: Option<String>,
    edge_net_bps: Option<f64>,
    order_age_p95_ms: Option<f64>,
    taker_share_pct: Option<f64>,
    guards_ok: Option<bool>,
    chaos_ok: Option<bool>,
    tests_ok: Option<bool>,
    /// Why a field is null, by its name; empty for a day with a fault.
    unknown: BTreeMap<String, String>,
    /// The version that it ends with, of several that ran at once all; left out where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// Whether the report says that it comes from a simulation.
    simulated: bool,
}

/// Fields of the flags of a day, in their order.
const FLAGS: [&str; 3] = ["guards_ok", "chaos_ok", "tests_ok"];

impl DayRecord {
    pub(crate) fn of(day: &Day) -> Self {
        let figures = FIGURES.iter().zip(day.figures.iter().map(|figure| figure.as_ref().err()));
        let flags = FLAGS.iter().zip(day.flags.iter().map(|flag| flag.as_ref().err()));
        let unknown = figures.chain(flags).filter(|_| day.fault.is_none());
        let unknown = unknown.filter_map(|(field, reason)| Some(((*field).to_owned(), reason?.clone())));
        let [edge_net_bps, order_age_p95_ms, taker_share_pct] = day.figures.clone().map(Figure::ok);
        let [guards_ok, chaos_ok, tests_ok] = day.flags.clone().map(Flag::ok);
        Self {
            date: day.date.to_string(),
            report: day.report.clone(),
            fault: day.fault.clone(),
            edge_net_bps,
            order_age_p95_ms,
            taker_share_pct,
            guards_ok,
            chaos_ok,
            tests_ok,
            unknown: unknown.collect(),
            subject: day.subject(),
            simulated: day.simulated,
        }
    }

    pub(crate) fn names_version(&self) -> bool {
        self.subject.is_some()
    }

    /// The day that it stands for.
    ///
    /// # Errors
    /// When it contradicts itself: a figure of a day that shows nothing, a null without a reason, a report of
    /// another day.
    pub(crate) fn day(&self) -> Result<Day, String> {
        let date = daily::parse(&self.date)?;
        self.check_report(date)?;
        // What would mend it is no part of what is kept.
        let blank = |reason: &str| Day::blank(date, reason, Remedy::Anew);
        let day = match &self.fault {
            Some(fault) => blank(fault),
            None => Day {
                figures: [
                    self.figure(0, self.edge_net_bps)?,
                    self.figure(1, self.order_age_p95_ms)?,
                    self.figure(2, self.taker_share_pct)?,
                ],
                flags: [
                    self.flag(0, self.guards_ok)?,
                    self.flag(1, self.chaos_ok)?,
                    self.flag(2, self.tests_ok)?,
                ],
                fault: None,
                simulated: self.simulated,
                ..blank("")
            },
        };
        let versions = self.subject.iter().map(|subject| subject.split(", ").map(str::to_owned).collect());
        Ok(Day { report: self.report.clone(), versions: versions.collect(), ..day })
    }

    fn check_report(&self, date: Date) -> Result<(), String> {
        let wanted = daily::report_name(date);
        match &self.report {
            None if self.fault.is_none() => Err(format!("{date} shows figures without a report")),
            None => Ok(()),
            Some(report) if report.name != wanted => {
                Err(format!("the report of {date} is `{}`, not `{wanted}`", report.name))
            }
            Some(report) => match &report.sha256 {
                None if self.fault.is_none() => {
                    Err(format!("{date} shows figures of a report without a hash"))
                }
                Some(hash) if !is_hash(hash) => Err(format!("`{hash}` is not a SHA-256")),
                None | Some(_) => Ok(()),
            },
        }
    }

    fn figure(&self, at: usize, value: Option<f64>) -> Result<Figure, String> {
        match value {
            Some(value) if RANGES[at].contains(&value) => Ok(Ok(value)),
            Some(value) => {
                Err(format!("{} of {} is {}, outside its range", FIGURES[at], self.date, number::text(value)))
            }
            None => self.reason(FIGURES[at]).map(Err),
        }
    }

    fn flag(&self, at: usize, value: Option<bool>) -> Result<Flag, String> {
        value.map_or_else(|| self.reason(FLAGS[at]).map(Err), |value| Ok(Ok(value)))
    }

    fn reason(&self, name: &str) -> Result<String, String> {
        let reason = self.unknown.get(name).cloned();
        reason.ok_or_else(|| format!("{name} of {} is null without a reason", self.date))
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
