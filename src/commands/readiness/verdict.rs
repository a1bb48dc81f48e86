//! GO, HOLD or BLOCK.
#![warn(clippy::wildcard_enum_match_arm)]

use super::scale::{BLOCK_BELOW, FULL};
use crate::report::{Conclusion, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to "may we go live?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Every point, every day, every drill.
    Go,
    /// Something is missing.
    Hold,
    /// Less than 70 points.
    Block,
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Go => "GO",
            Self::Hold => "HOLD",
            Self::Block => "BLOCK",
        }
    }
}

impl Verdict {
    pub(super) fn conclusion(self) -> Conclusion {
        Conclusion::new(Outcome::of(self == Self::Go), self.as_str())
    }
}

pub struct Facts {
    /// Of 100 points.
    pub score: f64,
    /// Drills that GO requires and that do not hold.
    pub unmet_drills: usize,
    /// The days speak of something else than what is to be released.
    pub is_other_release: bool,
}

pub fn verdict(facts: &Facts) -> Verdict {
    match facts.score {
        score if score < BLOCK_BELOW => Verdict::Block,
        FULL if facts.unmet_drills == 0 && !facts.is_other_release => Verdict::Go,
        // A score that is no number is none.
        _ => Verdict::Hold,
    }
}

/// The verdict that a score file claims, as far as it stands: what is wrong with the file never leaves GO.
pub(super) fn confirmed(claimed: Option<Verdict>, faults: &[String]) -> Verdict {
    match claimed {
        Some(Verdict::Block) => Verdict::Block,
        Some(Verdict::Go) if faults.is_empty() => Verdict::Go,
        Some(Verdict::Go | Verdict::Hold) | None => Verdict::Hold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_follows_from_the_score_and_the_drills() {
        for (score, unmet_drills, is_other_release, expected) in [
            (100.0, 0, false, Verdict::Go),
            (100.0, 1, false, Verdict::Hold),
            (100.0, 0, true, Verdict::Hold),
            (99.999_999, 0, false, Verdict::Hold),
            (70.0, 0, false, Verdict::Hold),
            (69.999_999, 0, false, Verdict::Block),
            (f64::NAN, 0, false, Verdict::Hold),
        ] {
            assert_eq!(verdict(&Facts { score, unmet_drills, is_other_release }), expected, "{score}");
        }
    }

    #[test]
    fn a_fault_never_leaves_go() {
        let faults = ["it is stale".to_owned()];
        assert_eq!(confirmed(Some(Verdict::Go), &[]), Verdict::Go);
        assert_eq!(confirmed(Some(Verdict::Go), &faults), Verdict::Hold);
        assert_eq!(confirmed(Some(Verdict::Block), &faults), Verdict::Block);
        assert_eq!(confirmed(None, &[]), Verdict::Hold);
    }
}
