//! Are the scheduled jobs still producing? Decided from what each left behind, when it is due, and what
//! it must say.

pub mod assertion;
pub mod chain;
pub mod expression;
pub mod judge;
pub mod schedule;
pub mod task;
