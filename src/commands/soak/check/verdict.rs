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
    Outcome::fold(facts.selectors.iter().map(of_selector).chain([source]))
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
        let of = |selectors: Vec<SelectorCheck>, failures: &[&str]| {
            let failures = failures.iter().map(|failure| (*failure).to_owned()).collect();
            let (source, profile) = ("scrape".to_owned(), "p".to_owned());
            verdict(&CheckFacts { source, profile, simulated: false, selectors, failures })
        };
        assert_eq!(of(vec![check(true, &[])], &[]), Outcome::Pass);
        assert_eq!(of(vec![check(true, &[]), check(false, &["x"])], &[]), Outcome::Warn);
        assert_eq!(of(vec![check(true, &["x"]), check(false, &[])], &[]), Outcome::Fail);
        assert_eq!(of(vec![check(true, &[])], &["refused"]), Outcome::Fail);
    }
}
