//! A run as a sequence of iterations, and what a profile says of it.
#![warn(clippy::wildcard_enum_match_arm)]

mod condition;
pub(crate) mod iteration;
pub(crate) mod ledger;
pub(crate) mod legacy;
pub(crate) mod lives;
pub(crate) mod samples;
pub(crate) mod series;

pub(crate) use iteration::{ITERATION_SCHEMA, Iteration};
pub(crate) use ledger::{GateResult, Judgement, KpiStats, Ledger};
pub(crate) use series::{Breach, FigureSeries};

#[cfg(test)]
mod upstream;
