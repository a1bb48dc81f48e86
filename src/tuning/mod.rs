//! The run-time parameters of the service: their names, bounds and overrides, and what a candidate did.

pub mod key;
pub mod limits;
pub mod outcome;
pub mod overrides;
