//! Choosing quoting parameters from simulated outcomes on recorded markets.
//!
//! [`grid`] says what is tried and [`limits`] what is allowed; the simulator answers each candidate
//! with an [`outcome`]; [`measure`] turns it into figures, [`bootstrap`] says how sure they are,
//! [`choice`] keeps the safe ones in order, and [`document`] is the report that [`overrides`] come from;
//! its [`stamp`] says how old that is.

pub mod bootstrap;
pub mod choice;
pub mod document;
pub mod grid;
pub mod markdown;
pub mod measure;
pub mod safety;
