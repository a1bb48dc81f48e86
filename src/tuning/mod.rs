//! The run-time parameters of the service: their names, bounds and overrides, and what a candidate did.

pub(crate) mod key;
pub(crate) mod limits;
pub(crate) mod outcome;
pub(crate) mod overrides;
