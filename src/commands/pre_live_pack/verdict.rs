//! What came of a rehearsal, and what follows from it.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::execute::outcome::StepRun;
use crate::report::Outcome;

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

impl Facts {
    /// Whether any step rests on simulated input.
    pub(super) fn is_simulated(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, StepFact::Ran(run) if run.simulated))
    }
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
    use crate::execute::outcome::{StepEnd, StepOutput};

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
}
