//! Readiness: GO, HOLD or BLOCK from the daily reports of the last days.
//!
//! The point scale (edge 30, latency 25, taker 15, guards 10, chaos 10, tests 10) takes medians over the
//! window. What a day should have shown and did not (missing report, missing or non-finite field,
//! duplicate date) earns nothing: each section is scaled by the share of days that showed its field, so
//! the score is 100 only with full coverage.

pub(crate) mod advice;
pub(crate) mod scale;
pub(crate) mod score;
pub(crate) mod validate;
