//! The answer of a gate with what it rests on.

use crate::judge::gate::Gate;
use crate::judge::verdict::GateState;
use serde::{Deserialize, Serialize};

/// The answer of one gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct GateOutcome {
    /// The answer.
    pub(crate) state: GateState,
    /// The value that was judged: the aggregate, or with `every` the worst window.
    pub(crate) actual: Option<f64>,
    /// It is only known to be at least that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) beyond: bool,
    /// Windows that were judged.
    pub(crate) judged: u32,
    /// Windows that should have been judged.
    pub(crate) windows: u32,
    /// The part of the expected points that were there, in windows with a value.
    pub(crate) coverage: f64,
    /// Observations behind the windows.
    pub(crate) n: u64,
    /// Windows that break the threshold by themselves; none where the threshold is not that of one window.
    pub(crate) violations: u32,
    /// The first of them.
    pub(crate) first_violation: Option<u32>,
    /// The most of them in a row.
    pub(crate) longest_streak: u32,
    /// The window at which the gate broke.
    pub(crate) tripped_at: Option<u32>,
    /// Why it is not PASS.
    pub(crate) reason: Option<String>,
}

impl GateOutcome {
    /// The value as it is shown: with the digits that tell it from the threshold, and what it is at least.
    pub(crate) fn figure(&self, gate: &Gate) -> String {
        let sign = if self.beyond { "> " } else { "" };
        self.actual.map_or("unknown".to_owned(), |value| format!("{sign}{}", gate.figure(value)))
    }

    /// These counts with an answer that is not PASS.
    pub(super) fn with(&self, state: GateState, actual: Option<f64>, reason: String) -> Self {
        Self { state, actual, reason: Some(reason), ..self.clone() }
    }
}
