//! States and verdicts: many answers to one, the worst first, and unknown never good.

use serde::{Deserialize, Serialize};

/// The answer of one gate, from the best to the worst that is shown of several. What a whole run comes to
/// is told by [`Verdict::fold`] alone, to which the unknown states are equally bad.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
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

impl State {
    /// Every state, best first.
    pub const ALL: [State; 7] = [
        State::Pass,
        State::Warmup,
        State::SoftFail,
        State::Partial,
        State::NoData,
        State::ToolError,
        State::HardFail,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Pass => "PASS",
            State::Warmup => "WARMUP",
            State::SoftFail => "SOFT_FAIL",
            State::Partial => "PARTIAL",
            State::NoData => "NO_DATA",
            State::ToolError => "TOOL_ERROR",
            State::HardFail => "HARD_FAIL",
        }
    }

    /// Whether the question has no answer.
    pub fn is_unknown(self) -> bool {
        matches!(self, State::Warmup | State::Partial | State::NoData | State::ToolError)
    }
}

/// The answer of a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Every required gate holds on enough evidence.
    Pass,
    /// No gate is known to be broken, and not all of them are known to hold.
    Inconclusive,
    /// A hard gate does not hold.
    Fail,
}

impl Verdict {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "PASS",
            Verdict::Inconclusive => "INCONCLUSIVE",
            Verdict::Fail => "FAIL",
        }
    }

    /// Folds the states of all gates, each with whether PASS requires it. No gate at all is no answer.
    pub fn fold(states: impl IntoIterator<Item = (State, bool)>) -> Self {
        let mut verdict = None;
        for (state, required) in states {
            let one = match state {
                State::HardFail => return Verdict::Fail,
                State::Pass => Verdict::Pass,
                State::SoftFail if !required => Verdict::Pass,
                _ => Verdict::Inconclusive,
            };
            if verdict != Some(Verdict::Inconclusive) {
                verdict = Some(one);
            }
        }
        verdict.unwrap_or(Verdict::Inconclusive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passes_and_soft_failures_that_are_not_required_lead_to_pass() {
        for first in State::ALL {
            for second in State::ALL {
                for required in [true, false] {
                    let verdict = Verdict::fold([(first, required), (second, required)]);
                    let hard = [first, second].contains(&State::HardFail);
                    let good = |state| state == State::Pass || (state == State::SoftFail && !required);
                    let expected = match (hard, good(first) && good(second)) {
                        (true, _) => Verdict::Fail,
                        (false, true) => Verdict::Pass,
                        (false, false) => Verdict::Inconclusive,
                    };
                    assert_eq!(verdict, expected, "{first:?} {second:?} {required}");
                    assert_eq!(verdict, Verdict::fold([(second, required), (first, required)]));
                }
            }
        }
        assert_eq!(Verdict::fold([]), Verdict::Inconclusive);
    }
}
