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

pub(crate) mod node;
pub(crate) mod order_file;
pub(crate) mod run;

#[cfg(test)]
mod tests;
