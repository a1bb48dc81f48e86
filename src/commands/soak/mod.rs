//! `mmops soak`: watch a service for days and say, with evidence, whether it stayed inside its limits. Bare
//! `mmops soak` runs.

pub(crate) mod gate;
pub(crate) mod run;

mod document;
mod outputs;
mod plan;
mod report;
mod samples_file;
mod settings;
mod status;
mod store;
mod verdict;

pub(crate) use document::{GatesSummary, SoakBody, SoakMetrics};
pub(crate) use plan::SoakPlan;
pub(crate) use status::StatusFile;
