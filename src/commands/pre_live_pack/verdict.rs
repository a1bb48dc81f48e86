//! What came of a rehearsal, and what follows from it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::report::Outcome;
use serde::Serialize;

pub(super) struct Facts {
    /// In the order of the plan.
    pub(super) steps: Vec<StepFact>,
    /// Steps were chosen or left out by name, even if these were all there are.
    pub(super) is_partial: bool,
}

pub(super) enum StepFact {
    Ran(StepRun),
    /// Not started because this need is not OK.
    NeedNotMet(String),
    /// Not started for this reason.
    NotStarted(String),
}

impl StepFact {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Ran(run) => run.outcome(),
            Self::NeedNotMet(_) | Self::NotStarted(_) => Outcome::Skipped,
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
    /// Processes that it left behind.
    pub(super) processes_left: usize,
    /// What came of each attempt before the last.
    pub(super) earlier_attempts: Vec<String>,
    /// What was left running by this step or one that ran beside it: processes without an owner.
    pub(super) unowned: Vec<String>,
    pub(super) stdout: StepOutput,
    pub(super) stderr: StepOutput,
}

impl Facts {
    /// Whether any step rests on simulated input.
    pub(super) fn is_simulated(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, StepFact::Ran(run) if run.simulated))
    }
}

impl StepRun {
    pub(super) fn outcome(&self) -> Outcome {
        if self.unowned.is_empty() { self.end.outcome() } else { self.end.outcome().max(Outcome::Fail) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StepEnd {
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
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Passed => Outcome::Pass,
            Self::Warned(_) | Self::Excused(_) => Outcome::Warn,
            Self::Failed(_) => Outcome::Fail,
            Self::Unknown(_) => Outcome::Unknown,
        }
    }

    /// Whether the steps that need this one may start; a failure that is excused is a failure for them.
    pub(super) fn meets_needs(&self) -> bool {
        match self {
            Self::Passed | Self::Warned(_) => true,
            Self::Failed(_) | Self::Excused(_) | Self::Unknown(_) => false,
        }
    }

    /// What speaks for its status, where it is not OK.
    pub(super) fn reason(&self) -> Option<&str> {
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
pub(super) struct StepOutput {
    pub(super) text: String,
    pub(super) bytes: u64,
    pub(super) bytes_not_kept: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    DryRun,
    /// The same, with something to look at.
    DryRunWithWarnings,
    Partial,
    Failed,
}

/// Every step must have passed; those that were chosen prove nothing for the others.
pub(super) fn verdict(facts: &Facts) -> Verdict {
    match Outcome::fold(facts.steps.iter().map(StepFact::outcome)) {
        _ if facts.is_partial => Verdict::Partial,
        Outcome::Pass => Verdict::DryRun,
        Outcome::Warn => Verdict::DryRunWithWarnings,
        Outcome::Skipped | Outcome::Unknown | Outcome::Fail => Verdict::Failed,
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
            earlier_attempts: Vec::new(),
            unowned: Vec::new(),
            stdout: StepOutput::default(),
            stderr: StepOutput::default(),
        })
    }

    fn of(steps: Vec<StepFact>, is_partial: bool) -> Verdict {
        verdict(&Facts { steps, is_partial })
    }

    #[test]
    fn only_steps_that_all_passed_are_a_yes() {
        let passed = || ran(StepEnd::Passed);
        assert_eq!(of(vec![passed(), passed()], false), Verdict::DryRun);
        let mut unowned = ran(StepEnd::Warned("flaky".to_owned()));
        if let StepFact::Ran(run) = &mut unowned {
            run.unowned.push("left a process".to_owned());
        }
        for other in [
            unowned,
            ran(StepEnd::Failed("exit code 1".to_owned())),
            ran(StepEnd::Unknown("it did not start".to_owned())),
            StepFact::NeedNotMet("a".to_owned()),
            StepFact::NotStarted("the deadline was over".to_owned()),
        ] {
            assert_eq!(of(vec![passed(), other], false), Verdict::Failed);
        }
        for warned in [StepEnd::Warned("flaky".to_owned()), StepEnd::Excused("allowed".to_owned())] {
            assert_eq!(of(vec![passed(), ran(warned)], false), Verdict::DryRunWithWarnings);
        }
        assert_eq!(of(Vec::new(), false), Verdict::Failed);
        assert_eq!(of(vec![passed()], true), Verdict::Partial);
    }

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
