//! `mmops tune`: choose quoting parameters on recorded markets, apply them, take them back.

pub(crate) mod apply;
pub(crate) mod choose;
pub(crate) mod rollback;
pub(crate) mod sweep;

mod config;
mod paths;
mod target;

pub(crate) use config::{GridFile, LimitsFile};
