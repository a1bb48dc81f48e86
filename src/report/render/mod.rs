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
