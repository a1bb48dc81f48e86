//! Charts in little room: the strip that says when a gate held and broke, and one member among many.

use super::draw::{broken_bars, unknown};
use super::scale::Scale;
use super::{Cell, Extremes, Limit, TimeAxis, path, runs};
use crate::report::page::markup::{Markup, html};
use crate::report::page::time;

/// Columns of a small multiple.
const COLUMNS: usize = 72;
/// Least height of a bar in thousandths, so that a constant is seen.
const LEAST_BAR: i64 = 36;
const SMALL_HEIGHT: f64 = 54.0;

/// Thin while the limit held, tall where it broke, hatched where nothing is known; grey where windows are left out or
/// not judged one by one.
pub(crate) fn strip(
    axis: &TimeAxis,
    cells: &[Cell],
    broken: &[(usize, usize)],
    is_judged: bool,
    name: &str,
) -> Markup {
    let is_held = |cell: Cell| is_judged && matches!(cell, Cell::Value { is_broken: false, .. });
    let is_grey = |cell: Cell| cell.value().is_some() && !cell.is_broken() && !is_held(cell);
    let bar = |class: &'static str, fill: &'static str, runs: &[(usize, usize)]| {
        html!(
            "<path class=\"{}\" fill=\"{}\" d=\"{}\"/>",
            class,
            fill,
            Markup::path(&path::bars(runs, 10, 4))
        )
    };
    let (held, grey) = (runs(cells, is_held), runs(cells, is_grey));
    let grey = if grey.is_empty() { Markup::default() } else { bar("kn", "#525c67", &grey) };
    let midnights = axis.ticks().into_iter().filter(|tick| tick.is_midnight).map(|tick| {
        html!(
            "<line class=\"gd\" stroke=\"#c9d0d8\" x1=\"{}%\" x2=\"{}%\" y1=\"0\" y2=\"24\"/>",
            tick.percent,
            tick.percent
        )
    });
    html!(
        "<svg width=\"100%\" height=\"24\" role=\"img\" aria-label=\"{}\">{}{}<svg width=\"100%\" height=\"24\" \
         viewBox=\"0 0 {} 24\" preserveAspectRatio=\"none\">{}{}{}</svg></svg>",
        name,
        midnights.collect::<Markup>(),
        unknown(axis, cells, 3.0, 18.0),
        axis.cells,
        bar("k", "#00665c", &held),
        grey,
        broken_bars(broken, 1, 22)
    )
}

/// The days above a column of strips.
pub(crate) fn strip_head(axis: &TimeAxis) -> Markup {
    html!(
        "<svg width=\"100%\" height=\"16\" aria-hidden=\"true\">{}</svg>",
        axis.day_labels(12.0, 5, |ms| time::text(ms, "%-d %b"))
    )
}

/// What small multiples that are compared have in common.
pub(crate) struct SharedScale {
    scale: Scale,
    limits: Vec<Limit>,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl SharedScale {
    /// A scale for all values of these cells; none where there is no value.
    pub(crate) fn new<'a>(
        unit: &str,
        all: impl Iterator<Item = &'a [Cell]>,
        limits: &[Limit],
    ) -> Option<Self> {
        let values: Vec<f64> = all.flatten().filter_map(|cell| cell.value()).collect();
        let (low, high) = super::scale::extremes(&values)?;
        let scale = Scale::new(unit, &values, limits, !limits.is_empty());
        Some(Self { scale, limits: limits.to_vec(), low, high })
    }

    /// One of them: a bar a column, from its lowest to its highest value.
    pub(crate) fn small(&self, axis: &TimeAxis, cells: &[Cell]) -> Markup {
        let of = |is_broken: bool| {
            let one = |cell: &Cell| cell.value().filter(|_| cell.is_broken() == is_broken);
            let extremes: Vec<Extremes> =
                cells.iter().map(|cell| one(cell).map(|value| (value, value))).collect();
            let (strokes, width) = path::band(&extremes, COLUMNS, LEAST_BAR, |value| self.scale.y(value));
            let (class, stroke) = if is_broken { ("q r", "#b5310b") } else { ("q", "#12436d") };
            html!(
                "<path class=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" d=\"{}\"/>",
                class,
                stroke,
                width,
                Markup::path(&strokes)
            )
        };
        let limits =
            self.limits.iter().map(|limit| format!("M0 {:.0}h{}", self.scale.y(limit.value), axis.cells));
        html!(
            "<svg width=\"100%\" height=\"54\" aria-hidden=\"true\">{}<svg width=\"100%\" height=\"54\" \
             viewBox=\"0 0 {} 1000\" preserveAspectRatio=\"none\">{}{}<path class=\"m\" fill=\"none\" \
             stroke=\"#14181d\" stroke-dasharray=\"6 4\" vector-effect=\"non-scaling-stroke\" d=\"{}\"/></svg></svg>",
            unknown(axis, cells, 0.0, SMALL_HEIGHT),
            axis.cells,
            of(false),
            of(true),
            Markup::path(&limits.collect::<String>())
        )
    }
}
