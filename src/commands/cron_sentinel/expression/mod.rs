//! Cron expressions: the civil times they name.
//!
//! What the fields may hold is in `parse`, which day fields a day must match and what runs in a gap or a fold of local
//! time in `dialect`; the instants are found by `schedule`.

mod bits;
mod calendar;
mod days;
mod parse;

pub(crate) use calendar::Expression;
pub(crate) use parse::{Parsed, Timing, parse};

#[cfg(test)]
mod tests;
