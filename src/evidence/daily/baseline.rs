//! What a figure of a day is compared with: the median of the days before, and how much worse than it a day may be.
#![warn(clippy::wildcard_enum_match_arm)]

use super::figures::Side;
use super::report::Baseline;
use crate::format::number::median;

/// How many days back are compared with.
pub(crate) const HISTORY_DAYS: usize = 7;
/// How much worse a figure may be, as a part of the median.
const MARGIN: f64 = 0.1;
/// What only rounding tells from the limit keeps it.
const SLACK: f64 = 1e-12;

/// Of the days that have a value.
pub(crate) fn baseline(side: Side, values: &[f64]) -> Baseline {
    let middle = median(values);
    Baseline { median: middle, days: values.len(), limit: middle.map(|middle| limit(side, middle)) }
}

/// What a figure must not pass: a tenth of the median worse than it, also where the median is below zero.
fn limit(side: Side, median: f64) -> f64 {
    match side {
        Side::AtLeast => median - MARGIN * median.abs(),
        Side::AtMost => median + MARGIN * median.abs(),
    }
}

pub(crate) fn is_kept(side: Side, value: f64, limit: f64) -> bool {
    let slack = SLACK * limit.abs().max(value.abs());
    match side {
        Side::AtLeast => value >= limit - slack,
        Side::AtMost => value <= limit + slack,
    }
}
