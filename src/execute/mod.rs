//! Actions in the world, with a time limit and an answer.

pub(crate) mod notify;
pub(crate) mod outcome;
pub(crate) mod step;
