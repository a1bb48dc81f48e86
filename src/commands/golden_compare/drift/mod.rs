//! Does a document differ from the accepted one? The rules of comparison, and the words for a drift.
//!
//! The walk over two documents is elsewhere; here stands what it asks: is this path ignored, are these
//! two numbers close enough, how is that said.

pub(crate) mod difference;
pub(crate) mod excerpt;
pub(crate) mod listed;
pub(crate) mod number;
pub(crate) mod rules;

pub(crate) use number::{IntFloat, NanPolicy};
pub(crate) use rules::{Rule, Rules};
