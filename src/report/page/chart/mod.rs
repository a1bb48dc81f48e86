//! Charts of a figure over time, as SVG written by hand: nothing is averaged, smoothed or joined across what is not
//! known, and no extreme is left out whatever the number of windows.
//!
//! A figure is drawn in cells of equal length on an axis of real time. Labels lie in per cent and pixels, so that text
//! keeps its size at every width; lines lie in an inner picture whose unit is the cell.

pub(super) mod axis;
pub(super) mod draw;
mod limit_label;
pub(crate) mod pair;
pub(super) mod path;
mod scale;
pub(crate) mod strip;

pub(crate) use axis::TimeAxis;
pub(crate) use draw::{Chart, EventKind, EventMark, Level};
pub(crate) use path::BAND_COLUMNS;

/// What is known of a figure in a cell of the axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Cell {
    /// It has a value.
    Value {
        value: f64,
        /// It is only known to be at least that.
        beyond: bool,
        /// It breaks a limit, by the judgement and not by the drawing.
        is_broken: bool,
    },
    /// It has a value that is not judged.
    LeftOut(f64),
    /// Nothing is known.
    #[default]
    Unknown,
    /// Its time has not come.
    Ahead,
}

impl Cell {
    pub(crate) fn value(self) -> Option<f64> {
        match self {
            Self::Value { value, .. } | Self::LeftOut(value) => Some(value),
            Self::Unknown | Self::Ahead => None,
        }
    }

    pub(crate) fn is_broken(self) -> bool {
        matches!(self, Self::Value { is_broken: true, .. })
    }
}

/// A threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limit {
    pub(crate) value: f64,
    /// Whether values must not be larger; else they must not be smaller.
    pub(crate) is_upper: bool,
}

/// The lowest and the highest value in a cell.
pub(crate) type Extremes = Option<(f64, f64)>;

/// Runs of cells for which `is_one` holds: the first and the one behind the last.
pub(super) fn runs(cells: &[Cell], is_one: impl Fn(Cell) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in cells.iter().enumerate().filter(|(_, cell)| is_one(**cell)) {
        match runs.last_mut() {
            Some((_, end)) if *end == at => *end += 1,
            Some(_) | None => runs.push((at, at + 1)),
        }
    }
    runs
}
