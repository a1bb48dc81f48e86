//! How much of a run is drawn: all that there is, or what fits into a page that opens everywhere.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::report::page::chart::BAND_COLUMNS;
use crate::report::page::table::ROWS;

/// How much is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Density {
    /// Columns of the bands.
    pub(super) band_columns: usize,
    /// Rows of the tables.
    pub(super) rows: usize,
    /// Whether figures without a gate have a table.
    pub(super) has_ungated_tables: bool,
    /// What was left out, in words.
    pub(super) note: &'static str,
}

/// From all that there is to what fits.
pub(super) const DENSITIES: [Density; 4] = [
    Density { band_columns: BAND_COLUMNS, rows: ROWS, has_ungated_tables: true, note: "" },
    Density {
        band_columns: 288,
        rows: ROWS,
        has_ungated_tables: true,
        note: "To keep the page small its bands have 288 columns.",
    },
    Density {
        band_columns: 288,
        rows: 48,
        has_ungated_tables: true,
        note: "To keep the page small its bands have 288 columns and its tables 48 rows.",
    },
    Density {
        band_columns: 288,
        rows: 48,
        has_ungated_tables: false,
        note: "To keep the page small its bands have 288 columns, its tables 48 rows, and figures without a gate no table.",
    },
];
