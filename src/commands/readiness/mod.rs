//! `mmops readiness score` and `mmops readiness validate`: the GO/HOLD point scale over the daily
//! reports, and whether a score file is what it claims to be. Bare `mmops readiness` scores.

pub(crate) mod score;
pub(crate) mod scoring;
pub(crate) mod validate;

use crate::commands::readiness::scoring::score::Verdict;
use crate::report::{Conclusion, Outcome};

fn conclusion(verdict: Verdict) -> Conclusion {
    Conclusion::new(Outcome::of(verdict == Verdict::Go), verdict.word())
}
