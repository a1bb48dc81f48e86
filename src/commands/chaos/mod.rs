//! `mmops chaos`: faults on purpose, and what they prove.

pub(crate) mod drill;
pub(crate) mod failover;
pub(crate) mod node;
pub(crate) mod order_log;
pub(crate) mod run_log;
