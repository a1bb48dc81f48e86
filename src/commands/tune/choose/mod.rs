//! Choosing quoting parameters from simulated outcomes on recorded markets.
//!
//! [`grid`] says what is tried and [`limits`] what is allowed; the simulator answers each candidate
//! with an [`outcome`]; [`measure`] turns it into figures, [`bootstrap`] says how sure they are,
//! [`choice`] keeps the safe ones in order, and [`document`] is the report that [`overrides`] come from;
//! its [`stamp`] says how old that is.

pub(crate) mod bootstrap;
pub(crate) mod choice;
pub(crate) mod document;
pub(crate) mod grid;
pub(crate) mod markdown;
pub(crate) mod measure;
pub(crate) mod safety;
