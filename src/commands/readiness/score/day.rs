//! A day as a score file keeps it, and back.

use crate::evidence::daily::{self, Day, Figure, Flag, ReportFile};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

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
    /// Whether the report says that it comes from a simulation.
    simulated: bool,
}

impl DayRecord {
    pub(crate) fn of(day: &Day) -> Self {
        let mut unknown = BTreeMap::new();
        let mut keep = |field: &str, reason: Option<&String>| {
            if let Some(reason) = reason.filter(|_| day.fault.is_none()) {
                unknown.insert(field.to_owned(), reason.clone());
            }
        };
        keep("edge_net_bps", day.edge_net_bps.as_ref().err());
        keep("order_age_p95_ms", day.order_age_p95_ms.as_ref().err());
        keep("taker_share_pct", day.taker_share_pct.as_ref().err());
        keep("guards_ok", day.guards_ok.as_ref().err());
        keep("chaos_ok", day.chaos_ok.as_ref().err());
        keep("tests_ok", day.tests_ok.as_ref().err());
        Self {
            date: day.date.to_string(),
            report: day.report.clone(),
            fault: day.fault.clone(),
            edge_net_bps: day.edge_net_bps.clone().ok(),
            order_age_p95_ms: day.order_age_p95_ms.clone().ok(),
            taker_share_pct: day.taker_share_pct.clone().ok(),
            guards_ok: day.guards_ok.clone().ok(),
            chaos_ok: day.chaos_ok.clone().ok(),
            tests_ok: day.tests_ok.clone().ok(),
            unknown,
            simulated: day.simulated,
        }
    }

    /// The day that it stands for.
    ///
    /// # Errors
    /// When it contradicts itself: a figure of a day that shows nothing, a null without a reason, a report of
    /// another day.
    pub(crate) fn day(&self) -> Result<Day, String> {
        let date: Date =
            self.date.parse().map_err(|_| format!("`{}` is not a date such as 2026-03-09", self.date))?;
        self.check_report(date)?;
        let mut day = match &self.fault {
            Some(fault) => Day::blank(date, fault),
            None => Day {
                edge_net_bps: self.figure("edge_net_bps", self.edge_net_bps, &daily::EDGE_RANGE)?,
                order_age_p95_ms: self.figure(
                    "order_age_p95_ms",
                    self.order_age_p95_ms,
                    &daily::AGE_RANGE,
                )?,
                taker_share_pct: self.figure("taker_share_pct", self.taker_share_pct, &daily::TAKER_RANGE)?,
                guards_ok: self.flag("guards_ok", self.guards_ok)?,
                chaos_ok: self.flag("chaos_ok", self.chaos_ok)?,
                tests_ok: self.flag("tests_ok", self.tests_ok)?,
                fault: None,
                simulated: self.simulated,
                ..Day::blank(date, "")
            },
        };
        day.report.clone_from(&self.report);
        Ok(day)
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

    fn figure(&self, name: &str, value: Option<f64>, range: &RangeInclusive<f64>) -> Result<Figure, String> {
        match value {
            Some(value) if value.is_finite() && range.contains(&value) => Ok(Ok(value)),
            Some(value) => Err(format!("{name} of {} is {value}, outside its range", self.date)),
            None => self.reason(name).map(Err),
        }
    }

    fn flag(&self, name: &str, value: Option<bool>) -> Result<Flag, String> {
        value.map_or_else(|| self.reason(name).map(Err), |value| Ok(Ok(value)))
    }

    fn reason(&self, name: &str) -> Result<String, String> {
        let reason = self.unknown.get(name).cloned();
        reason.ok_or_else(|| format!("{name} of {} is null without a reason", self.date))
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
