//! Choosing quoting parameters from simulated outcomes on recorded markets.

pub mod outcome;
