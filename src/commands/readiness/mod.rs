//! `mmops readiness score` and `mmops readiness validate`: the GO/HOLD point scale over the daily
//! reports, and whether a score file is what it claims to be. Bare `mmops readiness` scores.

pub(crate) mod found;
pub(crate) mod points;
pub(crate) mod score;
pub(crate) mod validate;
pub(crate) mod verdict;

mod advice;
mod check;
mod explain;
mod recompute;
mod scale;
