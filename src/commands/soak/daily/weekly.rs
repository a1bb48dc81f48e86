//! Seven reports in one: medians and percentiles against the week before, and the days that lie far from the others.
#![warn(clippy::wildcard_enum_match_arm)]

use super::day::FIGURES;
use super::radar;
use crate::evidence::daily::baseline::is_kept;
use crate::evidence::daily::report::{Anomaly, SourceFile};
use crate::evidence::daily::{Day, Side};
use crate::evidence::header::Header;
use crate::format::markdown;
use crate::judge::statistics::{median, nearest_rank};
use crate::report::Outcome;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) const SCHEMA: &str = "mmops.weekly-rollup.v1";
/// What the page of a week begins with.
pub(super) const TITLE: &str = "# Week from ";

/// Days of a week.
pub(super) const DAYS: usize = 7;
/// How much worse than the week before a median may be, as a part of it.
const MARGIN: f64 = 0.1;

/// What the reports of a week show, oldest first, and those of the week before.
#[derive(Clone, Debug)]
pub(super) struct WeeklyFacts {
    pub(super) days: Vec<Day>,
    pub(super) before: Vec<Day>,
}

/// What a week comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) enum WeekVerdict {
    /// Every median is as it should be, and none worse than in the week before.
    #[serde(rename = "GO")]
    Go,
    /// Every median is as it should be; one is worse than in the week before, or there was none.
    #[serde(rename = "WARN")]
    Warn,
    /// Not every day shows every figure.
    #[serde(rename = "INCONCLUSIVE")]
    Inconclusive,
    /// A median is not as it should be.
    #[serde(rename = "NO-GO")]
    NoGo,
}

/// `WEEKLY_ROLLUP.json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct WeeklyRollup {
    #[serde(flatten)]
    pub(super) header: Header,
    /// GO, WARN, NO-GO or INCONCLUSIVE.
    pub(super) verdict: WeekVerdict,
    #[serde(flatten)]
    pub(super) body: WeeklyBody,
}

/// What the document and the report of the command have in common.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct WeeklyBody {
    /// First and last day.
    pub(super) period: Period,
    /// By field.
    pub(super) week: BTreeMap<String, WeekFigure>,
    /// Days that are far from the others, at most three a figure.
    pub(super) far_days: Vec<Anomaly>,
    /// Why days show nothing.
    pub(super) faults: Vec<String>,
    /// The reports of both weeks.
    pub(super) reports: Vec<SourceFile>,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Period {
    pub(super) from: String,
    pub(super) to: String,
}

/// A figure over the week; percentiles are nearest-rank.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct WeekFigure {
    /// Days that show it.
    days: usize,
    median: Option<f64>,
    p25: Option<f64>,
    p75: Option<f64>,
    p90: Option<f64>,
    /// Median of the week before.
    before: Option<f64>,
    /// Median less that of the week before.
    trend: Option<f64>,
    /// Whether the median is as it should be; null where days are missing.
    is_good: Option<bool>,
    /// Whether it is no more than a tenth worse than in the week before; null where there was none.
    is_trend_good: Option<bool>,
}

fn values(days: &[Day], at: usize) -> Vec<f64> {
    days.iter().filter_map(|day| day.figures[at].as_ref().ok().copied()).collect()
}

impl WeeklyFacts {
    /// The figures in the order of the report.
    pub(super) fn figures(&self) -> Vec<(&'static str, WeekFigure)> {
        let figure = |at: usize| {
            let kind = FIGURES[at];
            let mut sorted = values(&self.days, at);
            let before = median(&values(&self.before, at));
            let middle = median(&sorted);
            sorted.sort_by(f64::total_cmp);
            let is_whole = sorted.len() == DAYS;
            let limit = before.map(|before| match kind.side {
                Side::AtLeast => before - MARGIN * before.abs(),
                Side::AtMost => before + MARGIN * before.abs(),
            });
            let figure = WeekFigure {
                days: sorted.len(),
                median: middle,
                p25: nearest_rank(&sorted, 25),
                p75: nearest_rank(&sorted, 75),
                p90: nearest_rank(&sorted, 90),
                before,
                trend: middle.zip(before).map(|(middle, before)| middle - before),
                is_good: middle.filter(|_| is_whole).map(|middle| is_kept(kind.side, middle, kind.good)),
                is_trend_good: middle.zip(limit).map(|(middle, limit)| is_kept(kind.side, middle, limit)),
            };
            (kind.field, figure)
        };
        (0..FIGURES.len()).map(figure).collect()
    }

    pub(super) fn far_days(&self) -> Vec<Anomaly> {
        let of = |at: usize| {
            let kind = FIGURES[at];
            let named = self.days.iter();
            let named = named.filter_map(|day| Some((day.date.to_string(), *day.figures[at].as_ref().ok()?)));
            radar::anomalies(kind.field, &named.collect::<Vec<_>>())
        };
        (0..FIGURES.len()).flat_map(of).collect()
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let fault = |day: &Day| Some(format!("{}: {}", day.date, day.fault.as_ref()?));
        self.days.iter().filter_map(fault).collect()
    }

    pub(super) fn is_simulated(&self) -> bool {
        self.days.iter().chain(&self.before).any(|day| day.simulated)
    }
}

pub(super) fn week_verdict(facts: &WeeklyFacts) -> WeekVerdict {
    let figures = facts.figures();
    let goods = || figures.iter().map(|(_, figure)| figure.is_good);
    let trends = figures.iter().map(|(_, figure)| figure.is_trend_good);
    // Guards, drills and tests that a day does not show are no figures of the week; those that say no are one.
    let flags = facts.days.iter().flat_map(|day| &day.flags);
    if goods().any(|good| good == Some(false)) || flags.into_iter().any(|flag| *flag == Ok(false)) {
        WeekVerdict::NoGo
    } else if goods().any(|good| good.is_none()) {
        WeekVerdict::Inconclusive
    } else if trends.into_iter().all(|good| good == Some(true)) {
        WeekVerdict::Go
    } else {
        WeekVerdict::Warn
    }
}

impl WeekVerdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::Warn => "WARN",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::NoGo => "NO-GO",
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Go => Outcome::Pass,
            Self::Warn => Outcome::Warn,
            Self::Inconclusive => Outcome::Unknown,
            Self::NoGo => Outcome::Fail,
        }
    }
}

impl WeekFigure {
    pub(super) fn outcome(&self) -> Outcome {
        match (self.is_good, self.is_trend_good) {
            (Some(false), _) => Outcome::Fail,
            (None, _) => Outcome::Unknown,
            (Some(true), Some(true)) => Outcome::Pass,
            (Some(true), Some(false) | None) => Outcome::Warn,
        }
    }

    pub(super) fn text(&self) -> String {
        let number = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:.4}"));
        let trend = self.trend.map_or("no week before".to_owned(), |trend| format!("{trend:+.4}"));
        format!(
            "median {}, p25 {}, p75 {}, p90 {}, trend {trend}, {} of {DAYS} days",
            number(self.median),
            number(self.p25),
            number(self.p75),
            number(self.p90),
            self.days
        )
    }
}

impl WeeklyBody {
    pub(super) fn new(facts: &WeeklyFacts, from: Date, to: Date, reports: Vec<SourceFile>) -> Self {
        let week = facts.figures().into_iter().map(|(field, figure)| (field.to_owned(), figure));
        Self {
            period: Period { from: from.to_string(), to: to.to_string() },
            week: week.collect(),
            far_days: facts.far_days(),
            faults: facts.faults(),
            reports,
        }
    }
}

/// The rollup as a page.
pub(super) fn page(rollup: &WeeklyRollup) -> String {
    let WeeklyRollup { header, verdict, body } = rollup;
    let Period { from, to } = &body.period;
    let mut text = format!("{TITLE}{from} to {to}\n\nResult: {}\n\n", verdict.as_str());
    if header.simulated {
        text.push_str("**simulated: true**\n\n");
    }
    let head = ["figure", "days", "median", "p25", "p75", "p90", "week before", "trend"];
    text.push_str(&markdown::table_head(&head));
    let number = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:.4}"));
    for (field, figure) in &body.week {
        let values = [figure.median, figure.p25, figure.p75, figure.p90, figure.before, figure.trend];
        let cells = [field.clone(), figure.days.to_string()].into_iter().chain(values.map(number));
        text.push_str(&markdown::row(cells));
    }
    if !body.far_days.is_empty() || !body.faults.is_empty() {
        text.push('\n');
    }
    text.extend(body.far_days.iter().map(|far| {
        let Anomaly { figure, at, value, median, score } = far;
        markdown::item(&format!("{at}: {figure} {value:.4} against a median of {median:.4} ({score:+.1})"))
    }));
    text.extend(body.faults.iter().map(|fault| markdown::item(fault)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(edge: [f64; 7], age: [f64; 7], taker: [f64; 7]) -> Vec<Day> {
        let day = |at: usize| Day {
            figures: [Ok(edge[at]), Ok(age[at]), Ok(taker[at])],
            fault: None,
            ..Day::missing(jiff::civil::date(2026, 3, 1 + i8::try_from(at).expect("small")), "")
        };
        (0..7).map(day).collect()
    }

    /// The week of the earlier toolkit's golden file, by its percentiles.
    fn golden() -> Vec<Day> {
        week(
            [2.7, 2.9, 2.6, 2.8, 2.85, 2.75, 2.8],
            [305.0, 320.0, 295.0, 310.0, 300.0, 315.0, 300.0],
            [12.5, 14.0, 11.0, 13.0, 12.0, 13.5, 12.0],
        )
    }

    fn flat(edge: f64, age: f64, taker: f64) -> Vec<Day> {
        week([edge; 7], [age; 7], [taker; 7])
    }

    #[test]
    fn the_figures_are_those_of_the_golden_week() {
        let facts = WeeklyFacts { days: golden(), before: golden() };
        let figures: BTreeMap<&str, WeekFigure> = facts.figures().into_iter().collect();
        let edge = &figures["edge_net_bps"];
        assert_eq!((edge.median, edge.p25, edge.p75), (Some(2.8), Some(2.7), Some(2.85)));
        let age = &figures["order_age_p95_ms"];
        assert_eq!((age.median, age.p90), (Some(305.0), Some(320.0)));
        let taker = &figures["taker_share_pct"];
        assert_eq!((taker.median, taker.p90, taker.trend), (Some(12.5), Some(14.0), Some(0.0)));
        assert_eq!(week_verdict(&facts), WeekVerdict::Go);
    }

    #[test]
    fn a_week_is_go_warn_no_go_or_not_known() {
        let missing = |mut days: Vec<Day>| {
            days[3].figures[2] = Err("unknown".to_owned());
            days
        };
        let failed = |mut days: Vec<Day>| {
            days[3].flags[2] = Ok(false);
            days
        };
        let table = [
            ("as before", golden(), golden(), WeekVerdict::Go),
            // Exactly a tenth: 2.7 of 3.0, 330 of 300, 13.2 of 12.
            ("a tenth worse", flat(2.7, 330.0, 13.2), flat(3.0, 300.0, 12.0), WeekVerdict::Go),
            ("edge fell", flat(2.69, 300.0, 12.0), flat(3.0, 300.0, 12.0), WeekVerdict::Warn),
            ("slower", flat(3.0, 330.1, 12.0), flat(3.0, 300.0, 12.0), WeekVerdict::Warn),
            ("more takers", flat(3.0, 300.0, 13.21), flat(3.0, 300.0, 12.0), WeekVerdict::Warn),
            ("no week before", golden(), Vec::new(), WeekVerdict::Warn),
            ("low edge", flat(2.49, 300.0, 12.0), golden(), WeekVerdict::NoGo),
            ("slow", flat(3.0, 350.1, 12.0), golden(), WeekVerdict::NoGo),
            ("takers", flat(3.0, 300.0, 15.1), golden(), WeekVerdict::NoGo),
            ("on every limit", flat(2.5, 350.0, 15.0), flat(2.5, 350.0, 15.0), WeekVerdict::Go),
            ("a day whose tests failed", failed(golden()), golden(), WeekVerdict::NoGo),
            ("a day without a figure", missing(golden()), golden(), WeekVerdict::Inconclusive),
            ("six days", golden().split_off(1), golden(), WeekVerdict::Inconclusive),
        ];
        for (what, days, before, expected) in table {
            assert_eq!(week_verdict(&WeeklyFacts { days, before }), expected, "{what}");
        }
    }

    #[test]
    fn a_day_far_from_the_others_is_named() {
        let mut days = flat(3.0, 300.0, 12.0);
        days[5].figures[0] = Ok(-5.0);
        let far = WeeklyFacts { days, before: Vec::new() }.far_days();
        assert_eq!(far.len(), 1);
        assert_eq!((far[0].figure.as_str(), far[0].at.as_str()), ("edge_net_bps", "2026-03-06"));
    }
}
