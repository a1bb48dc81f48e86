//! States and verdicts: many answers to one, the worst first, and unknown never good.
#![warn(clippy::wildcard_enum_match_arm)]

use serde::{Deserialize, Serialize};

/// The answer of one gate, from the best to the worst that is shown of several. What a whole run comes to
/// is told by [`RunVerdict::fold`] alone, to which the unknown states are equally bad.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum GateState {
    /// Holds, on enough evidence.
    Pass,
    /// Too early to tell.
    Warmup,
    /// Does not hold, and is only to be reported.
    SoftFail,
    /// Too many of the expected points are missing.
    Partial,
    /// Nothing was there to judge.
    NoData,
    /// The source could not be used.
    ToolError,
    /// Does not hold.
    HardFail,
}

impl GateState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Warmup => "WARMUP",
            Self::SoftFail => "SOFT_FAIL",
            Self::Partial => "PARTIAL",
            Self::NoData => "NO_DATA",
            Self::ToolError => "TOOL_ERROR",
            Self::HardFail => "HARD_FAIL",
        }
    }
}

/// The answer of a whole run.
// The worst last.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunVerdict {
    /// Every required gate holds on enough evidence.
    Pass,
    /// No gate is known to be broken, and not all of them are known to hold.
    Inconclusive,
    /// A hard gate does not hold.
    Fail,
}

impl RunVerdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        }
    }

    /// Folds the states of all gates, each with whether PASS requires it. No gate at all is no answer.
    pub(crate) fn fold(states: impl IntoIterator<Item = (GateState, bool)>) -> Self {
        let mut verdict = None;
        for (state, is_required) in states {
            let one = match state {
                GateState::HardFail => return Self::Fail,
                GateState::Pass => Self::Pass,
                GateState::SoftFail if !is_required => Self::Pass,
                GateState::SoftFail
                | GateState::Warmup
                | GateState::Partial
                | GateState::NoData
                | GateState::ToolError => Self::Inconclusive,
            };
            if verdict != Some(Self::Inconclusive) {
                verdict = Some(one);
            }
        }
        verdict.unwrap_or(Self::Inconclusive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [GateState; 7] = [
        GateState::Pass,
        GateState::Warmup,
        GateState::SoftFail,
        GateState::Partial,
        GateState::NoData,
        GateState::ToolError,
        GateState::HardFail,
    ];

    #[test]
    fn only_passes_and_soft_failures_that_are_not_required_lead_to_pass() {
        for first in ALL {
            for second in ALL {
                for required in [true, false] {
                    let verdict = RunVerdict::fold([(first, required), (second, required)]);
                    let hard = [first, second].contains(&GateState::HardFail);
                    let good =
                        |state| state == GateState::Pass || (state == GateState::SoftFail && !required);
                    let expected = match (hard, good(first) && good(second)) {
                        (true, _) => RunVerdict::Fail,
                        (false, true) => RunVerdict::Pass,
                        (false, false) => RunVerdict::Inconclusive,
                    };
                    assert_eq!(verdict, expected, "{first:?} {second:?} {required}");
                    assert_eq!(verdict, RunVerdict::fold([(second, required), (first, required)]));
                }
            }
        }
        assert_eq!(RunVerdict::fold([]), RunVerdict::Inconclusive);
    }
}
