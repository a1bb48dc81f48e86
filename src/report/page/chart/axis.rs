//! The axis of time: cells of equal length from a begin to a planned end.

use crate::report::page::markup::{Markup, html};
use crate::report::page::time::{self, DAY_MS};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeAxis {
    pub(crate) start_ms: i64,
    pub(crate) cell_ms: i64,
    pub(crate) cells: usize,
}

/// A line of the grid.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) percent: f64,
    pub(super) label: String,
    pub(super) is_midnight: bool,
}

/// Labels of an axis, and of one whose labels have seconds, which are longer.
const MOST_TICKS: i64 = 12;
const MOST_TICKS_OF_SECONDS: i64 = 6;
/// Labels of days in a small picture, where each takes a larger part of the width.
const FEW_DAYS: i64 = 5;

impl TimeAxis {
    pub(crate) fn span_ms(&self) -> i64 {
        self.cell_ms * i64::try_from(self.cells).unwrap_or(i64::MAX / self.cell_ms.max(1))
    }

    pub(crate) fn percent(&self, ms: i64) -> f64 {
        (100.0 * (ms - self.start_ms) as f64 / self.span_ms().max(1) as f64).clamp(0.0, 100.0)
    }

    pub(super) fn percent_of(&self, cell: usize) -> f64 {
        100.0 * cell as f64 / self.cells.max(1) as f64
    }

    pub(crate) fn begin_of(&self, cell: usize) -> i64 {
        self.start_ms + self.cell_ms * i64::try_from(cell).unwrap_or_default()
    }

    fn multiples(&self, step: i64) -> impl Iterator<Item = i64> {
        let (first, end) = (self.start_ms.div_euclid(step) * step, self.start_ms + self.span_ms());
        let first = if first < self.start_ms { first + step } else { first };
        (0..).map(move |at| first + at * step).take_while(move |ms| *ms <= end)
    }

    pub(super) fn ticks(&self) -> Vec<Tick> {
        let span_ms = self.span_ms().max(1);
        let has_seconds = span_ms < MOST_TICKS * 60_000;
        let step = time::step(span_ms, 1, if has_seconds { MOST_TICKS_OF_SECONDS } else { MOST_TICKS });
        let tick = |ms: i64| Tick {
            percent: self.percent(ms),
            label: if step >= DAY_MS { String::new() } else { time::clock(ms) },
            is_midnight: ms.rem_euclid(DAY_MS) == 0,
        };
        self.multiples(step).map(tick).collect()
    }

    /// Where days begin, so many at most; first of all the begin of the axis.
    fn days(&self, most: i64) -> Vec<(f64, i64)> {
        let step = DAY_MS * (self.span_ms() / (most * DAY_MS) + 1);
        let midnights: Vec<i64> = self.multiples(DAY_MS).collect();
        let every = usize::try_from(step / DAY_MS).unwrap_or(1);
        let midnights = midnights.into_iter().step_by(every);
        let end = self.start_ms + self.span_ms();
        let midnights = midnights.filter(|ms| *ms > self.start_ms && *ms < end);
        std::iter::once(self.start_ms).chain(midnights).map(|ms| (self.percent(ms), ms)).collect()
    }

    /// The names of days as text at a height. What would lie over its neighbour is left out, what would in a narrow
    /// picture is of the class that is left out there.
    pub(super) fn day_labels(&self, y: f64, most: i64, name: fn(i64) -> String) -> Markup {
        let days = self.days(most);
        let label = |(at, (percent, ms)): (usize, &(f64, i64))| {
            let room = days.get(at + 1).map_or(100.0, |(next, _)| *next) - percent;
            let is_last = at + 1 == days.len();
            let least = match (is_last, most <= FEW_DAYS) {
                (true, false) => 8.0,
                (true, true) => 16.0,
                (false, _) => 12.0,
            };
            if room < least {
                return Markup::default();
            }
            let is_close = room < 24.0 && (at == 0 || is_last || days.len() > 4 && at % 2 == 1);
            let class = if is_close { "mt o" } else { "mt" };
            html!("<text x=\"{}%\" y=\"{}\" class=\"{}\">{}</text>", *percent, y, class, name(*ms))
        };
        days.iter().enumerate().map(label).collect()
    }

    /// The times of day as text at a height; every second one and those at the ends are left out in a narrow picture.
    pub(super) fn tick_labels(&self, y: f64) -> Markup {
        let ticks = self.ticks();
        let label = |(at, tick): (usize, &Tick)| {
            if tick.label.is_empty() {
                return Markup::default();
            }
            let anchor = match tick.percent {
                ..2.0 => "start",
                98.0.. => "end",
                _ => "middle",
            };
            let class = if at % 2 == 1 || anchor != "middle" { " class=\"o\"" } else { "" };
            let class = if class.is_empty() { Markup::default() } else { html!(" class=\"o\"") };
            html!(
                "<text x=\"{}%\" y=\"{}\" text-anchor=\"{}\"{}>{}</text>",
                tick.percent,
                y,
                anchor,
                class,
                &tick.label
            )
        };
        ticks.iter().enumerate().map(label).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_picture_names_few_days() {
        let axis = TimeAxis { start_ms: 1_773_014_400_000, cell_ms: 300_000, cells: 2000 };
        assert_eq!(axis.day_labels(1.0, 4, time::day).as_str().matches("<text").count(), 3);
    }

    #[test]
    fn an_axis_has_at_most_thirteen_labels_and_names_each_day_once() {
        let start_ms = 1_773_014_400_000;
        for (cell_ms, cells, ticks, days) in [
            (300_000, 864, 13, 3),
            (300_000, 1, 6, 1),
            (300_000, 2000, 7, 7),
            (1000, 600, 6, 1),
            (DAY_MS, 300, 11, 10),
        ] {
            let axis = TimeAxis { start_ms, cell_ms, cells };
            assert_eq!((axis.ticks().len(), axis.days(10).len()), (ticks, days), "{axis:?}");
        }
        let late = TimeAxis { start_ms: start_ms + 22 * 3_600_000, cell_ms: 300_000, cells: 864 };
        assert!(!late.day_labels(1.0, 10, time::day).as_str().contains("Mon"), "it would lie under Tuesday");
    }
}
