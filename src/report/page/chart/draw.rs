//! A chart of one figure: its scale and its lines, what is not known, what breaks a limit, and what happened.

use super::scale::Scale;
use super::{Cell, Extremes, Limit, TimeAxis, path, runs};
use crate::report::page::markup::{Markup, html};
use crate::report::page::time;

/// Pixels above the plot: room for marks, and for the label of a worst value.
const TOP: f64 = 18.0;
const TOP_WITH_MARKS: f64 = 28.0;
const TOP_WITH_LABEL: f64 = 34.0;
/// Pixels below it: the lane of broken stretches, times and days.
const BOTTOM: f64 = 44.0;
/// Days that are named below a chart.
const MOST_DAYS: i64 = 10;
/// A run of cells narrower than this, in per cent, is tinted and not hatched.
const NARROW: f64 = 0.6;

/// A chart of one figure over time.
pub(crate) struct Chart<'a> {
    pub(crate) axis: &'a TimeAxis,
    pub(crate) cells: &'a [Cell],
    /// Lowest and highest in each cell; empty where nothing is known of them.
    pub(crate) band: &'a [Extremes],
    pub(crate) band_columns: usize,
    pub(crate) unit: &'a str,
    pub(crate) limits: &'a [Limit],
    /// The limits in words.
    pub(crate) limit_text: &'a str,
    /// Whether the limits must be seen however far they are.
    pub(crate) must_hold_limits: bool,
    pub(crate) levels: &'a [Level],
    /// The cell of the worst value, the value, and what is written beside it.
    pub(crate) worst: Option<(usize, f64, String)>,
    /// Stretches of cells that break a limit.
    pub(crate) broken: &'a [(usize, usize)],
    pub(crate) events: &'a [EventMark],
    /// Height of the plot in pixels.
    pub(crate) height: f64,
}

/// A value of several cells together, such as the median of a half.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level {
    pub(crate) cells: (usize, usize),
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// Something that happened at a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventMark {
    pub(crate) at_ms: i64,
    pub(crate) kind: EventKind,
    pub(crate) title: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Restart,
    Change,
}

impl Chart<'_> {
    fn scale(&self) -> Scale {
        let band = self.band.iter().flatten().flat_map(|(low, high)| [*low, *high]);
        let levels = self.levels.iter().map(|level| level.value);
        let worst = self.worst.iter().map(|(_, value, _)| *value);
        let values: Vec<f64> = self
            .cells
            .iter()
            .filter_map(|cell| cell.value())
            .chain(band)
            .chain(levels)
            .chain(worst)
            .collect();
        Scale::new(self.unit, &values, self.limits, self.must_hold_limits)
    }

    /// The two pictures of a chart, labels left and plot, in an element that the ids of its texts name.
    pub(crate) fn figure(&self, labelled_by: &Markup) -> Markup {
        let scale = self.scale();
        let top = match (&self.worst, self.events) {
            (Some(_), _) => TOP_WITH_LABEL,
            (None, [_, ..]) => TOP_WITH_MARKS,
            (None, []) => TOP,
        };
        let bottom = top + self.height;
        let lines = if self.is_empty() { Vec::new() } else { scale.lines() };
        let gutter = lines.into_iter().map(|line| {
            let y = top + line.y / 1000.0 * self.height + 4.0;
            html!("<text x=\"42\" y=\"{}\" text-anchor=\"end\">{}</text>", y, line.label)
        });
        let gutter: Markup = gutter.collect();
        let head = html!("<text x=\"0\" y=\"{}\">{}</text>", top - 7.0, scale.head());
        let labels = html!(
            "{}{}{}{}{}{}{}",
            self.empty_label(top),
            self.limit_label(&scale, top, top - 6.0),
            self.level_labels(&scale, top),
            self.worst_mark(&scale, top),
            self.axis.day_labels(bottom + 39.0, MOST_DAYS, time::day),
            self.axis.tick_labels(bottom + 24.0),
            self.event_marks()
        );
        let lane = html!(
            "<svg y=\"{}\" width=\"100%\" height=\"8\" viewBox=\"0 0 {} 8\" preserveAspectRatio=\"none\">{}</svg>",
            bottom + 3.0,
            self.axis.cells,
            broken_bars(self.broken, 1, 6)
        );
        html!(
            "<div class=\"c\" data-h=\"{}\" role=\"img\" aria-labelledby=\"{}\"><svg class=\"y\" width=\"50\" \
             height=\"{}\" font-size=\"12\">{}{}</svg><svg class=\"p\" width=\"90%\" height=\"{}\" \
             font-size=\"12\">{}{}{}</svg></div>",
            bottom + 12.0,
            labelled_by,
            bottom + BOTTOM,
            gutter,
            head,
            bottom + BOTTOM,
            self.plot(&scale, top),
            lane,
            labels
        )
    }

    /// The chart without its labels at the left, for where there is little room.
    pub(crate) fn miniature(&self, title: &str, name: &str) -> Markup {
        let (scale, top) = (self.scale(), 20.0);
        html!(
            "<svg width=\"100%\" height=\"{}\" font-size=\"12\" role=\"img\" aria-label=\"{}\">{}{}<text x=\"0\" \
             y=\"11\" class=\"mt\">{}</text>{}</svg>",
            top + self.height + 22.0,
            name,
            self.plot(&scale, top),
            self.limit_label(&scale, top, self.free_line(&scale, top)),
            title,
            self.axis.day_labels(top + self.height + 16.0, 4, time::day)
        )
    }

    /// Everything between the axes, from the bottom up.
    fn plot(&self, scale: &Scale, top: f64) -> Markup {
        let cells = self.axis.cells;
        let frame = |inner: Markup| {
            html!(
                "{}{}<svg y=\"{}\" width=\"100%\" height=\"{}\" viewBox=\"0 0 {} 1000\" \
                 preserveAspectRatio=\"none\">{}</svg>",
                grid(self.axis, top, self.height),
                unknown(self.axis, self.cells, top, self.height),
                top,
                self.height,
                cells,
                inner
            )
        };
        if self.is_empty() {
            return frame(Markup::default());
        }
        let y = |value: f64| scale.y(value);
        let lines: String = scale.lines().iter().map(|line| format!("M0 {:.0}h{cells}", line.y)).collect();
        let mut inner = Markup::default();
        inner.push(html!(
            "<path class=\"gr\" fill=\"none\" stroke=\"#d5dae0\" vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
            Markup::path(&lines)
        ));
        for limit in self.limits.iter().filter(|limit| scale.holds(limit.value)) {
            let edge = if limit.is_upper { 0 } else { 1000 };
            let side = format!("M0 {:.0}H{cells}V{edge}H0z", y(limit.value));
            inner.push(html!(
                "<path class=\"z\" fill=\"#b5310b\" fill-opacity=\".07\" d=\"{}\"/>",
                Markup::path(&side)
            ));
        }
        if self.band.iter().flatten().any(|(low, high)| low != high) {
            let (strokes, width) = path::band(self.band, self.band_columns, path::LEAST_STROKE, y);
            inner.push(html!(
                "<path class=\"b\" fill=\"none\" stroke=\"#a9c6e2\" stroke-width=\"{}\" d=\"{}\"/>",
                width,
                Markup::path(&strokes)
            ));
        }
        inner.push(html!(
            "<path class=\"l\" fill=\"none\" stroke=\"#12436d\" vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
            Markup::path(&path::steps(self.cells, Cell::value, y))
        ));
        let is_beyond = |cell: Cell| matches!(cell, Cell::Value { beyond: true, .. });
        let beyond = self.cells.iter().enumerate().filter(|(_, cell)| is_beyond(**cell));
        let beyond: String =
            beyond.map(|(at, cell)| format!("M{at} {:.0}V0", cell.value().map_or(0.0, y))).collect();
        if !beyond.is_empty() {
            inner.push(html!(
                "<path class=\"l by\" fill=\"none\" stroke=\"#12436d\" stroke-dasharray=\"1 3\" \
                 vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
                Markup::path(&beyond)
            ));
        }
        let broken = path::steps(self.cells, |cell| cell.value().filter(|_| cell.is_broken()), y);
        if !broken.is_empty() {
            inner.push(html!(
                "<path class=\"x\" fill=\"none\" stroke=\"#b5310b\" stroke-width=\"2\" \
                 vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
                Markup::path(&broken)
            ));
        }
        let limits = self.limits.iter().filter(|limit| scale.holds(limit.value));
        let lines = limits.map(|limit| format!("M0 {:.0}h{cells}", y(limit.value)));
        let lines: String = lines.collect();
        let levels = self.levels.iter().map(|level| {
            let (from, to) = level.cells;
            format!("M{from} {:.0}h{}", y(level.value), to - from)
        });
        let levels: String = levels.collect();
        if !levels.is_empty() {
            inner.push(html!(
                "<path class=\"lv\" fill=\"none\" stroke=\"#14181d\" vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
                Markup::path(&levels)
            ));
        }
        if !lines.is_empty() {
            inner.push(html!(
                "<path class=\"m\" fill=\"none\" stroke=\"#14181d\" stroke-dasharray=\"6 4\" \
                 vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
                Markup::path(&lines)
            ));
        }
        frame(inner)
    }

    fn level_labels(&self, scale: &Scale, top: f64) -> Markup {
        let label = |level: &Level| {
            let x = self.axis.percent_of(level.cells.0);
            let y = top + scale.y(level.value) / 1000.0 * self.height;
            let y = if y < top + 20.0 { y + 16.0 } else { y - 7.0 };
            html!("<text x=\"{}%\" y=\"{}\" class=\"mt hal\">{}</text>", x, y, &level.label)
        };
        self.levels.iter().map(label).collect()
    }

    fn worst_mark(&self, scale: &Scale, top: f64) -> Markup {
        let Some((cell, value, label)) = &self.worst else { return Markup::default() };
        let (x, y) = (self.axis.percent_of(*cell), top + scale.y(*value) / 1000.0 * self.height);
        let anchor = match x {
            ..12.0 => "start",
            88.0.. => "end",
            _ => "middle",
        };
        html!(
            "<circle cx=\"{}%\" cy=\"{}\" r=\"3.5\" class=\"xf\" fill=\"#b5310b\"/><text x=\"{}%\" y=\"{}\" \
             class=\"bt hal\" fill=\"#b5310b\" text-anchor=\"{}\">{}</text>",
            x,
            y,
            x,
            y - 8.0,
            anchor,
            label
        )
    }

    /// Whether there is nothing to draw a scale for.
    pub(super) fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.value().is_none()) && self.band.iter().all(Option::is_none)
    }

    fn empty_label(&self, top: f64) -> Markup {
        if !self.is_empty() {
            return Markup::default();
        }
        html!(
            "<text x=\"50%\" y=\"{}\" text-anchor=\"middle\" class=\"mt hal\">no value in any window</text>",
            top + self.height / 2.0 + 4.0
        )
    }

    fn event_marks(&self) -> Markup {
        let mark = |event: &EventMark| {
            let shape = match event.kind {
                EventKind::Restart => "M-5 0h10l-5 9z",
                EventKind::Change => "M0 0l5 5-5 5-5-5z",
            };
            html!(
                "<svg x=\"{}%\" y=\"{}\" overflow=\"visible\"><path class=\"ev\" d=\"{}\"><title>{}</title></path>\
                 </svg>",
                self.axis.percent(event.at_ms),
                2.0,
                shape,
                &event.title
            )
        };
        self.events.iter().map(mark).collect()
    }
}

/// Lines of the grid, those of midnights stronger.
pub(super) fn grid(axis: &TimeAxis, top: f64, height: f64) -> Markup {
    let ticks = axis.ticks();
    let has_midnights = ticks.iter().any(|tick| !tick.is_midnight);
    let line = |tick: super::axis::Tick| {
        let class = if tick.is_midnight && has_midnights { "gd" } else { "gr" };
        html!(
            "<line x1=\"{}%\" x2=\"{}%\" y1=\"{}\" y2=\"{}\" class=\"{}\" stroke=\"#d5dae0\"/>",
            tick.percent,
            tick.percent,
            top,
            top + height,
            class
        )
    };
    ticks.into_iter().map(line).collect()
}

/// What is not known hatched, what has not come dotted. Where many short runs are unknown they are one tinted path.
pub(super) fn unknown(axis: &TimeAxis, cells: &[Cell], top: f64, height: f64) -> Markup {
    let rect = |class: &'static str, fill: &'static str, (from, to): (usize, usize)| {
        html!(
            "<rect class=\"{}\" fill=\"{}\" x=\"{}%\" y=\"{}\" width=\"{}%\" height=\"{}\"/>",
            class,
            fill,
            axis.percent_of(from),
            top,
            axis.percent_of(to) - axis.percent_of(from),
            height
        )
    };
    let is_narrow = |run: &(usize, usize)| axis.percent_of(run.1) - axis.percent_of(run.0) < NARROW;
    let (narrow, wide): (Vec<_>, Vec<_>) =
        runs(cells, |cell| cell == Cell::Unknown).into_iter().partition(is_narrow);
    let mut drawn: Markup = wide.into_iter().map(|run| rect("ga", "url(#h)", run)).collect();
    if !narrow.is_empty() {
        drawn.push(html!(
            "<svg y=\"{}\" width=\"100%\" height=\"{}\" viewBox=\"0 0 {} 10\" preserveAspectRatio=\"none\"><path \
             class=\"gn\" fill=\"#6a3fa0\" fill-opacity=\".22\" d=\"{}\"/></svg>",
            top,
            height,
            axis.cells,
            Markup::path(&path::bars(&narrow, 0, 10))
        ));
    }
    for run in runs(cells, |cell| cell == Cell::Ahead) {
        drawn.push(rect("no", "url(#d)", run));
    }
    drawn
}

/// Bars over stretches that break a limit, with an outline that keeps the shortest visible.
pub(super) fn broken_bars(stretches: &[(usize, usize)], top: usize, height: usize) -> Markup {
    if stretches.is_empty() {
        return Markup::default();
    }
    html!(
        "<path class=\"xf\" fill=\"#b5310b\" stroke=\"#b5310b\" stroke-width=\"2.6\" \
         vector-effect=\"non-scaling-stroke\" d=\"{}\"/>",
        Markup::path(&path::bars(stretches, top, height))
    )
}
