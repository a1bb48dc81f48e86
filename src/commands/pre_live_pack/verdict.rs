//! What came of a rehearsal, and what follows from it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::report::Outcome;
use serde::Serialize;

pub(super) struct Facts {
    /// In the order of the plan.
    pub(super) steps: Vec<StepFact>,
    /// Steps were asked for by name, even if these were all there are.
    pub(super) is_partial: bool,
    /// Processes that no step owns, found at the end and killed.
    pub(super) left_behind: usize,
}

pub(super) enum StepFact {
    Ran(StepRun),
    /// Not started because this need is not OK.
    NeedNotMet(String),
    NotSelected,
}

impl StepFact {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Ran(run) => run.end.outcome(),
            Self::NeedNotMet(_) | Self::NotSelected => Outcome::Skipped,
        }
    }
}

/// A step that was started, or should have been.
pub(super) struct StepRun {
    pub(super) end: StepEnd,
    pub(super) exit_code: Option<i32>,
    pub(super) signal: Option<i32>,
    pub(super) duration_secs: f64,
    pub(super) peak_rss_bytes: Option<u64>,
    /// Whether its report says that it rests on simulated input.
    pub(super) simulated: bool,
    /// Processes that it left behind, which were killed.
    pub(super) processes_left: usize,
    pub(super) stdout: StepOutput,
    pub(super) stderr: StepOutput,
}

impl Facts {
    /// Whether any step rests on simulated input.
    pub(super) fn is_simulated(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, StepFact::Ran(run) if run.simulated))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StepEnd {
    Passed,
    Failed(String),
    /// It did not come to an answer of its own.
    Unknown(String),
}

impl StepEnd {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Passed => Outcome::Pass,
            Self::Failed(_) => Outcome::Fail,
            Self::Unknown(_) => Outcome::Unknown,
        }
    }
}

#[derive(Default, Serialize)]
pub(super) struct StepOutput {
    pub(super) text: String,
    pub(super) bytes: u64,
    pub(super) bytes_not_kept: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    DryRun,
    Partial,
    Failed,
}

/// Every step must have passed; those that were chosen prove nothing for the others.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    let steps = Outcome::fold(facts.steps.iter().map(StepFact::outcome));
    match steps.max(Outcome::of(facts.left_behind == 0)) {
        _ if facts.is_partial => Verdict::Partial,
        Outcome::Pass => Verdict::DryRun,
        Outcome::Warn | Outcome::Skipped | Outcome::Unknown | Outcome::Fail => Verdict::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(end: StepEnd) -> StepFact {
        StepFact::Ran(StepRun {
            end,
            exit_code: Some(0),
            signal: None,
            duration_secs: 0.1,
            peak_rss_bytes: None,
            simulated: false,
            processes_left: 0,
            stdout: StepOutput::default(),
            stderr: StepOutput::default(),
        })
    }

    fn of(steps: Vec<StepFact>, is_partial: bool, left_behind: usize) -> Verdict {
        verdict(&Facts { steps, is_partial, left_behind })
    }

    #[test]
    fn only_steps_that_all_passed_are_a_yes() {
        assert_eq!(of(vec![ran(StepEnd::Passed), ran(StepEnd::Passed)], false, 0), Verdict::DryRun);
        for other in [
            ran(StepEnd::Failed("exit code 1".to_owned())),
            ran(StepEnd::Unknown("it did not start".to_owned())),
            StepFact::NeedNotMet("a".to_owned()),
            StepFact::NotSelected,
        ] {
            assert_eq!(of(vec![ran(StepEnd::Passed), other], false, 0), Verdict::Failed);
        }
        assert_eq!(of(vec![ran(StepEnd::Passed)], false, 1), Verdict::Failed);
        assert_eq!(of(Vec::new(), false, 0), Verdict::Failed);
        assert_eq!(of(vec![ran(StepEnd::Passed)], true, 0), Verdict::Partial);
    }
}
