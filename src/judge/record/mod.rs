//! A run as a sequence of iterations, and what a profile says of it.
#![warn(clippy::wildcard_enum_match_arm)]

mod iteration;
mod ledger;
pub(crate) mod legacy;
pub(crate) mod samples;

pub use iteration::{ITERATION_SCHEMA, Iteration};
pub use ledger::Ledger;
pub(crate) use ledger::{GateResult, Judgement, KpiStats};
