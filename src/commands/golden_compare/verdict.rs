//! Did the output drift?
#![warn(clippy::wildcard_enum_match_arm)]

use super::facts::{Decision, Facts};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Match,
    /// It matches, and a rule found nothing to count for.
    MatchWithUnusedRules,
    /// It drifted, and is the new baseline.
    Accepted,
    /// It drifted, and nobody asked for a failure.
    Drift,
    Regression,
    /// A file could not be compared, so nothing is known of the whole.
    Unusable,
}

pub(super) fn verdict(facts: &Facts) -> Verdict {
    if facts.files.is_empty() || facts.fault().is_some() {
        return Verdict::Unusable;
    }
    match (&facts.decision, facts.differences()) {
        (_, 0) if facts.unused_rules.is_empty() => Verdict::Match,
        (_, 0) => Verdict::MatchWithUnusedRules,
        (Decision::Accepted(_), _) => Verdict::Accepted,
        (Decision::NotAsked | Decision::Needless | Decision::Declined, _) => {
            if facts.fail_on_drift {
                Verdict::Regression
            } else {
                Verdict::Drift
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::{FileFacts, FileState};
    use super::*;
    use std::collections::BTreeSet;

    fn judged(states: Vec<FileState>, fail_on_drift: bool, decision: Decision) -> Verdict {
        let file =
            |state| FileFacts { name: None, actual: "a".to_owned(), state, used_rules: BTreeSet::new() };
        let files = states.into_iter().map(file).collect();
        verdict(&Facts { files, fail_on_drift, decision, unused_rules: Vec::new() })
    }

    fn compared(differences: u64) -> FileState {
        FileState::Compared { differences, listed: Vec::new(), is_empty: false }
    }

    #[test]
    fn only_files_that_were_compared_and_do_not_differ_match() {
        let unusable = || FileState::Unusable("broken".to_owned());
        let not_asked = |states, fail| judged(states, fail, Decision::NotAsked);
        assert_eq!(not_asked(vec![compared(0), compared(0)], true), Verdict::Match);
        assert_eq!(not_asked(vec![compared(0), compared(1)], false), Verdict::Drift);
        assert_eq!(not_asked(vec![compared(0), FileState::Missing], true), Verdict::Regression);
        assert_eq!(not_asked(vec![FileState::Extra], true), Verdict::Regression);
        assert_eq!(not_asked(vec![compared(0), unusable()], false), Verdict::Unusable);
        assert_eq!(not_asked(vec![compared(1), unusable()], true), Verdict::Unusable);
        assert_eq!(not_asked(Vec::new(), false), Verdict::Unusable);
    }

    #[test]
    fn a_rule_that_counts_for_nothing_is_seen_in_a_match() {
        let unused_rules = vec!["--ignore root.x".to_owned()];
        let file =
            FileFacts { name: None, actual: "a".to_owned(), state: compared(0), used_rules: BTreeSet::new() };
        let facts =
            Facts { files: vec![file], fail_on_drift: true, decision: Decision::NotAsked, unused_rules };
        assert_eq!(verdict(&facts), Verdict::MatchWithUnusedRules);
    }

    #[test]
    fn an_accepted_drift_is_no_match_of_its_own() {
        assert_eq!(judged(vec![compared(1)], false, Decision::Accepted("r".to_owned())), Verdict::Accepted);
        assert_eq!(judged(vec![compared(1)], false, Decision::Declined), Verdict::Drift);
        assert_eq!(judged(vec![compared(0)], false, Decision::Needless), Verdict::Match);
    }
}
