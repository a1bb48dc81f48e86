//! The two documents, why they may not be comparable, and what a comparison finds.

use crate::commands::golden_compare::drift::difference::Drift;
use crate::format::json::tokens::JsonError;
use crate::report::exit::Fault;
use std::fmt;

/// Which of the two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Baseline,
    Actual,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Baseline => "baseline",
            Self::Actual => "actual",
        })
    }
}

/// Why a comparison could not be finished.
#[derive(Debug)]
pub(crate) enum CompareError {
    /// One of the documents cannot be used.
    Document(Side, JsonError),
    /// It was stopped, or asks for what makes no sense.
    Fault(Fault),
}

impl From<Fault> for CompareError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Side {
    pub(super) fn fault(self) -> impl Fn(JsonError) -> CompareError {
        move |error| CompareError::Document(self, error)
    }
}

pub(super) fn in_baseline(error: JsonError) -> CompareError {
    CompareError::Document(Side::Baseline, error)
}

pub(super) fn in_actual(error: JsonError) -> CompareError {
    CompareError::Document(Side::Actual, error)
}

#[derive(Debug, Default)]
pub(crate) struct Found {
    /// All differences, listed or not.
    pub(crate) total: u64,
    /// The first of them.
    pub(crate) drifts: Vec<Drift>,
    /// Whether the files hold nothing, so that they could not differ.
    pub(crate) empty: bool,
}

/// Returns early when somebody asked for a stop.
pub(crate) type CheckCancelled<'a> = &'a dyn Fn() -> Result<(), Fault>;
