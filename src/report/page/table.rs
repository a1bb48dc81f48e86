//! The figures behind a chart as a table, for those who do not see it and for the cursor of the script.

use super::chart::{Cell, TimeAxis};
use super::markup::{Markup, html};
use super::number::{Notation, exponent};
use super::time::{self, DAY_MS};

/// Rows of a table.
pub(crate) const ROWS: usize = 96;

/// How many cells a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Buckets {
    pub(crate) cells: usize,
    pub(crate) step_ms: i64,
}

impl Buckets {
    /// So that there are at most `rows`.
    pub(crate) fn new(axis: &TimeAxis, rows: usize) -> Self {
        let most = i64::try_from(rows).unwrap_or(i64::MAX);
        let step_ms = time::step(axis.span_ms(), axis.cell_ms.max(1), most);
        Self { cells: usize::try_from(step_ms / axis.cell_ms.max(1)).unwrap_or(1).max(1), step_ms }
    }

    pub(crate) fn count(self, axis: &TimeAxis) -> usize {
        axis.cells.div_ceil(self.cells)
    }
}

/// The table of a figure, folded away.
pub(crate) fn figures(axis: &TimeAxis, cells: &[Cell], unit: &str, buckets: Buckets, name: &str) -> Markup {
    let values: Vec<f64> = cells.iter().filter_map(|cell| cell.value()).collect();
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let largest = if values.is_empty() { 0.0 } else { low.abs().max(high.abs()) };
    let notation = Notation::of(unit, largest);
    let decimals = decimals(notation.scaled(high - low), notation.scaled(largest));
    let has_broken = cells.iter().any(|cell| cell.is_broken());
    let mut rows = Markup::default();
    let mut count = 0_u32;
    for (at, bucket) in cells.chunks(buckets.cells).enumerate() {
        if bucket.iter().all(|cell| *cell == Cell::Ahead) {
            break;
        }
        let from_ms = axis.begin_of(at * buckets.cells);
        let starts_day = at == 0 || from_ms.rem_euclid(DAY_MS) < buckets.step_ms;
        let day = if starts_day { time::day(from_ms) + " " } else { String::new() };
        let cells = bucket_cells(bucket, buckets, &notation, decimals, has_broken);
        rows.push(html!("<tr><th scope=\"row\">{}{}</th>{}</tr>", day, time::clock(from_ms), cells));
        count += 1;
    }
    let unit = notation.unit();
    let in_unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
    let broken = if has_broken { html!("<th scope=\"col\">broken</th>") } else { Markup::default() };
    let heads = if buckets.cells == 1 {
        html!("<th scope=\"col\">value{}</th>{}", in_unit, broken)
    } else {
        html!(
            "<th scope=\"col\">lowest{}</th><th scope=\"col\">median</th><th scope=\"col\">highest</th>{}",
            in_unit,
            broken
        )
    };
    html!(
        "<details><summary>Figures, every {} ({} {})</summary><div class=\"sc\" tabindex=\"0\" role=\"region\" \
         aria-label=\"Figures of {}\"><table class=\"t w\" data-u=\"{}\"><thead><tr><th scope=\"col\">from, UTC</th>{}\
         </tr></thead><tbody>{}</tbody></table></div></details>",
        time::duration(buckets.step_ms),
        count,
        if count == 1 { "row" } else { "rows" },
        name,
        unit,
        heads,
        rows
    )
}

/// Decimals that tell a three-hundredth of the range; of a constant, four digits.
fn decimals(range: f64, largest: f64) -> usize {
    let finest = if range > 0.0 { range / 300.0 } else { largest / 1000.0 };
    if finest <= 0.0 || !finest.is_finite() {
        return 0;
    }
    usize::try_from((-exponent(finest)).clamp(0, 12)).unwrap_or(0)
}

fn bucket_cells(
    bucket: &[Cell],
    buckets: Buckets,
    notation: &Notation,
    decimals: usize,
    has_broken: bool,
) -> Markup {
    let mut values: Vec<f64> = bucket.iter().filter_map(|cell| cell.value()).collect();
    values.sort_by(f64::total_cmp);
    let unknown = bucket.iter().filter(|cell| **cell == Cell::Unknown).count();
    let all = bucket.len();
    let is_single = buckets.cells == 1;
    let (Some(low), Some(high)) = (values.first(), values.last()) else {
        let columns = if is_single { 1_u32 } else { 3 } + u32::from(has_broken);
        return html!("<td colspan=\"{}\">unknown</td>", columns);
    };
    let text = |value: f64| notation.fixed(value, decimals);
    let partly = if unknown > 0 { format!(" ({unknown} of {all} unknown)") } else { String::new() };
    let middle = values.len() / 2;
    let median = if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    };
    let broken = bucket.iter().filter(|cell| cell.is_broken()).count();
    let broken = match (has_broken, broken) {
        (false, _) => Markup::default(),
        (true, 0) => html!("<td></td>"),
        (true, broken) => html!("<td>{}</td>", broken),
    };
    if is_single {
        html!("<td>{}{}</td>{}", text(*high), partly, broken)
    } else {
        html!("<td>{}</td><td>{}</td><td>{}{}</td>{}", text(*low), text(median), text(*high), partly, broken)
    }
}
