//! Metrics as Prometheus speaks them: its query API, its exposition text, its marker of an ended series.
//!
//! ```text
//!    access ----> client ----> answers of the query API, or why there are none
//!                 text ------> samples of an exposition, or the position of the fault
//! ```
//!
//! Nothing here knows what a figure means. A figure that is not known is a reason with a type, never a
//! number that stands for it.

pub(crate) mod access;
pub(crate) mod client;
pub(crate) mod staleness;

use std::collections::BTreeMap;

/// What tells one series from another.
pub(crate) type Labels = BTreeMap<String, String>;

/// A value at a time in milliseconds since 1970.
pub type Point = (i64, f64);
