//! One thing to do about a run.

use crate::tuning::limits::Bound;
use schemars::JsonSchema;
use serde::Serialize;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::commands::soak) struct Recommendation {
    /// The gate or goal, or what else it is about.
    pub(in crate::commands::soak) about: String,
    /// What is wrong, with its figures.
    pub(in crate::commands::soak) finding: String,
    /// The iterations that show it, such as `3-7, 12`; empty where it is of none.
    pub(in crate::commands::soak) iterations: String,
    /// What of this run moves with it.
    pub(in crate::commands::soak) driver: Option<String>,
    /// The parameter to change.
    pub(in crate::commands::soak) change: Option<Change>,
    /// What to do where no parameter helps, and what to read afterwards.
    pub(in crate::commands::soak) action: String,
}

/// A change of a run-time parameter, inside its limits.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::commands::soak) struct Change {
    pub(in crate::commands::soak) parameter: String,
    /// The value in force; null where it is not known.
    pub(in crate::commands::soak) from: Option<f64>,
    /// The value to set; null where the one in force is not known.
    pub(in crate::commands::soak) to: Option<f64>,
    /// By how much.
    pub(in crate::commands::soak) by: f64,
    /// Where it may lie.
    pub(in crate::commands::soak) limits: Bound,
    /// What the size rests on.
    pub(in crate::commands::soak) basis: String,
}
