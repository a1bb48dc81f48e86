//! A `Report` as bytes, one small file per reader. Nothing here decides anything.

pub(crate) mod github;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod sarif;
pub(crate) mod table;
pub(crate) mod textfile;

use crate::report::Marker;

/// The marker as every command's last stdout line shows it.
fn marker_line(marker: &Marker) -> String {
    format!("| {} | {} | {} |\n", marker.name, marker.outcome.status().as_str(), marker.assignment())
}

/// One line of printable text: control characters, which could forge lines or move the cursor, become
/// their escapes.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}
