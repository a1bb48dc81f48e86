//! What came of a step, and whether that is a yes.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::report::Outcome;
use serde::Serialize;

/// A step that was started, or should have been.
pub(crate) struct StepRun {
    pub(crate) end: StepEnd,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) duration_secs: f64,
    pub(crate) peak_rss_bytes: Option<u64>,
    /// Whether its report says that it rests on simulated input.
    pub(crate) simulated: bool,
    /// Processes that it left behind.
    pub(crate) processes_left: usize,
    /// What came of each attempt before the last.
    pub(crate) earlier_attempts: Vec<String>,
    /// What was left running by this step or one that ran beside it: processes without an owner.
    pub(crate) unowned: Vec<String>,
    pub(crate) stdout: StepOutput,
    pub(crate) stderr: StepOutput,
}

impl StepRun {
    pub(crate) fn outcome(&self) -> Outcome {
        if self.unowned.is_empty() { self.end.outcome() } else { self.end.outcome().max(Outcome::Fail) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StepEnd {
    Passed,
    /// It passed, with something to look at.
    Warned(String),
    Failed(String),
    /// It failed, which the plan allows.
    Excused(String),
    /// It did not come to an answer of its own.
    Unknown(String),
}

impl StepEnd {
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Passed => Outcome::Pass,
            Self::Warned(_) | Self::Excused(_) => Outcome::Warn,
            Self::Failed(_) => Outcome::Fail,
            Self::Unknown(_) => Outcome::Unknown,
        }
    }

    /// Whether the steps that need this one may start; a failure that is excused is a failure for them.
    pub(crate) fn meets_needs(&self) -> bool {
        match self {
            Self::Passed | Self::Warned(_) => true,
            Self::Failed(_) | Self::Excused(_) | Self::Unknown(_) => false,
        }
    }

    /// What speaks for its status, where it is not OK.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Passed => None,
            Self::Warned(reason) | Self::Failed(reason) | Self::Excused(reason) | Self::Unknown(reason) => {
                Some(reason)
            }
        }
    }

    /// What the end of the last attempt is after others that failed, in a step whose failure may be excused.
    pub(super) fn of_attempts(self, earlier: &[String], excuse: Option<&str>) -> Self {
        match (self, excuse) {
            (Self::Failed(reason), Some(excuse)) => Self::Excused(format!("{reason}; allowed: {excuse}")),
            (Self::Passed, _) if !earlier.is_empty() => Self::Warned(flaky(earlier)),
            (Self::Warned(reason), _) if !earlier.is_empty() => {
                Self::Warned(format!("{}; {reason}", flaky(earlier)))
            }
            (end, _) => end,
        }
    }
}

fn flaky(earlier: &[String]) -> String {
    format!("flaky: passed at attempt {}, before that: {}", earlier.len() + 1, earlier.join("; "))
}

#[derive(Default, Serialize)]
pub(crate) struct StepOutput {
    pub(crate) text: String,
    pub(crate) bytes: u64,
    pub(crate) bytes_not_kept: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_after_a_failure_is_flaky_and_an_excuse_is_for_failures_alone() {
        let failed = || StepEnd::Failed("exit code 1".to_owned());
        let earlier = ["exit code 1".to_owned()];
        let flaky = "flaky: passed at attempt 2, before that: exit code 1";
        assert_eq!(StepEnd::Passed.of_attempts(&[], Some("known")), StepEnd::Passed);
        assert_eq!(StepEnd::Passed.of_attempts(&earlier, None), StepEnd::Warned(flaky.to_owned()));
        let warned = StepEnd::Warned("GOLDEN=DRIFT".to_owned()).of_attempts(&earlier, None);
        assert_eq!(warned, StepEnd::Warned(format!("{flaky}; GOLDEN=DRIFT")));
        let excused = StepEnd::Excused("exit code 1; allowed: known".to_owned());
        assert_eq!(failed().of_attempts(&earlier, Some("known")), excused);
        assert_eq!(failed().of_attempts(&earlier, None), failed());
        let unknown = StepEnd::Unknown("it did not start".to_owned());
        assert_eq!(unknown.clone().of_attempts(&[], Some("known")), unknown);
        assert!(!excused.meets_needs());
    }
}
