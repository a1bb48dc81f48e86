//! `mmops soak`: watch a service for days and say, with evidence, whether it stayed inside its limits. Bare
//! `mmops soak` runs.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod daily;
pub(crate) mod gate;
pub(crate) mod page;
pub(crate) mod report;
pub(crate) mod run;

mod again;
mod answer;
mod bands;
mod document;
mod journal_entry;
mod outputs;
mod plan;
mod probe;
mod replay;
mod samples_file;
mod settings;
mod status;
mod store;
mod trail;
mod verdict;

pub(crate) use document::{GatesSummary, SoakBody, SoakMetrics, TuningReport};
pub(crate) use plan::SoakPlan;
pub(crate) use status::StatusFile;
