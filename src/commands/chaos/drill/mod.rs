//! The failover drill in the world: a contending node, the order log, and the drill that hits the leader.
//! What is allowed is decided in `crate::lease` and `order_log`; the stores make each decision one atomic
//! step that every process on the machine sees.
//!
//! All instants come from `CLOCK_BOOTTIME`: it is shared by all processes, runs on during suspend, and
//! nobody can set it, so no step of the wall clock extends or ends a lease. The stores are whole for
//! every process at every moment, whoever is killed; they do not wait for the disk, because a loss of
//! power ends every holder as well, and a lease of an earlier boot is over.

pub(crate) mod node;
pub(crate) mod order_file;
pub(crate) mod run;

#[cfg(test)]
mod tests;
