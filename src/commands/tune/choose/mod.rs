//! Choosing quoting parameters from simulated trading on recorded markets; pure.
//!
//! [`grid`] says what is tried, [`measure`] turns what a candidate did into [`figures`], [`bootstrap`] says
//! how sure they are, [`safety`] what is allowed, [`choice`] puts the safe ones in order, and [`judge`]
//! makes the [`document`] from which the overrides are taken.

pub(crate) mod bootstrap;
pub(crate) mod choice;
pub(crate) mod document;
pub(crate) mod figures;
pub(crate) mod grid;
pub(crate) mod judge;
pub(crate) mod markdown;
pub(crate) mod measure;
pub(crate) mod safety;
pub(crate) mod shard;
