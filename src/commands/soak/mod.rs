//! `mmops soak`: watch a service for days and say, with evidence, whether it stayed inside its limits. Bare
//! `mmops soak` runs.

pub(crate) mod gate;
pub(crate) mod run;

mod outputs;
mod settings;
mod store;

pub(crate) use outputs::{Body, GatesSummary, Metrics};
pub(crate) use store::{Plan, StatusFile, StatusKpi};
