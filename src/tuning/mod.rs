//! The run-time parameters of the service: their names, bounds and overrides, and what trading with them did.

pub(crate) mod key;
pub(crate) mod limits;
pub(crate) mod overrides;
pub(crate) mod trading;
