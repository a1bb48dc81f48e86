//! JSON as mmops reads it: strictly, with the place of every fault.

pub mod path;
pub mod tokens;
pub mod typed;
