//! Whether a day was compared with the days before it as they lie there: the medians of the regression guard are computed
//! again from their reports.
#![warn(clippy::wildcard_enum_match_arm)]

use super::baseline::{HISTORY_DAYS, baseline};
use super::date::date_of;
use super::figures::{FIGURES, RANGES, SIDES};
use super::report::{Baseline, DailyBasis, DailyReport, Field, SourceFile};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

/// Why a day was compared with something else: a report that is another one now, one that was left out, or medians that
/// the reports do not give. Reports that are there no more cannot be asked.
///
/// `usable` are the days before it that show something, and `earlier` has the hash and the content of any report.
pub(super) fn conflict<'a>(
    day: Date,
    basis: &DailyBasis,
    usable: &[Date],
    earlier: impl Fn(Date) -> Option<(Option<&'a str>, Option<&'a Value>)>,
) -> Option<String> {
    let named: Vec<Option<Date>> = basis.history.iter().map(date_of_source).collect();
    let first = std::iter::successors(Some(day), |date| date.yesterday().ok()).nth(HISTORY_DAYS)?;
    let is_before = |date: Date| first <= date && date < day;
    for (at, (date, source)) in named.iter().zip(&basis.history).enumerate() {
        if !date.is_some_and(is_before) || named[..at].contains(date) {
            return Some(format!("`{}` is no day before that it can be compared with", source.path));
        }
    }
    let found: Vec<_> = named.iter().map(|date| earlier((*date)?)).collect();
    let other = basis.history.iter().zip(&found).find(|(source, found)| {
        source.sha256.is_none() || found.is_some_and(|(sha256, _)| sha256 != source.sha256.as_deref())
    });
    if let Some((source, _)) = other {
        return Some(format!("it was compared with another `{}` than is there", source.path));
    }
    let left_out = usable.iter().find(|date| is_before(**date) && !named.contains(&Some(**date)));
    if let Some(date) = left_out {
        return Some(format!("it was not compared with {date}, which shows something"));
    }
    let found: Vec<_> = found.into_iter().collect::<Option<_>>()?;
    let figures: Vec<[Option<f64>; 3]> = found.into_iter().map(|(_, content)| figures(content)).collect();
    FIGURES.iter().enumerate().find_map(|(at, field)| {
        let values: Vec<f64> = figures.iter().filter_map(|figures| figures[at]).collect();
        let given = baseline(SIDES[at], &values);
        let recorded = basis.baselines.get(*field);
        (recorded != Some(&given)).then(|| {
            let describe = |baseline: Option<&Baseline>| {
                let text = baseline.map(|baseline| {
                    let number =
                        |value: Option<f64>| value.map_or("none".to_owned(), |value| value.to_string());
                    let Baseline { median, days, limit } = baseline;
                    format!("{} over {days} days with the limit {}", number(*median), number(*limit))
                });
                text.unwrap_or_else(|| "none".to_owned())
            };
            format!(
                "{field} was compared with a median of {}, their reports give {}",
                describe(recorded),
                describe(Some(&given))
            )
        })
    })
}

fn date_of_source(source: &SourceFile) -> Option<Date> {
    date_of(source.path.rsplit('/').next()?)
}

/// The figures of a report that counted, as the day that was compared with it has taken them.
fn figures(content: Option<&Value>) -> [Option<f64>; 3] {
    let report = content.and_then(|content| DailyReport::deserialize(content).ok());
    let Some(fields) = report.map(|report| report.fields) else { return [None; 3] };
    let figures = [fields.edge_net_bps, fields.order_age_p95_ms, fields.taker_share_pct];
    std::array::from_fn(|at| match &figures[at] {
        Field::Value(value) if RANGES[at].contains(value) => Some(*value),
        Field::Value(_) | Field::Null | Field::Missing | Field::Other(_) => None,
    })
}
