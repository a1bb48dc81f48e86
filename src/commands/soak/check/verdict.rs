//! Whether a run could measure what its gates need.
#![warn(clippy::wildcard_enum_match_arm)]

use crate::commands::soak::probe::SelectorCheck;
use crate::report::Outcome;

#[derive(Clone, Debug)]
pub(super) struct CheckFacts {
    pub(super) source: String,
    pub(super) profile: String,
    pub(super) simulated: bool,
    pub(super) selectors: Vec<SelectorCheck>,
    /// Why the source, or a part of it, could not be asked.
    pub(super) failures: Vec<String>,
    /// What is wrong with families that it shows, needed or not.
    pub(super) faulty: Vec<String>,
}

/// A faulty family that a gate needs is a no of its selector.
pub(super) fn of_families(faulty: &[String]) -> Outcome {
    if faulty.is_empty() { Outcome::Pass } else { Outcome::Warn }
}

/// What is wrong with what no gate needs is only to be looked at.
pub(super) fn of_selector(check: &SelectorCheck) -> Outcome {
    match (check.problems.is_empty(), check.is_gated) {
        (true, _) => Outcome::Pass,
        (false, false) => Outcome::Warn,
        (false, true) => Outcome::Fail,
    }
}

pub(super) fn verdict(facts: &CheckFacts) -> Outcome {
    let source = Outcome::of_refusals(&facts.failures);
    Outcome::fold(facts.selectors.iter().map(of_selector).chain([source, of_families(&facts.faulty)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_gate_needs_and_is_not_there_is_a_no() {
        let check = |is_gated, problems: &[&str]| SelectorCheck {
            selector: "m".to_owned(),
            kpis: vec!["k".to_owned()],
            is_gated,
            series: 1,
            members: None,
            kind: None,
            unit: None,
            is_unknown: false,
            is_ambiguous: false,
            problems: problems.iter().map(|problem| (*problem).to_owned()).collect(),
        };
        let of_all = |selectors: Vec<SelectorCheck>, failures: &[&str], faulty: &[String]| {
            let failures = failures.iter().map(|failure| (*failure).to_owned()).collect();
            let (source, profile) = ("scrape".to_owned(), "p".to_owned());
            let faulty = faulty.to_vec();
            verdict(&CheckFacts { source, profile, simulated: false, selectors, failures, faulty })
        };
        let of = |selectors, failures: &[&str]| of_all(selectors, failures, &[]);
        assert_eq!(of(vec![check(true, &[])], &[]), Outcome::Pass);
        assert_eq!(of(vec![check(true, &[]), check(false, &["x"])], &[]), Outcome::Warn);
        assert_eq!(of(vec![check(true, &["x"]), check(false, &[])], &[]), Outcome::Fail);
        assert_eq!(of(vec![check(true, &[])], &["refused"]), Outcome::Fail);
        let faulty = ["line 3".to_owned()];
        assert_eq!(of_all(vec![check(true, &[])], &[], &faulty), Outcome::Warn);
        assert_eq!(of_all(vec![check(true, &["line 3"])], &[], &faulty), Outcome::Fail);
    }
}
