//! Leader election in the world: the lease store, the order log, a contending node, and the drill that
//! hits the leader. What is allowed is decided in `domain::lease` and `domain::order_log`; this module
//! makes each decision one atomic step that every process on the machine sees.
//!
//! All instants come from `CLOCK_BOOTTIME`: it is shared by all processes, runs on during suspend, and
//! nobody can set it, so no step of the wall clock extends or ends a lease. The stores are whole for
//! every process at every moment, whoever is killed; they do not wait for the disk, because a loss of
//! power ends every holder as well, and a lease of an earlier boot is over.
//!
//! A second store belongs beside [`lease_file`], with the same four operations and the same
//! [`Outage`].

mod cell;
pub mod drill;
mod flock;
pub mod lease_file;
pub mod node;
pub mod order_file;

#[cfg(test)]
mod tests;

use std::fmt;

/// A store did not answer, or its answer cannot be trusted. It never means that the lease is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage(String);

impl Outage {
    fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Outage {}
