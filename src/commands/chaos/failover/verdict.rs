//! What all runs of a drill together prove: each question is answered by what every run showed of it.
#![warn(clippy::wildcard_enum_match_arm)]

use super::finding::{self, Finding, Question};
use crate::commands::chaos::run_log::{DrillPlan, RunLog};
use crate::report::Outcome;

/// What was done, and what it left behind.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) plan: DrillPlan,
    pub(crate) runs: Vec<RunLog>,
}

#[derive(Debug)]
pub(crate) struct Verdict {
    /// One for each run, in their order.
    pub(crate) findings: Vec<Finding>,
}

pub(crate) fn verdict(facts: &Facts) -> Verdict {
    Verdict { findings: facts.runs.iter().map(|run| finding::examine(&facts.plan, run)).collect() }
}

impl Verdict {
    /// The answer to one question. Without a run there is none.
    pub(crate) fn answer(&self, question: Question) -> Outcome {
        let is_problem = |finding: &Finding| finding.problems.iter().any(|p| p.question == question);
        Outcome::fold(self.findings.iter().map(|finding| Outcome::of(!is_problem(finding))))
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::fold(Question::ALL.map(|question| self.answer(question)))
    }
}
