//! What the query API sends, decoded and checked against what was asked.

use super::grid::{GridSpan, TimeGrid};
use crate::net::prometheus::{Labels, Point};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What tells it from the others; empty for a bare number.
    pub labels: Labels,
    /// Its values in order of time; a value may be infinite or not a number.
    pub points: Vec<Point>,
}

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryResult {
    /// The series in the order of their labels; none at all is an answer too.
    pub series: Vec<Series>,
    /// What the server's engine remarks about the query.
    pub notes: Vec<String>,
}

/// What every response of the query API has in common.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    pub(super) status: String,
    #[serde(borrow)]
    pub(super) data: Option<Data<'a>>,
    #[serde(default, rename = "errorType")]
    pub(super) error_type: String,
    #[serde(default)]
    pub(super) error: String,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
    #[serde(default, rename = "isPartial")]
    is_partial: bool,
}

#[derive(Deserialize)]
pub(super) struct Data<'a> {
    #[serde(rename = "resultType")]
    kind: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct Row {
    metric: Labels,
    #[serde(default)]
    values: Vec<TextPoint>,
    histograms: Option<IgnoredAny>,
}

/// A time in seconds and a number as text, read at once: most of an answer is these.
struct TextPoint(Point);

impl<'de> Deserialize<'de> for TextPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, NumberText(value)) = Deserialize::deserialize(deserializer)?;
        point(seconds, &value).map(Self).map_err(D::Error::custom)
    }
}

/// A number as text, borrowed unless it has escapes.
#[derive(Deserialize)]
struct NumberText<'a>(#[serde(borrow)] Cow<'a, str>);

impl Envelope<'_> {
    /// What says that data is missing, and what only remarks on the query.
    pub(super) fn warnings(&mut self) -> (Vec<String>, Vec<String>) {
        let infos = self.infos.take().unwrap_or_default();
        let (notes, mut missing): (Vec<_>, Vec<_>) = self
            .warnings
            .take()
            .unwrap_or_default()
            .into_iter()
            .partition(|text| text.starts_with("PromQL info:"));
        if self.is_partial {
            missing.push("the server marks its answer as partial".to_owned());
        }
        (missing, [infos, notes].concat())
    }
}

impl Data<'_> {
    /// The series of a range, whose times must be times of the span.
    pub(super) fn range(
        &self,
        grid: &TimeGrid,
        span: GridSpan,
    ) -> Result<BTreeMap<Labels, Vec<Point>>, String> {
        if self.kind != "matrix" {
            return Err(format!("the result is a `{}`, not a matrix", self.kind));
        }
        let rows: Vec<Row> = serde_json::from_str(self.result.get()).map_err(|error| error.to_string())?;
        let mut series = BTreeMap::new();
        for row in rows {
            if row.histograms.is_some() {
                return Err(format!("a native histogram in {:?}; ask for its quantile", row.metric));
            }
            let points: Vec<Point> = row.values.into_iter().map(|TextPoint(point)| point).collect();
            let mut next = span.first;
            for (at_ms, _) in &points {
                match grid.place(*at_ms) {
                    Some(place) if (next..span.first + span.points).contains(&place) => next = place + 1,
                    _ => return Err(format!("the time {at_ms} ms was not asked for, or is out of order")),
                }
            }
            if series.insert(row.metric, points).is_some() {
                return Err("two series have the same labels".to_owned());
            }
        }
        Ok(series)
    }
}

/// A time in seconds and a value as text, as a point in milliseconds.
fn point(seconds: f64, value: &str) -> Result<Point, String> {
    let millis = (seconds * 1000.0).round();
    if millis.abs() > 1e15 {
        return Err(format!("the time {seconds} is out of range"));
    }
    let value = value.parse().map_err(|_| format!("`{}` is not a number", value.escape_debug()))?;
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
    Ok((millis as i64, value))
}
