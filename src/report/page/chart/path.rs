//! How many windows become few strokes without losing one extreme: a stepped line that draws the first, lowest,
//! highest and last value of each column in order of time, and a band of one stroke a column.

use super::{Cell, Extremes};

/// Columns of a line.
pub(super) const LINE_COLUMNS: usize = 1000;
/// Columns of a band.
pub(crate) const BAND_COLUMNS: usize = 432;
/// Least height of a stroke of the band.
pub(super) const LEAST_STROKE: i64 = 8;

/// Windows of one column.
fn per_column(cells: usize, columns: usize) -> usize {
    cells.div_ceil(columns.max(1)).max(1)
}

fn rounded(y: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "heights are below a few thousand")]
    let y = y.round() as i64;
    y
}

/// The commands of a stepped line through the cells that `value` takes; a cell that it does not take lifts the pen.
pub(super) fn steps(cells: &[Cell], value: impl Fn(Cell) -> Option<f64>, y: impl Fn(f64) -> f64) -> String {
    let per_column = per_column(cells.len(), LINE_COLUMNS);
    let (mut path, mut pen, mut flat) = (String::new(), None, 0);
    let flush = |path: &mut String, flat: &mut usize| {
        if *flat > 0 {
            path.push_str(&format!("h{flat}"));
        }
        *flat = 0;
    };
    for (column, group) in cells.chunks(per_column).enumerate() {
        let at = column * per_column;
        let pieces: Vec<&[Cell]> = group.split(|cell| value(*cell).is_none()).collect();
        let last = pieces.len() - 1;
        for (number, piece) in pieces.into_iter().enumerate() {
            if number > 0 {
                flush(&mut path, &mut flat);
                pen = None;
            }
            let values: Vec<f64> = piece.iter().filter_map(|cell| value(*cell)).collect();
            for height in extremes_in_order(&values).into_iter().map(|value| rounded(y(value))) {
                match pen {
                    None => path.push_str(&format!("M{at} {height}")),
                    Some(before) if before != height => {
                        flush(&mut path, &mut flat);
                        path.push_str(&format!("v{}", height - before));
                    }
                    Some(_) => {}
                }
                pen = Some(height);
            }
            // A piece that something unknown follows has a width as well: a lone value is a dash, never nothing.
            if !values.is_empty() {
                flat += group.len();
                if number < last {
                    flush(&mut path, &mut flat);
                }
            }
        }
    }
    flush(&mut path, &mut flat);
    path
}

/// The first, the lowest, the highest and the last value, in order.
fn extremes_in_order(values: &[f64]) -> Vec<f64> {
    let by = |one: &usize, other: &usize| values[*one].total_cmp(&values[*other]);
    let Some(last) = values.len().checked_sub(1) else { return Vec::new() };
    let lowest = (0..=last).min_by(by).unwrap_or(0);
    let highest = (0..=last).max_by(by).unwrap_or(0);
    let mut kept = vec![0, lowest, highest, last];
    kept.sort_unstable();
    kept.dedup();
    kept.into_iter().map(|at| values[at]).collect()
}

/// The commands of a band, with the width of one of its strokes, each of which is at least so high.
pub(super) fn band(
    extremes: &[Extremes],
    columns: usize,
    least: i64,
    y: impl Fn(f64) -> f64,
) -> (String, f64) {
    let per_column = per_column(extremes.len(), columns);
    let (mut path, mut pen) = (String::new(), None);
    for (column, group) in extremes.chunks(per_column).enumerate() {
        let all = group.iter().flatten().copied();
        let Some((low, high)) = all.reduce(|(low, high), (lower, higher)| (low.min(lower), high.max(higher)))
        else {
            continue;
        };
        let (mut top, mut bottom) = (rounded(y(high)), rounded(y(low)));
        let missing = least - (bottom - top);
        if missing > 0 {
            (top, bottom) = (top - missing / 2, bottom + missing - missing / 2);
        }
        // One stroke begins where the one before it ended, so the numbers stay small.
        if let Some((before, end)) = pen {
            path.push_str(&format!("m{} {}", (column - before) * per_column, bottom - end));
        } else {
            let half = if per_column % 2 == 1 { ".5" } else { "" };
            path.push_str(&format!("M{}{half} {bottom}", column * per_column + per_column / 2));
        }
        path.push_str(&format!("v{}", top - bottom));
        pen = Some((column, top));
    }
    // A stroke that is a little wider than its column leaves no seam; where columns are few that would be seen.
    let width = if extremes.len() / per_column > 50 { 1.25 } else { 1.0 };
    (path, width * per_column as f64)
}

/// Bars of a height over runs of cells.
pub(super) fn bars(runs: &[(usize, usize)], top: usize, height: usize) -> String {
    let bar = |(from, to): &(usize, usize)| format!("M{from} {top}h{0}v{height}h-{0}z", to - from);
    runs.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a path of `M`, `m`, `h` and `v` paints, stroke by stroke: where it begins and how it goes; `M` is where
    /// the pen was put down.
    fn strokes(path: &str) -> Vec<(char, i64, i64, i64)> {
        let (mut x, mut y) = (0, 0);
        let mut strokes = Vec::new();
        let mut rest = path;
        while let Some(command) = rest.chars().next() {
            let end = rest[1..].find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 1);
            let number = |text: &str| rounded(text.parse::<f64>().expect("a number").floor());
            let numbers: Vec<i64> = rest[1..end].split(' ').map(number).collect();
            match command {
                'M' => {
                    (x, y) = (numbers[0], numbers[1]);
                    strokes.push(('M', x, y, 0));
                }
                'm' => (x, y) = (x + numbers[0], y + numbers[1]),
                'h' => {
                    strokes.push(('h', x, y, numbers[0]));
                    x += numbers[0];
                }
                _ => {
                    strokes.push(('v', x, y, numbers[0]));
                    y += numbers[0];
                }
            }
            rest = &rest[end..];
        }
        strokes
    }

    fn cell(value: Option<f64>) -> Cell {
        value.map_or(Cell::Unknown, |value| Cell::Value { value, beyond: false, is_broken: false })
    }

    #[test]
    fn a_lone_value_is_a_dash_and_no_path_crosses_an_unknown_window() {
        let cells = [None, Some(1.0), None, Some(2.0), Some(2.0), Some(5.0), None].map(cell);
        assert_eq!(steps(&cells, Cell::value, |value| value * 10.0), "M1 10h1M3 20h2v30h1");
        let unknown = [Cell::Unknown; 3];
        assert_eq!(steps(&unknown, Cell::value, |value| value), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Of every column the painted lowest and highest are those of the data, and what is unknown is crossed by
        /// nothing.
        #[test]
        fn every_column_shows_its_lowest_and_its_highest(
            values in prop::collection::vec(prop::option::weighted(0.9, 0.0..1000.0_f64), 1..4000),
        ) {
            let cells: Vec<Cell> = values.iter().copied().map(cell).collect();
            let k = per_column(cells.len(), LINE_COLUMNS);
            let painted = strokes(&steps(&cells, Cell::value, |value| value));
            for (column, group) in values.chunks(k).enumerate() {
                let position = |cell: usize| i64::try_from(cell).expect("few cells");
                let (from, to) = (position(column * k), position(column * k + group.len()));
                // A stroke at the left end may come from the column before: where it begins is of that one as well.
                let ends = painted.iter().filter_map(|(kind, x, y, length)| match kind {
                    'h' => (*x < to && x + length > from).then_some((*y, *y)),
                    _ => (*x == from).then_some((*y, y + length)),
                });
                let ends: Vec<(i64, i64)> = ends.collect();
                let known: Vec<f64> = group.iter().flatten().copied().collect();
                let Some((low, high)) = super::super::scale::extremes(&known) else {
                    prop_assert!(ends.is_empty(), "column {column}");
                    continue;
                };
                let all = ends.iter().flat_map(|(begin, end)| [*begin, *end]);
                let (mut top, mut bottom) = (i64::MIN, i64::MAX);
                all.for_each(|y| (top, bottom) = (top.max(y), bottom.min(y)));
                let message = format!("column {column}: {ends:?} for {low}..{high}");
                prop_assert!(top as f64 >= high - 1.0 && bottom as f64 <= low + 1.0, "hidden: {}", message);
                let is_inside = |(_, y): &(i64, i64)| (low - 1.0..=high + 1.0).contains(&(*y as f64));
                prop_assert!(ends.iter().all(is_inside), "invented: {}", message);
            }
        }

        #[test]
        fn every_stroke_of_a_band_is_as_long_as_its_column_is_wide_in_values(
            values in prop::collection::vec(
                prop::option::weighted(0.9, (0.0..1000.0_f64, 0.0..200.0_f64)), 1..3000),
        ) {
            let extremes: Vec<Extremes> =
                values.iter().map(|one| one.map(|(low, range)| (low, low + range))).collect();
            let (path, _) = band(&extremes, BAND_COLUMNS, LEAST_STROKE, |value| 2000.0 - value);
            let k = per_column(extremes.len(), BAND_COLUMNS);
            let mut painted = strokes(&path).into_iter().filter(|(kind, ..)| *kind == 'v');
            for (column, group) in extremes.chunks(k).enumerate() {
                let all = group.iter().flatten().copied();
                let Some((low, high)) = all.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1))) else {
                    continue;
                };
                let (_, x, y, length) = painted.next().expect("a stroke");
                prop_assert_eq!(usize::try_from(x), Ok(column * k + k / 2));
                let (painted_low, painted_high) = (2000.0 - y as f64, 2000.0 - (y + length) as f64);
                prop_assert!(painted_low <= low + 1.0 && painted_high >= high - 1.0);
                let slack = 1.0 + if high - low < 9.0 { 8.0 } else { 0.0 };
                prop_assert!(painted_low >= low - slack && painted_high <= high + slack);
            }
            prop_assert!(painted.next().is_none());
        }
    }
}
