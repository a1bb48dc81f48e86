//! The vertical scale of a chart: what it holds, and its lines.

use super::Limit;
use crate::report::page::number::{Notation, exponent, fixed, raised};

/// Units of height of the inner picture.
pub(super) const HEIGHT: f64 = 1000.0;
/// A limit further away than so many ranges of the data is not drawn where it holds.
const FARTHEST: f64 = 4.0;
/// A largest value above so many medians needs a logarithmic scale.
const WIDE: f64 = 100.0;

#[derive(Clone, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// Where the logarithmic scale becomes linear around 0.
    bend: Option<f64>,
    pub(super) notation: Notation,
}

/// A horizontal line with its label.
pub(super) struct Line {
    pub(super) y: f64,
    pub(super) label: String,
}

impl Scale {
    /// A scale that holds all values, and the limits where these must be seen or are near.
    pub(super) fn new(unit: &str, values: &[f64], limits: &[Limit], must_hold_limits: bool) -> Self {
        let is_flag = unit == "flag";
        let (mut low, mut high) = extremes(values).unwrap_or((0.0, 0.0));
        let range = high - low;
        for Limit { value, .. } in limits {
            let away = (low - value).max(value - high).max(0.0);
            if must_hold_limits || is_flag || away <= FARTHEST * range || range == 0.0 && away <= value.abs()
            {
                (low, high) = (low.min(*value), high.max(*value));
            }
        }
        if is_flag {
            (low, high) = (low.min(0.0), high.max(1.0));
        } else if low == high {
            (low, high) =
                if low == 0.0 { (0.0, 1.0) } else { (low - 0.1 * low.abs(), high + 0.1 * high.abs()) };
        }
        if low > 0.0 && low < 0.35 * high {
            low = 0.0;
        } else if high < 0.0 && high > 0.35 * low {
            high = 0.0;
        }
        let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).filter(|size| *size > 0.0).collect();
        sizes.sort_by(f64::total_cmp);
        let median = sizes.get(sizes.len() / 2).copied();
        let bend = median.filter(|median| !is_flag && low.abs().max(high.abs()) > WIDE * median);
        Self { low, high, bend, notation: Notation::of(unit, low.abs().max(high.abs())) }
    }

    fn bent(&self, value: f64) -> f64 {
        self.bend.map_or(value, |bend| value.signum() * (value.abs() / bend).ln_1p())
    }

    /// Height from the top, with a margin above and below.
    pub(super) fn y(&self, value: f64) -> f64 {
        let (low, high) = (self.bent(self.low), self.bent(self.high));
        let part = if high > low { (self.bent(value) - low) / (high - low) } else { 0.5 };
        HEIGHT * (0.96 - 0.92 * part)
    }

    pub(super) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    pub(super) fn is_above(&self, value: f64) -> bool {
        value > self.high
    }

    /// Power of ten by which labels are divided, so that they stay short.
    fn shift(&self) -> i32 {
        let largest = self.notation.scaled(self.low).abs().max(self.notation.scaled(self.high).abs());
        let exponent = if largest > 0.0 { exponent(largest) } else { 0 };
        if (-3..6).contains(&exponent) { 0 } else { exponent.div_euclid(3) * 3 }
    }

    /// What stands above the axis.
    pub(super) fn head(&self) -> String {
        let unit = self.notation.unit();
        let shift = self.shift();
        let power = (shift != 0).then(|| format!("\u{d7} 10{}", raised(shift)));
        let bent = self.bend.map(|_| "log".to_owned());
        let parts = [Some(unit.to_owned()).filter(|unit| !unit.is_empty()), power, bent];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        let notation = &self.notation;
        if notation.fixed(0.0, 0) == "off" {
            return [0.0, 1.0].map(|at| Line { y: self.y(at), label: notation.fixed(at, 0) }).into();
        }
        let shift = 10_f64.powi(self.shift());
        let (low, high) = (notation.scaled(self.low), notation.scaled(self.high));
        let (marks, decimals) = match self.bend {
            Some(_) => (powers(low, high), 0),
            None => multiples(low, high, shift),
        };
        let line = |at: f64| {
            let decimals = if self.bend.is_some() && at.abs() < shift && at != 0.0 {
                usize::try_from(-exponent(at / shift)).unwrap_or(0)
            } else {
                decimals
            };
            Line { y: self.y(notation.unscaled(at)), label: fixed(at / shift, decimals) }
        };
        let mut lines: Vec<Line> = marks.into_iter().map(line).collect();
        // Labels of a logarithmic scale crowd where it is linear.
        let mut last = f64::INFINITY;
        lines.sort_by(|one, other| other.y.total_cmp(&one.y));
        lines.retain(|line| {
            let has_room = last - line.y >= 80.0;
            last = if has_room { line.y } else { last };
            has_room
        });
        lines
    }
}

pub(super) fn extremes(values: &[f64]) -> Option<(f64, f64)> {
    let first = *values.first()?;
    Some(values.iter().fold((first, first), |(low, high), value| (low.min(*value), high.max(*value))))
}

/// Multiples of 1, 2, 2.5 or 5 times a power of ten, and the decimals that they need.
fn multiples(low: f64, high: f64, shift: f64) -> (Vec<f64>, usize) {
    let rough = ((high - low) / 4.0).max(f64::MIN_POSITIVE);
    let power = 10_f64.powi(exponent(rough));
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].map(|nice| nice * power).into_iter().find(|step| *step >= 0.999 * rough);
    let step = step.unwrap_or(10.0 * power);
    let shifted = step / shift;
    let is_even = |decimals: &usize| {
        let scaled = shifted * 10_f64.powi(i32::try_from(*decimals).unwrap_or(0));
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    };
    let first = (low / step - 1e-9).ceil();
    let marks =
        (0..12).map(|at| (first + f64::from(at)) * step).take_while(|mark| *mark <= high + 1e-9 * step);
    (marks.collect(), (0..12).find(is_even).unwrap_or(3))
}

/// Powers of ten on both sides of 0, and 0.
fn powers(low: f64, high: f64) -> Vec<f64> {
    let all = (-12..=18).map(|power| 10_f64.powi(power));
    let both = all.flat_map(|power| [power, -power]).chain([0.0]);
    both.filter(|mark| (low..=high).contains(mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(unit: &str, values: &[f64], limit: Option<f64>, must: bool) -> (String, Vec<String>) {
        let limits: Vec<Limit> = limit.map(|value| Limit { value, is_upper: true }).into_iter().collect();
        let scale = Scale::new(unit, values, &limits, must);
        for value in values {
            assert!((0.0..=HEIGHT).contains(&scale.y(*value)), "{value} is cut off");
        }
        (scale.head(), scale.lines().into_iter().map(|line| line.label).collect())
    }

    #[test]
    fn scales_have_even_lines_hold_their_limits_and_cut_nothing() {
        assert_eq!(labels("ms", &[90.0, 178.0], Some(150.0), true).1, ["100", "125", "150", "175"]);
        assert_eq!(labels("1/h", &[0.0, 1.0], Some(30.0), false).1, ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(labels("1/h", &[0.0, 1.0], Some(30.0), true).1, ["0", "10", "20", "30"]);
        assert_eq!(labels("flag", &[0.0], Some(0.0), false).1, ["off", "on"]);
        assert_eq!(labels("ms", &[0.0, 0.0], None, false).1.first().map(String::as_str), Some("0.00"));
        let wide: Vec<f64> = (0..100).map(|at| if at == 0 { 48_685.0 } else { 13.0 }).collect();
        let (head, lines) = labels("count", &wide, Some(20_000.0), true);
        assert_eq!((head.as_str(), lines.last().map(String::as_str)), ("log", Some("10\u{202f}000")));
        let signed: Vec<f64> = (0..100).map(|at| if at == 0 { -1e6 } else { 1.0 }).collect();
        assert!(labels("count", &signed, None, false).1.iter().any(|label| label.starts_with('\u{2212}')));
        assert_eq!(labels("bytes", &[2.0e8, 2.5e8], None, false).0, "MiB");
        assert!(labels("count", &[1e9, 2e9], None, false).0.contains("10\u{2079}"));
    }
}
