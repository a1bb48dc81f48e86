//! JSON as mmops reads it: strictly, with the place of every fault.

pub(crate) mod path;
pub(crate) mod tokens;
pub(crate) mod typed;
